"""The command line: verbs and exit codes. Everything heavy is imported inside its verb."""

from __future__ import annotations

import json
import math
import sys
import traceback
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness import (
    best_cli,
    catalog,
    data_cli,
    datasets,
    design,
    files_cli,
    gradients_cli,
    reproduce_cli,
    store,
    store_cli,
    studyfile,
    tables_cli,
)
from harness.errors import (
    ExitCode,
    HarnessError,
    StudyError,
    TemplateError,
    UsageError,
    nearest,
)
from harness.locating import results_folder
from harness.printable import printable
from harness.spec import label
from harness.terminal import Terminal, aligned, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from harness.coordinator import Finished, Progress
    from harness.design import Plan
    from harness.program import Network
    from harness.spec import Arm, Study, Trial
    from harness.train import Trainer

app = typer.Typer(
    name="keras-harness",
    help="Which choice trains this network better, by how much, and how sure are we?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(data_cli.app, name="data")
for name, verb in {**files_cli.VERBS, **tables_cli.VERBS}.items():
    app.command(name)(verb)

StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study file (.toml), or a built-in study's name.")
]
Results = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study's name, its file, or its results folder.")
]
Root = Annotated[Path, typer.Option(help="Folder of all results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Models = Annotated[
    bool, typer.Option("--models", help="Build the networks and look at them; runs your code.")
]
Gradients = Annotated[
    bool,
    typer.Option("--gradients", help="Compare gradients with finite differences; runs your code."),
]
Yes = Annotated[bool, typer.Option("--yes", help="More than 100,000 trials are meant.")]


def main() -> int:
    """Run the command line; its exit code."""
    try:
        code = _answer()
    except HarnessError as error:
        _stderr().print(f"error: {error}", style="red", soft_wrap=True)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        _stderr().print("interrupted; finished trials are kept. The same command goes on.")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001, the last resort: shown whole, with a bug's code
        if hasattr(error, "exit_code") and hasattr(error, "show"):
            error.show()
            return int(error.exit_code)
        sys.stderr.write(printable(traceback.format_exc()))
        _stderr().print("error: this is a bug in keras-harness. Nothing finished is lost.")
        return ExitCode.INTERNAL
    return int(code or 0)


def _answer() -> int | None:
    """Run the command and return its exit code; user code that calls ``sys.exit`` is an error."""
    try:
        code: int | None = app(standalone_mode=False)
    except SystemExit as error:
        raise TemplateError(
            "expected your code to return normally. Received: a call of "
            f"sys.exit({error.code!r}). Remove it, or raise an error instead."
        ) from error
    return code


def _version(wanted: bool) -> None:
    if wanted:
        from harness.environment import observe

        _print_json(observe().model_dump(include={"harness", "versions"}))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print versions."),
    ] = False,
) -> None:
    """Compare choices for training a network: the better one, by how much, and how surely."""


@app.command()
def run(
    study: StudyName,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Worker processes; 0: train in this one. [default: one per GPU or core]"
        ),
    ] = None,
    root: Root = Path("results"),
    yes: Yes = False,
    mixed_environment: Annotated[
        bool,
        typer.Option("--mixed-environment", help="Go on under other versions than before."),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Take the place of another study that has this name."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Train what a study still lacks, then report.

    A template named module:function is your own code; it runs with your rights.
    """
    from harness.coordinator import run as train
    from harness.progress import follow

    loaded, folders = _load(study)
    err = _stderr()
    try:
        # Before the live table, so that a download can be followed.
        for one in loaded.data:
            datasets.obtain(one, err.print)
        with follow(err) as show:
            finished = train(
                loaded,
                root=root,
                workers=workers,
                folders=folders,
                yes=yes,
                mixed_environment=mixed_environment,
                replace=replace,
                progress=_reading_ahead(show),
            )
    except StudyError as error:
        raise error.within(study) from None
    _say_how_it_ended(finished, study, show.told)
    if not finished.interrupted:
        _report(finished.folder, partial=True, as_json=as_json)
    return finished.exit_code


@app.command()
def plan(
    study: StudyName,
    models: Models = False,
    root: Root = Path("results"),
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Show the arms, the trials and the compiled programs of a study. Trains nothing."""
    laid = _plan(study, yes=yes)
    programs = design.programs(laid)
    sizes = laid.sizes()
    networks = _built(laid, study) if models else []
    if as_json:
        _print_json(
            {
                "study": laid.study.name,
                "metric": str(laid.metric),
                "arms": [arm.levels for arm in laid.arms],
                "trials": sizes,
                "programs": len(programs),
                **({"models": networks} if models else {}),
            }
        )
        return ExitCode.DONE
    _show_plan(laid, sizes, len(programs))
    _show_reuse(laid, root)
    for built in networks:
        out = _stdout()
        stage = f": stage {built['stage']}" if built["stage"] else ""
        out.print(f"\n{', '.join(built['arms'])}{stage}", style="bold")
        out.print(aligned(["layer", "type", "output shape", "parameters"], built["layers"]))
        out.print(f"{built['parameters']:,} parameters")
        for note in built["notes"]:
            out.print(f"note: {note}", soft_wrap=True)
    return ExitCode.DONE


@app.command()
def check(
    study: StudyName,
    models: Models = False,
    gradients: Gradients = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Check a study file against catalogue, template and data.

    Runs none of your code, unless it is to build your networks or to ask for their gradients.
    """
    loaded, folders = _load(study)
    if any(datasets.needs_code(datasets.sized(one)[0]) for one in loaded.data):
        if models or gradients:
            raise UsageError(
                "expected data that can be read without running your code, to build networks for "
                f"it. Received: {loaded.dataset}. Leave --models and --gradients out: `run` builds "
                "all networks before it trains."
            )
        return _check_without_data(loaded, folders, study, yes=yes, as_json=as_json)
    laid = _plan(study, yes=yes)
    sizes = laid.sizes()
    networks = _built(laid, study) if models else []
    compared = gradients_cli.compared(laid, _places(folders)) if gradients else []
    if as_json:
        shown: dict[str, Any] = {"models": networks} if models else {}
        shown |= {"gradients": compared} if gradients else {}
        _print_json({"study": laid.study.name, "valid": True, "trials": sizes, **shown})
    else:
        _stdout().print(
            f"{laid.study.name}: valid. {len(laid.arms)} arms, {sum(sizes.values()):,} trials, "
            f"{laid.card.task} on {laid.card.label}, decided by {laid.metric}.",
            soft_wrap=True,
        )
        _print_lines(laid.card.lines())
        for note in laid.card.notes:
            _stdout().print(f"{'note:':<12}{note}", soft_wrap=True)
        _print_notes(laid.notes)
        _print_networks(laid, networks)
        for line in gradients_cli.lines(compared):
            _print_lines({"gradients": line})
    agree = all(one["agrees"] for one in compared)
    return ExitCode.DONE if agree else ExitCode.SOME_TRIALS_FAILED


def _print_networks(laid: Plan, networks: Sequence[Mapping[str, Any]]) -> None:
    """Print what is known of the networks before training, or how to find it out."""
    notes = dict.fromkeys(note for built in networks for note in built["notes"])
    if networks:
        found = [f"{len(networks)} built", *notes]
    elif laid.code:
        found = ["not built: that runs your code. --models does, and says what they bring along"]
    else:
        return
    for line in found:
        _print_lines({"networks": line})


def _print_lines(lines: Mapping[str, str]) -> None:
    for name, line in lines.items():
        _stdout().print(f"{name + ':':<12}{line}", soft_wrap=True)


def _print_notes(notes: Iterable[str]) -> None:
    for note in notes:
        _stdout().print(f"{'note:':<12}{note}", highlight=False, markup=False, soft_wrap=True)


def _check_without_data(
    study: Study, folders: Sequence[Path], file: str, *, yes: bool, as_json: bool
) -> int:
    """Check a study whose data a function of the user's makes, as far as that goes without data."""
    places = _places(folders)
    try:
        design.check_size(study, yes=yes)
        for one in study.data:
            if datasets.needs_code(datasets.sized(one)[0]):
                datasets.check_function(str(datasets.sized(one)[0]), places)
        design.check_names(study, places)
    except StudyError as error:
        raise error.within(file) from None
    if as_json:
        _print_json({"study": study.name, "valid": True, "trials": None})
        return ExitCode.DONE
    _stdout().print(
        f"{study.name}: valid as far as can be told without its data, which {study.dataset} will "
        "give when the study runs.",
        soft_wrap=True,
    )
    return ExitCode.DONE


@app.command()
def report(
    study: Results,
    root: Root = Path("results"),
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Show estimates even if trials are missing (no verdicts)."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Print the verdict table of a study's results, and write its page."""
    _report(results_folder(study, root), partial=partial, as_json=as_json)
    return ExitCode.DONE


@app.command()
def best(
    study: Results,
    root: Root = Path("results"),
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.keras", help="Train the winner again and save it; runs your code."
        ),
    ] = None,
    code: Annotated[
        Path | None,
        typer.Option(metavar="FILE.py", help="Write a plain Keras script, its data beside it."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Name the winner of a study; save it, or write it out as a script."""
    best_cli.check(weights, code)
    places = _places([Path(study).resolve().parent] if study.endswith(".toml") else [])
    return best_cli.answer(results_folder(study, root), places, weights, code, as_json=as_json)


@app.command(name="catalog")
def show_catalog(
    family: Annotated[str, typer.Argument(help="One family only.")] = "",
    as_json: Json = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as a page of Markdown.")
    ] = False,
) -> int:
    """List what a study can name, and what of it is compiled in."""
    rows = list(_catalog_rows())
    families = dict.fromkeys(row.family for row in rows)
    if family and family not in families:
        raise UsageError(
            f"expected a family of the catalogue. Received: {family!r}. {nearest(family, families)}"
        )
    rows = [row for row in rows if not family or row.family == family]
    if as_json:
        _print_json([row.content() for row in rows])
        return ExitCode.DONE
    if as_markdown:
        sys.stdout.write(catalog.markdown(rows))
        return ExitCode.DONE
    _stdout().print(aligned(("family", "name", "takes", "note"), [row.cells() for row in rows]))
    if any(row.structure or row.values for row in rows):
        _stdout().print(catalog.LEGEND, style="dim")
    return ExitCode.DONE


app.command()(store_cli.verify)
app.command()(reproduce_cli.reproduce)


def _load(study: str) -> tuple[Study, tuple[Path, ...]]:
    """A study, and the folder that its relative names are looked up in."""
    file = studyfile.find(study)
    return studyfile.load(file), (file.resolve().parent,)


def _places(folders: Sequence[Path]) -> tuple[Path, ...]:
    """Folders in which relative names are looked up, each of them once."""
    return tuple(dict.fromkeys((*folders, Path.cwd().resolve())))


def _plan(study: str, *, yes: bool) -> Plan:
    """A study that was checked against all it names; errors name its file."""
    loaded, folders = _load(study)
    places = _places(folders)
    try:
        design.check_size(loaded, yes=yes)
        return design.plan(loaded, datasets.describe_all(loaded, places), places)
    except StudyError as error:
        raise error.within(study) from None


def _reading_ahead(show: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Show progress; load what the report needs as soon as something is being trained."""
    loading = Thread(target=import_module, args=("reports.page",))

    def told(progress: Progress) -> None:
        if progress.running and loading.ident is None:
            loading.start()
        show(progress)

    return told


def _report(folder: Path, *, partial: bool, as_json: bool) -> None:
    from reports import page, tables, verdicts

    results, judged = tables_cli.judged_results(folder, partial=partial)
    written = page.lay_out(results, judged, folder / "report" / "index.html")
    if as_json:
        table = tables.verdict_table(results, judged)
        _print_json(json.loads(table.to_json(orient="records")))
        return
    out = _stdout()
    out.print(results.study.question or results.study.name, style="bold")
    for line in verdicts.headline(results, judged):
        out.print(line)
    printed = tables.printed(judged)
    out.print(tables.caption(judged), style="dim")
    out.print(aligned(list(printed.columns), printed.values.tolist()))
    against = tables.printed_references(results, judged)
    if not against.empty:
        out.print("Against methods that train no network:", style="dim")
        out.print(aligned(list(against.columns), against.values.tolist()))
    for line in (*tables.saved(results, judged), *tables.unsaved(results, judged)):
        out.print(line)
    for arm, edge in tables.edges(results).items():
        text = f"Note: {results.arms[arm].label} was tuned to {edge} of the candidates."
        out.print(text)
    out.print(f"Report: {written}", soft_wrap=True)


def _say_how_it_ended(finished: Finished, study: str, told: Collection[str]) -> None:
    out = _stderr()
    if finished.changed:
        changed = ", ".join(finished.changed)
        kept = f" {finished.kept} finished trials that it had are kept." if finished.kept else ""
        out.print(f"Changed since the last run: {changed}.{kept}", soft_wrap=True)
    for note in finished.notes:
        if note not in told:
            out.print(f"note: {note}", soft_wrap=True)
    parts = [f"{finished.trained} trials trained"]
    if finished.reused:
        parts.append(f"{finished.reused} were there before")
    if finished.failed:
        parts.append(f"{finished.failed} failed; the next run tries them again")
    out.print(f"{', '.join(parts)}.")
    for problem in finished.problems[:10]:
        out.print(f"failed: {problem}", style="red")
    if len(finished.problems) > 10:
        out.print(f"... and {len(finished.problems) - 10} more.", style="red")
    if finished.problems:
        out.print(f"Tracebacks: {finished.folder / 'logs'}", soft_wrap=True)
    if finished.interrupted:
        out.print(
            f"Stopped by {finished.interrupted.name}. Everything finished is kept; "
            f"`keras-harness run {study}` goes on from here.",
        )


def _show_plan(laid: Plan, sizes: dict[str, int], programs: int) -> None:
    out = _stdout()
    study = laid.study
    out.print(study.question or study.name, style="bold")
    baseline = design.baseline(study)
    rows = [
        [str(arm.index), *map(label, arm.levels.values()), "baseline" * (arm == baseline)]
        for arm in laid.arms[:50]
    ]
    out.print(aligned(["arm", *study.factors, ""], rows))
    if len(laid.arms) > 50:
        out.print(f"... and {len(laid.arms) - 50} more arms.")
    card = laid.card
    phases = {"tune", "confirm", "source"} | ({"reference"} if laid.references else set())
    counted = {"classification": "classes", "multilabel": "labels"}.get(card.task)
    kind = f"{card.outputs} {counted}" if counted else card.task
    lines = {
        "data": f"{card.label}: {card.cases} cases to train and validate on, "
        f"{card.tests} test cases, shape {card.form}, {kind}",
        "decided by": f"{laid.metric} over {study.replicates} paired replicates{_margin(laid)}",
        "trials": " + ".join(f"{size} {part}" for part, size in sizes.items() if part in phases)
        + f" = {sum(sizes.values())}",
        "programs": f"{programs}, each compiled once per worker that needs it"
        if not study.tune
        else f"at least {programs}, each compiled once per worker that needs it",
    }
    if laid.sources:
        lines["sources"] = "; ".join(
            f"{name}: {one.card.label}, {one.card.cases} cases"
            for name, one in laid.sources.items()
        )
    if laid.references:
        lines["references"] = ", ".join(one.label for one in laid.references)
    _print_lines(lines | card.lines())
    _print_notes((*card.notes, *laid.notes))
    if laid.code:
        out.print(f"{'your code:':<12}{study.template} runs with your rights")


def _margin(laid: Plan) -> str:
    """Clause that gives the margin of equivalence, in the unit that people think in."""
    margin = laid.study.margin
    if margin is None:
        return ""
    return f"; equivalent within {catalog.METRICS[laid.metric.name].amount(margin)}"


def _built(laid: Plan, study: str) -> list[dict[str, Any]]:
    """The network of every program, stage by stage, with the arms that share it."""
    _, folders = _load(study)
    with quiet():
        from harness.train import Trainer

        trainer = Trainer(laid.card, _places(folders))
        pairs = [
            (network, arms)
            for trial, arms in design.programs(laid).values()
            for network in _networks(trainer, trial, arms)
        ]
    return [
        {
            "arms": [arm.label for arm in arms],
            "stage": network.stage.name,
            "parameters": sum(math.prod(one.shape) for one in network.model.trainable_weights),
            "layers": [_layer(layer) for layer in network.model.layers],
            "notes": list(network.notes),
        }
        for network, arms in pairs
    ]


def _networks(trainer: Trainer, trial: Trial, arms: Sequence[Arm]) -> tuple[Network, ...]:
    try:
        return trainer.networks(trial)
    except TemplateError as error:
        raise TemplateError(f"{arms[0].label}: {error}") from error


def _layer(layer: Any) -> tuple[str, str, str, int]:
    # A layer that is called by a model of the user's own has no symbolic output.
    shape = getattr(getattr(layer, "output", None), "shape", "")
    parameters = layer.count_params() if layer.built else 0  # one that is never called
    return layer.name, type(layer).__name__, str(shape), parameters


def _show_reuse(laid: Plan, root: Path) -> None:
    folder = root / laid.study.name
    if not store.exists(folder):
        return
    before = store.definition(folder)
    changed = design.changes(before, laid) if before else []
    finished = sum(
        count
        for (_, name), count in store.counts(folder).items()
        if name in {"completed", "diverged"}
    )
    since = f"changed since: {', '.join(changed)}" if changed else "unchanged since"
    other = finished and {"template", "the data"} & {*changed}
    advice = (
        "That makes it another study: it needs a name of its own, or --replace."
        if other
        else "Those that this study still contains are not trained again."
    )
    _stdout().print(
        f"{'results:':<12}{finished} finished trials in {folder}, {since}. {advice}",
        soft_wrap=True,
    )


def _catalog_rows() -> Iterable[catalog.Row]:
    yield from catalog.rows()
    for name, known in datasets.KNOWN.items():
        takes = {known.card.task: known.card.task}
        yield catalog.Row(family="dataset", name=name, takes=takes, note=known.note)


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def _stdout() -> Terminal:
    return Terminal()


def _stderr() -> Terminal:
    return Terminal(stderr=True)

"""Writes a trial as a short script of plain Keras, with its data beside it."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness import building, catalog, design, program
from harness.errors import TemplateError
from harness.players import owner
from harness.source import Source, call
from harness.spec import measured
from harness.targets import resolve
from harness.train import Cases, cases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.card import Card
    from harness.spec import Trial
    from harness.store import Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A script and its data.

    Args:
        script: its file.
        data: the file that it reads.
        notes: differences from what the study did, a sentence each; also in the script.
    """

    script: Path
    data: Path
    notes: tuple[str, ...]


def write(stored: Trained, file: Path) -> Written:
    """Write a script that trains as a trial did, and the data of its replicate.

    Runs no code of a user's: the script imports it.

    Args:
        stored: a completed trial.
        file: of the script; the data goes beside it, with the ending ``.npz``.

    Raises:
        TemplateError: if a built-in template uses activations or other code of a user's.
        DataError: if the data does not fit into memory.
    """
    trial, card = stored.trial, stored.card
    _check(trial)
    given = cases(trial, card)
    notes = tuple(_notes(trial, card))
    file.parent.mkdir(parents=True, exist_ok=True)
    data = file.with_suffix(".npz")
    np.savez_compressed(data, **_arrays(trial, given))
    file.write_text(_text(stored, given, data.name, notes), encoding="utf-8")
    return Written(script=file, data=data, notes=notes)


def _check(trial: Trial) -> None:
    own = design.own(trial.template, trial.settings)
    if own:
        raise TemplateError(
            "expected a winner made of built-in entries, to write it as plain Keras. Received: "
            f"{own[0]!r}, which is your own code. Use --weights to save the trained model instead."
        )
    started = [name for name in catalog.TRANSFER if name in trial.settings]
    if trial.needs or started:
        raise TemplateError(
            "expected a training from scratch to write as plain Keras. Received: one with "
            f"{started[0] if started else 'a source'}. Use --weights to save the trained model."
        )
    built_in = catalog.TEMPLATES.get(trial.template)
    if built_in and built_in.brings:
        raise TemplateError(
            "expected a network that begins with drawn weights, to write as plain Keras. Received: "
            f"{trial.template!r}, which brings weights along. Use --weights to save the trained "
            "model."
        )
    players = {*(built_in.players if built_in else ()), *map(owner, trial.settings)} - {""}
    if players:
        raise TemplateError(
            "expected a network with one player to write as plain Keras. Received: one with a "
            f"player {min(players)!r}. --weights takes it away as a trained model."
        )


def _arrays(trial: Trial, given: Cases) -> dict[str, Any]:
    """Arrays that the script reads: the cases of the replicate, and learning rates that change."""
    parts: dict[str, Any] = {
        "x_train": given.x_train,
        "x_val": given.x_val,
        "x_test": given.x_test,
    }
    if catalog.TASKS[trial.task].reconstructs:
        labels = {"y_train": given.x_train, "y_val": given.clean[0], "y_test": given.clean[1]}
    else:
        labels = {"y_train": given.y_train, "y_val": given.y_val, "y_test": given.y_test}
    if (given.rates != given.rates.flat[0]).any():
        parts["rates"] = given.rates
    flat: dict[str, Any] = {}
    for name, part in {**parts, **labels}.items():
        if isinstance(part, dict):
            flat |= {f"{name}_{key}": array for key, array in part.items()}
        else:
            flat[name] = part
    return flat


def _notes(trial: Trial, card: Card) -> Iterator[str]:
    """Sentences on every difference between the script and what the study did."""
    own = trial.template not in catalog.TEMPLATES
    yield (
        "It draws its own initial weights, batches and dropout: its numbers are those of one more "
        "replicate on the same split, not those of the store."
    )
    if building.names_lsuv(trial.settings):
        yield (
            "Initializer lsuv: the study scaled every layer by training data; here weights start "
            "orthogonal and are not scaled."
        )
    if _quantity(trial) != trial.choosing.name:
        yield f"The study chose the best epoch by {trial.best}; here val_loss does."
    shared = catalog.training(trial.settings)
    if shared.batch_order == "fixed":
        yield "Batches come in the order of the replicate, whatever the seed."
    if shared.last_batch == "drop" and shared.batch_order == "shuffled":
        yield (
            "The study dropped the last, smaller batch of every epoch, with other cases each time; "
            "here the same cases are left out in all of them."
        )
    if trial.task == "anomaly":
        yield "Anomalies are not told: it measures how well test cases are reconstructed."
    if own and catalog.TASKS[trial.task].labels:
        yield (
            "Whether outputs are probabilities is seen in a forward pass, as in the study, but by "
            "a simpler rule; one output for two classes is refused."
        )
    if own and card.noise and "corruption" not in trial.settings:
        yield "The study added noise to training inputs; here the network is given clean ones."


def _quantity(trial: Trial) -> str:
    """Quantity by which the script picks the best epoch: the study's, if the script measures it."""
    name = trial.choosing.name
    return name if name in {*_metrics(trial, ""), "loss"} else "loss"


def _text(stored: Trained, given: Cases, data: str, notes: tuple[str, ...]) -> str:
    """The whole script."""
    trial, card = stored.trial, stored.card
    source = Source()
    network = _network(trial, card, source)
    _bring_optimizer(trial, source)
    smoothed = bool(trial.settings["label_smoothing"]) and _classes(trial)
    changing = bool((given.rates != given.rates.flat[0]).any())
    weights = _class_weight(trial, given)
    parts = [
        f'"""{_title(stored)}"""\n',
        "from __future__ import annotations\n" if source.classes else "",
        _imports(trial, source),
        *(textwrap.fill(f"# {note}", 99, subsequent_indent="# ") for note in notes),
        "",
        f"EPOCHS, BATCH_SIZE = {trial.settings['epochs']}, {trial.settings['batch_size']}",
        f"with np.load(Path(__file__).with_name({data!r})) as file:",
        "    data = dict(file)",
        *_loaded(card, smoothed=smoothed, outputs=card.outputs),
        "",
        *source.classes,
        *_RATES * changing,
        *network,
        "",
        _LOGITS.format(outputs=card.outputs) * ("gives_logits" in _logits(trial)),
        "",
        "keras.utils.set_random_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 0)",
        "model = build()",
        *_ONE_MODEL * (trial.template not in catalog.TEMPLATES),
        *_compiled(trial, changing=changing),
        *_fitted(trial, weights, changing=changing),
        *_measured(trial, given.unit),
    ]
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(parts)) + "\n"


def _title(stored: Trained) -> str:
    trial = stored.trial
    seen = ", ".join(
        f"{name} = {value:.6g}"
        for name, value in sorted(stored.metrics.items())
        if name == f"test/{measured(name)}@best"
        and measured(name) in {*_metrics(trial, ""), "loss"}
    )
    return (
        f"Train the winner of a study: template {trial.template}, data {stored.card.label}.\n\n"
        f"In the study, replicate {trial.replicate}: {seen}.\n\n"
        "Usage: python THIS_FILE [SEED]\n"
    )


def _imports(trial: Trial, source: Source) -> str:
    own = trial.template.partition(":")[0] if ":" in trial.template else ""
    lines = ["import sys", *source.standard, "from pathlib import Path", *source.typing, ""]
    lines += ["import keras", "import numpy as np", *source.keras]
    if own:
        lines += ["", f"import {own}  # yours: beside this file, or on PYTHONPATH"]
    return "\n".join(lines) + "\n"


def _loaded(card: Card, *, smoothed: bool, outputs: int) -> list[str]:
    """Lines that take inputs and labels from the file."""
    lines = []
    for part in ("train", "val", "test"):
        if card.inputs:
            named = ", ".join(f"{key!r}: data['x_{part}_{key}']" for key in card.inputs)
            lines.append(f"x_{part} = {{{named}}}")
        else:
            lines.append(f"x_{part} = data['x_{part}']")
        labels = f"data['y_{part}']"
        vector = f"keras.utils.to_categorical({labels}, {outputs})"
        lines.append(f"y_{part} = {vector if smoothed else labels}")
    return lines


def _network(trial: Trial, card: Card, source: Source) -> list[str]:
    """The function that makes the network: all layers, or a call of the user's template."""
    shape, outputs = program.shapes(card), program.asked(trial, card)
    if trial.template in catalog.TEMPLATES:
        model = building.network(
            trial.template, shape, outputs, trial.settings, every_step=trial.task == "sequence"
        )
        return ["", "def build():", *(f"    {line}" for line in source.model(model)), ""]
    given = {key: part for key, part in trial.settings.items() if key not in catalog.SETTINGS}
    told = "".join(f", {key}={part!r}" for key, part in given.items())
    name = trial.template.replace(":", ".")
    return ["", "def build():", f"    return {name}({shape!r}, {outputs}{told})", ""]


_ONE_MODEL = (
    "if not isinstance(model, keras.Model):",
    "    raise SystemExit(",
    '        "expected a Keras model to train. Received: stages or players, which this script "',
    '        "does not train. keras-harness best --weights takes the trained model away."',
    "    )",
)
"""Refusal of a template that trains otherwise; seen in the script, since no user code runs here."""

_RATES = (
    "",
    "class Rates(keras.callbacks.Callback):",
    "    # The schedule, as one learning rate per step.",
    "    steps = iter(data['rates'].ravel())",
    "",
    "    def on_train_batch_begin(self, batch, logs=None):",
    "        self.model.optimizer.learning_rate = float(next(self.steps))",
    "",
)

_LOGITS = """
def gives_logits(model):
    first = keras.tree.map_structure(lambda part: part[:64], x_train)
    outputs = keras.ops.convert_to_numpy(model(first, training=False))
    if outputs.shape[-1] != {outputs}:
        raise SystemExit("expected {outputs} outputs, one per class or label")
    return bool(outputs.min() < 0 or outputs.max() > 1)
"""


def _labels(trial: Trial) -> bool:
    return catalog.TASKS[trial.task].labels


def _classes(trial: Trial) -> bool:
    return catalog.TASKS[trial.task].classes


def _logits(trial: Trial) -> str:
    """Python expression that is true if the outputs are logits."""
    said = trial.settings.get("outputs")
    if trial.template in catalog.TEMPLATES or said == "logits" or not _labels(trial):
        return "True"
    return "False" if said == "probabilities" else "gives_logits(model)"


def _metrics(trial: Trial, logits: str) -> dict[str, str]:
    """Metrics of the script beside the loss, by name."""
    if _classes(trial):
        kind = "" if trial.settings["label_smoothing"] else "Sparse"
        return {
            "crossentropy": f"keras.metrics.{kind}CategoricalCrossentropy('crossentropy', "
            f"from_logits={logits})",
            "accuracy": f"keras.metrics.{kind}CategoricalAccuracy('accuracy')",
        }
    if _labels(trial):
        middle = f"0.0 if {logits} else 0.5" if logits != "True" else "0.0"
        return {
            "crossentropy": f"keras.metrics.BinaryCrossentropy('crossentropy', "
            f"from_logits={logits})",
            "accuracy": f"keras.metrics.BinaryAccuracy('accuracy', threshold={middle})",
        }
    return {
        "mean_squared_error": "keras.metrics.MeanSquaredError('mean_squared_error')",
        "mean_absolute_error": "keras.metrics.MeanAbsoluteError('mean_absolute_error')",
    }


def _loss(trial: Trial, logits: str) -> str:
    smoothing = trial.settings["label_smoothing"]
    told = f", label_smoothing={smoothing!r}" if smoothing else ""
    if _classes(trial):
        kind = "" if smoothing else "Sparse"
        return f"keras.losses.{kind}CategoricalCrossentropy(from_logits={logits}{told})"
    if _labels(trial):
        return f"keras.losses.BinaryCrossentropy(from_logits={logits}{told})"
    kinds = {
        "mean_squared_error": "MeanSquaredError",
        "mean_absolute_error": "MeanAbsoluteError",
        "binary_crossentropy": "BinaryCrossentropy",
    }
    return f"keras.losses.{kinds[str(trial.settings['loss'])]}()"


def _compiled(trial: Trial, *, changing: bool) -> list[str]:
    """Lines that compile the model."""
    logits = _logits(trial)
    lines = []
    if "gives_logits" in logits:
        lines.append(f"logits = {logits}")
        logits = "logits"
    return [
        *lines,
        "model.compile(",
        f"    optimizer={_optimizer(trial, changing=changing)},",
        f"    loss={_loss(trial, logits)},",
        "    metrics=[",
        *(f"        {metric}," for metric in _metrics(trial, logits).values()),
        "    ],",
        ")",
    ]


def _optimizer(trial: Trial, *, changing: bool) -> str:
    """Keras' optimizer with all that the study says of updates."""
    chosen, name, made = _updates(trial)
    arguments = {"learning_rate": trial.settings["learning_rate"], **chosen.arguments}
    arguments["learning_rate"] = trial.settings["learning_rate"]
    if changing:
        del arguments["learning_rate"]
    if trial.settings["weight_decay"] is not None:
        arguments["weight_decay"] = trial.settings["weight_decay"]
    clip = catalog.settled("clip", trial.settings["clip"])
    if clip.name != "none":
        arguments[_CLIPS[clip.name]] = clip.numbers["limit"]
    return call(name, made, arguments)


def _updates(trial: Trial) -> tuple[catalog.Choice, str, Any]:
    """The optimizer, how the script calls its class, and the class: that of Keras, if it has it."""
    chosen = catalog.settled("optimizer", trial.settings["optimizer"])
    name = chosen.entry.target.partition(":")[2]
    stock = getattr(keras.optimizers, name, None)
    if stock is not None:
        return chosen, f"keras.optimizers.{name}", stock
    return chosen, name, resolve(chosen.entry.target)


def _bring_optimizer(trial: Trial, source: Source) -> None:
    """Write the class of an optimizer that Keras lacks into the script."""
    _, _, made = _updates(trial)
    if made.__module__.startswith("harness."):
        source.need(made)


_CLIPS = {"norm": "clipnorm", "global_norm": "global_clipnorm", "value": "clipvalue"}


def _class_weight(trial: Trial, given: Cases) -> str:
    """Argument of ``fit`` for class weights; empty if all classes count alike."""
    if given.class_weight is None or not _classes(trial):
        return ""
    weights = [float(weight) for weight in given.class_weight]
    if trial.task == "classification":
        return f"class_weight=dict(enumerate({weights})), "
    return f"sample_weight=np.array({weights})[data['y_train']], "


def _fitted(trial: Trial, weights: str, *, changing: bool) -> list[str]:
    """Lines that train, and bring back the weights of the best epoch."""
    quantity = _quantity(trial)
    mode = "min" if catalog.METRICS[quantity].minimize else "max"
    patience = trial.settings["patience"] or "EPOCHS"
    rates = "Rates(), " * changing
    ordered = catalog.training(trial.settings).batch_order != "shuffled"
    return [
        "best = keras.callbacks.EarlyStopping(",
        f"    'val_{quantity}', mode={mode!r}, patience={patience}, restore_best_weights=True",
        ")",
        "model.fit(",
        "    x_train, y_train, validation_data=(x_val, y_val),",
        f"    {weights}epochs=EPOCHS, batch_size=BATCH_SIZE,{' shuffle=False,' * ordered}",
        f"    callbacks=[{rates}best], verbose=2,",
        ")",
    ]


def _measured(trial: Trial, unit: float) -> list[str]:
    """Lines that test the best epoch."""
    lines = ["result = model.evaluate(x_test, y_test, return_dict=True, verbose=0)"]
    if unit != 1 and trial.task == "regression":
        powers = {name: catalog.METRICS[name].power for name in _metrics(trial, "")}
        lines += [
            f"unit = {float(unit)!r}  # of the target, which was trained on with deviation 1",
            *(
                f"result[{name!r}] *= {'unit' if power == 1 else f'unit**{power}'}"
                for name, power in powers.items()
                if power
            ),
        ]
    return [
        *lines,
        "print(', '.join(f'test/{name}@best = {value:.6g}' for name, value in result.items()))",
    ]

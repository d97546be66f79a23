"""Factors to arms, and arms to trials: pure combinatorics, without Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from harness import catalog, usercode
from harness.errors import StudyError, nearest
from harness.identity import digest
from harness.spec import (
    Arm,
    Choices,
    Metric,
    Range,
    Study,
    Trial,
    is_reference,
    label,
    normal_digest,
    training_cases,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.records import Definition
    from harness.spec import Card, Level, Phase, Value

MANY = 100_000
"""Trials above which a study has to be confirmed: more likely a slip than a wish."""

LEADING = 2
"""Positional arguments that every template is given: input shape and number of outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A study that has been checked against catalogue, user code and data.

    Args:
        study: the question, settled.
        card: its data.
        codes: fingerprints of user code, by reference; none if all is built in.
        arms: all of them, in the order of the table.
    """

    study: Study
    card: Card
    codes: Mapping[str, str]
    arms: tuple[Arm, ...]

    @property
    def code(self) -> str:
        """Fingerprint of all user code that the study names."""
        return _joined(self.codes)

    @property
    def metric(self) -> Metric:
        """The one that decides."""
        return Metric.parse(self.study.metric)

    def sizes(self) -> dict[str, int]:
        """Number of trials by phase."""
        tune = self.study.tune
        searched = tune.trials * tune.replicates if tune else 0
        return {
            "tune": len(self.arms) * searched,
            "confirm": len(self.arms) * self.study.replicates,
        }

    def trial(
        self, arm: Arm, hyperparameters: Mapping[str, Value], phase: Phase, replicate: int
    ) -> Trial:
        """One training of an arm."""
        study = self.study
        given = settings(study, self.card, arm.levels, hyperparameters)
        named = {study.template, *own(study.template, given)}
        return Trial(
            template=study.template,
            settings=given,
            dataset=self.card.reference,
            data=self.card.digest,
            task=self.card.task,
            code=_joined({name: self.codes[name] for name in self.codes if name in named}),
            seed=study.seed,
            phase=phase,
            replicate=replicate,
            best=study.best,
            threads=study.threads,
        )


def count(study: Study) -> int:
    """Number of trials, without building any of them."""
    arms = prod(len(levels) for levels in study.factors.values())
    searched = study.tune.trials * study.tune.replicates if study.tune else 0
    return arms * (searched + study.replicates)


def check_size(study: Study, *, yes: bool) -> None:
    """Refuse a study that is larger than anyone is likely to mean.

    Raises:
        StudyError: if it has more than 100,000 trials and ``yes`` is not set.
    """
    trials = count(study)
    if trials > MANY and not yes:
        raise StudyError(
            f"expected at most {MANY:,} trials. Received: {trials:,}. If that is meant, add --yes.",
            key="factors",
        )


def arms(study: Study) -> Iterator[Arm]:
    """All combinations of levels: the full factorial, last factor fastest."""
    names = list(study.factors)
    for index, levels in enumerate(product(*study.factors.values())):
        yield Arm(index=index, levels=dict(zip(names, levels, strict=True)))


def baseline(study: Study) -> Arm:
    """The arm that the others are compared with."""
    wanted = {
        factor: study.baseline.get(factor, levels[0]) for factor, levels in study.factors.items()
    }
    return next(arm for arm in arms(study) if arm.levels == wanted)


def settle(study: Study, task: str) -> Study:
    """The study with everything said that it leaves to the kind of its data."""
    decides = catalog.DECIDES.get(task, catalog.FIT[task])
    best = study.best or f"val/{catalog.FIT[task]}"
    tune = study.tune
    if tune:
        tune = tune.model_copy(update={"objective": tune.objective or f"{best}@best"})
    metric = study.metric or f"test/{decides}@best"
    return study.model_copy(update={"best": best, "metric": metric, "tune": tune})


def framed(study: Study, card: Card) -> Card:
    """The data as the template takes it: an autoencoder reconstructs, whatever the labels."""
    built_in = catalog.TEMPLATES.get(study.template)
    makes = built_in.makes if built_in else ""
    if not study.normal:
        return replace(card, task=makes) if makes else card
    if makes != "reconstruction":
        raise StudyError(
            "expected a template that reconstructs, such as 'autoencoder', to tell anomalies. "
            f"Received: {study.template!r}.",
            key="normal",
        )
    return _only_normal(card, tuple(sorted(set(study.normal))))


def _only_normal(card: Card, normal: tuple[int, ...]) -> Card:
    """The data with some classes to train on, and the others to be told in the test split."""
    if not card.counts:
        raise StudyError(
            f"expected data with classes, some of them normal. Received: {card.task} data.",
            key="normal",
        )
    if normal[-1] >= card.outputs or len(normal) == card.outputs:
        raise StudyError(
            f"expected some of the classes 0 to {card.outputs - 1}, but not all. "
            f"Received: {list(normal)}.",
            key="normal",
        )
    return replace(
        card,
        task="anomaly",
        digest=normal_digest(card.digest, normal),
        cases=sum(card.counts[one] for one in normal),
        normal=normal,
    )


def plan(study: Study, card: Card, folders: Sequence[Path]) -> Plan:
    """Check a study against everything it names, and lay out its arms.

    Raises:
        StudyError: naming the key, what was expected and what was received.
    """
    card = framed(study, card)
    study = settle(study, card.task)
    arguments = _arguments(study, folders)
    _check_keys(study, arguments)
    _check_levels(study)
    _check_baseline(study)
    _check_metrics(study, card)
    _check_data(study, card)
    codes = {name: usercode.fingerprint(name, folders) for name in _references(study, folders)}
    return Plan(study=study, card=card, codes=codes, arms=tuple(arms(study)))


def settings(
    study: Study, card: Card, levels: Mapping[str, Level], hyperparameters: Mapping[str, Value]
) -> dict[str, Value]:
    """All arguments and training settings of a trial, in canonical form.

    Defaults are filled in, so that a study which states one and a study which leaves it out
    describe the same trial.
    """
    given: dict[str, Value] = {**study.fixed, **levels, **hyperparameters}
    table = _table(study.template)
    full = {
        key: catalog.check_argument(argument, given[key]) if key in given else _default(argument)
        for key, argument in table.items()
    }
    full |= {key: part for key, part in given.items() if key not in table}
    full["loss"] = full["loss"] or catalog.DEFAULT_LOSS[card.task]
    if "vocabulary" in full:
        full["vocabulary"] = full["vocabulary"] or card.tokens or None
    optimizer = full["optimizer"]
    assert isinstance(optimizer, dict)
    rate = optimizer.pop("learning_rate", None)
    if full["learning_rate"] is None:
        full["learning_rate"] = rate
    if "weight_decay" in optimizer and full["weight_decay"] is not None:
        optimizer["weight_decay"], full["weight_decay"] = full["weight_decay"], None
    return full


def own(template: str, given: Mapping[str, Value]) -> list[str]:
    """The user's own objects among the settings of a trial, as ``module:object``."""
    return [
        chosen.name
        for key, argument in _table(template).items()
        if argument.family in catalog.OPEN
        and is_reference((chosen := catalog.choice(argument.family, given[key])).name)
    ]


def _default(argument: catalog.Argument) -> Value:
    """What an argument is where nobody says: none at all, or a checked default."""
    if argument.default is None:
        return None
    return catalog.check_argument(argument, argument.default)


def split(trial: Trial) -> tuple[dict[str, Value], dict[str, float]]:
    """A trial's settings, divided into the structure and the values of its program.

    Initializers are values as a whole: only the numbers drawn differ. They stay with the trial,
    and the structure holds no more than that there is one.

    Returns:
        The structure, and the values by name, such as ``dropout`` or ``optimizer.beta_1``.
    """
    structure: dict[str, Value] = {}
    values: dict[str, float] = {}
    for key, argument in _table(trial.template).items():
        raw = trial.settings[key]
        if argument.initial:
            structure[key] = raw is not None
        elif argument.kind == "choice" and argument.family in catalog.FAMILIES:
            if argument.value:
                continue
            chosen = catalog.choice(argument.family, raw)
            structure[key] = chosen.structure()
            values |= {f"{key}.{name}": number for name, number in chosen.values().items()}
        elif argument.value and raw:
            assert isinstance(raw, float)
            values[key] = raw
            structure[key] = "value"
        else:
            structure[key] = raw
    values.pop("optimizer.learning_rate", None)
    own = {key: part for key, part in trial.settings.items() if key not in structure}
    structure |= {key: part for key, part in own.items() if key not in _table(trial.template)}
    return structure, values


def program_key(trial: Trial, card: Card) -> str:
    """Identity of a trial's program: equal for trials that differ in values only."""
    structure, _ = split(trial)
    for name, setting in catalog.SETTINGS.items():
        if setting.outside:
            structure.pop(name)
    of_trial = trial.model_dump(include={"template", "task", "code", "best", "threads", "xla"})
    of_data = [card.cases, card.tests, card.outputs, *card.shape]
    return digest([structure, of_trial, of_data])


def programs(plan: Plan) -> dict[str, tuple[Trial, list[Arm]]]:
    """One trial per program, with the arms that share it, before anything is tuned.

    What is tuned stands at the low end of its range, or at its first choice.
    """
    space = plan.study.tune.space if plan.study.tune else {}
    low = {
        name: part.values[0] if isinstance(part, Choices) else part.min
        for name, part in space.items()
    }
    found: dict[str, tuple[Trial, list[Arm]]] = {}
    for arm in plan.arms:
        trial = plan.trial(arm, low, "confirm", 0)
        found.setdefault(program_key(trial, plan.card), (trial, []))[1].append(arm)
    return found


def changes(old: Definition, plan: Plan) -> list[str]:
    """What a plan changes about what a store was last run with: keys, data, user code."""
    keys = changed_keys(old.study, plan.study)
    data = ["the data"] if old.data != plan.card.digest else []
    return [*keys, *data, *(["your code"] if old.code != plan.code else [])]


def changed_keys(old: Study, new: Study) -> list[str]:
    """Keys that differ between two definitions of a study.

    Example:
        >>> a = Study(name="a", template="mlp", factors={"activation": ["relu"]})
        >>> changed_keys(a, a.model_copy(update={"replicates": 20}))
        ['replicates']
    """
    before, after = (study.model_dump(mode="json", by_alias=True) for study in (old, new))
    return [key for key in after if before[key] != after[key]]


def _table(template: str) -> dict[str, catalog.Argument]:
    built_in = catalog.TEMPLATES.get(template)
    return {**catalog.SETTINGS, **(built_in.arguments if built_in else {})}


def _arguments(study: Study, folders: Sequence[Path]) -> usercode.Signature:
    """What a study may name: the template's arguments and the training settings."""
    if study.template in catalog.TEMPLATES:
        return usercode.Signature(
            names=tuple(_table(study.template)), required=frozenset(), open=False
        )
    if not is_reference(study.template):
        raise StudyError(
            "expected a template or a function of yours as module:function. "
            f"Received: {study.template!r}. {nearest(study.template, catalog.TEMPLATES)}",
            key="template",
        )
    try:
        found = usercode.signature(study.template, folders, LEADING)
    except StudyError as error:
        raise StudyError(error.message, key="template") from None
    names = (*found.names, *catalog.SETTINGS)
    return usercode.Signature(names=names, required=found.required, open=found.open)


def _references(study: Study, folders: Sequence[Path]) -> list[str]:
    """All user code that a study names: its template, and entries of open families.

    Raises:
        StudyError: if one does not exist, or does not take what it is given.
    """
    found = [] if study.template in catalog.TEMPLATES else [study.template]
    for name, argument in _table(study.template).items():
        for key, raw in _named(study, name) if argument.family in catalog.OPEN else ():
            chosen = catalog.choice(argument.family, raw)
            if is_reference(chosen.name):
                _check_own(chosen, folders, key)
                found.append(chosen.name)
                if name == "optimizer" and "learning_rate" not in chosen.words:
                    _check_rated(study, chosen.name, key)
    return found


def _check_own(chosen: catalog.Choice, folders: Sequence[Path], key: str) -> None:
    leading = catalog.OPEN[chosen.family]
    try:
        taken = usercode.signature(chosen.name, folders, leading)
    except StudyError as error:
        raise StudyError(error.message, key=key) from None
    for word in chosen.words:
        if word not in taken.names and not taken.open:
            raise StudyError(
                f"expected an argument of {chosen.name!r}. Received: {word!r}. "
                f"{nearest(word, taken.names)}",
                key=key,
            )


def _check_rated(study: Study, optimizer: str, key: str) -> None:
    if not _named(study, "learning_rate") and "learning_rate" not in _searched(study):
        raise StudyError(
            f"expected a learning_rate for {optimizer!r}, whose default is not known before it "
            "is run. Received: none. Name one in [fixed], [factors] or [tune.space].",
            key=key,
        )


def _searched(study: Study) -> Mapping[str, object]:
    return study.tune.space if study.tune else {}


def _joined(codes: Mapping[str, str]) -> str:
    """One fingerprint of several; of a single one, itself."""
    return digest(sorted(codes.items())) if len(codes) > 1 else "".join(codes.values())


def _check_keys(study: Study, arguments: usercode.Signature) -> None:
    space = study.tune.space if study.tune else {}
    places: dict[str, list[str]] = {
        "fixed": [*study.fixed],
        "factors": [*study.factors],
        "tune.space": [*space],
    }
    seen: dict[str, str] = {}
    for place, keys in places.items():
        for key in keys:
            if key not in arguments.names and not arguments.open:
                raise StudyError(
                    f"expected an argument of template {study.template!r} or a training setting. "
                    f"Received: {key!r}. {nearest(key, arguments.names)}",
                    key=f"{place}.{key}",
                )
            if key in seen:
                raise StudyError(
                    f"expected each name in one place. Received: {key!r} in [{seen[key]}] "
                    f"and in [{place}].",
                    key=f"{place}.{key}",
                )
            seen[key] = place
    optimizers = [raw for _, raw in _named(study, "optimizer") if isinstance(raw, dict)]
    for name in ("learning_rate", "weight_decay"):
        if name in seen and any(name in raw for raw in optimizers):
            raise StudyError(
                f"expected one {name.replace('_', ' ')}. Received: one inside an optimizer, "
                f"and one in [{seen[name]}].",
                key=f"{seen[name]}.{name}",
            )
    for name in sorted(arguments.required - set(seen)):
        raise StudyError(
            f"expected a value for {name!r}, which {study.template} has no default for. "
            "Received: nothing.",
            key=f"fixed.{name}",
        )


def _check_levels(study: Study) -> None:
    table = _table(study.template)
    for key, raw in study.fixed.items():
        _check_value(table, key, raw, f"fixed.{key}")
    for factor, levels in study.factors.items():
        forms = [_check_value(table, factor, level, f"factors.{factor}") for level in levels]
        for index, form in enumerate(forms):
            if any(form == other and type(form) is type(other) for other in forms[:index]):
                raise StudyError(
                    f"expected levels that differ. Received: {label(levels[index])} twice.",
                    key=f"factors.{factor}",
                )
    for name, space in (study.tune.space if study.tune else {}).items():
        for raw in space.values if isinstance(space, Choices) else (space.min, space.max):
            _check_value(table, name, raw, f"tune.space.{name}")
        argument = table.get(name)
        if (
            isinstance(space, Range)
            and argument
            and argument.kind not in {"number", "fraction", "amount"}
        ):
            raise StudyError(
                "expected { values = [...] } for an argument that is no real number. "
                f"Received: a range from {space.min:g} to {space.max:g}.",
                key=f"tune.space.{name}",
            )


def _check_value(table: Mapping[str, catalog.Argument], key: str, raw: Value, path: str) -> Value:
    if key not in table:
        return raw
    try:
        return catalog.check_argument(table[key], raw)
    except StudyError as error:
        raise StudyError(error.message, key=path) from None


def _check_baseline(study: Study) -> None:
    for factor, level in study.baseline.items():
        if factor not in study.factors:
            raise StudyError(
                f"expected a factor. Received: {factor!r}. {nearest(factor, study.factors)}",
                key="baseline",
            )
        if level not in study.factors[factor]:
            names = [label(known) for known in study.factors[factor]]
            raise StudyError(
                f"expected one of the levels of {factor!r}, written as in [factors]. "
                f"Received: {label(level)!r}. {nearest(label(level), names)}",
                key=f"baseline.{factor}",
            )


def _check_metrics(study: Study, card: Card) -> None:
    wanted = {"metric": study.metric, "best": f"{study.best}@best"}
    if study.tune:
        wanted["tune.objective"] = study.tune.objective
    for key, text in wanted.items():
        name = Metric.parse(text).name
        names = catalog.TASK_METRICS[card.task]
        if name not in names:
            raise StudyError(
                f"expected a metric for {card.task} data. Received: {name!r}. "
                f"{nearest(name, names)}",
                key=key,
            )
        entry = catalog.METRICS[name]
        if entry.test_only and Metric.parse(text).split != "test":
            measured = [one for one in names if not catalog.METRICS[one].test_only]
            raise StudyError(
                f"expected a metric that is measured in every epoch: {', '.join(measured)}. "
                f"Received: {text!r}, which needs all test cases at once.",
                key=key,
            )
        if card.outputs < entry.outputs:
            raise StudyError(
                f"expected a metric for {card.outputs} classes. Received: {name!r}, which needs "
                f"at least {entry.outputs}.",
                key=key,
            )
    table = _table(study.template)
    penalized = [
        name
        for name in study.factors
        if name == "label_smoothing" or (name in table and table[name].family == "regularizer")
    ]
    if Metric.parse(study.metric).name == "loss" and penalized:
        raise StudyError(
            f"expected a metric without penalties, because {penalized[0]} differs between arms: "
            f"its own part of the loss would decide. Received: {study.metric!r}. "
            f"Use 'test/{catalog.FIT[card.task]}@best'.",
            key="metric",
        )


def _check_data(study: Study, card: Card) -> None:
    built_in = catalog.TEMPLATES.get(study.template)
    if built_in and len(card.shape) not in built_in.ranks:
        ranks = " or ".join(str(rank) for rank in built_in.ranks)
        raise StudyError(
            f"expected cases with {ranks} axes for template {study.template!r}. "
            f"Received: cases of shape {card.shape} from {study.dataset or 'the given arrays'!r}.",
            key="template",
        )
    if built_in and card.task not in built_in.tasks:
        raise StudyError(
            f"expected data with one label per case for template {study.template!r}. "
            f"Received: {card.task} data, with a label at every step. Template 'rnn' takes it.",
            key="template",
        )
    if built_in and card.tokens and "vocabulary" not in built_in.arguments:
        raise StudyError(
            f"expected a template that embeds tokens, such as 'rnn'. Received: "
            f"{study.template!r}, which would take their numbers for quantities.",
            key="template",
        )
    for key, loss in _named(study, "loss"):
        _check_loss(str(loss), card, key)
    if card.task not in {"classification", "sequence"}:
        for key, share in _named(study, "label_smoothing"):
            if share:
                raise StudyError(
                    f"expected data with classes, to smooth their labels. Received: {card.task} "
                    "data.",
                    key=key,
                )
    shares = [share for _, share in _named(study, "validation") if isinstance(share, float)]
    cases = training_cases(card.cases, max(shares, default=_default_share()))
    _check_schedules(study)
    default = catalog.SETTINGS["batch_size"].default
    assert isinstance(default, int)
    for key, size in _named(study, "batch_size") or [("fixed.batch_size", default)]:
        if isinstance(size, int) and size > cases:
            raise StudyError(
                f"expected at most the {cases} training cases of {card.reference!r}. "
                f"Received: {size}.",
                key=key,
            )


def _check_schedules(study: Study) -> None:
    """No schedule may reach beyond the end of a training."""
    default = catalog.SETTINGS["epochs"].default
    assert isinstance(default, int)
    named = [raw for _, raw in _named(study, "epochs") if isinstance(raw, int)]
    shortest = min(named, default=default)
    for key, raw in _named(study, "schedule"):
        numbers = catalog.choice("schedule", raw).numbers
        for name in ("warmup", "every"):
            if numbers.get(name, 0) >= shortest:
                raise StudyError(
                    f"expected {name!r} below the {shortest} epochs of a training. "
                    f"Received: {numbers[name]:g}.",
                    key=key,
                )


def _default_share() -> float:
    share = catalog.SETTINGS["validation"].default
    assert isinstance(share, float)
    return share


def _check_loss(loss: str, card: Card, key: str) -> None:
    if card.task not in catalog.LOSSES[loss].tasks:
        fitting = [name for name, entry in catalog.LOSSES.items() if card.task in entry.tasks]
        raise StudyError(
            f"expected a loss for labels of a {card.task} data set ({', '.join(fitting)}). "
            f"Received: {loss!r}.",
            key=key,
        )


def _named(study: Study, name: str) -> list[tuple[str, Level]]:
    """All that a study gives for one name, each with its key."""
    space = study.tune.space.get(name) if study.tune else None
    searched = space.values if isinstance(space, Choices) else ()
    return [
        *((f"fixed.{name}", raw) for raw in [study.fixed.get(name)] if raw is not None),
        *((f"factors.{name}", raw) for raw in study.factors.get(name, ())),
        *((f"tune.space.{name}", raw) for raw in searched),
    ]

"""Checks of a study against everything that it names: catalogue, user code, data."""

from __future__ import annotations

from math import prod
from pathlib import PurePath
from typing import TYPE_CHECKING

from harness import catalog, usercode
from harness.design import classes
from harness.design.structure import arguments
from harness.errors import StudyError, nearest
from harness.players import owner
from harness.spec import Choices, Metric, Range, label
from harness.targets import names_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.card import Card
    from harness.spec import Level, Reference, Study, Value

UNSEARCHED = {
    "salt": "lucky random numbers",
    "cases_per_class": "the largest number of cases",
    "cases": "the largest number of cases",
    "label_noise": "labels without noise",
    "source": "one source, which is what arms differ in",
}
"""Settings that are not searched, each with what a search would choose."""

LEADING = 2
"""Positional arguments that every template is given: input shape and number of outputs."""


def check_names(study: Study, folders: Sequence[Path]) -> None:
    """Check everything about a study that needs no look at its data.

    Raises:
        StudyError: naming the key, what was expected and what was received.
    """
    _check_keys(study, _signature(study, folders))
    _check_levels(study)
    _check_baseline(study)
    catalog.references(study)


def _signature(study: Study, folders: Sequence[Path]) -> usercode.Signature:
    """Names that a study may use: arguments of the template, and training settings."""
    if study.template in catalog.TEMPLATES:
        return usercode.Signature(
            names=tuple(arguments(study.template)), required=frozenset(), open=False
        )
    if not names_code(study.template):
        hint = _spelling(study.template) or nearest(study.template, catalog.TEMPLATES)
        if study.template == "transfer":
            hint = "Any template can start from another training: describe that one in [sources]."
        raise StudyError(
            "expected the name of a template, or of your own function as module:function. "
            f"Received: {study.template!r}. {hint}",
            key="template",
        )
    found = _taken(study.template, folders)
    for name in found.names:
        if name in catalog.SETTINGS and name in found.required:
            raise StudyError(
                f"expected a default for argument {name!r} of {study.template!r}, because a study "
                "has a setting of that name, which is not passed to the template. Received: none. "
                "Give the argument a default, or another name.",
                key="template",
            )
    names = (*found.names, *catalog.SETTINGS)
    return usercode.Signature(names=names, required=found.required, open=found.open)


def _spelling(name: str) -> str:
    """Hint that spells a function in a file as ``module:function``; empty if that is impossible."""
    file, _, function = name.rpartition(":")
    module = PurePath(file).stem
    if not file.endswith(".py") or not names_code(f"{module}:{function}"):
        return ""
    return f"Write '{module}:{function}', with {module}.py beside the study file."


def _taken(template: str, folders: Sequence[Path]) -> usercode.Signature:
    try:
        return usercode.signature(template, folders, LEADING, of_class=LEADING)
    except StudyError as error:
        raise StudyError(error.message, key="template") from None


def unpassed(template: str, folders: Sequence[Path]) -> tuple[str, ...]:
    """Note on settings that a user's template takes as arguments but is never given."""
    if template in catalog.TEMPLATES:
        return ()
    shared = [name for name in _taken(template, folders).names if name in catalog.SETTINGS]
    if not shared:
        return ()
    names, are = ", ".join(shared), "is a setting" if len(shared) == 1 else "are settings"
    note = f"{names} {are} of every study: {template} is called without, and trains as they say"
    return (note,)


def _check_keys(study: Study, taken: usercode.Signature) -> None:
    space = study.tune.space if study.tune else {}
    built_in = catalog.TEMPLATES.get(study.template)
    places: dict[str, list[str]] = {
        "fixed": [*study.fixed],
        "factors": [*study.factors],
        "tune.space": [*space],
    }
    seen: dict[str, str] = {}
    for place, keys in places.items():
        for key in keys:
            known = key in taken.names or taken.open or _is_own(key, built_in)
            if not known:
                raise StudyError(
                    f"expected an argument of template {study.template!r} or a training setting. "
                    f"Received: {key!r}. {_meant(key, study, taken.names)}",
                    key=f"{place}.{key}",
                )
            if key in seen:
                raise StudyError(
                    f"expected each name in one table only. Received: {key!r} in [{seen[key]}] "
                    f"and in [{place}]. Remove one of them.",
                    key=f"{place}.{key}",
                )
            seen[key] = place
    for whose in sorted({f"{player}." if (player := owner(key)) else "" for key in seen} | {""}):
        _check_once(study, whose, seen)
    for name in sorted(taken.required - set(seen)):
        raise StudyError(
            f"expected a value for {name!r}, because {study.template} has no default for it. "
            "Received: none. Name one in [fixed], [factors] or [tune.space].",
            key=f"fixed.{name}",
        )


def _check_once(study: Study, whose: str, seen: Mapping[str, str]) -> None:
    """Refuse a number of an optimizer that stands inside it and beside it.

    Args:
        study: the study.
        whose: prefix of a player's own settings; empty for those that all share.
        seen: by key, the table that it stands in.
    """
    optimizers = [catalog.as_table(raw) for _, raw in _named(study, f"{whose}optimizer")]
    for name in ("learning_rate", "weight_decay"):
        key = f"{whose}{name}"
        if key in seen and any(name in raw for raw in optimizers):
            raise StudyError(
                f"expected the {name.replace('_', ' ')} in one place only. Received: one inside an "
                f"optimizer, and one in [{seen[key]}]. Remove one of them.",
                key=f"{seen[key]}.{key}",
            )


def _is_own(key: str, built_in: catalog.Template | None) -> bool:
    """True if a key is a setting of one player; those of a user's template are not known yet."""
    player = owner(key)
    return player in built_in.players if built_in else bool(player)


def _meant(key: str, study: Study, names: Sequence[str]) -> str:
    """Hint at the likely meaning of a key that nothing takes."""
    owners = [
        name
        for name, entry in catalog.OPTIMIZERS.items()
        if key in entry.numbers or key in entry.flags
    ]
    if owners:
        owner = next((name for name in ("sgd", "adam") if name in owners), owners[0])
        return f"It belongs to an optimizer: {{ name = '{owner}', {key} = ... }}."
    listed = study.template if study.template in catalog.TEMPLATES else "setting"
    return nearest(key, names, f"keras-harness catalog {listed}")


def _check_levels(study: Study) -> None:
    table = arguments(study.template, _keys(study))
    for key, raw in study.fixed.items():
        _check_value(table, key, raw, f"fixed.{key}")
    for factor, levels in study.factors.items():
        forms = [_check_value(table, factor, level, f"factors.{factor}") for level in levels]
        for index, form in enumerate(forms):
            if any(form == other and type(form) is type(other) for other in forms[:index]):
                raise StudyError(
                    f"expected levels that differ. Received: {label(levels[index])} twice. Remove "
                    "one of them.",
                    key=f"factors.{factor}",
                )
    for name, space in (study.tune.space if study.tune else {}).items():
        if name in UNSEARCHED:
            raise StudyError(
                f"expected {name!r} in [factors] or [fixed]. Received: a search over it, which "
                f"would choose {UNSEARCHED[name]}. Move it there.",
                key=f"tune.space.{name}",
            )
        for raw in space.values if isinstance(space, Choices) else (space.min, space.max):
            _check_value(table, name, raw, f"tune.space.{name}")
        argument = table.get(name)
        if (
            isinstance(space, Range)
            and argument
            and argument.kind not in {"number", "fraction", "amount"}
        ):
            raise StudyError(
                f"expected a list of values for {name!r}, which is not a real number. Received: a "
                f"range from {space.min:g} to {space.max:g}. Write {{ values = [...] }}.",
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
                f"expected the name of a factor. Received: {factor!r}. "
                f"{nearest(factor, study.factors)}",
                key="baseline",
            )
        if level not in study.factors[factor]:
            names = [label(known) for known in study.factors[factor]]
            raise StudyError(
                f"expected one of the levels of {factor!r}, written as in [factors]. "
                f"Received: {label(level)!r}. {nearest(label(level), names)}",
                key=f"baseline.{factor}",
            )


def check_metrics(study: Study, card: Card) -> None:
    """Check that metrics fit the data and the place in which the study names them.

    Raises:
        StudyError: naming the key, what was expected and what was received.
    """
    wanted = {"metric": study.deciding, "best": study.choosing.at("best")}
    if study.tune:
        wanted["tune.objective"] = study.tune.aim
    for key, metric in wanted.items():
        _check_metric(metric, card, key)
    _check_margin(study)
    _check_penalties(study, card)
    _check_modes(study, card)


WIDE = 0.5
"""Margin of a share from which on it is likely meant in points or percent."""


def _check_margin(study: Study) -> None:
    """Refuse a margin given in points or percent, which would make everything equivalent."""
    margin, metric = study.margin, study.deciding
    entry = catalog.METRICS[metric.name]
    relative, shared = entry.scale == "log", entry.percent or entry.limited
    most = 1.0 if relative else WIDE
    if margin is None or margin < most or not (relative or shared):
        return
    why = "its differences are relative" if relative else "it is at most 1"
    raise StudyError(
        f"expected a margin below {most:g} for {metric.name}, because {why}. Received: {margin:g}, "
        f"which is {entry.amount(margin)} and makes everything equivalent. For "
        f"{entry.amount(margin / 100)}, write {margin / 100:g}.",
        key="margin",
    )


def _check_metric(metric: Metric, card: Card, key: str) -> None:
    name, names = metric.name, catalog.TASK_METRICS[card.task]
    if name not in names:
        raise StudyError(
            f"expected a metric for {card.task} data. Received: {name!r}. {nearest(name, names)}",
            key=key,
        )
    entry = catalog.METRICS[name]
    if entry.test_only and metric.split != "test":
        measured = [one for one in names if not catalog.METRICS[one].test_only]
        raise StudyError(
            f"expected a metric that can be measured in every epoch: {', '.join(measured)}. "
            f"Received: {str(metric)!r}, which is measured once, on all test cases together. "
            "Choose one of these here.",
            key=key,
        )
    misfit = entry.misfit(card)
    if misfit:
        raise StudyError(
            f"expected a metric that can be measured on the data, {card.label!r}. Received: "
            f"{name!r}, {misfit}. Choose another.",
            key=key,
        )


def _check_penalties(study: Study, card: Card) -> None:
    """Refuse to judge penalties by a loss that contains them."""
    table = arguments(study.template, _keys(study))
    penalized = [
        name
        for name in study.factors
        if name == "label_smoothing" or (name in table and table[name].family == "regularizer")
    ]
    if study.deciding.name == "loss" and penalized:
        raise StudyError(
            f"expected a metric other than the loss, because {penalized[0]} differs between arms "
            f"and is itself a part of the loss. Received: {study.metric!r}. "
            f"Use 'test/{catalog.TASKS[card.task].fit}@best'.",
            key="metric",
        )


def _check_modes(study: Study, card: Card) -> None:
    """Refuse a search by distances where epochs are chosen by modes, which is much quicker."""
    aim = study.tune.aim.name if study.tune else ""
    if card.modes and aim == "collapse" != study.choosing.name:
        raise StudyError(
            "expected an objective that is measured in every epoch. Received: 'collapse', while "
            f"best = {study.best!r} looks at the modes alone. Add best = 'val/collapse', or leave "
            "the objective out.",
            key="tune.objective",
        )


def check_references(study: Study, card: Card, references: Sequence[Reference]) -> None:
    """Check that methods without training fit the data.

    Raises:
        StudyError: naming what was expected and what was received.
    """
    for one in references:
        _check_reference(one, card, _fewest(study, card))
    for name in catalog.SPLITTING:
        if references and name in _searched(study):
            raise StudyError(
                "expected references to be measured on the data of the arms, which is not searched "
                f"for. Received: a search over {name!r}. Name one in [fixed], several in "
                "[factors], or leave 'references' out.",
                key="references",
            )


def _check_reference(one: Reference, card: Card, cases: int) -> None:
    if card.inputs:
        raise StudyError(
            f"expected no references for data with several inputs ({card.form}), because each "
            f"method takes one. Received: {one.label!r}. Leave 'references' out.",
            key="references",
        )
    chosen = catalog.choice("reference", one.method)
    fitting = [
        name
        for name, method in catalog.REFERENCES.items()
        if card.task in method.tasks and (not method.ranks or len(card.shape) in method.ranks)
    ]
    if chosen.name not in fitting:
        raise StudyError(
            f"expected a method for {card.task} data of shape {card.shape} "
            f"({', '.join(fitting) or 'there is none'}). Received: {chosen.name!r}.",
            key="references",
        )
    if chosen.numbers.get("inputs", 0) > prod(card.shape):
        raise StudyError(
            f"expected at most the {prod(card.shape)} inputs of a case. Received: {one.label}. "
            "Name fewer.",
            key="references",
        )
    most = min(prod(card.shape), cases)
    if chosen.numbers.get("components", 0) > most:
        raise StudyError(
            f"expected at most {most} components: no more than a case has numbers, and no more "
            f"than there are training cases. Received: {one.label}. Name fewer.",
            key="references",
        )


def check_data(study: Study, card: Card) -> None:
    """Check that template, loss, schedules and batches fit the data.

    Raises:
        StudyError: naming the key, what was expected and what was received.
    """
    _check_template(study, card)
    for key, loss in _named(study, "loss"):
        _check_loss(study, catalog.named(catalog.LOSSES, loss) or str(loss), card, key)
    for key, share in _named(study, "label_smoothing"):
        if share and not catalog.TASKS[card.task].labels:
            raise StudyError(
                "expected data with classes or labels, because label_smoothing changes these. "
                f"Received: {card.task} data. Leave 'label_smoothing' out.",
                key=key,
            )
    _check_class_weights(study, card)
    _check_outputs(study, card)
    _check_schedules(study)
    _check_validation(study, card)
    _check_few(study, card)
    _check_some(study, card)
    _check_label_noise(study, card)
    _check_batches(study, card)
    _check_packs(study)


def _check_class_weights(study: Study, card: Card) -> None:
    for key, raw in _named(study, "class_weight"):
        chosen = catalog.choice("class_weight", raw)
        if chosen.name != "none" and not catalog.TASKS[card.task].classes:
            raise StudyError(
                "expected data with one class per case or step, because class_weight weighs "
                f"classes. Received: {card.task} data. Leave 'class_weight' out.",
                key=key,
            )
        given = chosen.words.get("weights")
        try:
            found = classes.weights(card, given) if isinstance(given, dict) else given
        except StudyError as error:
            raise StudyError(error.message, key=key) from None
        if isinstance(found, list) and len(found) != card.outputs:
            raise StudyError(
                f"expected a weight for each of {card.outputs} classes. Received: {len(found)}.",
                key=key,
            )


def _check_outputs(study: Study, card: Card) -> None:
    """Check that 'outputs' is set only for a user's model on data with classes or labels."""
    for key, raw in _named(study, "outputs"):
        if not catalog.TASKS[card.task].labels:
            raise StudyError(
                "expected data with classes or labels, because 'outputs' tells logits from "
                f"probabilities of these. Received: {card.task} data. Leave 'outputs' out.",
                key=key,
            )
        if study.template in catalog.TEMPLATES:
            raise StudyError(
                f"expected 'outputs' only with a template of your own, because {study.template!r} "
                f"always returns logits. Received: {raw!r}. Leave 'outputs' out.",
                key=key,
            )


def _check_template(study: Study, card: Card) -> None:
    built_in = catalog.TEMPLATES.get(study.template)
    if built_in is None:
        return
    _check_inputs(study, card)
    if len(card.shape) not in built_in.ranks:
        ranks = " or ".join(str(rank) for rank in built_in.ranks)
        raise StudyError(
            f"expected cases with {ranks} axes for template {study.template!r}. "
            f"Received: cases of shape {card.shape} from {card.label!r}.",
            key="template",
        )
    if card.task not in built_in.tasks:
        wanted = " or ".join(sorted(built_in.tasks))
        steps = ", with a label at every step. Template 'rnn' takes it"
        raise StudyError(
            f"expected {wanted} data for template {study.template!r}. "
            f"Received: {card.task} data{steps if card.task == 'sequence' else ''}.",
            key="template",
        )
    if card.tokens and "vocabulary" not in built_in.arguments:
        raise StudyError(
            f"expected a template that embeds tokens, such as 'rnn'. Received: "
            f"{study.template!r}, which would take token numbers for quantities.",
            key="template",
        )


def _check_inputs(study: Study, card: Card) -> None:
    """Check that the template takes the inputs: only one, or with lengths, one that masks steps."""
    if card.has_lengths and "padding" not in catalog.TEMPLATES[study.template].arguments:
        raise StudyError(
            "expected a template that ignores the steps after the end of a case: 'rnn', or one of "
            f"your own. Received: {study.template!r}. Change the template, or leave 'lengths' out "
            "of the data to train on these steps, too.",
            key="template",
        )
    if card.inputs and not card.has_lengths:
        raise StudyError(
            "expected a template of your own, 'module:function', for several inputs "
            f"({card.form}). Received: {study.template!r}, which takes one. Your function is "
            "called with the shapes of the inputs by name.",
            key="template",
        )


def _check_validation(study: Study, card: Card) -> None:
    """Refuse a validation share where the data brings its own validation cases."""
    named = [key for key, _ in _named(study, "validation")]
    if card.held and named:
        raise StudyError(
            f"expected no validation share, because {card.label!r} comes with {card.held} "
            "validation cases. Received: one. Leave it out of the study, or x_val and y_val out of "
            "the data.",
            key=named[0],
        )
    if card.held and card.normal:
        raise StudyError(
            "expected data without validation cases, because with 'normal' they are drawn from the "
            "normal classes. Received: x_val and y_val. Add them to the training cases.",
            key="normal",
        )


def _check_few(study: Study, card: Card) -> None:
    """Refuse more training cases of each class than there are."""
    for key, wanted in _named(study, "cases_per_class"):
        if not card.counts or card.normal:
            raise StudyError(
                "expected data with one class per case, all of them trained on, because "
                f"cases_per_class counts cases by class. Received: {card.task} data. Leave "
                "'cases_per_class' out.",
                key=key,
            )
        if card.drawing != "stratified":
            raise StudyError(
                "expected data whose validation cases are drawn by class, for cases_per_class. "
                f"Received: {card.label!r}, where they are not ({card.drawing}). Leave "
                "'cases_per_class' out.",
                key=key,
            )
        name, most = card.rarest(_largest_share(study))
        if isinstance(wanted, int) and wanted > most:
            raise StudyError(
                f"expected at most the {most} training cases of the rarest class, "
                f"{card.class_name(name)}. Received: {wanted}. Lower it.",
                key=key,
            )


def _check_some(study: Study, card: Card) -> None:
    """Refuse more training cases than there are, and two ways to say how many."""
    most = card.training_cases(_largest_share(study))
    for key, wanted in _named(study, "cases"):
        if _named(study, "cases_per_class"):
            raise StudyError(
                "expected either 'cases' or 'cases_per_class'. Received: both. Leave one of them "
                "out.",
                key=key,
            )
        if isinstance(wanted, int) and wanted > most:
            raise StudyError(
                f"expected at most the {most} training cases of {card.label!r}. Received: "
                f"{wanted}. Lower it.",
                key=key,
            )


def _check_label_noise(study: Study, card: Card) -> None:
    """Refuse noise in labels that no training looks at, and more than all labels."""
    for key, amount in _named(study, "label_noise"):
        if card.task not in {"classification", "regression"}:
            raise StudyError(
                "expected data with one class per case, or numbers to predict, because "
                f"label_noise changes these. Received: {card.task} data. Leave 'label_noise' out.",
                key=key,
            )
        if card.task == "classification" and isinstance(amount, int | float) and amount > 1:
            raise StudyError(
                "expected a share of labels that are drawn anew, from 0 to 1. Received: "
                f"{amount}. Lower it.",
                key=key,
            )


def _largest_share(study: Study) -> float:
    shares = [share for _, share in _named(study, "validation") if isinstance(share, float)]
    return max(shares, default=_default_share())


def _fewest(study: Study, card: Card) -> int:
    """The smallest number of training cases of any arm."""
    few, some = (
        min((part for _, part in _named(study, name) if isinstance(part, int)), default=None)
        for name in ("cases_per_class", "cases")
    )
    return card.training_cases(_largest_share(study), few, some)


def _check_batches(study: Study, card: Card) -> None:
    cases = _fewest(study, card)
    if cases < 1:
        raise StudyError(
            f"expected at least one training case. Received: {card.label!r} with {card.cases} "
            "cases in groups so large that validation takes them all. Use more and smaller groups.",
            key="dataset",
        )
    default = catalog.SETTINGS["batch_size"].default
    assert isinstance(default, int)
    for key, size in _named(study, "batch_size") or [("fixed.batch_size", default)]:
        if isinstance(size, int) and size > cases:
            raise StudyError(
                f"expected a batch no larger than the {cases} training cases of {card.label!r}. "
                f"Received: {size}. Choose a smaller one.",
                key=key,
            )


def _check_packs(study: Study) -> None:
    """Refuse packs that no batch fills."""
    default = catalog.SETTINGS["batch_size"].default
    assert isinstance(default, int)
    sizes = [size for _, size in _named(study, "batch_size") if isinstance(size, int)]
    smallest = min(sizes, default=default)
    for key, packing in _named(study, "packing"):
        if isinstance(packing, int) and packing > smallest:
            raise StudyError(
                f"expected packs of no more than the {smallest} cases of a batch. Received: "
                f"{packing}. Lower it, or raise 'batch_size'.",
                key=key,
            )


def _check_loss(study: Study, loss: str, card: Card, key: str) -> None:
    classes = catalog.TASKS[card.task].classes
    single = card.outputs == 2 and study.template not in catalog.TEMPLATES
    fitting = [
        name
        for name, entry in catalog.LOSSES.items()
        if card.task in entry.tasks and (name != "binary_crossentropy" or single or not classes)
    ]
    if loss not in fitting:
        raise StudyError(
            f"expected a loss that fits {card.task} data ({', '.join(fitting)}). "
            f"Received: {loss!r}. Choose one of these, or leave 'loss' out.",
            key=key,
        )


def _check_schedules(study: Study) -> None:
    """Refuse schedules that reach beyond the end of a training."""
    default = catalog.SETTINGS["epochs"].default
    assert isinstance(default, int)
    named = [raw for _, raw in _named(study, "epochs") if isinstance(raw, int)]
    shortest = min(named, default=default)
    for key, raw in _named(study, "schedule"):
        numbers = catalog.choice("schedule", raw).numbers
        for name in ("warmup", "every"):
            if numbers.get(name, 0) >= shortest:
                raise StudyError(
                    f"expected {name!r} to be less than the {shortest} epochs of a training. "
                    f"Received: {numbers[name]:g}. Lower it, or train for more epochs.",
                    key=key,
                )


def user_code(study: Study, folders: Sequence[Path]) -> list[str]:
    """All user code that a study names: its template, and entries of open families.

    Raises:
        StudyError: if one does not exist, or does not take what it is given.
    """
    found = [] if study.template in catalog.TEMPLATES else [study.template]
    for name, argument in arguments(study.template, _keys(study)).items():
        for key, raw in _named(study, name) if argument.family in catalog.OPEN else ():
            chosen = catalog.choice(argument.family, raw)
            if names_code(chosen.name):
                _check_own(chosen, folders, key)
                found.append(chosen.name)
                if argument.family == "optimizer" and "learning_rate" not in chosen.words:
                    rate = f"{name.removesuffix('optimizer')}learning_rate"
                    _check_rated(study, chosen.name, rate, key)
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


def _check_rated(study: Study, optimizer: str, rate: str, key: str) -> None:
    if rate not in _keys(study):
        raise StudyError(
            f"expected a {rate} for {optimizer!r}, because the default of your optimizer is "
            "unknown until it runs. Received: none. Name one in [fixed], [factors] or "
            "[tune.space].",
            key=key,
        )


def _searched(study: Study) -> Mapping[str, object]:
    return study.tune.space if study.tune else {}


def splitting(study: Study, levels: Mapping[str, Level]) -> dict[str, Value]:
    """Settings of the data that a method without training is measured on.

    Args:
        study: the study.
        levels: those of the method, where the study compares several.
    """
    given = {"validation": _default_share(), **study.fixed, **levels}
    return {
        name: catalog.check_argument(catalog.SETTINGS[name], given[name])
        for name in catalog.SPLITTING
        if given.get(name, 0.0) != 0.0
    }


def _default_share() -> float:
    share = catalog.SETTINGS["validation"].default
    assert isinstance(share, float)
    return share


def _keys(study: Study) -> list[str]:
    """All that a study names."""
    return [*study.fixed, *study.factors, *_searched(study)]


def _named(study: Study, name: str) -> list[tuple[str, Level]]:
    """All that a study gives for one name, each with its key."""
    space = study.tune.space.get(name) if study.tune else None
    searched = space.values if isinstance(space, Choices) else ()
    return [
        *((f"fixed.{name}", raw) for raw in [study.fixed.get(name)] if raw is not None),
        *((f"factors.{name}", raw) for raw in study.factors.get(name, ())),
        *((f"tune.space.{name}", raw) for raw in searched),
    ]

"""Settings of a trial, divided into the structure of its program and the values it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import catalog
from harness.design import classes
from harness.identity import digest
from harness.players import OWN, owner
from harness.spec import UNTRAINED
from harness.targets import names_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.card import Card
    from harness.spec import Level, Study, Trial, Value


LATER = ("salt", *catalog.TRANSFER)
"""Settings that are left out where they are not given, beside arguments that came ``later``."""


def settings(
    study: Study, card: Card, levels: Mapping[str, Level], hyperparameters: Mapping[str, Value]
) -> dict[str, Value]:
    """All arguments and training settings of a trial, in canonical form.

    Defaults are filled in, so that a study which states one and a study which leaves it out
    describe the same trial.
    """
    given: dict[str, Value] = {**study.fixed, **levels, **hyperparameters}
    table = arguments(study.template, given)
    full = {
        key: catalog.check_argument(argument, given[key]) if key in given else _default(argument)
        for key, argument in table.items()
    }
    full |= {key: part for key, part in given.items() if key not in table}
    full["class_weight"] = _weighed(full["class_weight"], card)
    full["loss"] = full["loss"] or catalog.TASKS[card.task].loss
    if card.noise and "corruption" in table and "corruption" not in given:
        full["corruption"] = dict(card.noise)  # it learns to remove what it is asked to remove
    if "vocabulary" in full:
        full["vocabulary"] = full["vocabulary"] or card.tokens or None
    if full.get("padding", 0) is None:
        full["padding"] = card.padding
    for name in LATER:
        if full.get(name, 0) is None:
            del full[name]
    for name, argument in table.items():
        if argument.later and full[name] == _default(argument):
            del full[name]
    _start(full, study)
    _rate(full, "")
    for player in _players(full):
        full |= {f"{player}.{name}": full[name] for name in _shared(player, given)}
        _rate(full, f"{player}.")
    return full


def _start(full: dict[str, Value], study: Study) -> None:
    """Leave out of a trial's settings what says nothing of where it starts.

    Training from scratch is then one and the same trial, however much others take over, and the
    same that a study without sources has. The name of a source is left out too: its trial, with
    its data, is what the trial needs.
    """
    scratch = full.pop("source", "none") in UNTRAINED
    drawn = full.get("weights") == "drawn"
    untrained = scratch and (drawn or not catalog.may_bring(study.template))
    for name, nothing in _NOTHING.items():
        if full.get(name) == nothing:
            del full[name]
    if "frozen_layers" in full and full["frozen_layers"] == full.get("source_layers"):
        full["frozen_layers"] = "all"
    if scratch:
        full.pop("l2_sp", None)
    if untrained or full.get("frozen_layers") == "all":
        full.pop("head_epochs", None)
    if untrained:
        for name in ("layer_decay", "frozen_normalization"):
            full.pop(name, None)
        if "new_head" not in full:  # nothing is taken over, and so many are frozen
            count = full.pop("source_layers", "all")
            if full.get("frozen_layers") == "all":
                full["frozen_layers"] = count


_NOTHING: Mapping[str, Value] = {
    "source_layers": "all",
    "frozen_layers": "none",
    "frozen_normalization": False,
    "layer_decay": 1.0,
    "l2_sp": 0.0,
    "label_noise": 0.0,
}
"""Levels that are as good as none, and so are left out."""


def _shared(player: str, given: Iterable[str]) -> list[str]:
    """Settings that a player has no own of; those of an optimizer go with the optimizer."""
    own = {key.rpartition(".")[2] for key in given if owner(key) == player}
    return [name for name in OWN if name not in own and (name == "clip" or "optimizer" not in own)]


def _rate(full: dict[str, Value], prefix: str) -> None:
    """Learning rate and weight decay of a player, whether given in its optimizer or beside it."""
    optimizer = full[f"{prefix}optimizer"]
    assert isinstance(optimizer, dict)
    full[f"{prefix}optimizer"] = optimizer = dict(optimizer)
    rate = optimizer.pop("learning_rate", None)
    if full[f"{prefix}learning_rate"] is None:
        full[f"{prefix}learning_rate"] = rate
    decay = f"{prefix}weight_decay"
    if "weight_decay" in optimizer and full[decay] is not None:
        optimizer["weight_decay"], full[decay] = full[decay], None


def _weighed(setting: Value, card: Card) -> Value:
    """Weights of classes by number, however the study calls the classes."""
    chosen = catalog.settled("class_weight", setting)
    given = chosen.words.get("weights")
    if not isinstance(given, dict):
        return setting
    return {"name": chosen.name, "weights": [*classes.weights(card, given)]}


def own(template: str, given: Mapping[str, Value]) -> list[str]:
    """The user's own objects among the settings of a trial, as ``module:object``."""
    return [
        chosen.name
        for key, argument in arguments(template, given).items()
        if argument.family in catalog.OPEN
        and key in given
        and names_code((chosen := catalog.settled(argument.family, given[key])).name)
    ]


def _default(argument: catalog.Argument) -> Value:
    """Value of an argument that nobody gives: none at all, or a checked default."""
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
    table = arguments(trial.template, trial.settings)
    for key, argument in table.items():
        if (argument.later or key in LATER) and key not in trial.settings:
            continue
        raw = trial.settings.get(key)
        if argument.initial:
            structure[key] = raw is not None
        elif argument.kind == "choice" and argument.family in catalog.FAMILIES:
            if argument.value:
                continue
            chosen = catalog.settled(argument.family, raw)
            structure[key] = chosen.structure()
            values |= {f"{key}.{name}": number for name, number in chosen.values().items()}
        elif argument.value and raw:
            assert isinstance(raw, float)
            values[key] = raw
            structure[key] = "value"
        else:
            structure[key] = raw
    for prefix in ("", *(f"{player}." for player in _players(trial.settings))):
        values.pop(f"{prefix}optimizer.learning_rate", None)
    own = {key: part for key, part in trial.settings.items() if key not in structure}
    structure |= {key: part for key, part in own.items() if key not in table}
    return structure, values


def program_key(trial: Trial, card: Card) -> str:
    """Identity of a trial's program: equal for trials that differ in values only.

    Args:
        trial: the trial.
        card: of its data, or of the study's, whose sources it then belongs to.
    """
    if trial.template in catalog.REFERENCES:
        return digest([trial.template, trial.settings])
    structure, _ = split(trial)
    for name, setting in arguments(trial.template, trial.settings).items():
        if setting.outside:
            structure.pop(name, None)
    of_trial = trial.model_dump(include={"template", "task", "code", "best", "threads", "xla"})
    own = card.of(trial.data, trial.task)
    of_data = [own.cases, own.tests, own.outputs, *own.shape]
    others = [[program_key(one, card) for one in trial.needs]] if trial.needs else []
    return digest([structure, of_trial, of_data, dict(own.inputs), dict(own.noise), *others])


def arguments(template: str, given: Iterable[str] = ()) -> dict[str, catalog.Argument]:
    """All that a study may name with a built-in template; with another, the training settings.

    Args:
        template: of the study.
        given: what it names; a player that has one setting of its own has all of them.
    """
    built_in = catalog.TEMPLATES.get(template)
    own = {f"{player}.{name}": catalog.SETTINGS[name] for player in _players(given) for name in OWN}
    return {**catalog.SETTINGS, **(built_in.arguments if built_in else {}), **own}


def _players(given: Iterable[str]) -> list[str]:
    """Names of the players that have settings of their own."""
    return sorted({owner(key) for key in given} - {""})

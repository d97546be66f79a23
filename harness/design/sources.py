"""Trainings that the arms of a study start from, each as a study of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import catalog
from harness.errors import StudyError, nearest
from harness.identity import digest_file
from harness.players import owner
from harness.spec import UNTRAINED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.card import Card
    from harness.spec import Level, Study, Value

SALT = 1
"""Salt of a source: its initial weights, orders and noise are not those of the trials behind it,
of which it else would hold the very beginning."""


def pretraining(study: Study, name: str) -> Study:
    """The study that one source of another is.

    It has the arguments of the template in common with that, whether fixed or a factor, and
    training settings of its own.

    Args:
        study: whose arms start from it.
        name: of the source.

    Example:
        >>> from harness.spec import Pretraining, Study
        >>> study = Study(name="a", template="mlp", dataset="digits", fixed={"epochs": 3},
        ...               factors={"activation": ["relu", "tanh"], "source": ["b", "none"]},
        ...               sources={"b": Pretraining(dataset="wine", fixed={"epochs": 20})})
        >>> made = pretraining(study, "b")
        >>> made.fixed, made.factors
        ({'salt': 1, 'epochs': 20}, {'activation': ('relu', 'tanh')})
    """
    own = study.sources[name]
    fixed: dict[str, Level] = {"salt": SALT, **_arguments(study.fixed), **own.fixed}
    factors = {key: part for key, part in _arguments(study.factors).items() if key not in fixed}
    if not factors:  # a study compares something
        factors = {"salt": (fixed.pop("salt"),)}
    return study.model_copy(
        update={
            "dataset": own.dataset,
            "fixed": fixed,
            "factors": factors,
            **_ALONE,
        }
    )


_ALONE: Mapping[str, object] = {
    "tune": None,
    "sources": {},
    "baseline": {},
    "references": (),
    "metric": "",
    "best": "",
}
"""Keys of a study that one which serves another has not in common with it."""


def trunks(study: Study) -> tuple[str, ...]:
    """Names of the trunks of the catalogue whose weights the arms of a study begin with."""
    return tuple(name for name in _trunks(study) if name in catalog.TRUNKS)


def saved(study: Study) -> dict[str, str]:
    """Hashes of the saved networks that the arms of a study begin with, by path.

    Args:
        study: the study.

    Raises:
        StudyError: if one is neither a file nor a trunk of the catalogue.
    """
    found = {}
    for name in _trunks(study):
        if name in catalog.TRUNKS:
            continue
        if not name.endswith(SAVED) or not Path(name).is_file():
            raise StudyError(
                "expected the name of a pretrained trunk, or the path of a .keras file from the "
                f"current folder. Received: {name!r}. {nearest(name, catalog.TRUNKS)}",
                key=f"{_table(study, 'trunk')}.trunk",
            )
        found[name] = digest_file(Path(name))
    return found


SAVED = ".keras"
"""End of the name of a saved network's file."""


def _trunks(study: Study) -> list[str]:
    """Trunks that a study names, its default included."""
    built_in = catalog.TEMPLATES.get(study.template)
    if not (built_in and "trunk" in built_in.arguments):
        return []
    default = built_in.arguments["trunk"].default
    given = study.factors.get("trunk", (study.fixed.get("trunk", default),))
    return [str(one) for one in given]


CLASSIFIER = "classifier"
"""Name of the source that generators are judged by."""


def classifier(study: Study, card: Card) -> Study | None:
    """The study of a classifier by whose features generated images are compared with real ones.

    A small network, trained as a study does that names no setting; ``None`` where nothing like
    images with classes is generated.

    Args:
        study: of generators.
        card: of its data.
    """
    images = len(card.shape) in (2, 3) and min(card.shape[:2]) >= SIDE
    if not (catalog.TASKS[card.task].generates and card.counts and images):
        return None
    batch = min(BATCH, card.training_cases(SHARE))
    return study.model_copy(
        update={
            "template": "cnn",
            "fixed": {"batch_size": batch, "validation": SHARE},
            "factors": {"salt": (SALT,)},
            **_ALONE,
        }
    )


BATCH, SHARE = 32, 0.2
"""Largest batch of the classifier, and its share of validation cases."""

SIDE = 8
"""Shortest side of images that the classifier is made for."""


def chosen(given: Mapping[str, Value]) -> str:
    """Name of the source that an arm starts from; empty for one from scratch.

    Args:
        given: all that the study says of the arm, by name.
    """
    name = str(given.get("source", UNTRAINED[0]))
    return "" if name in UNTRAINED else name


def check(study: Study) -> None:
    """Check that a study says where its arms start, and nothing without effect.

    Raises:
        StudyError: naming the key, what was expected and what was received.
    """
    given: dict[str, Sequence[Level]] = {key: (part,) for key, part in study.fixed.items()}
    given |= study.factors
    searched = study.tune.space if study.tune else {}
    _check_single(study, (*given, *searched))
    known = [*study.sources, *UNTRAINED] if study.sources else [UNTRAINED[0]]
    for level in given.get("source", ()):
        if level not in known:
            more = "" if study.sources else " Describe it in [sources]."
            raise StudyError(
                f"expected the name of a source. Received: {level!r}. "
                f"{nearest(level, known)}{more}",
                key=f"{_table(study, 'source')}.source",
            )
    for name in study.sources:
        if name not in given.get("source", ()):
            raise StudyError(
                "expected each source to be where some arm starts. Received: one that is not. "
                f"Name it in [factors], source = [..., {name!r}], or remove it.",
                key=f"sources.{name}",
            )
    for key in (*given, *searched):
        bears = key != "l2_sp" and catalog.may_bring(study.template)
        if key in _TAKING and not study.sources and not bears:
            raise StudyError(
                f"expected [sources] beside {key!r}, which says what becomes of layers that come "
                "from there. Received: none. Describe one, such as a = { dataset = ... }, and "
                "name it as source, or leave the key out.",
                key=f"{_table(study, key)}.{key}",
            )


def _check_single(study: Study, named: Sequence[str]) -> None:
    """Refuse starts of networks with several players."""
    built_in = catalog.TEMPLATES.get(study.template)
    if not (built_in and built_in.players):
        return
    started = [key for key in named if key in catalog.TRANSFER]
    if study.sources or started:
        key = f"{_table(study, started[0])}.{started[0]}" if started else "sources"
        raise StudyError(
            f"expected a template with one player, to start it from another training. Received: "
            f"{study.template!r}, which has players or stages of its own. Leave the key out.",
            key=key,
        )


_TAKING = frozenset({"frozen_normalization", "head_epochs", "layer_decay", "l2_sp"})
"""Settings that do nothing to a training from scratch."""


def _table(study: Study, key: str) -> str:
    tables: dict[str, Mapping[str, object]] = {"fixed": study.fixed, "factors": study.factors}
    return next((name for name, table in tables.items() if key in table), "tune.space")


def check_meets(source: Card, target: Card, name: str) -> None:
    """Check that a network for one data set takes the cases of another.

    Args:
        source: data of the source.
        target: data of the study.
        name: of the source.

    Raises:
        StudyError: saying the two shapes.
    """
    if (source.shape, dict(source.inputs)) != (target.shape, dict(target.inputs)):
        fits = len(target.shape) in (2, 3) and len(source.shape) in (2, 3)
        like = f"{{ name = ..., like = {{ shape = {[*target.shape]} }} }}"
        raise StudyError(
            f"expected cases of shape {target.form}, as those of {target.label!r} have. Received: "
            f"{source.form} from {source.label!r}."
            + (f" If both are images, write dataset = {like}." if fits else ""),
            key=f"sources.{name}.dataset",
        )
    if source.centred != target.centred:
        is_, are = ("are", "are not") if target.centred else ("are not", "are")
        raise StudyError(
            f"expected numbers that {is_} standardized, as those of {target.label!r} {is_}. "
            f"Received: {source.label!r}, whose numbers {are}. Write standardize = true or false "
            "in both data sets.",
            key=f"sources.{name}.dataset",
        )


def lengthened(settings: Mapping[str, Value], card: Card, longest: int) -> dict[str, Value]:
    """Settings with as many more epochs as make up for the steps of another training.

    The last of them may go beyond by less than an epoch.

    Args:
        settings: of a trial from scratch.
        card: of its data.
        longest: steps of the other training.

    Reference:
        He, Girshick & Dollar, "Rethinking ImageNet Pre-Training", 2019.
    """
    more = -(-longest // steps(settings, card))
    return {**settings, "epochs": catalog.training(settings).epochs + more}


def steps(settings: Mapping[str, Value], card: Card) -> int:
    """Steps of an epoch."""
    own = catalog.training(settings)
    return own.steps(card)


def shared(study: Study, given: Mapping[str, Value]) -> dict[str, Level]:
    """Levels and hyperparameters of an arm that a source has in common with it.

    Args:
        study: of the source.
        given: the arm's, by name.
    """
    first: dict[str, Level] = {factor: levels[0] for factor, levels in study.factors.items()}
    own = {key: part for key, part in _arguments(given).items() if key not in study.fixed}
    return {**first, **own}


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the template among some names."""
    return {
        key: part for key, part in given.items() if key not in catalog.SETTINGS and not owner(key)
    }

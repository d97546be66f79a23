"""Trainings that others start from: which ones a study needs, and how they are told apart."""

from __future__ import annotations

import json
import re
from itertools import product

import pytest

from harness import catalog, datasets, design
from harness.design.structure import settings as canonical
from harness.errors import StudyError
from harness.spec import Study

LOW = {"name": "digits", "classes": [0, 1, 2]}
HIGH = {"name": "digits", "classes": [7, 8, 9]}
SOURCES = {"low": {"dataset": LOW, "fixed": {"epochs": 3, "batch_size": 50}}}
FIXED = {"units": [6, 5], "epochs": 2, "batch_size": 32}


def lay(factors, *, sources=SOURCES, fixed=FIXED, **changes):
    """A plan of a small study that starts from digits 0-2, and is judged on 7-9."""
    asked = {"name": "small", "template": "mlp", "dataset": HIGH, "replicates": 2} | changes
    taken = {key: part for key, part in fixed.items() if key not in factors}
    study = Study(**asked, factors=factors, fixed=taken, sources=sources)
    return design.plan(study, datasets.describe_all(study, []), [])


def trials(laid, hyperparameters=None, phase="confirm", replicate=0):
    """One trial of every arm."""
    return [laid.trial(arm, hyperparameters or {}, phase, replicate) for arm in laid.arms]


def needed(laid, *given, **named):
    """Keys of the sources of these trials."""
    return [one.key for trial in trials(laid, *given, **named) for one in trial.needs]


def programs(laid):
    """Identity of the program of every arm."""
    return [design.program_key(trial, laid.card) for trial in trials(laid)]


# -- which trials there are -----------------------------------------------------------------------


def test_all_arms_of_a_replicate_share_one_source():
    """Whatever they take from it, and at which rate they train; other places have others."""
    laid = lay(
        {
            "source": ["low"],
            "source_layers": [1, 2],
            "frozen_layers": ["none", "all"],
            "learning_rate": [0.1, 0.01],
            "l2_sp": [0.0, 0.1],
            "cases_per_class": [5, 10],
        },
        fixed=FIXED | {"batch_size": 10},
    )
    places = [(phase, replicate) for phase in ("tune", "confirm") for replicate in (0, 1)]
    found = [{*needed(laid, phase=phase, replicate=number)} for phase, number in places]
    assert [len(keys) for keys in found] == [1] * 4
    assert len(set().union(*found)) == 4
    assert len({trial.key for trial in trials(laid)}) == 32


def test_sources_of_other_settings_or_data_are_other_trials():
    """Two of the same description are one."""
    plain = {"dataset": LOW, "fixed": {"epochs": 3}}
    laid = lay(
        {"source": ["a", "b", "c", "d"]},
        sources={
            "a": plain,
            "b": plain,
            "c": {"dataset": LOW, "fixed": {"epochs": 3, "label_smoothing": 0.1}},
            "d": {"dataset": HIGH, "fixed": {"epochs": 3}},
        },
    )
    first, second, third, fourth = needed(laid)
    assert first == second
    assert len({first, third, fourth}) == 3
    (a, b, *_) = trials(laid)
    assert a.key == b.key, "the name of a source is no part of a trial"


def test_a_source_is_no_arm_on_the_same_data():
    """Its random numbers are its own, and it is trained by its own settings."""
    laid = lay(
        {"source": ["none", "same"]},
        sources={"same": {"dataset": HIGH, "fixed": {"epochs": 2, "batch_size": 32}}},
    )
    scratch, started = trials(laid)
    (source,) = started.needs
    assert source.settings == scratch.settings | {"salt": 1}
    assert (source.seed, source.phase, source.replicate) == (scratch.seed, "confirm", 0)


@pytest.mark.parametrize("more", [{}, {"layer_decay": 2.0}, {"head_epochs": 3, "l2_sp": 0.1}])
def test_from_scratch_is_the_trial_of_a_study_without_sources(more):
    """However much the other arms take over."""
    factors = {"source": ["none", "low"], "source_layers": [1, 2]}
    laid = lay(factors, fixed=FIXED | more)
    plain = lay({"activation": ["relu"]}, sources={})
    (alone,) = trials(plain)
    first, second, *_ = trials(laid)
    assert first.key == second.key == alone.key
    assert first.settings == alone.settings
    assert programs(laid)[0] == programs(plain)[0]


def test_random_layers_are_another_trial_than_scratch():
    """Frozen as they are drawn; how many could be taken over says nothing more."""
    factors = {"source": ["none", "low"], "source_layers": [1, 2]}
    laid = lay(factors | {"frozen_layers": ["none", 1, "all"]})
    plain, one, all_of_one, again, still_one, all_of_two, *_ = trials(laid)
    assert plain.key == again.key
    assert one.key == still_one.key
    assert one.key == all_of_one.key
    assert len({plain.key, all_of_one.key, all_of_two.key}) == 3
    assert "source_layers" not in all_of_two.settings


def test_all_that_come_from_a_source_may_be_frozen_by_number():
    """It is one and the same training, and so one trial."""
    laid = lay({"source": ["low"], "source_layers": [2], "frozen_layers": [2, "all"]})
    first, second = trials(laid, {"head_epochs": 4})
    assert first.key == second.key


def test_longer_makes_up_for_the_steps_of_the_longest_source():
    """Steps of an epoch are those of the target; a part of an epoch counts as one."""
    sources = SOURCES | {"long": {"dataset": LOW, "fixed": {"epochs": 5, "batch_size": 50}}}
    laid = lay({"source": ["none", "longer", "low", "long"]}, sources=sources)
    none, longer, *_ = trials(laid)
    assert (none.needs, longer.needs) == ((), ())
    there, here = laid.sources["long"].card, laid.card
    steps = 5 * -(-there.training_cases(0.2) // 50)
    own = -(-here.training_cases(0.2) // 32)
    share = none.settings["validation"]
    assert share == 0.2
    assert longer.settings == none.settings | {"epochs": 2 + -(-steps // own)}
    assert 0 <= longer.settings["epochs"] * own - (2 * own + steps) < own


def test_longer_counts_the_steps_of_few_cases():
    """Ten cases of three classes are one step of 30, so every step of the source is an epoch."""
    fixed = FIXED | {"batch_size": 30}
    laid = lay({"source": ["longer", "low"], "cases_per_class": [10]}, fixed=fixed)
    longer, _ = trials(laid)
    steps = 3 * -(-laid.sources["low"].card.training_cases(0.2) // 50)
    assert longer.settings["epochs"] == 2 + steps


def test_a_source_has_the_arguments_of_the_arm_and_settings_of_its_own():
    """Fixed, compared or tuned ones of the template; nothing else but what it says itself."""
    laid = lay(
        {"source": ["low"], "activation": ["relu", "tanh"], "optimizer": ["sgd", "adam"]},
        fixed=FIXED | {"dropout": 0.3, "learning_rate": 0.5},
    )
    found = [trial.needs[0].settings for trial in trials(laid, {"initializer": "he_normal"})]
    kinds = [one["activation"]["name"] for one in found]
    assert kinds == ["relu", "relu", "tanh", "tanh"]
    assert len({*needed(laid)}) == 2
    for one in found:
        assert one["units"] == [6, 5]
        assert one["dropout"] == 0.3
        assert one["initializer"]["name"] == "he_normal"
        assert (one["epochs"], one["batch_size"]) == (3, 50)
        assert one["learning_rate"] != 0.5
        assert one["optimizer"] == found[0]["optimizer"]


def test_an_argument_that_a_source_fixes_is_its_own():
    """Also where the arms differ in it."""
    sources = {"low": {"dataset": LOW, "fixed": {"epochs": 3, "dropout": 0.2}}}
    laid = lay({"source": ["low"], "dropout": [0.0, 0.5]}, sources=sources)
    assert [one.needs[0].settings["dropout"] for one in trials(laid)] == [0.2, 0.2]
    assert len({*needed(laid)}) == 1


def test_candidates_share_a_source():
    """A search over the learning rate trains none anew; one over the network does."""
    space = {"learning_rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}}
    tune = {"trials": 2, "objective": "val/loss@best", "space": space}
    laid = lay({"source": ["none", "low"]}, tune=tune)
    rates = [{"learning_rate": rate} for rate in (0.1, 0.01)]
    assert len({key for rate in rates for key in needed(laid, rate, "tune")}) == 1
    rates = [{"dropout": rate} for rate in (0.1, 0.2)]
    assert len({key for rate in rates for key in needed(laid, rate, "tune")}) == 2
    assert laid.sizes() == {"tune": 4, "confirm": 4, "reference": 0, "source": 3}


def test_a_source_of_its_own_salt_is_trained_by_that():
    """It is a setting as any other."""
    sources = {name: {"dataset": LOW, "fixed": {"salt": number}} for name, number in
               (("one", 5), ("other", 6))}  # fmt: skip
    laid = lay({"source": ["one", "other"]}, sources=sources)
    assert len({*needed(laid)}) == 2


# -- programs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "levels", "count"),
    [
        ("frozen_layers", ["none", 1, 2], 3),
        ("source_layers", [1, 2], 2),
        ("new_head", [[], [4]], 2),
        ("head_epochs", [1, 2], 2),
        ("frozen_normalization", [False, True], 2),
        ("layer_decay", [1.5, 2.6], 1),
        ("l2_sp", [0.1, 0.01], 1),
    ],
)
def test_what_is_frozen_is_structure_and_rates_are_values(name, levels, count):
    """Trials differ by each; programs only where the graph does."""
    laid = lay({"source": ["low"], name: levels})
    assert len({trial.key for trial in trials(laid)}) == len(levels)
    assert len({*programs(laid)}) == count
    assert len(design.programs(laid)) == count


def test_programs_of_sources_tell_networks_apart():
    """A source of another structure is part of the program that starts from it; seeds are not."""
    sources = {
        "a": {"dataset": LOW},
        "b": {"dataset": LOW, "fixed": {"salt": 9, "learning_rate": 0.1}},
        "c": {"dataset": LOW, "fixed": {"normalization": "batch"}},
    }
    first, second, third = programs(lay({"source": ["a", "b", "c"]}, sources=sources))
    assert first == second != third


# -- canonical form -------------------------------------------------------------------------------

LEVELS = {
    "source": ["none", "low"],
    "source_layers": [None, 1, 2, "all"],
    "frozen_layers": [None, 1, 2, "all", "none"],
    "new_head": [None, [], 4],
    "head_epochs": [None, 3],
    "layer_decay": [None, 1.0, 2.6],
    "l2_sp": [0.0, 0.1],
    "frozen_normalization": [False, True],
}
"""Levels of every setting; ``None``: it is not named."""


def meaning(start, most):
    """All of a start that a training differs by, in a network of which ``most`` may be taken."""
    started = start["source"] == "low"
    taken = start.get("source_layers", "all")
    taken = most if taken == "all" else taken
    frozen = {"none": 0, "all": taken}.get(asked := start.get("frozen_layers", "none"), asked)
    head = start.get("new_head")
    head = tuple([head] if isinstance(head, int) else head) if head is not None else None
    own = (
        start.get("frozen_normalization", False),
        0 if frozen == taken else start.get("head_epochs", 0),
        start.get("layer_decay", 1.0),
        start.get("l2_sp", 0.0),
    )
    return (
        started,
        frozen,
        head,
        taken if started or head is not None else 0,
        own if started else (),
    )


def test_settings_are_equal_if_and_only_if_trainings_are():
    """All combinations, whatever the depth of the network; and what is canonical stays so."""
    found: dict[object, set[object]] = {}
    forms = set()
    for levels in product(*LEVELS.values()):
        named = zip(LEVELS, levels, strict=True)
        start = {key: level for key, level in named if level is not None}
        form = canonical(PLAIN.study, PLAIN.card, start, {})
        kept = {key: form[key] for key in catalog.TRANSFER if key in form}
        again = canonical(PLAIN.study, PLAIN.card, {"source": start["source"], **kept}, {})
        assert again == form
        name = start["source"] == "low", json.dumps(kept, sort_keys=True)
        found.setdefault(tuple(meaning(start, most) for most in (3, 7)), set()).add(name)
        forms.add(name)
    assert all(len(names) == 1 for names in found.values()), "one training has two names"
    assert len(forms) == len(found), "two trainings have one name"


PLAIN = lay({"source": ["none", "longer", "low"]})


# -- what cannot be -------------------------------------------------------------------------------


def refused(*args, **given):
    """The key and the words of a refusal."""
    with pytest.raises((StudyError, ValueError)) as caught:
        lay(*args, **given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("factors", "given", "key", "said"),
    [
        ({"source": ["lwo"]}, {}, "factors.source", "Did you mean 'low'?"),
        ({"source": ["low"]}, {"sources": {}}, "factors.source", "[sources]"),
        (
            {"activation": ["relu"]},
            {"fixed": FIXED | {"source": "lwo"}},
            "fixed.source",
            "Did you mean 'low'?",
        ),
        ({"activation": ["relu"]}, {}, "sources.low", "source = [..., 'low']"),
        ({"source": ["none", "longer"]}, {"sources": {}}, "factors.source", "'longer'"),
        ({"l2_sp": [0.1, 0.2]}, {"sources": {}}, "factors.l2_sp", "[sources]"),
        ({"layer_decay": [2.0]}, {"sources": {}}, "factors.layer_decay", "[sources]"),
        (
            {"activation": ["relu"]},
            {"sources": {}, "fixed": FIXED | {"head_epochs": 2}},
            "fixed.head_epochs",
            "[sources]",
        ),
        (
            {"activation": ["relu"]},
            {"sources": {}, "fixed": FIXED | {"frozen_normalization": True}},
            "fixed.frozen_normalization",
            "[sources]",
        ),
        (
            {"activation": ["relu"]},
            {
                "sources": {},
                "tune": {
                    "trials": 1,
                    "objective": "val/loss@best",
                    "space": {"l2_sp": {"min": 0.1, "max": 1.0}},
                },
            },
            "tune.space.l2_sp",
            "[sources]",
        ),
        ({"source": ["low"], "source_layers": ["none"]}, {}, "factors.source_layers", "'all'"),
        ({"source": ["low"], "source_layers": [0]}, {}, "factors.source_layers", "Received: 0"),
        ({"source": ["low"], "frozen_layers": [True]}, {}, "factors.frozen_layers", "True"),
        ({"source": [1]}, {}, "factors.source", "1"),
        (
            {"source": ["low"]},
            {"sources": {"low": {"dataset": "wine"}}},
            "sources.low.dataset",
            "shape",
        ),
        (
            {"source": ["low"]},
            {"sources": {"low": {"dataset": "mnist"}}},
            "sources.low.dataset",
            "like = { shape = [8, 8] }",
        ),
        (
            {"source": ["low"]},
            {"sources": {"low": {"dataset": LOW, "fixed": {"epoch": 3}}}},
            "sources.low.fixed.epoch",
            "Did you mean 'epochs'?",
        ),
        (
            {"source": ["low"]},
            {"sources": {"low": {"dataset": LOW, "fixed": {"epochs": 0}}}},
            "sources.low.fixed.epochs",
            "Received: 0",
        ),
        (
            {"source": ["low"]},
            {"sources": {"low": {"dataset": LOW, "fixed": {"source": "low"}}}},
            "sources.low.fixed.source",
            "source",
        ),
        ({"source": ["a b"]}, {"sources": {"a b": {"dataset": LOW}}}, "sources", "single words"),
        ({"source": ["none"]}, {"sources": {"none": {"dataset": LOW}}}, "sources", "'none'"),
        (
            {"source": ["low"]},
            {"sources": {"low": {"dataset": {"name": "digits", "classes": [0, 11]}}}},
            "",
            "11",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_named(factors, given, key, said):
    """The key, what was expected, what was received and what to do, before anything trains."""
    message = refused(factors, **given)
    assert key in message
    assert said in message
    assert re.search(r"[Ee]xpected .+ Received: ", message, re.DOTALL), message
    assert "Describe it in [sources]. Describe" not in message


def test_a_source_is_not_searched_for():
    """Arms differ in it."""
    tune = {
        "trials": 1,
        "objective": "val/loss@best",
        "space": {"source": {"values": ["low", "none"]}},
    }
    message = refused({"source_layers": [1, 2]}, tune=tune)
    assert "tune.space.source" in message
    assert "[factors] or [fixed]" in message


def test_data_of_which_one_part_is_standardized_does_not_meet(blobs):
    """What one network sees as a deviation would be a number to the other."""
    raw, scaled = str(blobs), {"file": str(blobs), "standardize": True}
    for here, there in ((raw, scaled), (scaled, raw)):
        message = refused({"source": ["low"]}, dataset=here, sources={"low": {"dataset": there}})
        assert "sources.low.dataset" in message
        assert "standardized" in message
        assert "Received: " in message

"""Template ``pretrained``: networks that bring weights along."""

from __future__ import annotations

import keras
import pytest

from harness import catalog, datasets, design
from harness.errors import StudyError
from harness.spec import Study
from harness.train import Trainer

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def laid_out(trunk, **changes):
    given = {
        "fixed": {"epochs": 1, "trunk": str(trunk)},
        "factors": {"frozen_layers": ["all", "none"]},
    }
    study = Study(name="a", template="pretrained", dataset="digits", **{**given, **changes})
    return design.plan(study, datasets.describe_all(study, []), [])


@pytest.fixture
def saved(tmp_path):
    """A small network with a head, saved as Keras does."""
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((8, 8)),
        keras.layers.Flatten(),
        keras.layers.Dense(12, activation="relu", name="hidden"),
        keras.layers.Dense(3, name="head"),
    ]
    file = tmp_path / "mine.keras"
    keras.Sequential(layers).save(file)
    return file


def test_a_saved_network_keeps_its_weights_where_it_is_frozen(saved):
    laid = laid_out(saved)
    trainer = Trainer(laid.card, [])
    trial = laid.trial(laid.arms[0], {}, "confirm", 0)
    outcome = trainer.run(trial)
    assert outcome.status == "completed", outcome.reason
    (compiled,) = trainer.programs.values()
    hidden = compiled[-1].network.model.get_layer("hidden")
    before = keras.saving.load_model(saved).get_layer("hidden").get_weights()
    assert all(
        (one == other).all() for one, other in zip(hidden.get_weights(), before, strict=True)
    )
    assert compiled[-1].program.learner.features is not None
    assert outcome.parameters == 12 * 10 + 10


def test_a_saved_network_is_trained_on(saved):
    laid = laid_out(saved)
    trainer = Trainer(laid.card, [])
    trainer.run(laid.trial(laid.arms[1], {}, "confirm", 0))
    (compiled,) = trainer.programs.values()
    hidden = compiled[-1].network.model.get_layer("hidden").get_weights()
    before = keras.saving.load_model(saved).get_layer("hidden").get_weights()
    assert abs(hidden[0] - before[0]).max() > 0


def test_its_content_is_part_of_a_trial(saved):
    first = laid_out(saved)
    keys = [first.trial(arm, {}, "confirm", 0).key for arm in first.arms]
    assert keys == [laid_out(saved).trial(arm, {}, "confirm", 0).key for arm in first.arms]
    keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(3)]).save(
        saved
    )
    second = laid_out(saved)
    assert not {*keys} & {second.trial(arm, {}, "confirm", 0).key for arm in second.arms}


@pytest.mark.parametrize(
    ("trunk", "said"),
    [("squeezent", "Did you mean 'squeezenet'?"), ("no.keras", "the path of a .keras file")],
)
def test_what_is_no_trunk_is_named(trunk, said):
    with pytest.raises(StudyError, match=r"fixed.trunk.*" + said.replace("?", r"\?")):
        laid_out(trunk)


def test_drawn_weights_leave_nothing_to_treat_otherwise():
    """Rates by depth and stages are for layers that have learned something."""
    laid = laid_out(
        "squeezenet",
        fixed={"epochs": 1, "layer_decay": 2.0, "head_epochs": 1},
        factors={"weights": ["trained", "drawn"]},
    )
    trained, drawn = (laid.trial(arm, {}, "confirm", 0).settings for arm in laid.arms)
    assert {"layer_decay", "head_epochs"} <= trained.keys()
    assert not {"layer_decay", "head_epochs"} & drawn.keys()


def test_only_it_and_templates_of_users_may_bring_weights():
    assert [name for name in catalog.TEMPLATES if catalog.may_bring(name)] == ["pretrained"]

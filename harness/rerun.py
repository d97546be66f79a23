"""Trains a finished trial once more, to keep the weights of its best epoch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness import building, catalog, design, environment, program
from harness.blocks.bottleneck import Contractive, Tied
from harness.blocks.generating import Generating
from harness.errors import StoreError, StudyError, TemplateError
from harness.spec import ENGINE
from harness.train import Trainer, cases, set_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.card import Card
    from harness.records import Environment
    from harness.spec import Trial
    from harness.store import Trained

RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Largest relative and absolute difference of a saved model's predictions: rounding alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A model that was trained again, and saved.

    Args:
        file: path of the saved file.
        metrics: all that was measured, equal to what the store holds.
        notes: remarks on the file, a sentence each.
    """

    file: Path
    metrics: Mapping[str, float]
    notes: tuple[str, ...]


def keep(stored: Trained, file: Path, folders: Sequence[Path]) -> Kept:
    """Train a trial again, make sure that it reproduces, and save the weights of its best epoch.

    A user's template and other user code of the trial run here.

    Args:
        stored: a completed trial, with its metrics.
        file: ends in ``.keras``; written only if all metrics are equal to the stored ones.
        folders: folders to search for user modules.

    Raises:
        StudyError: if another version of the engine has trained it.
        StoreError: if a metric comes out otherwise.
        TemplateError: if it fails, or a saved model does not predict as the trained one.
    """
    trial, card = stored.trial, stored.card
    if trial.engine != ENGINE:
        raise StudyError(
            f"expected a training by engine {ENGINE}, the one of this version. Received: one by "
            f"engine {trial.engine}, which computes differently. Run the study again first."
        )
    set_up(trial.threads)
    x_test = cases(trial, card.of(trial.data, trial.task)).x_test
    with tempfile.TemporaryDirectory() as place:
        room = environment.room_for_data(1)
        trainer = Trainer(card, folders, room, keep=Path(place))
        given = [_handed_on(trainer, one) for one in trial.needs]
        outcome = trainer.run(trial, given=given)
    if outcome.status != "completed":
        raise TemplateError(
            f"expected the training to complete as it did before. Received: {outcome.status}, "
            f"{outcome.reason}. Nothing was written."
        )
    _check_equal(stored, outcome.metrics)
    trained = trainer.programs[design.program_key(trial, card)][-1].network.model
    model, notes = _portable(trained, trial, card)
    file.parent.mkdir(parents=True, exist_ok=True)
    model.save(file)
    return Kept(
        file=file,
        metrics=outcome.metrics,
        notes=(*notes, *_check_file(file, trained, x_test)),
    )


def _handed_on(trainer: Trainer, trial: Trial) -> str:
    """Hash of the weights that another trial needs, trained again."""
    outcome = trainer.run(trial, hands_on=True)
    if outcome.status != "completed":
        raise TemplateError(
            "expected the training of its source to complete as it did before. Received: "
            f"{outcome.status}, {outcome.reason}. Nothing was written."
        )
    return outcome.artifacts[-1].digest


def _check_equal(stored: Trained, found: Mapping[str, float]) -> None:
    """Check every stored metric to its last digit, before anything is written."""
    other = [name for name, value in stored.metrics.items() if found.get(name) != value]
    if not other:
        return
    here = environment.observe()
    same = here == stored.environment
    why = (
        "The environment is the same; code of yours, or the data behind it, may have changed."
        if same
        else f"It was trained under {_told(stored.environment)}; this is {_told(here)}."
    )
    raise StoreError(
        f"expected the repeated training to reproduce the stored result {other[0]} = "
        f"{stored.metrics[other[0]]!r}. Received: {found.get(other[0])!r} ({len(other)} of "
        f"{len(stored.metrics)} metrics differ). Nothing was written. {why} Run the study "
        "again here, under another --root: those results can be reproduced and saved here."
    )


def _told(seen: Environment) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in seen.versions.items())
    flags = "".join(f", {name}={value}" for name, value in seen.flags.items())
    return f"{versions} on {seen.accelerator or seen.processor}{flags}"


def _portable(trained: Any, trial: Trial, card: Card) -> tuple[Any, tuple[str, ...]]:
    """The network with Keras' own layers where it has them, with the same weights."""
    if trial.template not in catalog.TEMPLATES:
        return trained, ()
    plain = building.network(
        trial.template,
        program.shapes(card),
        card.outputs,
        trial.settings,
        every_step=trial.task == "sequence",
    )
    if (widths := trial.settings.get("new_head")) is not None:
        plain = program.headed(plain, trial, card.outputs, widths, "glorot_uniform")
    model, notes = _without_references(plain)
    theirs = {layer.name: layer for layer in trained.layers}
    for layer in model.layers:
        if not layer.weights:
            continue
        source = theirs[layer.name]
        weights = source.get_weights()
        if isinstance(source, Tied):
            weights = [theirs[source.encoder_name].kernel.numpy().T, *weights]
        layer.set_weights(weights)
    return model, (*notes, *_own_layers(model))


def _without_references(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Copy of a model in which no layer uses another layer's weights, which no file can hold."""
    notes = []
    if any(isinstance(layer, Tied) for layer in model.layers):
        notes.append(
            "The decoder's kernels are copies of the encoder's: training the file further would "
            "not keep them tied."
        )
    if any(isinstance(layer, Contractive) for layer in model.layers):
        notes.append("The contractive penalty of the code is not in the file.")
    if not notes:
        return model, ()

    def own(layer: Any) -> Any:
        if isinstance(layer, Tied):
            return keras.layers.Dense(layer.output.shape[-1], name=layer.name)
        if isinstance(layer, Contractive):
            return keras.layers.Identity(name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=own), tuple(notes)


def _own_layers(model: Any) -> tuple[str, ...]:
    """Imports that a reader needs to load a saved model, if any."""
    found = {
        type(part).__name__
        for layer in model._flatten_layers()  # noqa: SLF001, nested ones too
        for part in (layer, *vars(layer).values(), *vars(getattr(layer, "cell", layer)).values())
        if type(part).__module__.startswith("harness.")
    }
    if not found:
        return ()
    names = ", ".join(sorted(found))
    sentence = (
        f"Keras has no counterpart of {names}: `import harness.building` before "
        "keras.models.load_model."
    )
    return (sentence,)


def _check_file(file: Path, trained: Any, x_test: Any) -> tuple[str, ...]:
    """Load the file, and compare its predictions with those of the training."""
    try:
        loaded = keras.models.load_model(file)
    except Exception as error:  # noqa: BLE001, code of the user's may need anything
        first = str(error).splitlines()[0]
        sentence = (
            "keras.models.load_model needs your own classes to load this file, and was not tried "
            f"with them ({type(error).__name__}: {first}). Register them with "
            "keras.saving.register_keras_serializable, or give them as custom_objects."
        )
        return (sentence,)
    if isinstance(trained, Generating):
        trained.draws.restart()
    ours, theirs = (
        one.predict(x_test, batch_size=program.EVALUATED, verbose=0) for one in (trained, loaded)
    )
    if not np.allclose(ours, theirs, rtol=RELATIVE, atol=ABSOLUTE):
        file.unlink()
        raise TemplateError(
            "expected a saved model that predicts like the trained one. Received: predictions that "
            f"differ by up to {np.abs(ours - theirs).max():.3g}. The file was removed."
        )
    return ()

"""The optimizer of a trial: made, checked, and what has to be known of it.

A user's own may be anything that Keras calls an optimizer: wrapped for mixed precision, with an
average of the weights, with a scaled loss. A program does with it what ``fit`` would do.
"""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness import catalog
from harness.errors import TemplateError
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.catalog import Choice
    from harness.spec import Trial

AVERAGED = (
    "The optimizer ends a training by exchanging the weights, such as for their average "
    "(use_ema): these are validated, tested and kept as the best, as Keras does with its callback "
    "SwapEMAWeights; training goes on with the others."
)

Slots = list[tuple[Any, Any]]
"""Variables of an optimizer that begin as copies of weights, with these weights."""


def optimizer(
    trial: Trial, variables: Sequence[Any], inputs: Mapping[str, Any], own: str = ""
) -> tuple[Any, Slots]:
    """The optimizer that a trial names, built for some variables.

    Args:
        trial: names it.
        variables: that it is to change; left as they are.
        inputs: variables through which numbers enter, by name.
        own: what stands before the names of a player's settings.

    Raises:
        TemplateError: if it is none, or if a study could not do what it promises with it.
    """
    asked = catalog.updates(trial.settings, own)
    chosen, arguments = asked.optimizer, asked.optimizer.arguments
    foreign = chosen.name not in catalog.OPTIMIZERS
    if foreign:
        arguments["learning_rate"] = asked.learning_rate
    made = resolve(chosen.entry.target)(**arguments)
    if not isinstance(made, keras.optimizers.Optimizer):
        raise TemplateError(
            f"expected a Keras optimizer from {chosen.name!r}. Received: {type(made).__name__}."
        )
    if foreign:
        _check_own(made, chosen, asked.learning_rate)
        _check_clip(made, chosen, asked.clip)
    slots = _build(made, variables)
    inner = _inner(made)
    for name in chosen.values():
        if f"{own}optimizer.{name}" in inputs:
            setattr(inner, name, inputs[f"{own}optimizer.{name}"])
    if f"{own}weight_decay" in inputs:
        inner.weight_decay = inputs[f"{own}weight_decay"]
    return made, slots


def finalizes(made: Any) -> bool:
    """True if an optimizer exchanges the weights when a training ends."""
    inner = _inner(made)
    plain = keras.optimizers.Optimizer.finalize_variable_values
    return bool(inner.use_ema) or type(inner).finalize_variable_values is not plain


def scales(made: Any) -> bool:
    """True if an optimizer takes gradients of a scaled loss."""
    return made is not _inner(made) or made.loss_scale_factor is not None


def _inner(made: Any) -> Any:
    """The optimizer that does the work, where one is wrapped to scale its loss."""
    return made.inner_optimizer if isinstance(made, keras.optimizers.LossScaleOptimizer) else made


def _build(made: Any, variables: Sequence[Any]) -> Slots:
    """Make all slots, and find those that begin where the weights do.

    They show when the weights are all different numbers, which initial ones need not be.
    """
    before = [variable.numpy() for variable in variables]
    generator = np.random.default_rng(0)
    for variable in variables:
        variable.assign(generator.uniform(0.5, 1.0, variable.shape))  # apart, and away from zero
    marks = [(variable, variable.numpy()) for variable in variables]
    made.build(variables)
    slots = [
        (slot, variable)
        for slot in made.variables
        for variable, mark in marks
        if np.array_equal(slot.numpy(), mark)
    ]
    for variable, array in zip(variables, before, strict=True):
        variable.assign(array)
    return slots


def _check_own(made: Any, chosen: Choice, given: float) -> None:
    """A study sets the rate of every step, so that it has to be settable and no other."""
    rate = getattr(made, "learning_rate", None)
    if not isinstance(rate, keras.Variable):
        inner = getattr(_inner(made), "_learning_rate", None)
        kind = type(made if rate is None else inner).__name__
        raise TemplateError(
            f"expected a constant learning rate inside {chosen.name!r}, because the study sets the "
            f"rate of every step. Received: {kind}. Pass on the learning_rate that it is given, "
            "and name the schedule in the study, such as schedule = 'cosine'."
        )
    if not isclose(float(rate.numpy()), given, rel_tol=1e-5):
        raise TemplateError(
            f"expected {chosen.name!r} to pass on the learning_rate that it is given, {given}, "
            f"because the study sets the rate of every step. Received: {float(rate.numpy()):.6g}."
            " Pass it on, and give the rate in the study: learning_rate = "
            f"{float(rate.numpy()):.6g}."
        )


def _check_clip(made: Any, chosen: Choice, clip: Choice) -> None:
    """A study clips the gradients of a batch; of these optimizers it would clip other numbers."""
    if clip.name == "none":
        return
    for found in ("loss_scale_factor", "gradient_accumulation_steps"):
        scaled = found == "loss_scale_factor" and made is not _inner(made)
        if scaled or getattr(made, found) is not None:
            raise TemplateError(
                f"expected clip = 'none' with {chosen.name!r}, whose gradients are scaled or "
                f"gathered before they are clipped. Received: {clip.setting()} and "
                f"{type(made).__name__ if scaled else found}. Clip inside the optimizer: "
                "clipnorm, global_clipnorm or clipvalue."
            )

"""Output of ``check --gradients``: the gradients of networks beside finite differences."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness import design
from harness.errors import TemplateError
from harness.terminal import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.design import Plan

SHOWN = 5
"""Weights whose gradients differ, that a line each is spent on."""


def compared(laid: Plan, folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Gradients of the network of every program, at its initial weights.

    A network that starts from another training is left out, since that has not been trained.
    Networks are built, which runs user code.

    Raises:
        TemplateError: naming the arm whose network cannot be built.
    """
    with quiet():
        from harness.train import Trainer

        trainer = Trainer(laid.card, folders)
        found = []
        for trial, arms in design.programs(laid).values():
            if trial.needs:
                continue
            try:
                slopes = trainer.slopes(trial)
            except TemplateError as error:
                raise TemplateError(f"{arms[0].label}: {error}") from error
            found.append(
                {
                    "arms": [arm.label for arm in arms],
                    "agrees": all(slope.agrees for slope in slopes),
                    "weights": [{**asdict(slope), "agrees": slope.agrees} for slope in slopes],
                }
            )
    return found


def lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Sentences on what ``compared`` has found."""
    for one in found:
        arms = "; ".join(one["arms"])
        weights = sorted(one["weights"], key=lambda weight: -weight["difference"])
        if one["agrees"]:
            most = weights[0]["difference"] if weights else 0.0
            yield f"{arms}: of {len(weights)} weights as finite differences, within {most:.1%}"
            continue
        bad = [weight for weight in weights if not weight["agrees"]]
        yield (
            f"{arms}: of {len(bad)} of {len(weights)} weights NOT as finite differences. A layer "
            "with a gradient of its own may mean that (stop_gradient, custom_gradient)"
        )
        for weight in bad[:SHOWN]:
            yield (
                f"  {weight['weight']}: {weight['analytic']:.4g} by backpropagation, "
                f"{weight['numeric']:.4g} by differences"
            )

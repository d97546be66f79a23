"""Measurements that a study may ask for inside its networks."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field

from harness.spec.values import Count, Frozen

Measure = Literal["gradients", "activations", "features", "sharpness", "weights"]

INSIDE = "inside "
"""Before the text of diagnostics among what is wanted of a trial; no metric has a space."""

CASES = 1024
"""Of the probe, where a study names no number and has as many training cases."""


class Diagnostics(Frozen):
    """Measurements inside the networks of an arm, on a probe: training cases that stay the same.

    They change no training and enter no identity. They are taken of confirm trials before the first
    step, at the end of every ``every``-th epoch, and at the end of the last one.

    Args:
        measures: ``gradients`` (of weights and pre-activations, and norms of weights),
            ``activations`` (mean, spread, shares of saturated and dead units), ``features`` (before
            the first step and at the end: probes, ranks, similarities), ``sharpness`` (the
            largest eigenvalue of the Hessian) and ``weights`` (the norm of all trained weights
            together, also of the players of a game).
        every: epochs from one measurement to the next.
        cases: in the probe; ``None``: 1,024, or all training cases where there are fewer.
        layers: names of the layers that are looked at; none: all with a kernel.

    Example:
        >>> Diagnostics(measures=("gradients",), every=5).text
        'inside {"every":5,"measures":["gradients"]}'
    """

    measures: Annotated[tuple[Measure, ...], Field(min_length=1)] = ("gradients", "activations")
    every: Count = 1
    cases: Count | None = None
    layers: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Its place among what is wanted of a trial."""
        told = self.model_dump(mode="json", exclude_defaults=True)
        return INSIDE + json.dumps(told, sort_keys=True, separators=(",", ":"))

"""Features of layers that a trial's diagnostics keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import objects, program, seeds
from harness.program import picturing
from harness.records import START, Artifact
from harness.train import features

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.program import Inputs, Pooling, Probing
    from harness.spec import Trial
    from harness.train.epochs import Leg

REPLICATES = 3
"""Replicates of which features are kept, the first ones."""


@dataclass(slots=True, kw_only=True)
class Collecting:
    """Features of the layers of a network, before the first step and at the end.

    Args:
        leg: the judged stage.
        trial: that is trained.
        pooling: gives features.
        probing: gives whole outputs.
        arrays: kept so far, of cases that are the same for all arms and replicates: features by
            layer, behind ``start/`` those before the first step, and behind ``picture/`` what is
            looked at.
        epoch: of the last ones; ``START`` before there are any.
    """

    leg: Leg
    trial: Trial
    pooling: Pooling
    probing: Probing
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    epoch: int = START

    def measure(self, epoch: int, cases: NDArray[np.int32]) -> dict[str, dict[str, float]]:
        """Numbers by layer.

        Args:
            epoch: that has ended; ``START`` before the first one.
            cases: of the probe.
        """
        inputs = self.leg.inputs
        with self.leg.compiled.program.learner.finalized():
            layers = self.pooling.features(inputs, cases)
            if self.trial.replicate < REPLICATES:
                common = _common(self.trial, len(inputs.y))
                self._keep(epoch, self.pooling.features(inputs, common), common)
                if epoch != START:
                    self._picture(common)
        return features.measured(layers, _classes(inputs, cases), self._stream)

    def keep(self, folder: Path) -> tuple[Artifact, ...]:
        """Store what was kept, in a folder of objects; nothing of a training without an end."""
        if self.epoch == START:
            return ()
        file = objects.keep_arrays(folder, self.arrays)
        return (Artifact(kind="features", epoch=self.epoch, digest=file.stem),)

    def _stream(self) -> np.random.Generator:
        """The permutations of the controls, the same for all arms and layers."""
        return seeds.stream(self.trial.seed, self.trial.phase, self.trial.replicate, "controls")

    def _keep(
        self, epoch: int, layers: Mapping[str, NDArray[Any]], cases: NDArray[np.int32]
    ) -> None:
        before = "start/" if epoch == START else ""
        self.arrays |= {f"{before}{name}": one for name, one in features.kept(layers).items()}
        labels = _classes(self.leg.inputs, cases)
        if labels is not None:
            self.arrays["labels"] = labels.astype(np.uint16)
        self.arrays |= {"cases": cases, "data": np.array(self.trial.data)}
        self.epoch = epoch

    def _picture(self, cases: NDArray[np.int32]) -> None:
        """Filters, feature maps of the first cases, and what codes stand for."""
        compiled, inputs = self.leg.compiled, self.leg.inputs
        model, some = compiled.network.model, cases[: picturing.SHOWN]
        shown = program.take(inputs, some)[0]
        if isinstance(shown, dict) or not picturing.is_image(shown.shape[1:]):
            return
        maps = picturing.maps(self.probing.outputs(inputs, some))
        found: dict[str, Any] = {f"maps/{name}": one for name, one in maps.items()}
        if maps:
            found["cases"] = np.stack([picturing.quantized(one) for one in shown.numpy()])
        found["filters"] = picturing.filters(model, shown.shape[1:])
        if picturing.decoding(model) is not None:
            codes = compiled.program.evaluating.codes(inputs, cases)
            found["traversals"] = picturing.traversals(model, codes)
        self.arrays |= {f"picture/{name}": one for name, one in found.items() if one is not None}


def _common(trial: Trial, count: int) -> NDArray[np.int32]:
    """Cases outside the test split, the same for all arms and replicates of a study.

    Networks can be compared by what they make of the same cases alone. A replicate has trained on
    most of them, and has validated on the others.
    """
    stream = seeds.stream(trial.seed, trial.phase, 0, "common")
    return seeds.permutation(stream, count)[: features.CASES].astype(np.int32)


def _classes(inputs: Inputs, cases: NDArray[np.int32]) -> NDArray[Any] | None:
    """Classes of cases; ``None`` where a case has no class of its own."""
    labels = np.asarray(inputs.y)
    return labels[cases] if labels.ndim == 1 and labels.dtype.kind in "iu" else None

"""Arms, references and trials: a study laid out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.identity import digest
from harness.spec.metric import Quantity
from harness.spec.values import Frozen, Level, Value, label

Phase = Literal["tune", "confirm"]


ENGINE = 3
"""Version of the engine; raised whenever the curves it produces change."""


class Arm(Frozen):
    """One combination of levels.

    Args:
        index: its place in the table.
        levels: level by factor, as the study wrote them.
    """

    index: int
    levels: dict[str, Level]

    @property
    def label(self) -> str:
        """A short name, such as ``relu, dropout=0.2``.

        What does not speak for itself, a number, ``none`` or ``all``, is told by its factor.
        """
        named = {factor: _is_named(level) for factor, level in self.levels.items()}
        return ", ".join(
            label(level) if named[factor] else f"{factor}={label(level)}"
            for factor, level in self.levels.items()
        )


class Reference(Frozen):
    """A method that trains no network, on the same splits as the arms.

    Args:
        index: its place, behind the arms.
        method: name and numbers, as the study wrote them.
        levels: of the arms that it is meant for, by factor; none: all arms.
        data: those of them that are of its data, such as ``cases``.
    """

    index: int
    method: dict[str, Level]
    levels: dict[str, Level] = Field(default_factory=dict)
    data: dict[str, Level] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """A short name, such as ``pca(components=8)``, perhaps with its data, ``cases=50``."""
        return ", ".join([label(self.method), *(f"{key}={one}" for key, one in self.data.items())])

    @property
    def shared(self) -> str:
        """A name that it shares with those which are meant for other levels."""
        adapts = self.levels.keys() - self.data.keys()
        return str(self.method["name"]) if adapts else label(self.method)

    def meets(self, arm: Arm) -> bool:
        """True if it is meant for an arm."""
        return all(arm.levels[factor] == level for factor, level in self.levels.items())


class Trial(Frozen):
    """One training, with everything that its result depends on.

    Args:
        template: name of the template, or of a method that trains no network.
        settings: all template arguments and training settings, in canonical form.
        dataset: where the data is.
        data: content hash of the data.
        task: ``classification`` or ``regression``.
        code: fingerprint of user code; empty for a built-in template.
        seed: the study's seed.
        phase: ``tune`` trials never see the test split.
        replicate: with the phase, fixes all random streams.
        best: quantity whose optimum is the best epoch.
        threads: intra-operation threads.
        engine: version of the engine.
        precision: floating-point type.
        xla: ``rule``: compiled by XLA where device and operations allow.
        deterministic: whether TensorFlow's op determinism is on.
        needs: trials that must have completed before, and whose weights it takes over.
    """

    template: str
    settings: dict[str, Value]
    dataset: str
    data: str
    task: str
    code: str = ""
    seed: int
    phase: Phase
    replicate: int
    best: str
    threads: int
    engine: int = ENGINE
    backend: Literal["tensorflow"] = "tensorflow"
    precision: Literal["float32"] = "float32"
    xla: Literal["rule"] = "rule"
    deterministic: bool = False
    needs: tuple[Trial, ...] = ()

    @property
    def choosing(self) -> Quantity:
        """The quantity that chooses the best epoch."""
        return Quantity.parse(self.best)

    def identity(self) -> dict[str, object]:
        """Everything by which two trainings differ, as plain values for a digest.

        The place of the data is not in it, only its content. Trials that are needed enter by their
        keys, and only where there are some.
        """
        found: dict[str, object] = {
            "template": self.template,
            "settings": self.settings,
            "data": self.data,
            "task": self.task,
            "code": self.code,
            "seed": self.seed,
            "phase": self.phase,
            "replicate": self.replicate,
            "best": self.best,
            "threads": self.threads,
            "engine": self.engine,
            "backend": self.backend,
            "precision": self.precision,
            "xla": self.xla,
            "deterministic": self.deterministic,
        }
        if self.needs:
            found["needs"] = [needed.key for needed in self.needs]
        return found

    @property
    def key(self) -> str:
        """Content hash: the same training has the same key in every study."""
        return digest(self.identity())


def _is_named(level: Level) -> bool:
    if isinstance(level, dict):
        return "name" in level
    return isinstance(level, str) and level.lower() not in {"none", "all"}

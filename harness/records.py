"""Records that are written down: the outcome of a training, and where it ran."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat

from harness.spec import Study

Status = Literal["completed", "diverged", "failed", "lost", "interrupted", "blocked"]
FINAL: frozenset[str] = frozenset({"completed", "diverged"})
"""Statuses that are results: such a trial is never trained again."""


class Record(BaseModel):
    """A typed, immutable fact. A number that is not finite is refused at birth."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Environment(Record):
    """Circumstances, beside the study, that a result may depend on.

    Args:
        harness: version of this package.
        versions: of Python and the numerical packages.
        processor: model name.
        accelerator: model name of the GPUs; empty without any.
        flags: environment variables that change results.
    """

    harness: str
    versions: dict[str, str]
    processor: str
    accelerator: str = ""
    flags: dict[str, str]


class Epoch(Record):
    """Numbers of one finished epoch.

    Args:
        epoch: index within its stage, from 0.
        quantities: such as ``val/loss``; at the best and the last epoch of a confirm trial also
            those of the test split.
        stage: name of the stage; empty for the last one, which is judged.
    """

    epoch: int
    quantities: dict[str, FiniteFloat]
    stage: str = ""


NETWORK = "(network)"
"""In place of the name of a layer: what is measured of the network as a whole."""

START = -1
"""In place of an epoch: before the first step."""


class Inside(Record):
    """Numbers of one layer after an epoch.

    Args:
        epoch: index within the last stage, from 0; ``START`` before the first step.
        layer: its name; ``NETWORK`` for those of the network as a whole.
        quantities: such as ``inside/gradient_rms``.
    """

    epoch: int
    layer: str
    quantities: dict[str, FiniteFloat]


class Seconds(Record):
    """Time spent on the parts of an attempt, in seconds of a monotonic clock."""

    build: FiniteFloat = 0.0
    compile: FiniteFloat = 0.0
    data: FiniteFloat = 0.0
    train: FiniteFloat = 0.0
    evaluate: FiniteFloat = 0.0


class Artifact(Record):
    """A file that a training has left among the objects of its store.

    Args:
        kind: ``samples``: generated cases, and real ones beside them; ``weights``: of the best
            epoch, in the order in which the network made them; ``seen``: what the network said of
            some test cases; ``features``: outputs of its layers for the probe.
        stage: name of the stage; empty for the last one.
        epoch: after which it was made; where there are several in it, the last of them.
        digest: SHA-256 of its content.
    """

    kind: Literal["samples", "weights", "seen", "features"]
    stage: str = ""
    epoch: int
    digest: str


class Outcome(Record):
    """Result of one training.

    Args:
        status: ``completed``, ``diverged`` (a loss or weight stopped being finite), ``failed``
            (user code raised), ``lost`` (its process died), ``interrupted`` or ``blocked`` (a trial
            that it needs has not completed).
        reason: one line for people; empty for a completed trial.
        curve: all finished epochs, up to the last one with finite numbers; those of earlier
            stages come first. A reference has one.
        best_epoch: index of the best epoch on validation data, in the last stage.
        parameters: number of trainable parameters, in the last stage.
        route: ``program`` (compiled epochs) or ``fit`` (fallback for a user's model).
        xla: whether the program was compiled by XLA.
        reused: whether the program had been compiled for an earlier trial.
        seconds: time spent on each part.
        notes: remarks on the network for readers of the results, a sentence each.
        artifacts: files that it has left.
        inside: numbers of its layers, where the study asks for them.
    """

    status: Status
    reason: str = ""
    curve: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    parameters: int | None = None
    route: Literal["program", "fit"] = "program"
    xla: bool = False
    reused: bool = False
    seconds: Seconds = Seconds()
    notes: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    inside: tuple[Inside, ...] = ()

    @property
    def judged(self) -> tuple[Epoch, ...]:
        """Epochs of the last stage."""
        return tuple(epoch for epoch in self.curve if not epoch.stage)

    @property
    def metrics(self) -> dict[str, float]:
        """Quantities at the best and at the last epoch; none if the trial did not complete.

        Example:
            >>> curve = (Epoch(epoch=0, quantities={"val/loss": 0.5}),)
            >>> Outcome(status="completed", curve=curve, best_epoch=0).metrics
            {'val/loss@best': 0.5, 'val/loss@last': 0.5}
        """
        curve = self.judged
        if self.status != "completed" or not curve:
            return {}
        chosen = {"best": curve[self.best_epoch or 0], "last": curve[-1]}
        return {
            f"{quantity}@{rule}": value
            for rule, epoch in chosen.items()
            for quantity, value in epoch.quantities.items()
        }


class Report(Record):
    """Message of a worker on an attempt that has ended.

    Args:
        outcome: result of the training.
        environment: circumstances in which it ran.
    """

    outcome: Outcome
    environment: Environment


class Rehearsal(Record):
    """Result of building a trial's network before anything is trained.

    Args:
        problem: why it cannot be built; empty if it can.
        notes: remarks on it for readers of the results, a sentence each.
        missing: metrics of its task that cannot be measured of it.
    """

    problem: str = ""
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Result(Record):
    """Facts about a finished trial on which decisions are based.

    Args:
        status: of the trial; ``pending`` or ``running`` before it ends.
        metrics: values measured at the end.
        epochs: finished epochs with finite numbers.
    """

    status: str
    metrics: dict[str, float]
    epochs: int


class Member(Record):
    """The place of a trial in a study.

    Args:
        arm: index of the arm.
        phase: ``tune`` or ``confirm``.
        candidate: index of the hyperparameters tried in this arm; 0 without tuning.
        replicate: index of the replicate.
        hyperparameters: values proposed for this candidate.
        trial: key of the trial.
    """

    arm: int
    phase: Literal["tune", "confirm"]
    candidate: int
    replicate: int
    hyperparameters: dict[str, bool | int | FiniteFloat | str]
    trial: str


class Definition(Record):
    """Definition that a store was last run with.

    Args:
        study: the question.
        data: content hash of its data.
        code: fingerprint of user code; empty for a built-in template.
    """

    study: Study
    data: str
    code: str


class Revision(Record):
    """A definition that a study had.

    Args:
        number: from 1.
        digest: of the definition.
        at: when it was stored, in ISO format; empty where that is not known.
        changed: keys that differ from the definition before, such as ``factors.activation``.
        finished: trials that had a result by then.
    """

    number: int
    digest: str
    at: str = ""
    changed: tuple[str, ...] = ()
    finished: int = 0

    @property
    def short(self) -> str:
        """Digest, shortened for people to compare."""
        return self.digest[:8]

    @property
    def time(self) -> str:
        """Time of storage, to the minute.

        Example:
            >>> Revision(number=1, digest="", at="2026-03-01T09:30:12.5+00:00").time
            '2026-03-01 09:30 UTC'
        """
        return f"{self.at[:16].replace('T', ' ')} UTC" if self.at else "at an unknown time"

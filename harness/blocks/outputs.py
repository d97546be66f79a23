"""Kind of a model's outputs, logits or probabilities: told by a setting, or by one forward pass."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit, log_softmax, logsumexp, softmax

from harness import catalog, seeds
from harness.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from harness.card import Card

    Numbers = NDArray[np.floating]

Kind = Literal["logits", "probabilities", "log_probabilities"]
KINDS: tuple[Kind, ...] = ("logits", "probabilities", "log_probabilities")

_SEED = 20260101
"""Seed of the inputs shown to a model to see its outputs; the same for all trials."""

_SHOWN = 4
"""Cases of each width that are shown to a model, so that a large one is not slow to judge."""

TINY = float(np.finfo(np.float64).tiny)
"""Smallest divisor, which takes the place of 0."""

_EXACT, _HALF = 1e-3, 1e-2
"""Largest distance from 1 of a sum of probabilities: in single precision, and in half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Form of a model's outputs: logits or probabilities, and how many there are per case.

    Args:
        kind: kind of the numbers, where the task has classes or labels.
        single: whether one output tells class 1 from class 0.
        each: whether every output is a yes or no of its own: one label of several, or a
            single one.
    """

    kind: Kind = "logits"
    single: bool = False
    each: bool = False

    @property
    def threshold(self) -> float:
        """Value of an output above which it says yes."""
        return 0.0 if self.kind == "logits" else 0.5

    def read(self, outputs: Numbers) -> Predictions:
        """Predictions from raw outputs; a single output is spread over both classes."""
        if not self.single:
            return Predictions(kind=self.kind, each=self.each, outputs=outputs)
        one = np.asarray(outputs, np.float64)
        one = one[..., 0] if one.ndim > 1 and one.shape[-1] == 1 else one
        other = np.zeros_like(one) if self.kind == "logits" else 1 - one
        return Predictions(kind=self.kind, each=False, outputs=np.stack([other, one], axis=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Outputs for some cases, as metrics need them; all in double precision.

    A softmax in single precision is 0 or 1 where logits still differ, so that what ranks is
    taken from the logits.

    Args:
        kind: kind of the outputs.
        each: whether every output is a yes or no of its own.
        outputs: shape ``(cases, ..., classes)``.
    """

    kind: Kind
    each: bool
    outputs: Numbers

    @property
    def raw(self) -> Numbers:
        """Scores that rank the classes of one case; for outputs of yes or no, above 0 means yes."""
        if self.each and self.kind != "logits":
            return self.outputs - np.asarray(0.5, self.outputs.dtype)
        return self.outputs

    @property
    def probabilities(self) -> Numbers:
        """Probabilities of the classes; where each output is a yes or no, those of yes."""
        exact = np.asarray(self.outputs, np.float64)
        if self.each:
            return np.asarray(expit(exact) if self.kind == "logits" else exact)
        if self.kind == "probabilities":
            return np.asarray(exact / np.maximum(exact.sum(axis=-1, keepdims=True), TINY))
        return np.asarray(softmax(exact, axis=-1))

    @property
    def log_probabilities(self) -> Numbers:
        """Natural logarithms of the probabilities of the classes."""
        if self.kind == "probabilities":
            return np.log(np.maximum(self.probabilities, np.finfo(np.float32).tiny))
        return log_softmax(np.asarray(self.outputs, np.float64), axis=-1)  # type: ignore[no-any-return]

    @property
    def ranks(self) -> Numbers:
        """Scores that rank cases by one class: log odds for logits, else probabilities."""
        if self.each or self.kind == "probabilities":
            return self.outputs
        return _log_odds(np.asarray(self.outputs, np.float64))


def _log_odds(logits: Numbers) -> Numbers:
    """Logarithms of p / (1 - p), exact where p is all but 0 or 1."""
    if logits.shape[-1] == 2:
        second = logits[..., 1] - logits[..., 0]
        return np.stack([-second, second], axis=-1)
    logs = log_softmax(logits, axis=-1)
    largest = logs.argmax(axis=-1)[..., None]
    others = logs.copy()
    np.put_along_axis(others, largest, -np.inf, axis=-1)
    # Of the largest, 1 - p would be lost in rounding; of all others p is at most a half.
    found = logs - np.log1p(-np.exp(others))
    own = np.take_along_axis(logs, largest, axis=-1) - logsumexp(others, axis=-1, keepdims=True)
    np.put_along_axis(found, largest, own, axis=-1)
    return found  # type: ignore[no-any-return]


def expected_shapes(card: Card) -> list[tuple[int | None, ...]]:
    """Shapes that a model's output may have for data with labels: the usual one, then others.

    Two classes may also be told by a single output.
    """
    steps = card.shape[:1] if card.task == "sequence" else ()
    usual: tuple[int | None, ...] = (None, *steps, card.outputs)
    single = catalog.TASKS[card.task].classes and card.outputs == 2
    return [usual, *([(None, *steps, 1), (None, *steps)] if single else [])]


def form(
    model: Any,
    card: Card,
    template: str,
    told: str | None,
    *,
    built_in: bool,
    shape: tuple[int | None, ...] = (),
) -> Form:
    """Find the form of a model's outputs.

    Args:
        model: a built Keras model whose output has an expected shape.
        card: of the data.
        template: name of the template in error messages.
        told: kind that the study states; ``None``: find out.
        built_in: whether the template is one of ours, which all give logits.
        shape: shape of the outputs; default: as the model states it.

    Raises:
        TemplateError: if they could be several things, or are not what is told.
    """
    each = card.task == "multilabel"
    if built_in or not catalog.TASKS[card.task].labels:
        return Form(each=each)
    single = tuple(shape or model.output_shape) != expected_shapes(card)[0]
    with _restored(model):
        look = _Look(model, card, each=each or single)
        seen = look.kind()
    kind = next((one for one in KINDS if one == told), seen)
    if kind is None:
        raise TemplateError(
            f"template {template!r}: expected outputs that are clearly logits (of either sign), "
            f"probabilities ({look.wanted}) or log probabilities. Received: {look.described}. Say "
            "in [fixed] what they are, such as outputs = 'logits' or outputs = 'probabilities'."
        )
    if told and look.contradicts(kind, seen):
        raise TemplateError(
            f"template {template!r}: expected outputs that can be {kind.replace('_', ' ')}, as "
            f"outputs = {told!r} says. Received: {look.described}. Leave 'outputs' out, or set "
            "it to what they are."
        )
    return Form(kind=kind, single=single, each=each)


class _Look:
    """A model's outputs on random inputs, with its weights as built and with others.

    Weights as built may give zeros only; and what is positive by chance is negative with the last
    layer turned round.
    """

    def __init__(self, model: Any, card: Card, *, each: bool) -> None:
        self._model, self._each, self._problem = model, each, ""
        self._inputs, self.built = self._first(card)
        dtype = str(getattr(model, "compute_dtype", "float32"))
        self.near = _HALF if "16" in dtype else _EXACT

    def _first(self, card: Card) -> tuple[Any, Numbers]:
        """Inputs that the model takes, and its outputs."""
        for inputs in _inputs(card):
            try:
                return inputs, self._outputs(inputs)
            except Exception as error:  # noqa: BLE001, a user's layer may raise anything
                self._problem = self._problem or f"{type(error).__name__} on random inputs"
        return None, np.empty((0, 1))

    def _outputs(self, inputs: Any) -> Numbers:
        """Rows of finite outputs; infinite ones only as the logarithm of 0."""
        made = np.asarray(self._model(inputs, training=False), np.float64)
        rows = made.reshape(-1, made.shape[-1]) if made.ndim > 1 else made[:, None]
        return rows[~np.isnan(rows).any(axis=1) & ~np.isposinf(rows).any(axis=1)]

    def kind(self) -> Kind | None:
        """Kind that all outputs share; ``None`` if they do not show it clearly."""
        if self._inputs is None:
            return None
        if (self.built < 0).any() and (self.built > self.near).any():
            return "logits"  # probabilities and their logarithms have one sign
        others = np.concatenate([self._outputs(self._inputs) for _ in _redrawn(self._model)])
        return self._of_each(others) if self._each else self._of_rows(others)

    @property
    def wanted(self) -> str:
        """Description of valid probabilities, for a message."""
        return "0 to 1" if self._each else "rows that sum to 1"

    @property
    def described(self) -> str:
        """Description of the outputs that were seen, for a message."""
        if self._inputs is None:
            return self._problem
        if not len(self.built):
            return "no finite numbers on random inputs"
        low, high = self.built.min(), self.built.max()
        seen = f"numbers from {low:.3g} to {high:.3g} on random inputs"
        sums = self.built.sum(axis=1)
        return seen if self._each else f"{seen}, in rows that sum to {sums.min():.3g} and more"

    @property
    def _constant(self) -> bool:
        """True if the initial weights give every case the same outputs, which show no kind."""
        return not len(self.built) or np.ptp(self.built, axis=0).max() == 0

    def _of_each(self, others: Numbers) -> Kind | None:
        everything = np.concatenate([self.built, others])
        if (everything < 0).any():
            return "logits" if (everything > 0).any() else None
        return "probabilities" if (everything <= 1 + self.near).all() else None

    def _of_rows(self, others: Numbers) -> Kind | None:
        parts = [others] if self._constant else [self.built, others]
        found = {self._rows(rows) for rows in parts if len(rows)}
        if found == {"logits", None}:
            return "logits"
        return found.pop() if len(found) == 1 else None

    def _rows(self, rows: Numbers) -> Kind | None:
        if self._sum_to_one(rows):
            return "probabilities"
        if self._logs_of_such(rows):
            return "log_probabilities"
        return "logits" if (rows < 0).any() else None

    def _sum_to_one(self, rows: Numbers) -> bool:
        """True if every row holds probabilities of classes, which sum to 1."""
        return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=self.near, rtol=0))

    def _logs_of_such(self, rows: Numbers) -> bool:
        """True if every row holds logarithms of such probabilities."""
        if (rows > self.near).any():
            return False
        return bool(np.allclose(logsumexp(rows, axis=1), 0, atol=self.near, rtol=0))

    def contradicts(self, told: Kind, seen: Kind | None) -> bool:
        """True if the outputs at the initial weights rule out the kind that the study states."""
        if told == "logits":  # Keras unwraps a sigmoid or a softmax in any case
            within = (self.built >= 0).all() and (self.built <= 1 + self.near).all()
            return seen == "probabilities" or bool(within and not self._constant)
        if told == "log_probabilities":
            return self._each or (len(self.built) > 0 and not self._logs_of_such(self.built))
        return bool((self.built < -self.near).any() or (self.built > 1 + self.near).any())


def _inputs(card: Card) -> Iterator[Any]:
    """Inputs like real ones: real numbers of several widths first, then whole ones like counts."""
    shapes = dict(card.inputs) or {"": card.shape}
    for kind in ("tokens",) if card.tokens else ("numbers", "counts"):
        drawn = {
            name: _drawn(kind, shape, card, seeds.stream(_SEED, "data", 0, "outputs", name))
            for name, shape in shapes.items()
        }
        yield drawn if card.inputs else drawn[""]


def _drawn(
    kind: str, shape: Sequence[int], card: Card, generator: np.random.Generator
) -> NDArray[np.float32]:
    size = (3 * _SHOWN, *shape)
    if kind == "tokens":
        return generator.integers(0, card.tokens, size).astype(np.float32)
    if kind == "counts":
        return generator.integers(0, 2, size).astype(np.float32)
    made = generator.standard_normal(size)
    made[_SHOWN:] *= 10
    made[2 * _SHOWN :] = generator.random((_SHOWN, *shape))
    return made.astype(np.float32)


def _redrawn(model: Any) -> Iterator[None]:
    """Give a model other weights in turn: small and large ones, and these with the end negated."""
    variables = list(model.trainable_variables)
    last = max((i for i, one in enumerate(variables) if len(one.shape) > 1), default=0)
    generator = seeds.stream(_SEED, "data", 0, "weights")
    for scale in (1.0, 4.0):
        drawn = [
            scale * generator.standard_normal(one.shape) / sqrt(max(1, prod(one.shape[:-1])))
            for one in variables
        ]
        for sign in (1.0, -1.0):
            for index, (variable, array) in enumerate(zip(variables, drawn, strict=True)):
                variable.assign((sign if index >= last else 1.0) * array)
            yield


@contextmanager
def _restored(model: Any) -> Iterator[None]:
    """Put every variable of a model back to its value afterwards."""
    before = [(variable, variable.numpy()) for variable in model.variables]
    try:
        yield
    finally:
        for variable, array in before:
            variable.assign(array)

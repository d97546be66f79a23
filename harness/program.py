"""One compiled training graph, refilled for every trial that has its structure.

The numbers of a trial (initial weights, learning rates, coefficients, seeds) are inputs; what
is left is structure. A whole epoch, validation included, is one call of one graph. This is the
only place where Keras objects are mutated.
"""

from __future__ import annotations

import inspect
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from harness import catalog, design, losses, metrics
from harness.errors import TemplateError
from harness.layers import Drawn, Penalty, resolve
from harness.spec import training_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from harness.spec import Card, Trial, Value

EVALUATED = 1024
"""Cases per forward pass of an evaluation; it bounds memory and does not change results."""

_SLOW_UNDER_XLA = re.compile(r"(Depthwise)?Conv|.*Random|RngReadAndSkip")
"""Operations that XLA makes slower on a CPU, by up to forty times: it does not use oneDNN's
convolutions, and expands random operations into long integer code."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A variable of a model, with the initializer it was made with."""

    variable: Any
    initializer: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many cases a program trains and validates on."""

    train: int
    validation: int
    batch: int

    @property
    def steps(self) -> int:
        """Optimizer steps in one epoch, the partial batch included."""
        return -(-self.train // self.batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A built model, and the variables through which a trial's numbers enter.

    Args:
        model: as the template returned it.
        weights: in the order in which they were made.
        inputs: scalar variables by value name, such as ``dropout`` or ``regularizer.l2``.
    """

    model: Any
    weights: tuple[Weight, ...]
    inputs: dict[str, Any]


def sizes(trial: Trial, card: Card) -> Sizes:
    """The sizes that a trial's settings imply for a data set."""
    validation, batch = trial.settings["validation"], trial.settings["batch_size"]
    assert isinstance(validation, float)
    assert isinstance(batch, int)
    train = training_cases(card.cases, validation)
    return Sizes(train=train, validation=card.cases - train, batch=batch)


def build(trial: Trial, card: Card, template: Callable[..., Any]) -> Network:
    """Call a template and check what it returns.

    Raises:
        TemplateError: if that is no built model that fits the data.
    """
    structure, values = design.split(trial)
    inputs = {
        name: keras.Variable(number, trainable=False, name=name.replace(".", "_"))
        for name, number in values.items()
    }
    arguments = {
        name: _argument(name, part, inputs)
        for name, part in {**trial.settings, **structure}.items()
        if name not in catalog.SETTINGS
    }
    with _recording() as weights:
        model = template(card.shape, card.outputs, **arguments)
    _check_model(model, weights, trial, card)
    return Network(model=model, weights=tuple(weights), inputs=inputs)


class Program:
    """A compiled epoch over resident data.

    Args:
        trial: any trial of the structure.
        card: of the data.
        network: built for it.

    Attributes:
        quantities: names of what ``epoch`` returns, such as ``val/loss``.
        xla: whether the graph is compiled by XLA: on a GPU always; on a CPU unless it holds a
            convolution or a random operation.
        traces: how often the epoch was traced; once, however many trials it serves.
    """

    engine = "program"

    def __init__(self, trial: Trial, card: Card, network: Network) -> None:
        """Build the optimizer, note every built value, and define the graphs."""
        self.sizes = sizes(trial, card)
        self.traces = 0
        self._network = network
        self._model = network.model
        self._variables = self._model.trainable_variables
        self._optimizer = _optimizer(trial, self._variables, network.inputs)
        self._built = [(variable, variable.numpy()) for variable in self._optimizer.variables]
        weights = {id(weight.variable) for weight in network.weights}
        self._seeds = [part for part in self._model.variables if id(part) not in weights]
        self._state = [weight.variable for weight in network.weights]
        self._kept = [tf.Variable(part.value) for part in self._state]
        self._record = tf.Variable(np.inf, dtype=tf.float32)
        self._loss = losses.per_case(str(trial.settings["loss"]), self._model)
        self._metrics = _metrics(trial, self._loss)
        names = ("loss", *self._metrics)
        self.names = names
        self.quantities = tuple(f"{part}/{name}" for part in ("train", "val") for name in names)
        best = trial.best.partition("/")[2]
        self._best = names.index(best)
        self._sign = 1.0 if catalog.METRICS[best].direction == "minimize" else -1.0
        self.xla = _compiles(self._model, card)
        self._run = tf.function(self._epoch, jit_compile=self.xla, autograph=False)
        self._test = tf.function(self._measure, jit_compile=self.xla, autograph=False)

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return int(sum(np.prod(variable.shape) for variable in self._variables))

    def reset(
        self,
        initial: Sequence[NDArray[np.generic]],
        values: dict[str, float],
        noise: np.random.Generator,
    ) -> None:
        """Make the program forget every earlier trial.

        Args:
            initial: one array per weight, in the order of the network's weights.
            values: every number that is an input.
            noise: stream that the seeds of dropout and its relatives come from.
        """
        for variable, array in zip(self._state, initial, strict=True):
            variable.assign(array)
        for variable, array in self._built:
            variable.assign(array)
        for variable in self._seeds:
            variable.assign(_noise(variable, noise))
        for name, variable in self._network.inputs.items():
            variable.assign(values[name])
        self._record.assign(np.inf)

    def compile(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Trace and compile, with the work of a single step."""
        cases = np.zeros(self.sizes.train, np.int32)
        rates = np.zeros(self.sizes.steps, np.float32)
        held = np.zeros(self.sizes.validation, np.int32)
        self._run(x, y, tf.constant(cases), tf.constant(0), tf.constant(rates), tf.constant(held))

    def epoch(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        order: NDArray[np.int32],
        rates: NDArray[np.float32],
        held: NDArray[np.int32],
    ) -> tuple[dict[str, float], bool]:
        """Train once over the training cases, then validate.

        Args:
            x: all cases outside the test split.
            y: their labels.
            order: the training cases in the order of this epoch.
            rates: learning rate of every step.
            held: the validation cases.

        Returns:
            The quantities of this epoch, and whether all weights are still finite.
        """
        full = self.sizes.train // self.sizes.batch
        numbers = self._run(
            x, y, tf.constant(order), tf.constant(full), tf.constant(rates), tf.constant(held)
        ).numpy()
        return dict(zip(self.quantities, numbers[:-1].tolist(), strict=True)), bool(numbers[-1])

    def evaluate(self, x: tf.Tensor, y: tf.Tensor, epoch: str) -> dict[str, float]:
        """Loss and metrics with the weights of the ``last`` or of the ``best`` epoch."""
        if epoch == "best":
            for variable, kept in zip(self._state, self._kept, strict=True):
                variable.assign(kept)
        numbers = self._test(x, y).numpy().tolist()
        return dict(zip(self.names, numbers, strict=True))

    def _epoch(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        order: tf.Tensor,
        steps: tf.Tensor,
        rates: tf.Tensor,
        held: tf.Tensor,
    ) -> tf.Tensor:
        self.traces += 1

        def step(cases: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
            return self._step(tf.gather(x, cases), tf.gather(y, cases), rates[index])

        train = _accumulate(order, self.sizes.batch, steps, step, len(self.names))
        val = self._over(x, y, held)
        self._keep(val[self._best] * self._sign)
        finite = tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(variable)) for variable in self._variables]
        )
        parts = [train / self.sizes.train, val, tf.cast(finite, tf.float32)[tf.newaxis]]
        return tf.concat(parts, axis=0)

    def _step(self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """One update; the sums of loss and metrics over the batch, before it."""
        with tf.GradientTape() as tape:
            outputs = self._model(x, training=True)
            per_case = self._loss(y, outputs)
            loss = tf.add_n([tf.reduce_mean(per_case), *self._model.losses])
        gradients = tape.gradient(loss, [variable.value for variable in self._variables])
        self._optimizer.learning_rate.assign(rate)
        self._optimizer.apply(gradients, self._variables)
        return self._sums(y, outputs, loss)

    def _sums(self, y: tf.Tensor, outputs: tf.Tensor, loss: tf.Tensor) -> tf.Tensor:
        count = tf.cast(tf.shape(y)[0], tf.float32)
        means = [tf.reduce_sum(metric(y, outputs)) for metric in self._metrics.values()]
        return tf.stack([loss * count, *means])

    def _over(self, x: tf.Tensor, y: tf.Tensor, cases: tf.Tensor) -> tf.Tensor:
        def forward(part: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
            labels = tf.gather(y, part)
            outputs = self._model(tf.gather(x, part), training=False)
            loss = tf.add_n([tf.reduce_mean(self._loss(labels, outputs)), *self._model.losses])
            return self._sums(labels, outputs, loss)

        size = min(EVALUATED, cases.shape[0])
        full = tf.constant(cases.shape[0] // size)
        return _accumulate(cases, size, full, forward, len(self.names)) / cases.shape[0]

    def _measure(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return self._over(x, y, tf.range(x.shape[0]))

    def _keep(self, score: tf.Tensor) -> None:
        """Remember the weights if this is the best epoch so far."""
        better = score < self._record
        self._record.assign(tf.where(better, score, self._record))
        for kept, variable in zip(self._kept, self._state, strict=True):
            kept.assign(tf.where(better, variable.value, kept))


def _accumulate(
    cases: tf.Tensor,
    size: int,
    full: tf.Tensor,
    function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    width: int,
) -> tf.Tensor:
    """Sum a function over consecutive batches; a partial last one has its own static shape."""

    def body(index: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return index + 1, total + function(tf.slice(cases, [index * size], [size]), index)

    _, total = tf.while_loop(
        lambda index, _: index < full, body, (tf.constant(0), tf.zeros(width)), parallel_iterations=1
    )
    whole = cases.shape[0] // size
    if cases.shape[0] % size:
        total += function(cases[whole * size :], tf.constant(whole))
    return total


def _argument(name: str, part: Value, inputs: dict[str, Any]) -> Any:
    """What a template is given for one of its arguments."""
    if name == "initializer" and isinstance(part, dict):
        return Drawn()
    if name == "regularizer" and isinstance(part, dict):
        prefix = f"{name}."
        terms = {key[len(prefix) :]: inputs[key] for key in inputs if key.startswith(prefix)}
        return Penalty(**terms) if terms else None
    return inputs[name] if name in inputs else part


def _optimizer(trial: Trial, variables: Sequence[Any], inputs: dict[str, Any]) -> Any:
    chosen = catalog.choice("optimizer", trial.settings["optimizer"])
    made = resolve(catalog.OPTIMIZERS[chosen.name].target)(
        **chosen.numbers, **chosen.flags
    )
    made.build(variables)
    for name in chosen.values():
        if f"optimizer.{name}" in inputs:
            setattr(made, name, inputs[f"optimizer.{name}"])
    return made


def _metrics(trial: Trial, loss: Callable[[Any, Any], Any]) -> dict[str, Callable[..., Any]]:
    known = metrics.of_task(trial.task)
    return {"crossentropy": loss, **known} if trial.task == "classification" else known


def _noise(variable: Any, noise: np.random.Generator) -> NDArray[np.generic]:
    """A fresh state for a Keras seed generator: a drawn seed, and its counter at zero."""
    state = np.zeros(variable.shape, dtype=variable.dtype)
    state[0] = noise.integers(2**31)
    return state


def _compiles(model: Any, card: Card) -> bool:
    """The fixed rule of device and operations, read from the graph of a forward pass."""
    if tf.config.list_logical_devices("GPU"):
        return True
    spec = tf.TensorSpec((2, *card.shape), tf.float32)
    traced = tf.function(lambda x: model(x, training=True), autograph=False)
    graph = traced.get_concrete_function(spec).graph.as_graph_def()
    nodes = [*graph.node, *(node for part in graph.library.function for node in part.node_def)]
    return not any(_SLOW_UNDER_XLA.match(node.op) for node in nodes)


@contextmanager
def _recording() -> Iterator[list[Weight]]:
    """Note every weight that is made, with its initializer, which Keras itself forgets."""
    original = keras.layers.Layer.add_weight
    signature = inspect.signature(original)
    made: list[Weight] = []

    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        variable = original(self, *args, **kwargs)
        given = signature.bind(self, *args, **kwargs).arguments
        positional = given.get("args", ())
        initializer = given.get("initializer", positional[1] if len(positional) > 1 else None)
        if initializer is None:
            initializer = "glorot_uniform" if "float" in variable.dtype else "zeros"
        made.append(Weight(variable, keras.initializers.get(initializer)))
        return variable

    keras.layers.Layer.add_weight = add_weight
    try:
        yield made
    finally:
        keras.layers.Layer.add_weight = original


def _check_model(model: Any, weights: list[Weight], trial: Trial, card: Card) -> None:
    name = trial.template
    if not isinstance(model, keras.Model):
        raise TemplateError(
            f"template {name!r}: expected a Keras model. Received: {type(model).__name__}."
        )
    if not model.built:
        raise TemplateError(
            f"template {name!r}: expected a built model. Received: one without weights. Build it "
            "with keras.Input(shape), or call model.build((None, *shape)) before returning it."
        )
    losses.check_outputs(model, card.outputs, name)
    known = {id(weight.variable) for weight in weights}
    strange = [weight.path for weight in model.weights if id(weight) not in known]
    if strange:
        raise TemplateError(
            f"template {name!r}: expected weights made by this call with add_weight, so that every "
            f"replicate can draw them anew. Received: {strange[0]!r}, made elsewhere."
        )

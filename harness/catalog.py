"""Everything that a study can sweep, as literal tables.

Each entry says which of its numbers are *values* (inputs of a compiled program, so that
trials which differ only there share it) and which are *structure* (part of the program).
Nothing here imports Keras: planning reads these tables, training resolves their targets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Literal

from harness.errors import StudyError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.spec import Value

Direction = Literal["minimize", "maximize"]
Scale = Literal["identity", "log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that an entry takes.

    Args:
        default: used where a study does not name it.
        low: smallest admissible number.
        high: largest admissible number.
        value: whether it is an input of the program rather than part of it.
    """

    default: float
    low: float = 0.0
    high: float = float("inf")
    value: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a study may name.

    Args:
        target: what implements it, as ``module:object``.
        numbers: what it takes, by name.
        flags: switches that it takes, with their defaults; always structure.
        aliases: other names that users know it by.
        note: one line for ``keras-harness catalog``.
        source: the paper that introduced it.
    """

    target: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A catalogue entry as a study names it, with all its numbers filled in."""

    family: str
    name: str
    numbers: Mapping[str, float]
    flags: Mapping[str, bool]

    def setting(self) -> dict[str, Value]:
        """The form in which a choice enters a trial."""
        return {"name": self.name, **self.flags, **self.numbers}

    def values(self) -> dict[str, float]:
        """Those numbers that are inputs of a program."""
        entry = FAMILIES[self.family][self.name]
        return {key: self.numbers[key] for key, number in entry.numbers.items() if number.value}

    def structure(self) -> dict[str, Value]:
        """The rest: what the program is compiled for."""
        values = self.values()
        return {key: part for key, part in self.setting().items() if key not in values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Something measured on predictions.

    Args:
        direction: which way is better.
        scale: the scale on which differences are judged; ``log`` for losses.
        tasks: kinds of data that it can be computed for.
        percent: whether tables print it in percent.
        note: one line for ``keras-harness catalog``.
    """

    direction: Direction
    scale: Scale
    tasks: frozenset[str]
    percent: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A training loss, and the kind of target that it needs."""

    target: str
    tasks: frozenset[str]
    note: str = ""


Kind = Literal["count", "counts", "number", "fraction", "share", "choice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of a template, or a setting of the training.

    Args:
        kind: ``count`` (integer >= 1), ``counts`` (list of them), ``number`` (> 0),
            ``fraction`` (0 <= x < 1), ``share`` (0 < x < 1), or ``choice`` (an entry of ``family``).
        default: used where a study does not name it. ``None`` means none.
        family: the catalogue family of a ``choice``.
        value: whether it is an input of the program rather than part of it.
        note: one line for ``keras-harness catalog``.
    """

    kind: Kind
    default: Value = None
    family: str = ""
    value: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A built-in family of networks."""

    target: str
    arguments: Mapping[str, Argument]
    ranks: tuple[int, ...]
    note: str = ""


def _keras(group: str, name: str, **rest: object) -> Entry:
    return Entry(target=f"keras.{group}:{name}", **rest)  # type: ignore[arg-type]


ACTIVATIONS: Mapping[str, Entry] = {
    "linear": _keras("activations", "linear", note="identity: the depth without the bends"),
    "relu": _keras("activations", "relu", source="Nair & Hinton 2010"),
    "relu6": _keras("activations", "relu6", source="Krizhevsky 2010"),
    "leaky_relu": _keras(
        "activations",
        "leaky_relu",
        numbers={"negative_slope": Number(default=0.2, value=False)},
        source="Maas et al. 2013",
    ),
    "elu": _keras(
        "activations",
        "elu",
        numbers={"alpha": Number(default=1.0, value=False)},
        source="Clevert et al. 2016",
    ),
    "selu": _keras(
        "activations",
        "selu",
        note="self-normalizing with lecun_normal",
        source="Klambauer et al. 2017",
    ),
    "celu": _keras(
        "activations",
        "celu",
        numbers={"alpha": Number(default=1.0, value=False)},
        source="Barron 2017",
    ),
    "gelu": _keras(
        "activations",
        "gelu",
        flags={"approximate": False},
        note="exact; approximate = true for the tanh form",
        source="Hendrycks & Gimpel 2016",
    ),
    "silu": _keras(
        "activations",
        "silu",
        aliases=("swish",),
        source="Elfwing et al. 2018; Ramachandran et al. 2017",
    ),
    "mish": _keras("activations", "mish", source="Misra 2020"),
    "softplus": _keras("activations", "softplus", source="Dugas et al. 2001"),
    "softsign": _keras("activations", "softsign", source="Glorot & Bengio 2010"),
    "tanh": _keras("activations", "tanh", source="LeCun et al. 1998"),
    "sigmoid": _keras("activations", "sigmoid", aliases=("logistic",), source="Cybenko 1989"),
    "hard_sigmoid": _keras("activations", "hard_sigmoid", source="Courbariaux et al. 2015"),
    "hard_silu": _keras(
        "activations", "hard_silu", aliases=("hard_swish",), source="Howard et al. 2019"
    ),
    "hard_tanh": _keras("activations", "hard_tanh", source="Collobert 2004"),
    "tanh_shrink": _keras("activations", "tanh_shrink"),
    "exponential": _keras("activations", "exponential"),
}

_SPREAD = {"mean": Number(default=0.0, low=-1e6), "stddev": Number(default=0.05)}
INITIALIZERS: Mapping[str, Entry] = {
    "glorot_uniform": _keras(
        "initializers",
        "GlorotUniform",
        aliases=("xavier_uniform", "xavier"),
        note="Keras' default",
        source="Glorot & Bengio 2010",
    ),
    "glorot_normal": _keras(
        "initializers", "GlorotNormal", aliases=("xavier_normal",), source="Glorot & Bengio 2010"
    ),
    "he_uniform": _keras(
        "initializers", "HeUniform", aliases=("kaiming_uniform",), source="He et al. 2015"
    ),
    "he_normal": _keras(
        "initializers", "HeNormal", aliases=("kaiming_normal", "he"), source="He et al. 2015"
    ),
    "lecun_uniform": _keras("initializers", "LecunUniform", source="LeCun et al. 1998"),
    "lecun_normal": _keras("initializers", "LecunNormal", source="LeCun et al. 1998"),
    "random_uniform": _keras(
        "initializers",
        "RandomUniform",
        numbers={
            "minval": Number(default=-0.05, low=-1e6),
            "maxval": Number(default=0.05, low=-1e6),
        },
        note="one fixed range, whatever the layer's size",
    ),
    "random_normal": _keras(
        "initializers",
        "RandomNormal",
        numbers=_SPREAD,
        note="one fixed spread, whatever the layer's size",
    ),
    "truncated_normal": _keras("initializers", "TruncatedNormal", numbers=_SPREAD),
    "orthogonal": _keras(
        "initializers",
        "Orthogonal",
        numbers={"gain": Number(default=1.0)},
        source="Saxe et al. 2014",
    ),
    "zeros": _keras("initializers", "Zeros", note="breaks no symmetry: a control"),
    "ones": _keras("initializers", "Ones", note="breaks no symmetry: a control"),
    "constant": _keras(
        "initializers", "Constant", numbers={"value": Number(default=0.0, low=-1e6)}
    ),
}

REGULARIZERS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no penalty"),
    "l1": Entry(
        target="harness.layers:Penalty",
        numbers={"l1": Number(default=0.01)},
        note="l1 * sum |w|",
        source="Tibshirani 1996",
    ),
    "l2": Entry(
        target="harness.layers:Penalty",
        numbers={"l2": Number(default=0.01)},
        note="l2 * sum w^2",
        source="Hoerl & Kennard 1970; Krogh & Hertz 1991",
    ),
    "l1l2": Entry(
        target="harness.layers:Penalty",
        numbers={"l1": Number(default=0.01), "l2": Number(default=0.01)},
        aliases=("l1_l2", "elastic_net"),
        note="l1 * sum |w| + l2 * sum w^2",
        source="Zou & Hastie 2005",
    ),
}

NORMALIZATIONS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no normalization"),
    "batch": Entry(
        target="keras.layers:BatchNormalization",
        aliases=("batch_normalization", "batchnorm"),
        source="Ioffe & Szegedy 2015",
    ),
    "layer": Entry(
        target="keras.layers:LayerNormalization",
        aliases=("layer_normalization", "layernorm"),
        source="Ba et al. 2016",
    ),
}

_MOMENTUM = Number(default=0.0, high=1.0)
_BETAS = {
    "beta_1": Number(default=0.9, high=1.0),
    "beta_2": Number(default=0.999, high=1.0),
}
_EPSILON = {"epsilon": Number(default=1e-7)}


def _rate(default: float) -> dict[str, Number]:
    return {"learning_rate": Number(default=default)}


OPTIMIZERS: Mapping[str, Entry] = {
    "sgd": Entry(
        target="harness.layers:SGD",
        numbers={**_rate(0.01), "momentum": _MOMENTUM},
        flags={"nesterov": False},
        note="equal to Keras' SGD; momentum is an input",
        source="Robbins & Monro 1951; Polyak 1964; Nesterov 1983",
    ),
    "rmsprop": _keras(
        "optimizers",
        "RMSprop",
        numbers={
            **_rate(0.001),
            "rho": Number(default=0.9, high=1.0),
            "momentum": Number(default=0.0, high=1.0, value=False),
            **_EPSILON,
        },
        flags={"centered": False},
        source="Tieleman & Hinton 2012",
    ),
    "adam": _keras(
        "optimizers",
        "Adam",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        flags={"amsgrad": False},
        source="Kingma & Ba 2015; Reddi et al. 2018",
    ),
    "adamw": _keras(
        "optimizers",
        "AdamW",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON, "weight_decay": Number(default=0.004)},
        flags={"amsgrad": False},
        note="decoupled weight decay",
        source="Loshchilov & Hutter 2019",
    ),
    "nadam": _keras(
        "optimizers",
        "Nadam",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        source="Dozat 2016",
    ),
    "adamax": _keras(
        "optimizers",
        "Adamax",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        source="Kingma & Ba 2015",
    ),
    "adagrad": _keras(
        "optimizers",
        "Adagrad",
        numbers={
            **_rate(0.001),
            "initial_accumulator_value": Number(default=0.1, value=False),
            **_EPSILON,
        },
        source="Duchi et al. 2011",
    ),
    "adadelta": _keras(
        "optimizers",
        "Adadelta",
        numbers={**_rate(0.001), "rho": Number(default=0.95, high=1.0), **_EPSILON},
        source="Zeiler 2012",
    ),
    "lion": _keras(
        "optimizers",
        "Lion",
        numbers={
            **_rate(0.001),
            "beta_1": Number(default=0.9, high=1.0),
            "beta_2": Number(default=0.99, high=1.0),
        },
        source="Chen et al. 2023",
    ),
    "ftrl": _keras(
        "optimizers",
        "Ftrl",
        numbers={
            **_rate(0.001),
            "learning_rate_power": Number(default=-0.5, low=-1e6, high=0.0, value=False),
            "initial_accumulator_value": Number(default=0.1, value=False),
        },
        source="McMahan et al. 2013",
    ),
}

FAMILIES: Mapping[str, Mapping[str, Entry]] = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
    "normalization": NORMALIZATIONS,
    "optimizer": OPTIMIZERS,
}

_CLASSES, _NUMBERS = frozenset({"classification"}), frozenset({"regression"})
LOSSES: Mapping[str, Loss] = {
    "sparse_categorical_crossentropy": Loss(
        target="keras.losses:sparse_categorical_crossentropy",
        tasks=_CLASSES,
        note="integer labels 0..C-1, one output per class",
    ),
    "mean_squared_error": Loss(target="keras.losses:mean_squared_error", tasks=_NUMBERS),
    "mean_absolute_error": Loss(target="keras.losses:mean_absolute_error", tasks=_NUMBERS),
}
DEFAULT_LOSS: Mapping[str, str] = {
    "classification": "sparse_categorical_crossentropy",
    "regression": "mean_squared_error",
}

METRICS: Mapping[str, Metric] = {
    "loss": Metric(
        direction="minimize",
        scale="log",
        tasks=_CLASSES | _NUMBERS,
        note="the training loss, with its regularization penalties",
    ),
    "crossentropy": Metric(
        direction="minimize",
        scale="log",
        tasks=_CLASSES,
        note="mean negative log-likelihood of the labels, without penalties",
    ),
    "accuracy": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        note="share of cases whose largest output is the label",
    ),
    "mean_squared_error": Metric(direction="minimize", scale="log", tasks=_NUMBERS),
    "mean_absolute_error": Metric(direction="minimize", scale="log", tasks=_NUMBERS),
}
TASK_METRICS: Mapping[str, tuple[str, ...]] = {
    task: tuple(name for name, metric in METRICS.items() if task in metric.tasks)
    for task in DEFAULT_LOSS
}

SETTINGS: Mapping[str, Argument] = {
    "epochs": Argument(kind="count", default=10, note="passes over the training data"),
    "batch_size": Argument(kind="count", default=32, note="cases per step"),
    "validation": Argument(
        kind="share", default=0.2, note="share of the non-test cases held out, per replicate"
    ),
    "optimizer": Argument(kind="choice", family="optimizer", default="adam"),
    "learning_rate": Argument(
        kind="number", value=True, note="default: the optimizer's own default in Keras"
    ),
    "loss": Argument(kind="choice", family="loss", note="default: by the kind of the labels"),
}

_SHARED = {
    "activation": Argument(kind="choice", family="activation", default="relu"),
    "initializer": Argument(
        kind="choice",
        family="initializer",
        default="glorot_uniform",
        value=True,
        note="of every kernel",
    ),
    "regularizer": Argument(
        kind="choice", family="regularizer", default="none", note="on every kernel but the last"
    ),
    "normalization": Argument(
        kind="choice", family="normalization", default="none", note="before every activation"
    ),
    "dropout": Argument(
        kind="fraction", default=0.0, value=True, note="after every hidden dense layer"
    ),
}
TEMPLATES: Mapping[str, Template] = {
    "mlp": Template(
        target="harness.templates.mlp:mlp",
        ranks=(1, 2, 3),
        arguments={
            "units": Argument(kind="counts", default=[64, 64], note="width of each hidden layer"),
            **_SHARED,
        },
        note="dense layers on the flattened input",
    ),
    "cnn": Template(
        target="harness.templates.cnn:cnn",
        ranks=(2, 3),
        arguments={
            "filters": Argument(
                kind="counts", default=[16, 32], note="filters of each convolution, 2x2 pooled"
            ),
            "kernel_size": Argument(kind="count", default=3),
            "units": Argument(kind="counts", default=[64], note="dense layers behind them"),
            **_SHARED,
        },
        note="convolutions with max-pooling, then dense layers",
    ),
}


def choice(family: str, raw: Value) -> Choice:
    """Resolve what a study wrote into an entry with all its numbers.

    Args:
        family: one of ``FAMILIES``.
        raw: a name or alias, or a table ``{"name": ..., number: ...}``.

    Raises:
        StudyError: for an unknown name or number, or a number out of its range.

    Example:
        >>> choice("activation", "swish").name
        'silu'
        >>> choice("optimizer", {"name": "sgd", "momentum": 0.9}).numbers["momentum"]
        0.9
    """
    given = dict(raw) if isinstance(raw, dict) else {"name": raw}
    name = given.pop("name", None)
    entries = FAMILIES[family]
    known = {alias: key for key, entry in entries.items() for alias in (key, *entry.aliases)}
    if not isinstance(name, str) or name not in known:
        raise StudyError(
            f"expected the name of {_article(family)}. Received: {name!r}. {nearest(name, known)}"
        )
    entry = entries[known[name]]
    flags = {key: _flag(key, given.pop(key, default)) for key, default in entry.flags.items()}
    numbers = {
        key: _number(key, given.pop(key, number.default), number)
        for key, number in entry.numbers.items()
    }
    for extra in given:
        accepted = [*entry.numbers, *entry.flags]
        raise StudyError(
            f"expected a number that {family} {name!r} takes. Received: {extra!r}. "
            + (nearest(extra, accepted) if accepted else "It takes none.")
        )
    return Choice(family=family, name=known[name], numbers=numbers, flags=flags)


def check_argument(argument: Argument, raw: Value) -> Value:
    """The canonical form of what a study wrote for an argument.

    Raises:
        StudyError: if it is of the wrong kind or out of range.

    Example:
        >>> check_argument(Argument(kind="counts"), [16, 32])
        [16, 32]
    """
    if argument.kind == "choice":
        if argument.family == "loss":
            return _loss(raw)
        return choice(argument.family, raw).setting()
    return _KINDS[argument.kind](raw)


def _loss(raw: Value) -> Value:
    if raw is not None and raw not in LOSSES:
        raise StudyError(
            f"expected the name of a loss. Received: {raw!r}. {nearest(raw, LOSSES)}"
        )
    return raw


def _count(raw: Value) -> Value:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise StudyError(f"expected a whole number of at least 1. Received: {raw!r}.")
    return raw


def _counts(raw: Value) -> Value:
    if not isinstance(raw, list | tuple):
        raise StudyError(f"expected a list of whole numbers, such as [16, 32]. Received: {raw!r}.")
    return [_count(part) for part in raw]


def _positive(raw: Value) -> Value:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw < float("inf"):
        raise StudyError(f"expected a finite number above 0. Received: {raw!r}.")
    return float(raw)


def _share(raw: Value) -> Value:
    if raw == 0:
        raise StudyError("expected a number above 0 and below 1. Received: 0.")
    return _fraction(raw)


def _fraction(raw: Value) -> Value:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw < 1:
        raise StudyError(f"expected a number from 0 to below 1. Received: {raw!r}.")
    return float(raw)


_KINDS = {
    "count": _count,
    "counts": _counts,
    "number": _positive,
    "fraction": _fraction,
    "share": _share,
}


def _flag(key: str, raw: Value) -> bool:
    if not isinstance(raw, bool):
        raise StudyError(f"expected true or false for {key!r}. Received: {raw!r}.")
    return raw


def _number(key: str, raw: Value, number: Number) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool) and isfinite(raw):
        if number.low <= raw <= number.high:
            return float(raw)
    raise StudyError(
        f"expected a number from {number.low:g} to {number.high:g} for {key!r}. Received: {raw!r}."
    )


def _article(family: str) -> str:
    return f"an {family}" if family[0] in "aeiou" else f"a {family}"

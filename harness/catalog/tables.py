"""The literal tables: every name that a study can use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Argument, Entry, Loss, Metric, Number, Template

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    return {"learning_rate": Number(default=default, low=1e-12)}


OPTIMIZERS: Mapping[str, Entry] = {
    "sgd": Entry(
        target="harness.layers:SGD",
        numbers={**_rate(0.01), "momentum": _MOMENTUM},
        flags={"nesterov": False},
        note="equal to Keras' SGD, where momentum is compiled in",
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
        note="Keras branches on momentum",
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
    "lamb": _keras(
        "optimizers",
        "Lamb",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        source="You et al. 2020",
    ),
    "adafactor": _keras(
        "optimizers",
        "Adafactor",
        numbers={
            **_rate(0.001),
            "beta_2_decay": Number(default=-0.8, low=-10.0, high=0.0),
            "epsilon_1": Number(default=1e-30),
            "epsilon_2": Number(default=0.001),
            "clip_threshold": Number(default=1.0),
        },
        flags={"relative_step": True},
        source="Shazeer & Stern 2018",
    ),
    "muon": _keras(
        "optimizers",
        "Muon",
        numbers={
            **_rate(0.001),
            "momentum": Number(default=0.95, high=1.0),
            "adam_beta_1": Number(default=0.9, high=1.0),
            "adam_beta_2": Number(default=0.999, high=1.0),
            "weight_decay": Number(default=0.004),
            "adam_weight_decay": Number(default=0.004),
        },
        flags={"nesterov": True},
        note="orthogonalized momentum for matrices, AdamW for the rest",
        source="Jordan et al. 2024",
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

_WARMUP = {"warmup": Number(default=0.0)}
SCHEDULES: Mapping[str, Entry] = {
    "constant": Entry(
        target="harness.schedules:constant",
        numbers=_WARMUP,
        note="warmup: epochs of linear rise from zero, in every schedule",
    ),
    "step": Entry(
        target="harness.schedules:step",
        numbers={
            "every": Number(default=5.0, low=1e-3),
            "factor": Number(default=0.1, high=1.0),
            **_WARMUP,
        },
        note="times factor after every so many epochs",
    ),
    "exponential": Entry(
        target="harness.schedules:exponential",
        numbers={"factor": Number(default=0.9, high=1.0), **_WARMUP},
        note="times factor per epoch, continuously",
    ),
    "linear": Entry(
        target="harness.schedules:linear",
        numbers={"floor": Number(default=0.0, high=1.0), **_WARMUP},
        note="straight down to floor times the rate at the last epoch",
    ),
    "cosine": Entry(
        target="harness.schedules:cosine",
        numbers={"floor": Number(default=0.0, high=1.0), **_WARMUP},
        note="half a cosine, down to floor times the rate at the last epoch",
        source="Loshchilov & Hutter 2017",
    ),
}

_LIMIT = {"limit": Number(default=1.0, low=1e-12)}
CLIPS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no clipping"),
    "norm": Entry(
        target="harness.clipping:by_norm", numbers=_LIMIT, note="norm of each weight's gradient"
    ),
    "global_norm": Entry(
        target="harness.clipping:by_global_norm",
        numbers=_LIMIT,
        note="norm of all gradients together",
        source="Pascanu et al. 2013",
    ),
    "value": Entry(
        target="harness.clipping:by_value", numbers=_LIMIT, note="every entry of the gradients"
    ),
}

CLASS_WEIGHTS: Mapping[str, Entry] = {
    "none": Entry(target="", note="every case counts the same"),
    "balanced": Entry(
        target="", note="cases / (classes * cases of the class), from the training cases"
    ),
}

FAMILIES: Mapping[str, Mapping[str, Entry]] = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "regularizer": REGULARIZERS,
    "normalization": NORMALIZATIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "clip": CLIPS,
    "class_weight": CLASS_WEIGHTS,
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
FIT: Mapping[str, str] = {
    "classification": "crossentropy",
    "regression": "mean_squared_error",
}
"""What decides where a study does not say: how well the data is fitted, penalties left out."""

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
        note="log loss: mean negative log-likelihood of the labels, without penalties",
    ),
    "accuracy": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        note="share of cases whose largest output is the label",
    ),
    "top_5_accuracy": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        test_only=True,
        outputs=6,
        note="share of cases whose label is among the five largest outputs",
    ),
    "macro_f1": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        test_only=True,
        note="mean over classes of the harmonic mean of precision and recall",
    ),
    "auroc": Metric(
        direction="maximize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        test_only=True,
        note="area under the ROC curve: of class 1 if there are two, else mean of one against rest",
    ),
    "calibration_error": Metric(
        direction="minimize",
        scale="identity",
        tasks=_CLASSES,
        percent=True,
        test_only=True,
        note="mean gap between confidence and accuracy, over 15 bins (Guo et al. 2017)",
    ),
    "mean_squared_error": Metric(direction="minimize", scale="log", tasks=_NUMBERS),
    "mean_absolute_error": Metric(direction="minimize", scale="log", tasks=_NUMBERS),
    "r2": Metric(
        direction="maximize",
        scale="identity",
        tasks=_NUMBERS,
        test_only=True,
        note="share of the variance explained, averaged over targets",
    ),
}
TASK_METRICS: Mapping[str, tuple[str, ...]] = {
    task: tuple(name for name, metric in METRICS.items() if task in metric.tasks)
    for task in DEFAULT_LOSS
}

SETTINGS: Mapping[str, Argument] = {
    "epochs": Argument(
        kind="count", default=10, outside=True, note="passes over the training data"
    ),
    "batch_size": Argument(kind="count", default=32, note="cases per step"),
    "validation": Argument(
        kind="share", default=0.2, note="share of the non-test cases held out, per replicate"
    ),
    "optimizer": Argument(kind="choice", family="optimizer", default="adam"),
    "learning_rate": Argument(
        kind="number", value=True, note="default: the optimizer's own default in Keras"
    ),
    "schedule": Argument(
        kind="choice",
        family="schedule",
        default="constant",
        value=True,
        note="of the learning rate",
    ),
    "clip": Argument(
        kind="choice",
        family="clip",
        default="none",
        note="of the gradients; equal to Keras', where the limit is compiled in as well",
    ),
    "class_weight": Argument(
        kind="choice", family="class_weight", default="none", note="in the training loss"
    ),
    "patience": Argument(
        kind="count",
        outside=True,
        note="stop after so many epochs without a better one; default: never",
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
        kind="choice",
        family="regularizer",
        default="none",
        note="on every kernel but the last; "
        "equal to Keras' L1L2, where coefficients are compiled in",
    ),
    "normalization": Argument(
        kind="choice", family="normalization", default="none", note="before every activation"
    ),
    "dropout": Argument(
        kind="fraction",
        default=0.0,
        value=True,
        note="after every hidden dense layer; "
        "equal to Keras' Dropout, where the rate is compiled in; 0: no such layer",
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

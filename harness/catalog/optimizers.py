"""Optimizers, learning-rate schedules and clipping, as literal tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number, stock

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        target="harness.blocks.optimizers:SGD",
        numbers={**_rate(0.01), "momentum": _MOMENTUM},
        flags={"nesterov": False},
        note="equal to Keras' SGD, where momentum is compiled in",
        source="Robbins & Monro 1951; Polyak 1964; Nesterov 1983",
    ),
    "rmsprop": stock(
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
    "adam": stock(
        "optimizers",
        "Adam",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        flags={"amsgrad": False},
        source="Kingma & Ba 2015; Reddi et al. 2018",
    ),
    "adamw": stock(
        "optimizers",
        "AdamW",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON, "weight_decay": Number(default=0.004)},
        flags={"amsgrad": False},
        note="decoupled weight decay",
        source="Loshchilov & Hutter 2019",
    ),
    "schedule_free_adamw": Entry(
        target="keras.optimizers:ScheduleFreeAdamW",
        numbers={
            **_rate(0.0025),
            "beta_2": Number(default=0.999, high=1.0),
            "epsilon": Number(default=1e-8),
        },
        note="no beta_1: in Keras 3.15.1 it cancels under TensorFlow, whatever it is; warm-up by "
        "the schedule; weight_decay is Keras': of the averaged sequence alone, in "
        "the authors' implementation of both; validated, as in Keras, where it trains: between "
        "its two sequences",
        source="Defazio et al. 2024",
    ),
    "nadam": stock(
        "optimizers",
        "Nadam",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        source="Dozat 2016",
    ),
    "adamax": stock(
        "optimizers",
        "Adamax",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        source="Kingma & Ba 2015",
    ),
    "adagrad": stock(
        "optimizers",
        "Adagrad",
        numbers={
            **_rate(0.001),
            "initial_accumulator_value": Number(default=0.1, value=False),
            **_EPSILON,
        },
        source="Duchi et al. 2011",
    ),
    "adadelta": stock(
        "optimizers",
        "Adadelta",
        numbers={**_rate(0.001), "rho": Number(default=0.95, high=1.0), **_EPSILON},
        source="Zeiler 2012",
    ),
    "lion": stock(
        "optimizers",
        "Lion",
        numbers={
            **_rate(0.001),
            "beta_1": Number(default=0.9, high=1.0),
            "beta_2": Number(default=0.99, high=1.0),
        },
        source="Chen et al. 2023",
    ),
    "lamb": stock(
        "optimizers",
        "Lamb",
        numbers={**_rate(0.001), **_BETAS, **_EPSILON},
        source="You et al. 2020",
    ),
    "adafactor": stock(
        "optimizers",
        "Adafactor",
        numbers={
            **_rate(0.001),
            "beta_2_decay": Number(default=-0.8, low=-10.0, high=0.0),
            "epsilon_1": Number(default=1e-30),
            "epsilon_2": Number(default=0.001),
            "clip_threshold": Number(default=1.0),
        },
        note="Keras always limits the rate by 1 / sqrt(step), whatever its relative_step says",
        source="Shazeer & Stern 2018",
    ),
    "muon": stock(
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
    "ftrl": stock(
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
        target="harness.blocks.schedules:constant",
        numbers=_WARMUP,
        note="warmup: epochs of linear rise from zero, in every schedule",
    ),
    "step": Entry(
        target="harness.blocks.schedules:step",
        numbers={
            "every": Number(default=5.0, low=1e-3),
            "factor": Number(default=0.1, high=1.0),
            **_WARMUP,
        },
        note="times factor after every so many epochs",
    ),
    "exponential": Entry(
        target="harness.blocks.schedules:exponential",
        numbers={"factor": Number(default=0.9, high=1.0), **_WARMUP},
        note="times factor per epoch, continuously",
    ),
    "linear": Entry(
        target="harness.blocks.schedules:linear",
        numbers={"floor": Number(default=0.0, high=1.0), **_WARMUP},
        note="straight down to floor times the rate at the last epoch",
    ),
    "polynomial": Entry(
        target="harness.blocks.schedules:polynomial",
        numbers={
            "floor": Number(default=0.0, high=1.0),
            "power": Number(default=2.0, low=1e-3),
            **_WARMUP,
        },
        note="floor + (1 - floor) * (share of the training that is left) ^ power",
    ),
    "inverse_time": Entry(
        target="harness.blocks.schedules:inverse_time",
        numbers={"decay": Number(default=0.5), **_WARMUP},
        note="divided by 1 + decay * epoch",
        source="Robbins & Monro 1951",
    ),
    "inverse_sqrt": Entry(
        target="harness.blocks.schedules:inverse_sqrt",
        numbers={"decay": Number(default=1.0), **_WARMUP},
        note="divided by the root of 1 + decay * epoch",
        source="Zinkevich 2003; Vaswani et al. 2017",
    ),
    "cosine": Entry(
        target="harness.blocks.schedules:cosine",
        aliases=("cosine_decay", "cosine_annealing"),
        numbers={"floor": Number(default=0.0, high=1.0), **_WARMUP},
        note="half a cosine, down to floor times the rate at the last epoch",
        source="Loshchilov & Hutter 2017",
    ),
    "cosine_restarts": Entry(
        target="harness.blocks.schedules:cosine_restarts",
        numbers={
            "every": Number(default=3.0, low=1e-3),
            "growth": Number(default=2.0, low=1.0),
            "factor": Number(default=1.0, high=1.0),
            "floor": Number(default=0.0, high=1.0),
            **_WARMUP,
        },
        note="cosines one after another: the first of so many epochs, each growth times as long "
        "as the last, from factor times its height",
        source="Loshchilov & Hutter 2017",
    ),
    "one_cycle": Entry(
        target="harness.blocks.schedules:one_cycle",
        numbers={
            "rise": Number(default=0.3, low=0.01, high=1.0),
            "start": Number(default=0.04, high=1.0),
            "floor": Number(default=0.0, high=1.0),
            **_WARMUP,
        },
        note="half a cosine up from start times the rate in the first part of the training, "
        "another down to floor times the rate in the rest",
        source="Smith & Topin 2019",
    ),
}

_LIMIT = {"limit": Number(default=1.0, low=1e-12)}
CLIPS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no clipping"),
    "norm": Entry(
        target="harness.blocks.clipping:by_norm",
        numbers=_LIMIT,
        aliases=("clipnorm",),
        note="norm of each weight's gradient",
    ),
    "global_norm": Entry(
        target="harness.blocks.clipping:by_global_norm",
        numbers=_LIMIT,
        aliases=("global_clipnorm", "clip_grad_norm"),
        note="norm of all gradients together",
        source="Pascanu et al. 2013",
    ),
    "value": Entry(
        target="harness.blocks.clipping:by_value",
        numbers=_LIMIT,
        aliases=("clipvalue", "clip_grad_value"),
        note="every entry of the gradients",
    ),
}

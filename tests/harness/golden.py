"""Keys and curves of trials that are held for good; run as a script, it prints or keeps them.

    python tests/harness/golden.py curves         # prints what they are now
    python tests/harness/golden.py curves --add   # writes down what is new, leaves what stands
    python tests/harness/golden.py curves --keep  # writes all of them down

A key that changes trains its trial again, in every store that there is. That can be right (the
engine's curves have changed, and ENGINE is raised) but must never happen unseen.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import catalog, datasets, design, environment
from harness.spec import Study

if TYPE_CHECKING:
    from harness.design import Plan

ASSETS = Path(__file__).parents[1] / "assets"
FILES = {"keys": ASSETS / "trial_keys.json", "curves": ASSETS / "curves.json"}

ADAM = {"name": "adam", "beta_1": 0.8}
STUDIES: dict[str, dict[str, Any]] = {
    "mlp": {"factors": {"activation": ["relu", {"name": "elu", "alpha": 0.5}]}},
    "mlp optimizers": {
        "factors": {"optimizer": ["sgd", "rmsprop", {"name": "sgd", "momentum": 0.9}, ADAM]},
        "fixed": {"schedule": {"name": "cosine", "floor": 0.1}, "weight_decay": 0.01},
    },
    "mlp penalties": {
        "factors": {"regularizer": ["l1", "l2"], "normalization": ["none", "batch"]},
        "fixed": {"dropout": 0.2, "label_smoothing": 0.1, "class_weight": "balanced"},
    },
    "mlp regression": {
        "dataset": "diabetes",
        "factors": {"loss": ["mean_squared_error", "mean_absolute_error"]},
        "fixed": {"clip": {"name": "norm", "limit": 1.0}, "patience": 3},
    },
    "mlp two classes": {"dataset": "breast_cancer", "factors": {"noise": [0.0, 0.1]}},
    "mlp subset": {"dataset": "digits@500", "factors": {"units": [[8], [16, 16]]}},
    "cnn": {
        "template": "cnn",
        "factors": {"block": ["plain", "residual"], "initializer": ["he_normal", "orthogonal"]},
    },
    "cnn shifts": {
        "template": "cnn",
        "factors": {"shift": [0, 1], "head": ["flatten", "mean"]},
        "fixed": {"filters": [4], "downsampling": "stride", "block_dropout": 0.1},
    },
    "rnn": {
        "template": "rnn",
        "factors": {"cell": ["lstm", "gru", "simple"]},
        "fixed": {"recurrent_initializer": "identity", "recurrent_dropout": 0.1},
    },
    "rnn adding": {
        "template": "rnn",
        "dataset": "adding-50@400",
        "factors": {"bidirectional": [False, True]},
    },
    "rnn copy": {"template": "rnn", "dataset": "copy-10@200", "factors": {"units": [[8], [16]]}},
    "autoencoder": {
        "template": "autoencoder",
        "factors": {"code": [2, 8], "bottleneck": ["plain", "variational"]},
        "references": ["pca"],
    },
    "autoencoder denoising": {
        "template": "autoencoder",
        "denoise": {"name": "gaussian", "stddev": 0.3},
        "factors": {"corruption": ["none", {"name": "gaussian", "stddev": 0.3}]},
        "references": ["median_filter"],
    },
    "autoencoder anomalies": {
        "template": "autoencoder",
        "normal": [0],
        "factors": {"tied": [False, True]},
        "references": ["isolation_forest"],
    },
    "quadratic": {
        "template": "quadratic",
        "dataset": "quadratic-10",
        "factors": {"optimizer": ["sgd", "adam"]},
    },
    "gan": {
        "template": "gan",
        "dataset": "ring-8",
        "factors": {"adversarial_loss": ["hinge", "minimax"], "packing": [1, 2]},
        "fixed": {"critic.learning_rate": 0.002, "penalty": "r1", "average": 0.9},
    },
    "gan images": {"template": "gan", "factors": {"filters": [[4], [4, 8]]}},
    "streams": {
        "factors": {"activation": ["tanh"]},
        "seed": 7,
        "threads": 2,
        "best": "val/accuracy",
    },
}
for _name in catalog.TEMPLATES:
    STUDIES.setdefault(_name, {"template": _name, "factors": {"batch_size": [16, 32]}})


def keys() -> dict[str, str]:
    """The key of one trial or more of every arm and reference."""
    found = {}
    for name, given in STUDIES.items():
        laid = _planned(given)
        for arm in laid.arms:
            found[f"{name}: {arm.label}"] = laid.trial(arm, {}, "confirm", 0).key
        for one in laid.references:
            found[f"{name}: {one.label}"] = laid.trial(one, {}, "confirm", 0).key
        tuned = laid.trial(laid.arms[0], {"learning_rate": 0.003}, "tune", 1)
        found[f"{name}: tuned"] = tuned.key
    return found


TRAINED: dict[str, dict[str, Any]] = {
    "mlp": {
        "factors": {"regularizer": ["l2"], "dropout": [0.2]},
        "fixed": {"normalization": "batch", "optimizer": "sgd", "schedule": "cosine"},
    },
    "mlp regression": {"dataset": "diabetes", "fixed": {"initializer": "orthogonal"}},
    "mlp chunks": {"fixed": {"noise": 0.1, "clip": {"name": "norm", "limit": 1.0}}},
    "cnn": {"template": "cnn", "fixed": {"filters": [4], "block": "residual"}},
    "rnn": {"template": "rnn", "fixed": {"units": [8], "cell": "lstm"}},
    "rnn copy": {"template": "rnn", "dataset": "copy-10@200", "fixed": {"units": [8]}},
    "autoencoder": {"template": "autoencoder", "fixed": {"bottleneck": "variational"}},
    "autoencoder denoising": {
        "template": "autoencoder",
        "denoise": {"name": "gaussian", "stddev": 0.3},
    },
    "autoencoder anomalies": {
        "template": "autoencoder",
        "normal": [0],
        "fixed": {"tied": True, "regularizer": "l1"},
    },
    "own network": {"template": "networks:layers"},
    "own training step": {"template": "networks:steps"},
    "quadratic": {"template": "quadratic", "dataset": "quadratic-10"},
    "gan": {
        "template": "gan",
        "dataset": "ring-8@400",
        "fixed": {"critic_steps": 2, "penalty": "gradient_penalty", "average": 0.9},
    },
    "gan images": {
        "template": "gan",
        "fixed": {"filters": [4], "normalization": "batch", "critic_normalization": "spectral"},
    },
}
"""One short training per template, task and route."""

for _name, _template in catalog.TEMPLATES.items():
    if not _template.brings:  # those weights would have to be fetched
        TRAINED.setdefault(_name, {"template": _name})


def _planned(given: dict[str, Any]) -> Plan:
    study = Study(**({"name": "golden", "template": "mlp", "dataset": "digits"} | given))
    return design.plan(study, datasets.describe(study.dataset, []), [ASSETS])


def curves() -> dict[str, Any]:
    """All numbers of short trainings, by name, and where they were trained."""
    from harness.train import Trainer, set_up

    set_up(1)
    found = {}
    for name, given in TRAINED.items():
        asked = {"factors": {"epochs": [2]}, **given}
        asked["factors"] = {"epochs": [2], **asked["factors"]}
        laid = _planned(asked)
        resident = 0.0 if name == "mlp chunks" else math.inf
        trial = laid.trial(laid.arms[0], {}, "confirm", 0)
        with tempfile.TemporaryDirectory() as place:
            trainer = Trainer(laid.card, [ASSETS], resident, keep=Path(place))
            needed = [trainer.run(one, hands_on=True) for one in trial.needs]
            weights = [one.artifacts[-1].digest for one in needed]
            outcome = trainer.run(trial, given=weights)
        assert outcome.status == "completed", outcome.reason
        numbers = {
            f"{quantity} {one.epoch}": value
            for one in outcome.curve
            for quantity, value in one.quantities.items()
            if not quantity.startswith("test/")  # the metrics hold these
        }
        found[name] = numbers | outcome.metrics
    return {"machine": machine(), "curves": found}


def machine() -> dict[str, Any]:
    """What may change the last digits: processor and versions."""
    observed = environment.observe()
    versions = {name: observed.versions[name] for name in ("keras", "tensorflow", "numpy")}
    return {"processor": observed.processor, **versions}


def merged(found: Any, kept: Any) -> Any:
    """What is kept, and behind it what has been found beside it.

    Example:
        >>> merged({"a": 2, "b": {"c": 3, "d": 4}}, {"b": {"c": 1}})
        {'b': {'c': 1, 'd': 4}, 'a': 2}
    """
    if not isinstance(kept, dict):
        return kept
    new = {name: one for name, one in found.items() if name not in kept}
    return {name: merged(found.get(name, {}), one) for name, one in kept.items()} | new


if __name__ == "__main__":
    what, *asked = sys.argv[1:]
    now = {"keys": keys, "curves": curves}[what]()
    if asked == ["--add"]:
        now = merged(now, json.loads(FILES[what].read_text()))
    text = json.dumps(now, indent=1)
    if asked:
        FILES[what].write_text(text + "\n")
    else:
        sys.stdout.write(text)

"""Small studies on small data: to be changed where a test needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import catalog, datasets, design
from harness.spec import Study

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.card import Card


def _ask(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "name": "small",
        "template": "mlp",
        "dataset": "digits",
        "factors": {"activation": ["relu", "tanh"]},
    }
    return Study(**(given | changes))


@pytest.fixture(scope="session")
def ask() -> Callable[..., Study]:
    """A maker of studies."""
    return _ask


@pytest.fixture(scope="session")
def card() -> Card:
    """The card of digits."""
    return datasets.describe("digits", [])


@pytest.fixture(scope="session")
def blobs(tmp_path_factory):
    """Two overlapping classes in four dimensions, 150 cases, as an .npz."""
    generator = np.random.default_rng(0)
    y = np.arange(150) % 2
    x = generator.normal(size=(150, 4)) + 0.8 * y[:, None]
    file = tmp_path_factory.mktemp("data") / "blobs.npz"
    np.savez(file, x=x, y=y)
    return file


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Three classes of 8x8 images, 150 cases, as an .npz."""
    generator = np.random.default_rng(1)
    y = np.arange(150) % 3
    x = generator.normal(size=(150, 8, 8)).astype(np.float32)
    x[:, :, 0] += y[:, None]
    file = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(file, x=x, y=y)
    return file


@pytest.fixture
def plan(blobs):
    """A function that lays out a study on the blobs, two epochs long unless it says more."""

    def lay(*, data=blobs, folders=(), **changes):
        built_in = catalog.TEMPLATES.get(changes.get("template", "mlp"))
        size = {"units": [8]} if built_in is None or "units" in built_in.arguments else {}
        fixed = {"epochs": 2, **size, "batch_size": 32} | changes.pop("fixed", {})
        factors = changes.pop("factors", {"activation": ["relu", "tanh"]})
        fixed = {key: value for key, value in fixed.items() if key not in factors}
        study = _ask(dataset=str(data), replicates=2, fixed=fixed, factors=factors, **changes)
        return design.plan(study, datasets.describe(study.dataset, [*folders]), [*folders])

    return lay

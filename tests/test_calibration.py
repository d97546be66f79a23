"""The page about calibration tells what was measured, and measuring is what the rule does."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from reports import estimates

FILE = Path(__file__).parents[1] / "benchmarks" / "calibrate.py"


@pytest.fixture(scope="module")
def calibrate():
    """The module, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("calibrate", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def record(calibrate):
    """The results that are kept."""
    return json.loads(calibrate.RAW.read_text(encoding="utf-8"))


def test_the_page_is_the_record(calibrate, record):
    """Every number of it: `make calibrate` writes both."""
    assert calibrate.PAGE.read_text(encoding="utf-8") == calibrate.page(record)


def test_the_record_comes_from_the_pool(calibrate, record):
    """Drawing the quickest rows anew gives the same counts."""
    pool = calibrate.read(calibrate.POOL)
    equal, unequal = (calibrate.cells(pool, name) for name in calibrate.STUDIES)
    size = calibrate.Size(**record["studies"])
    assert calibrate.of_equal(equal, size, (1,), (6, 10)) == record["of_equal"][:2]
    assert calibrate.of_unequal(unequal, size, (5, 6, 10)) == record["of_unequal"][:3]
    assert calibrate.shape_of(unequal) == record["unequal"]
    assert record["pool"]["arms"] * record["pool"]["replicates"] >= 480


def test_the_promise_is_kept_where_it_is_made(calibrate, record):
    """Equal arms: no share of false claims is significantly above what is promised."""
    for row in record["of_equal"]:
        assert estimates.share(row["hits"], row["cases"], 0.95).low <= record["level"]
    for row in record["of_margin"]:
        if row["truth"] == "at the margin":
            assert estimates.share(row["hits"], row["cases"], 0.95).low <= record["level"] / 2
    assert record["agreement"]["hits"] == 0


def test_a_tiny_pool_gives_a_whole_page(calibrate):
    """Three arms and six replicates, from pool to page."""
    pool = calibrate.read(calibrate.POOL)
    few = pool[(pool["replicate"] < 6) & pool.groupby("study")["arm"].transform(_first_three)]
    found = calibrate.calibrated(few, calibrate.Size(40, 4), families=(1, 2), sizes=(4, 6))
    told = calibrate.page(found)
    assert found["pool"]["arms"] == 3
    assert [row["hits"] for row in found["of_equal"] if row["replicates"] == 4] == [0, 0]
    for part in ("of_equal", "of_unequal", "of_real", "of_margin"):
        assert all(calibrate.percent(row) in told for row in found[part])


def _first_three(arms):
    return arms.isin(arms.unique()[:3])


@pytest.mark.parametrize("family", [1, 11])
@pytest.mark.parametrize("pairs", [5, 6, 9, 10, 13])
def test_counting_decides_as_the_rule_does(calibrate, family, pairs):
    """Also where whole test cases make ties, and at both ends of a margin."""
    generator = np.random.default_rng(pairs)
    rows = np.concatenate(
        [
            generator.normal(0.5, 1, (20, pairs)),
            generator.integers(-1, 4, (40, pairs)) / 359,
        ]
    )
    tolerance = 1e-9
    for bound in (0.0, 1 / 359):
        above, below = calibrate.excluded(rows, bound, family, tolerance)
        for row, over, under in zip(rows, above, below, strict=True):
            found = estimates.sign_flips(row, calibrate.LEVEL, family, tolerance)
            assert (found.low > bound + tolerance, found.high < bound - tolerance) == (over, under)


def test_equal_studies_exchange_arms_and_keep_replicates(calibrate):
    """No replicate twice in a study, and in each of them the values of that replicate."""
    values = np.arange(3)[:, None] + 10.0 * np.arange(8)
    studies = calibrate.equal_studies(values, 2, 8, 50, [1])
    assert (np.sort(studies // 10, axis=2) == np.arange(8)).all()
    assert (np.sort(studies % 10, axis=0) == np.arange(3)[:, None, None]).all()
    assert len(np.unique(studies[0] % 10, axis=0)) > 1

"""Metrics of generated cases against closed forms, and against the data itself."""

from __future__ import annotations

import numpy as np
import pytest

from harness.catalog.adversarial import SAMPLE_METRICS
from harness.datasets import synthetic
from harness.evaluation import samples

NAMES = ["ring-8", "grid-25"]


def drawn(mixture, count, seed=0):
    """Samples of the data itself."""
    generator = np.random.default_rng(seed)
    place = generator.integers(len(mixture.centres), size=count)
    noise = mixture.spread * generator.normal(size=(count, mixture.centres.shape[1]))
    return mixture.centres[place] + noise


def test_every_metric_has_a_function():
    """Of its name, in the one module."""
    assert all(callable(getattr(samples, name)) for name in SAMPLE_METRICS)


@pytest.mark.parametrize("name", NAMES)
def test_a_mixture_is_what_its_data_is_drawn_from(name):
    """Its centres are the means of the classes, its spread their deviation."""
    mixture, data = synthetic.mixture(name), synthetic.read(name)
    x, y = data["x_train"], data["y_train"]
    means = np.stack([x[y == one].mean(axis=0) for one in range(len(mixture.centres))])
    assert means == pytest.approx(mixture.centres, abs=0.2 * mixture.spread)
    assert (x - mixture.centres[y]).std() == pytest.approx(mixture.spread, rel=0.02)
    assert samples.high_quality(mixture, x) == pytest.approx(0.98889, abs=3e-3)
    assert samples.mode_total_variation(mixture, x) < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_the_data_itself_is_nearly_perfect(name):
    """98.889 % are of high quality; the total variation is at its floor; no mode is missing."""
    mixture = synthetic.mixture(name)
    assert samples.high_quality(mixture, drawn(mixture, 10**5)) == pytest.approx(
        1 - np.exp(-4.5), abs=1.5e-3
    )
    modes = len(mixture.centres)
    for count in (500, 2500):
        found = [
            samples.mode_total_variation(mixture, drawn(mixture, count, seed)) for seed in range(60)
        ]
        floor = samples.mode_total_variation_floor(modes, count)
        assert np.mean(found) == pytest.approx(floor, rel=0.06)
    some = drawn(mixture, 2500)
    assert samples.modes_with_one_sample(mixture, some) == modes
    assert samples.modes_with_1_percent(mixture, some) == modes


@pytest.mark.parametrize("name", NAMES)
def test_one_mode_alone(name):
    """Its total variation is exact, however many samples there are."""
    mixture = synthetic.mixture(name)
    modes = len(mixture.centres)
    one = np.repeat(mixture.centres[3:4], 700, axis=0)
    assert samples.mode_total_variation(mixture, one) == pytest.approx(1 - 1 / modes, abs=1e-12)
    assert samples.high_quality(mixture, one) == 1
    assert samples.modes_with_one_sample(mixture, one) == 1


def test_samples_of_no_mode():
    """Between modes, at the edge, or not finite: they count as samples all the same."""
    mixture = synthetic.mixture("ring-8")
    nowhere = np.array([[0.0, 0.0], [1 + 3.001 * mixture.spread, 0], [np.nan, 1.0], [np.inf, 0]])
    for measure in (samples.high_quality, samples.modes_with_one_sample):
        assert measure(mixture, nowhere) == 0
    assert samples.mode_total_variation(mixture, nowhere) == 1
    edge = np.array([[1 + 2.999 * mixture.spread, 0.0]])
    assert samples.high_quality(mixture, edge) == 1


def test_thresholds_of_coverage_differ():
    """One sample of 200 covers a mode by one count and not by the other."""
    mixture = synthetic.mixture("ring-8")
    found = np.repeat(mixture.centres[[0, 1, 2]], [197, 2, 1], axis=0)
    assert samples.modes_with_one_sample(mixture, found) == 3
    assert samples.modes_with_1_percent(mixture, found) == 2


def exact(generator, count, mean, covariance):
    """Cases whose mean and covariance are just these."""
    raw = generator.normal(size=(count, len(mean)))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_known_moments():
    """Commuting covariances have a closed form; so have equal ones, turned or not."""
    generator = np.random.default_rng(0)
    turn = np.linalg.qr(generator.normal(size=(4, 4)))[0]
    one, other = np.array([1.0, 2.0, 3.0, 4.0]), np.array([4.0, 1.0, 0.5, 9.0])
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    x = exact(generator, 50, np.zeros(4), turn * one @ turn.T)
    y = exact(generator, 80, shift, turn * other @ turn.T)
    expected = shift @ shift + np.sum((np.sqrt(one) - np.sqrt(other)) ** 2)
    assert samples.frechet_distance(x, y) == pytest.approx(expected, abs=1e-9)
    assert samples.frechet_distance(y, x) == pytest.approx(expected, abs=1e-9)
    assert samples.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert samples.frechet_distance(x[:, :1], y[:, :1]) == pytest.approx(
        shift[0] ** 2 + (x[:, 0].std(ddof=1) - y[:, 0].std(ddof=1)) ** 2
    )


@pytest.mark.parametrize(("width", "count"), [(10, 1000), (32, 2000)])
def test_frechet_distance_of_equal_distributions_is_not_zero(width, count):
    """About d^2 / (2 N) + 2 d / N, as real cases against real ones tell."""
    generator = np.random.default_rng(0)
    real = generator.normal(size=(8 * count, width))
    found = [samples.floor(samples.frechet_distance, real, count, generator) for _ in range(20)]
    assert np.mean(found) == pytest.approx(width**2 / (2 * count) + 2 * width / count, rel=0.1)


def test_a_floor_compares_disjoint_parts():
    """No case stands on both sides; too few cases are refused."""
    sides = []

    def measure(one, other):
        sides.append((one, other))
        return 0.0

    samples.floor(measure, np.arange(10)[:, None], 5, np.random.default_rng(0))
    assert {*sides[0][0].ravel()} | {*sides[0][1].ravel()} == {*range(10)}
    with pytest.raises(ValueError, match=r"12 real cases for two parts of 6\. Received: 10"):
        samples.floor(measure, np.arange(10)[:, None], 6, np.random.default_rng(0))


def test_a_singular_covariance_is_refused():
    """One case more than features is just enough."""
    x = np.random.default_rng(0).normal(size=(30, 10))
    assert np.isfinite(samples.frechet_distance(x, x[:11]))
    with pytest.raises(ValueError, match=r"at least 11 cases for 10 features.*: 10"):
        samples.frechet_distance(x, x[:10])


def test_kernel_distance_pair_by_pair(monkeypatch):
    """As its definition has it, in one block or in several."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(7, 3)), generator.normal(1, 1, size=(5, 3))

    def kernel(one, other):
        return (one @ other / 3 + 1) ** 3

    pairs = [[kernel(one, other) for j, other in enumerate(x) if i != j] for i, one in enumerate(x)]
    others = [
        [kernel(one, other) for j, other in enumerate(y) if i != j] for i, one in enumerate(y)
    ]
    mixed = [kernel(one, other) for one in x for other in y]
    expected = np.mean(pairs) + np.mean(others) - 2 * np.mean(mixed)
    for rows in (1024, 2):
        monkeypatch.setattr(samples, "ROWS", rows)
        assert samples.kernel_distance(x, y) == pytest.approx(expected)


def test_kernel_distance_of_equal_distributions_is_zero_on_average():
    """And negative half of the time."""
    generator = np.random.default_rng(0)
    found = [samples.kernel_distance(*generator.normal(size=(2, 300, 16))) for _ in range(60)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(60)
    assert 0.25 < np.mean(np.array(found) < 0) < 0.75


def test_kernel_distance_of_shifted_normals():
    """In one dimension its expectation has a closed form."""
    generator = np.random.default_rng(0)

    def expected(m, n):
        moments = [(1, one, 1 + one**2, one**3 + 3 * one) for one in (m, n)]
        return sum(c * a * b for c, a, b in zip((1, 3, 3, 1), *moments, strict=True))

    exactly = expected(0, 0) + expected(0.7, 0.7) - 2 * expected(0, 0.7)
    found = samples.kernel_distance(
        generator.normal(0, 1, (8000, 1)), generator.normal(0.7, 1, (8000, 1))
    )
    assert found == pytest.approx(exactly, rel=0.1)


def test_copies_are_near_duplicates():
    """All of them; of fresh cases one in a hundred."""
    generator = np.random.default_rng(0)
    train, held, fresh = generator.normal(size=(3, 4000, 3))
    assert samples.near_duplicates(train, held, fresh) == pytest.approx(0.01, abs=0.006)
    half = np.concatenate([train[:500], fresh[:500] + 0.0])
    assert samples.near_duplicates(train, held, half) == pytest.approx(0.505, abs=0.01)


def test_collapse_of_the_data_itself_is_at_its_floor():
    """Whatever the distribution, and for unequal numbers of cases."""
    generator = np.random.default_rng(0)
    for counts in ((2000, 2000), (1000, 3000)):
        real, other = (generator.normal(size=(count, 2)) ** 3 for count in counts)
        floor = samples.collapse_floor(*counts)
        assert samples.collapse(real, other) == pytest.approx(floor, abs=0.015)
    assert samples.collapse_floor(2000, 2000) == pytest.approx(2**-5, rel=0.01)


def test_collapse_counts_what_is_left_out():
    """One of eight modes, none of them, and one case repeated."""
    mixture = synthetic.mixture("ring-8")
    real = drawn(mixture, 2000)
    generator = np.random.default_rng(1)
    one = mixture.centres[0] + mixture.spread * generator.normal(size=(2000, 2))
    assert samples.collapse(real, one) == pytest.approx(7 / 8, abs=0.02)
    assert samples.collapse(real, np.full((2000, 2), 5.0)) == 1
    assert samples.collapse(real, np.repeat(real[:1], 2000, axis=0)) > 0.99


def test_a_critic_that_takes_all_for_real_tells_nothing():
    everything, nothing = np.ones(10, bool), np.zeros(30, bool)
    assert samples.critic_accuracy(everything, nothing) == 1.0
    assert samples.critic_accuracy(everything, ~nothing) == 0.5
    assert samples.critic_accuracy(~everything, ~nothing) == 0.0


def test_the_floor_of_a_kernel_distance_is_about_zero():
    stream = np.random.default_rng(3)
    train, real = stream.normal(size=(2, 400, 8))
    far = samples.classifier_kernel_distance(train, real, real + 2)
    assert abs(samples.classifier_kernel_floor(train, real, real + 2)) < far / 20

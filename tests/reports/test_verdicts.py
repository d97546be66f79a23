"""Tests of the verdicts: what they say, how often they err, and what they must never say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from synthetic import Maker, Script, accuracy

from reports import frames, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RULE = verdicts.Rule(
    maximize=True, scale="identity", confidence=0.95, family=11, margin=None, seed=1
)
GRIDS = arrays.arrays(np.float64, (2, 8), elements=st.floats(-10, 10).map(lambda x: round(x, 3)))


def judged(make: Maker, value: Callable[[int, int], float] = accuracy, **changes: object):
    """The verdicts of a single-factor study without tuning, by label."""
    script = changes.pop("script", Script(value=value))
    given_ = {
        "factors": {"activation": ["relu", "tanh", "sigmoid"]},
        "tune": None,
        "replicates": 10,
    }
    results = frames.read(make(script, **(given_ | changes)))
    found = verdicts.judge(results)
    return results, found, {results.arms[v.arm].label: v for v in found.verdicts}


def noisy(*effects: float, noise: float = 0.003) -> Callable[[int, int], float]:
    """Values with an effect per arm, a block per replicate, and noise."""

    def value(arm: int, replicate: int) -> float:
        block = np.random.default_rng(replicate).normal(0, 0.01)
        return 0.9 + block + effects[arm] + np.random.default_rng([arm, replicate]).normal(0, noise)

    return value


def test_comparison_equals_scipy(shared: Path) -> None:
    """Difference, interval and p are scipy's paired test of the stored values."""
    results = frames.read(shared)
    found = verdicts.judge(results)
    confirm = results.confirm.pivot_table(
        index="arm", columns="replicate", values="test/accuracy@best"
    ).to_numpy()
    for verdict in found.verdicts:
        reference = stats.ttest_rel(confirm[verdict.arm], confirm[0])
        limits = reference.confidence_interval(1 - 0.05 / 5)
        comparison = verdict.comparison
        assert comparison.difference == pytest.approx((confirm[verdict.arm] - confirm[0]).mean())
        assert comparison.p == pytest.approx(reference.pvalue)
        assert comparison.adjusted == pytest.approx(min(1, 5 * reference.pvalue))
        assert (comparison.low, comparison.high) == pytest.approx((limits.low, limits.high))
        assert comparison.floor == 2 / 2**6
        assert comparison.correlation == pytest.approx(
            np.corrcoef(confirm[verdict.arm], confirm[0])[0, 1]
        )


def test_words_follow_the_direction(make: Maker) -> None:
    """Higher accuracy is better, higher loss is worse."""
    _, _, found = judged(make, noisy(0, 0.02, -0.02))
    assert [found[arm].word for arm in ("tanh", "sigmoid")] == ["better", "worse"]
    _, _, found = judged(make, noisy(0, 0.02, -0.02), metric="test/loss@best")
    assert [found[arm].word for arm in ("tanh", "sigmoid")] == ["worse", "better"]


def test_reading_is_a_sentence_with_the_numbers(make: Maker) -> None:
    """The reading names both arms, the difference with its unit, the interval, n and p."""
    _, _, found = judged(make, noisy(0, 0.02, 0))
    assert found["tanh"].reading.startswith("tanh is better than relu: +2.0")
    assert "points of test accuracy (95 % simultaneous interval +1." in found["tanh"].reading
    assert found["tanh"].reading.endswith("n = 10, adjusted p < 0.001).")
    assert found["sigmoid"].word == "undecided"
    assert "sigmoid and relu are not told apart" in found["sigmoid"].reading


def test_losses_are_compared_as_ratios(make: Maker) -> None:
    """On the log scale a constant ratio is found, and printed as percent change."""

    def loss(arm: int, replicate: int) -> float:
        noise = np.random.default_rng([arm, replicate]).normal(0, 0.01)
        return float((1 + replicate) * 0.8 ** (arm == 1) * np.exp(noise))

    _, _, found = judged(make, loss, metric="test/loss@best", task="regression")
    assert found["tanh"].comparison.difference == pytest.approx(np.log(0.8), abs=0.02)
    assert found["tanh"].word == "better"
    assert "% test loss" in found["tanh"].reading
    assert found["sigmoid"].word == "undecided"


def test_equivalence_takes_precedence(make: Maker) -> None:
    """An interval inside the margin is equivalent, even where zero is excluded, and says so."""
    value = noisy(0, 0.002, 0, noise=0.0003)
    _, _, found = judged(make, value, margin=0.01)
    assert found["tanh"].word == "equivalent"
    assert "within 1.00 points" in found["tanh"].reading
    assert found["tanh"].reading.endswith("the difference is small but not zero.")
    assert found["sigmoid"].word == "equivalent"
    assert "not zero" not in found["sigmoid"].reading
    _, _, found = judged(make, value)
    assert [found[arm].word for arm in ("tanh", "sigmoid")] == ["better", "undecided"]


def test_margin_of_a_loss_is_relative(make: Maker) -> None:
    """A margin of 0.1 on a loss is ten percent, that is log1p(0.1) on the scale of judging."""
    _, found, _ = judged(make, metric="test/loss@best", margin=0.1)
    assert found.rule.margin == pytest.approx(np.log(1.1))


def test_diverged_trials_hand_over_to_ranks(make: Maker) -> None:
    """With a diverged trial there is no mean and no interval, and ranks decide."""

    def status(arm: int, _phase: str, _candidate: int, replicate: int) -> str:
        return "diverged" if arm == 1 or (arm == 2 and replicate == 0) else "completed"

    results, judgement, found = judged(make, script=Script(noisy(0, 0, 0.02), status))
    worse, undecided = found["tanh"].comparison, found["sigmoid"].comparison
    for comparison in (worse, undecided):
        assert np.isnan([comparison.difference, comparison.low, comparison.high]).all()
        assert comparison.decided_by == "ranks"
    assert found["tanh"].word == "worse"
    assert worse.p == 2 / 2**10
    assert worse.adjusted == 2 * worse.p
    assert (worse.wins, worse.losses, worse.ties) == (0, 10, 0)
    assert (undecided.diverged, undecided.wins, undecided.losses) == (1, 9, 1)
    values = np.array(undecided.differences[1:])
    ranked = np.append(values, -2 * np.abs(values).max())
    assert undecided.p == pytest.approx(stats.wilcoxon(ranked, method="exact").pvalue)
    assert "10 of 10 pairs hold a diverged trial" in found["tanh"].reading
    assert "points" not in found["tanh"].reading
    assert np.isnan(judgement.means[1].mean)
    text = " ".join(verdicts.headline(results, judgement))
    assert "11 confirm trials diverged (tanh and sigmoid)" in text


def test_both_diverged_is_a_tie(make: Maker) -> None:
    """Pairs in which both arms diverged say nothing."""
    script = Script(
        noisy(0, 0, 0),
        lambda _arm, _phase, _candidate, replicate: "diverged" if replicate < 10 else "completed",
    )
    with_all = judged(make, script=script)[2]["tanh"]
    assert with_all.word == "no difference observed"
    assert with_all.comparison.ties == 10
    assert "both arms diverged in every pair" in with_all.reading


def test_a_diverged_baseline_loses(make: Maker) -> None:
    """Where the baseline diverges and the arm does not, the arm is better."""
    script = Script(noisy(0, 0, 0), lambda arm, *_: "diverged" if arm == 0 else "completed")
    _, _, found = judged(make, script=script)
    assert {verdict.word for verdict in found.values()} == {"better"}


def test_zero_differences_are_no_difference_observed(make: Maker) -> None:
    """Identical results are neither equal in truth nor undecided: no difference was observed."""
    _, _, found = judged(make, noisy(0, 0, 0, noise=0))
    assert found["tanh"].word == "no difference observed"
    assert "all 10 differences are zero" in found["tanh"].reading
    assert np.isnan(found["tanh"].comparison.low)


def test_equal_differences_get_no_interval_of_zero_width(make: Maker) -> None:
    """Ten equal non-zero differences are decided by ranks, with an honest p."""
    _, _, found = judged(make, noisy(0, 0.01, 0, noise=0))
    comparison = found["tanh"].comparison
    assert comparison.decided_by == "ranks"
    assert comparison.p == 2 / 2**10
    assert np.isnan(comparison.low)
    assert comparison.difference == pytest.approx(0.01)
    assert found["tanh"].word == "better"
    assert "without any spread" in found["tanh"].reading


def test_ranks_say_when_they_could_not_have_decided(make: Maker) -> None:
    """With four pairs no rank test reaches the level, and the reading says so."""
    script = Script(noisy(0, 0, 0), lambda arm, *_: "diverged" if arm == 1 else "completed")
    _, _, found = judged(make, script=script, replicates=4)
    assert found["tanh"].word == "undecided"
    assert "ranks cannot go below 0.25 with so few pairs" in found["tanh"].reading


def test_only_replicates_final_in_both_arms_are_paired(make: Maker) -> None:
    """Failed and pending replicates leave the pairs, on either side, and n says so."""

    def status(arm: int, _phase: str, _candidate: int, replicate: int) -> str | None:
        return {(0, 1): "failed", (1, 4): None, (1, 7): "running"}.get(
            (arm, replicate), "completed"
        )

    results, judgement, found = judged(make, script=Script(noisy(0, 0.02, 0), status))
    assert found["tanh"].comparison.pairs == 7
    assert found["sigmoid"].comparison.pairs == 9
    grid = frames.grid(results, "test/accuracy@best").cells
    kept = [replicate for replicate in range(10) if replicate not in {1, 4, 7}]
    expected = (grid[1, kept] - grid[0, kept]).mean()
    assert found["tanh"].comparison.difference == pytest.approx(expected)
    assert "3 of 30 confirm trials have no result" in " ".join(
        verdicts.headline(results, judgement)
    )


def test_below_two_pairs_nothing_is_decided(make: Maker) -> None:
    """One pair is undecided and says what is missing."""
    results, judgement, found = judged(make, noisy(0, 0.5, 0), replicates=1)
    assert found["tanh"].word == "undecided"
    assert "1 pair of finished replicates" in found["tanh"].reading
    assert "nothing can be decided" in " ".join(verdicts.headline(results, judgement))


def test_a_single_arm_has_no_comparison(make: Maker) -> None:
    """A study of one arm reports its mean and compares nothing."""
    results, judgement, found = judged(make, factors={"activation": ["relu"]})
    assert found == {}
    assert verdicts.headline(results, judgement)[0].startswith("relu has a mean test accuracy of")


def test_headline_claims_only_what_was_tested(make: Maker) -> None:
    """The best mean is named, with the caution that it was compared with the baseline only."""
    results, judgement, _ = judged(make, noisy(0, 0.02, 0.021))
    text = verdicts.headline(results, judgement)
    assert text[0] == "Both other arms are better than relu on test accuracy: tanh and sigmoid."
    assert "Whether it also beats the other arms was not tested." in text[1]
    results, judgement, _ = judged(make, noisy(0.05, 0, 0))
    text = verdicts.headline(results, judgement)
    assert text[0] == "No arm is shown to be better than relu."
    assert any("The baseline itself has the best mean" in line for line in text)


def test_an_undecided_arm_that_loses_every_pair_is_pointed_out(make: Maker) -> None:
    """Skewed differences: t cannot decide, the exact test could; the reader is told."""
    losses = [0.6, 0.001, 0.001, 0.002, 0.001, 0.002, 0.001, 0.002, 0.001, 0.001]

    def value(arm: int, replicate: int) -> float:
        return 0.95 - arm * losses[replicate]

    factors = {"activation": ["relu", "tanh"]}
    results, judgement, found = judged(make, value, factors=factors, replicates=10)
    assert found["tanh"].word == "undecided"
    (pointed,) = [line for line in verdicts.headline(results, judgement) if "Look closer" in line]
    assert "tanh: it wins 0 and loses 10 of 10 pairs" in pointed
    assert "p = 0.002" in pointed


def test_selection_bias_is_signed_towards_optimism(shared: Path) -> None:
    """Positive where the search looked better than fresh replicates, for a loss and in full."""
    results = frames.read(shared)
    biases = verdicts.judge(results).biases
    assert [bias.arm for bias in biases] == list(range(6))
    for bias in biases:
        tune = results.tune[
            (results.tune["arm"] == bias.arm) & (results.tune["candidate"] == bias.candidate)
        ]
        fresh = results.confirm[results.confirm["arm"] == bias.arm]["val/loss@best"].mean()
        assert bias.tuned == tune["val/loss@best"].mean()
        assert bias.fresh == pytest.approx(fresh)
        assert bias.optimism == pytest.approx(fresh - bias.tuned)
        assert bias.optimism == pytest.approx(0.01, abs=0.001)


@given(grid=GRIDS)
def test_verdict_interval_and_p_agree(grid: np.ndarray) -> None:
    """A verdict of different, an interval without zero, and a small p are one statement."""
    found = verdicts.compare(1, grid[1], grid[0], RULE)
    assume(found.decided_by == "paired t")
    assume(min(abs(found.low), abs(found.high)) > 1e-9)
    excluded = found.low > 0 or found.high < 0
    assert excluded == (found.adjusted < RULE.level)
    assert excluded == (verdicts.decide(found, RULE) in {"better", "worse"})


@given(grid=GRIDS, order=st.permutations(range(8)))
def test_verdicts_do_not_depend_on_replicate_order(grid: np.ndarray, order: list[int]) -> None:
    """A permutation of replicates, common to both arms, changes no number but the order."""
    one = verdicts.compare(1, grid[1], grid[0], RULE)
    two = verdicts.compare(1, grid[1, order], grid[0, order], RULE)
    names = ("pairs", "wins", "losses", "ties", "sign_flip", "decided_by")
    assert [getattr(one, name) for name in names] == [getattr(two, name) for name in names]
    for name in ("difference", "low", "high", "p", "adjusted"):
        expected = pytest.approx(getattr(two, name), rel=1e-6, abs=1e-9, nan_ok=True)
        assert getattr(one, name) == expected


@given(grid=GRIDS)
def test_exchanging_the_arms_mirrors_the_verdict(grid: np.ndarray) -> None:
    """Better becomes worse, wins become losses, and p stays."""
    mirror = {"better": "worse", "worse": "better"}
    one = verdicts.compare(1, grid[1], grid[0], RULE)
    two = verdicts.compare(0, grid[0], grid[1], RULE)
    word = verdicts.decide(one, RULE)
    assert verdicts.decide(two, RULE) == mirror.get(word, word)
    assert (one.wins, one.losses) == (two.losses, two.wins)
    assert one.p == pytest.approx(two.p, nan_ok=True)


def test_names_of_arms_change_no_number(make: Maker) -> None:
    """The same values under other level names get the same comparisons."""
    _, one, _ = judged(make, noisy(0, 0.02, 0.001))
    _, two, _ = judged(make, noisy(0, 0.02, 0.001), factors={"zeta": ["b", "a", 7]})
    assert [verdict.comparison for verdict in one.verdicts] == [
        verdict.comparison for verdict in two.verdicts
    ]


def _wrong(effects: np.ndarray, studies: int, rule: verdicts.Rule) -> np.ndarray:
    """Verdicts of simulated studies that share a noisy baseline; shape (studies, arms - 1)."""
    random = np.random.default_rng(2024)
    words = []
    for _ in range(studies):
        blocks = random.normal(size=10)
        values = blocks + effects[:, np.newaxis] + random.normal(size=(len(effects), 10))
        words.append(
            [
                verdicts.decide(verdicts.compare(arm, values[arm], values[0], rule), rule)
                for arm in range(1, len(effects))
            ]
        )
    return np.array(words)


def test_family_wise_error_is_kept() -> None:
    """Under no effect at all, at most 5 % of studies of 11 comparisons claim any difference."""
    words = _wrong(np.zeros(12), 500, RULE)
    rate = np.isin(words, ["better", "worse"]).any(axis=1).mean()
    assert 0 < rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)


def test_without_adjustment_the_error_would_not_be_kept() -> None:
    """The simulation can tell: the same studies with a family of one claim far too much."""
    words = _wrong(np.zeros(12), 150, replace(RULE, family=1))
    assert np.isin(words, ["better", "worse"]).any(axis=1).mean() > 0.2


def test_large_effects_are_found() -> None:
    """A difference of 2.5 standard deviations of the differences is nearly always found."""
    effects = np.zeros(12)
    effects[1] = 2.5 * np.sqrt(2)
    words = _wrong(effects, 60, RULE)
    assert (words[:, 0] == "better").mean() > 0.9


def test_equivalence_is_rarely_claimed_at_the_margin() -> None:
    """Arms that truly differ by the margin are called equivalent in at most 5 % of studies."""
    effects = np.full(3, 1.5)
    effects[0] = 0
    rule = replace(RULE, margin=1.5, family=2)
    words = _wrong(effects, 200, rule)
    assert (words == "equivalent").any(axis=1).mean() <= 0.05

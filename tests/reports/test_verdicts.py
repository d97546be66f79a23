"""Tests of the verdicts: what they say, how often they err, and what they must never say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from synthetic import Maker, Script, accuracy

from reports import frames, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RULE = verdicts.Rule(maximize=True, scale="identity", level=0.05, family=11, margin=None)


def scores(values: object) -> verdicts.Scores:
    """Scores of one arm; infinite ones are diverged trials."""
    numbers = np.array(values, dtype=float)
    return verdicts.Scores(numbers, np.isinf(numbers))


def against_zero(differences: object, rule: verdicts.Rule = RULE) -> verdicts.Comparison:
    """A comparison whose differences are given."""
    ours = scores(differences)
    both = np.isinf(ours.numbers) & (ours.numbers > 0)
    theirs = np.where(both, -np.inf, 1.0)  # a win by infinity is a baseline that diverged
    ours = scores(np.where(both, 1.0, 1.0 + ours.numbers))
    return verdicts.compare(1, ours, scores(theirs), rule)


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
    """Difference and p are scipy's permutation test of the stored values, paired by replicate."""
    results = frames.read(shared)
    found = verdicts.judge(results)
    confirm = results.confirm.pivot_table(
        index="arm", columns="replicate", values="test/accuracy@best"
    ).to_numpy()
    for verdict in found.verdicts:
        differences = confirm[verdict.arm] - confirm[0]
        reference = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        comparison = verdict.comparison
        assert comparison.difference == pytest.approx(differences.mean())
        assert comparison.p == pytest.approx(reference.pvalue)
        assert comparison.adjusted == pytest.approx(min(1, 5 * reference.pvalue))
        assert comparison.floor == 2 / 2**6
        assert comparison.correlation == pytest.approx(
            np.corrcoef(confirm[verdict.arm], confirm[0])[0, 1]
        )
        student = stats.ttest_rel(confirm[verdict.arm], confirm[0]).confidence_interval(0.99)
        assert comparison.described[1:] == pytest.approx((student.low, student.high))


def test_words_follow_the_direction(make: Maker) -> None:
    """Higher accuracy is better, higher loss is worse."""
    _, _, found = judged(make, noisy(0, 0.02, -0.02))
    assert [found[arm].word for arm in ("tanh", "sigmoid")] == ["better", "worse"]
    _, _, found = judged(make, noisy(0, 0.02, -0.02), metric="test/loss@best")
    assert [found[arm].word for arm in ("tanh", "sigmoid")] == ["worse", "better"]


def test_reading_is_a_sentence_with_the_numbers(make: Maker) -> None:
    """The reading names both arms, the difference with its unit, the interval, n and p."""
    _, _, found = judged(make, noisy(0, 0.02, -0.002))
    assert found["tanh"].reading.startswith("tanh is better than relu: +2.0")
    assert "points of test accuracy (95 % simultaneous interval +1." in found["tanh"].reading
    assert found["tanh"].reading.endswith("n = 10, adjusted p = 0.004).")
    assert found["sigmoid"].word == "undecided"
    opening = "sigmoid and relu are statistically indistinguishable at this sample size: "
    assert found["sigmoid"].reading.startswith(opening)


def test_losses_are_compared_as_ratios(make: Maker) -> None:
    """On the log scale a constant ratio is found, and printed as percent change."""

    def loss(arm: int, replicate: int) -> float:
        noise = np.random.default_rng([arm, replicate]).normal(0, 0.01)
        return float((1 + replicate) * (1.0, 0.8, 0.992)[arm] * np.exp(noise))

    _, _, found = judged(make, loss, metric="test/loss@best", task="regression")
    assert found["tanh"].comparison.difference == pytest.approx(np.log(0.8), abs=0.02)
    assert found["tanh"].word == "better"
    assert "% test loss" in found["tanh"].reading
    assert found["sigmoid"].word == "undecided"


def test_equivalence_takes_precedence(make: Maker) -> None:
    """An interval inside the margin is equivalent, even where zero is excluded, and says so."""
    value = noisy(0, 0.002, -0.0002, noise=0.0003)
    results, judgement, found = judged(make, value, margin=0.01)
    assert (found["tanh"].word, found["tanh"].size) == ("equivalent", "by less than the margin")
    assert "within 1.00 points, with a real but negligible difference" in found["tanh"].reading
    assert (found["sigmoid"].word, found["sigmoid"].size) == ("equivalent", "")
    assert "negligible" not in found["sigmoid"].reading
    text = " ".join(verdicts.headline(results, judgement))
    assert "(tanh with a real but negligible difference)" in text
    _, _, found = judged(make, value)
    assert [found[arm].word for arm in ("tanh", "sigmoid")] == ["better", "undecided"]


def test_sign_and_size_are_two_statements(make: Maker) -> None:
    """A real difference is within the margin, beyond it, or of a size that is still open."""
    _, _, found = judged(make, noisy(0, -0.05, -0.012), margin=0.01)
    assert (found["tanh"].word, found["tanh"].size) == ("worse", "by more than the margin")
    assert (found["sigmoid"].word, found["sigmoid"].size) == ("worse", "size open")
    assert found["tanh"].reading.startswith("tanh is worse than relu, by more than the margin: ")
    assert found["sigmoid"].text == "worse, size open"
    _, _, found = judged(make, noisy(0, -0.05, -0.012))
    assert {verdict.size for verdict in found.values()} == {""}


def test_margin_of_a_loss_is_relative_on_both_sides(make: Maker) -> None:
    """A margin of 0.1 on a loss is ten percent less and ten percent more."""
    _, found, _ = judged(make, metric="test/loss@best", margin=0.1)
    assert found.rule.margin == pytest.approx((np.log(0.9), np.log(1.1)))


def test_diverged_trials_hand_over_to_signed_ranks(make: Maker) -> None:
    """With a diverged trial there is no mean; the typical difference has the interval."""

    def status(arm: int, _phase: str, _candidate: int, replicate: int) -> str:
        return "diverged" if arm == 1 or (arm == 2 and replicate == 0) else "completed"

    results, judgement, found = judged(make, script=Script(noisy(0, 0, 0.02), status))
    worse, unclear = found["tanh"].comparison, found["sigmoid"].comparison
    for comparison in (worse, unclear):
        assert np.isnan(comparison.difference)
        assert comparison.decided_by == "signed ranks"
    assert found["tanh"].word == "worse"
    assert (worse.low, worse.high, worse.p) == (-np.inf, -np.inf, 2 / 2**10)
    assert worse.adjusted == 2 * worse.p
    assert (worse.wins, worse.losses, worse.ties, worse.diverged) == (0, 10, 0, 10)
    assert (unclear.diverged, unclear.wins, unclear.losses) == (1, 9, 1)
    values = np.array(unclear.differences[1:])
    ranked = np.append(values, -2 * np.abs(values).max())
    assert unclear.p == pytest.approx(stats.wilcoxon(ranked, method="exact").pvalue)
    assert found["sigmoid"].word == "undecided"
    assert "; sigmoid fails in 1 of 10" in found["sigmoid"].reading
    assert "typically +2" in found["sigmoid"].reading
    assert "tanh fails in 10 of 10" in found["tanh"].reading
    assert "points" not in found["tanh"].reading
    assert np.isnan(judgement.means[1].mean)
    text = " ".join(verdicts.headline(results, judgement))
    assert "Trainings diverged: tanh in 10 of 10 and sigmoid in 1 of 10." in text


def test_a_margin_holds_for_diverged_trials_too(make: Maker) -> None:
    """An arm does not become better by failing: with the margin it stays equivalent."""

    def one(arm: int, _phase: str, _candidate: int, replicate: int) -> str:
        return "diverged" if (arm, replicate) == (1, 3) else "completed"

    value, factors = noisy(0, 0.004, noise=0.001), {"activation": ["relu", "tanh"]}
    script = Script(value, one)
    for given_ in (Script(value), script):
        _, _, found = judged(make, script=given_, factors=factors, margin=0.015, replicates=16)
        assert found["tanh"].word == "equivalent"
    assert found["tanh"].reading.endswith("; tanh fails in 1 of 16.")


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


def test_equal_differences_are_judged_by_the_same_rule(make: Maker) -> None:
    """Ten equal differences decide with an honest p, and within a margin they are equivalent."""
    _, _, found = judged(make, noisy(0, 0.01, 0, noise=0))
    comparison = found["tanh"].comparison
    assert comparison.p == 2 / 2**10
    assert (comparison.low, comparison.high) == pytest.approx((0.01, 0.01))
    assert found["tanh"].word == "better"
    _, _, found = judged(make, noisy(0, 0.01, 0, noise=0), margin=0.015)
    assert found["tanh"].word == "equivalent"
    _, _, found = judged(make, noisy(0, 0.01, 0, noise=1e-8), margin=0.015)
    assert found["tanh"].word == "equivalent"


def test_too_few_pairs_decide_nothing_and_say_how_many_would(make: Maker) -> None:
    """Below the floor everything is undecided; Student's interval describes, and says so."""
    results, judgement, found = judged(make, noisy(0, 0.5, 0), replicates=4)
    assert found["tanh"].word == "undecided"
    assert np.isinf(found["tanh"].comparison.low)
    assert "if differences were normal (n = 4" in found["tanh"].reading
    assert found["tanh"].reading.endswith("4 pairs cannot decide 2 comparisons; 7 can.")
    text = " ".join(verdicts.headline(results, judgement))
    assert "2 comparisons cannot be decided with fewer than 7 replicates" in text


def test_an_arm_that_loses_every_pair_is_worse(make: Maker) -> None:
    """Skewed differences: a t interval would hold zero, the exact one does not."""
    losses = [0.6, 0.001, 0.001, 0.002, 0.001, 0.002, 0.001, 0.002, 0.001, 0.001]

    def value(arm: int, replicate: int) -> float:
        return 0.95 - arm * losses[replicate]

    factors = {"activation": ["relu", "tanh"]}
    _, _, found = judged(make, value, factors=factors)
    comparison = found["tanh"].comparison
    assert found["tanh"].word == "worse"
    assert comparison.described.low < 0 < comparison.described.high
    assert comparison.high < 0


def test_a_study_with_gaps_gets_no_verdict(make: Maker) -> None:
    """What is missing is named, arm by arm; the estimates use the pairs that are there."""

    def status(arm: int, _phase: str, _candidate: int, replicate: int) -> str | None:
        return {(0, 1): "failed", (1, 4): None, (1, 7): "running"}.get(
            (arm, replicate), "completed"
        )

    results, judgement, found = judged(make, script=Script(noisy(0, 0.02, 0), status))
    assert {verdict.word for verdict in found.values()} == {"no verdict"}
    assert found["tanh"].comparison.pairs == 7
    assert found["sigmoid"].comparison.pairs == 9
    grid = frames.grid(results, "test/accuracy@best").cells
    kept = [replicate for replicate in range(10) if replicate not in {1, 4, 7}]
    expected = (grid[1, kept] - grid[0, kept]).mean()
    assert found["tanh"].comparison.difference == pytest.approx(expected)
    assert found["tanh"].reading.startswith("no verdict yet on tanh against relu: so far +2")
    first, second, *_ = verdicts.headline(results, judgement)
    assert first.startswith("No verdict yet: 3 of 30 confirm trials have no result.")
    assert "tanh, replicate 4: pending" in second
    assert "tanh, replicate 7: running" in second
    assert "relu, replicate 1: failed: val/loss is not finite" in second


def test_a_loss_of_zero_is_no_divergence(make: Maker) -> None:
    """Zero is the best that a loss can be: it wins, is counted by itself, and nothing diverged."""

    def loss(arm: int, replicate: int) -> float:
        return 0.0 if arm == 1 else 0.1 + 0.01 * replicate + 0.001 * arm

    results, judgement, found = judged(make, loss, metric="test/loss@best", task="regression")
    comparison = found["tanh"].comparison
    assert found["tanh"].word == "better"
    assert (comparison.diverged, comparison.diverged_baseline, comparison.zeros) == (0, 0, 10)
    assert "10 pairs hold a loss of zero, which has no ratio" in found["tanh"].reading
    text = " ".join(verdicts.headline(results, judgement))
    assert "A loss of exactly zero has no ratio: signed ranks decide about tanh" in text
    assert "No training diverged" in text
    assert "The baseline itself has the best mean test loss of those that have one" not in text


def test_values_below_zero_are_not_losses_of_zero(make: Maker) -> None:
    """A metric of ratios with negative values is judged by its differences, and says so."""

    def loss(arm: int, replicate: int) -> float:
        return -3.0 + 2 * arm + np.random.default_rng([arm, replicate]).normal(0, 0.1)

    results, judgement, found = judged(
        make, loss, metric="test/loss@best", task="regression", margin=0.1
    )
    assert judgement.negative
    assert found["tanh"].word == "worse"
    assert found["tanh"].comparison.difference == pytest.approx(2, abs=0.2)
    assert "+2.0" in found["tanh"].reading
    text = " ".join(verdicts.headline(results, judgement))
    assert "Test loss is below zero in places, where ratios mean nothing" in text
    assert "without a margin" in text


def test_a_single_arm_has_no_comparison(make: Maker) -> None:
    """A study of one arm reports its mean and compares nothing."""
    results, judgement, found = judged(make, factors={"activation": ["relu"]})
    assert found == {}
    assert verdicts.headline(results, judgement)[0].startswith("relu has a mean test accuracy of")


def test_headline_claims_only_what_was_tested(make: Maker) -> None:
    """The best mean is named, with the caution that it was compared with the baseline only."""
    results, judgement, _ = judged(make, noisy(0, 0.02, 0.021))
    text = verdicts.headline(results, judgement)
    assert text[0].startswith("tanh and sigmoid beat relu by 2.07 to 2.36 points of test accuracy.")
    assert "It was compared with the baseline only." in text[1]
    results, judgement, _ = judged(make, noisy(0.05, 0, 0))
    text = verdicts.headline(results, judgement)
    assert text[0] == "None of the 2 alternatives beats the baseline, relu."
    assert any("The baseline itself has the best mean" in line for line in text)


def test_two_arms_get_an_answer_in_one_sentence(make: Maker) -> None:
    """Which, by how much, how sure; and what it would take where nothing is decided."""
    two = {"cell": ["gru", "lstm"]}
    results, judgement, _ = judged(make, noisy(0, 0.05), factors=two)
    first = verdicts.headline(results, judgement)[0]
    assert first.startswith("lstm beats gru by 5.")
    assert first.endswith("(4.93 to 5.25).")
    results, judgement, found = judged(make, noisy(0, -0.001), factors=two)
    needed = found["lstm"].needed
    assert needed is not None
    assert f"about {needed} replicates would decide it" in verdicts.headline(results, judgement)[0]


def test_scope_and_chance_are_part_of_the_answer(make: Maker) -> None:
    """Test cases, chosen hyperparameters, unseen failures, and a baseline that nobody declared."""
    results = frames.read(make())
    text = " ".join(verdicts.headline(results, verdicts.judge(results)))
    assert "on these 359 test cases, given the hyperparameters chosen for each arm" in text
    assert (
        "With 0 failures in 6, the true failure rate of an arm could still be as high as 39 %"
        in text
    )
    assert "The study declares no baseline: its first arm, relu, glorot_uniform, serves" in text
    declared = {"activation": "tanh", "initializer": "he_normal"}
    results = frames.read(make(baseline=declared))
    text = " ".join(verdicts.headline(results, verdicts.judge(results)))
    assert "declares no baseline" not in text


def test_a_mean_that_few_replicates_make_is_pointed_out(make: Maker) -> None:
    """Mean and median of opposite signs: the reader is told."""

    def value(arm: int, replicate: int) -> float:
        return 0.9 + arm * (-0.5 if replicate == 0 else 0.01)

    results, judgement, _ = judged(make, value, factors={"activation": ["relu", "tanh"]})
    text = " ".join(verdicts.headline(results, judgement))
    assert "Mean and median difference have opposite signs for tanh" in text


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


def random_differences(count: int) -> Iterator[np.ndarray]:
    """Differences as trainings make them and as they do not: ties, constants, failures."""
    random = np.random.default_rng(12)
    for _ in range(count):
        size = (
            int(random.integers(1, 13)) if random.random() < 0.96 else int(random.integers(13, 21))
        )
        kind = random.integers(5)
        found = random.normal(random.choice([0, 0.5, 2]), 1, size)
        if kind == 1:
            found = np.round(found)
        elif kind == 2:
            found = np.full(size, random.choice([0.0, 0.1, -1.5]))
        elif kind >= 3:
            failed = random.random(size) < 0.2
            signs = -1 if kind == 3 else random.choice([-1, 1], size)
            found = np.where(failed, signs * np.inf, np.round(found, 1))
        yield found


@pytest.mark.parametrize("count", [1500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_word_interval_and_p_always_agree(count: int) -> None:
    """Random vectors: one statement in three forms, which no jitter of 1e-9 changes."""
    random = np.random.default_rng(21)
    checked = 0
    for index, found in enumerate(random_differences(count)):
        family = int(random.choice([1, 2, 5, 11, 30, 100]))
        margin = (-0.5, 0.5) if index % 2 else None
        rule = replace(RULE, family=family, margin=margin, maximize=bool(index % 3))
        one = against_zero(found, rule)
        word, size = verdicts.decide(one, rule), verdicts.sized(one, rule)
        excluded = one.low > 0 or one.high < 0
        inside = margin is not None and margin[0] < one.low and one.high < margin[1]
        assert excluded == (one.adjusted <= rule.level * (1 + 1e-9))
        assert (word == "equivalent") == (inside and bool(one.decided_by))
        assert (word in {"better", "worse"}) == (excluded and not inside)
        assert bool(size) == (excluded and margin is not None)
        if len(found) < rule.fewest:
            assert word in {"undecided", "no difference observed"}
        if one.decided_by == "sign flips" and 2 <= len(found) <= 8 and index % 10 == 0:
            reference = stats.permutation_test(
                (found,), np.mean, permutation_type="samples", n_resamples=np.inf
            )
            assert one.p == pytest.approx(min(1.0, reference.pvalue))
            checked += 1
        moved = against_zero(found + random.uniform(-1e-9, 1e-9, len(found)), rule)
        assert (verdicts.decide(moved, rule), verdicts.sized(moved, rule)) == (word, size)
    assert checked > count / 50


def test_a_failure_never_improves_a_word() -> None:
    """Simulated studies within the margin and beyond: one pair that fails, and no better word."""
    ranks = {"worse": 0, "undecided": 1, "no difference observed": 1, "equivalent": 2, "better": 3}
    random = np.random.default_rng(16)
    rule = replace(RULE, family=1, margin=(-1.5, 1.5))
    for gain in (-2.5, 0.0, 0.4, 0.8, 2.5):
        for _ in range(60):
            found = random.normal(gain, 0.5, 16)
            before = verdicts.decide(against_zero(found, rule), rule)
            found[random.integers(16)] = -np.inf
            after = verdicts.decide(against_zero(found, rule), rule)
            assert ranks[after] <= ranks[before]
            if abs(gain) < 1:
                assert (before, after) == ("equivalent", "equivalent")


@given(
    finite=st.lists(st.floats(-3, 3), min_size=6, max_size=12),
    failures=st.integers(1, 6),
    margin=st.sampled_from([None, (-1.0, 1.0)]),
)
def test_another_failure_never_improves_a_word(
    finite: list[float], failures: int, margin: tuple[float, float] | None
) -> None:
    """Where a pair has failed already, one more never raises an end of the interval."""
    rule = replace(RULE, family=1, margin=margin)
    worst = [-np.inf] * failures
    before = against_zero([*worst, *finite], rule)
    after = against_zero([*worst, -np.inf, *finite[1:]], rule)
    assert after.low <= before.low
    assert after.high <= before.high


GRIDS = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=12
).map(lambda rows: np.array(rows, dtype=float).T)


@given(grid=GRIDS, order=st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_replicate_order(grid: np.ndarray, order: object) -> None:
    """A permutation of replicates, common to both arms, changes no number but the order."""
    places = list(range(grid.shape[1]))
    order.shuffle(places)  # type: ignore[attr-defined]
    one = verdicts.compare(1, scores(grid[1]), scores(grid[0]), RULE)
    two = verdicts.compare(1, scores(grid[1, places]), scores(grid[0, places]), RULE)
    for name in ("pairs", "wins", "losses", "ties", "p", "low", "high", "decided_by", "effect"):
        expected = pytest.approx(getattr(two, name), nan_ok=True)
        assert getattr(one, name) == (expected if name != "decided_by" else two.decided_by)


@given(grid=GRIDS)
def test_exchanging_the_arms_mirrors_the_verdict(grid: np.ndarray) -> None:
    """Better becomes worse, wins become losses, and p stays."""
    mirror = {"better": "worse", "worse": "better"}
    one = verdicts.compare(1, scores(grid[1]), scores(grid[0]), RULE)
    two = verdicts.compare(0, scores(grid[0]), scores(grid[1]), RULE)
    word = verdicts.decide(one, RULE)
    assert verdicts.decide(two, RULE) == mirror.get(word, word)
    assert (one.wins, one.losses, one.p) == (two.losses, two.wins, two.p)


def test_names_of_arms_change_no_number(make: Maker) -> None:
    """The same values under other level names get the same comparisons."""
    _, one, _ = judged(make, noisy(0, 0.02, 0.001))
    _, two, _ = judged(make, noisy(0, 0.02, 0.001), factors={"zeta": ["b", "a", 7]})
    assert [verdict.comparison for verdict in one.verdicts] == [
        verdict.comparison for verdict in two.verdicts
    ]


def _words(effects: np.ndarray, studies: int, rule: verdicts.Rule) -> np.ndarray:
    """Verdicts of simulated studies that share a noisy baseline; shape (studies, arms - 1)."""
    random = np.random.default_rng(2024)
    words = []
    for _ in range(studies):
        blocks = random.normal(size=10)
        values = blocks + effects[:, np.newaxis] + random.normal(size=(len(effects), 10))
        words.append(
            [
                verdicts.decide(
                    verdicts.compare(arm, scores(values[arm]), scores(values[0]), rule), rule
                )
                for arm in range(1, len(effects))
            ]
        )
    return np.array(words)


def test_family_wise_error_is_kept() -> None:
    """Under no effect at all, at most 5 % of studies of 11 comparisons claim any difference."""
    words = _words(np.zeros(12), 300, RULE)
    rate = np.isin(words, ["better", "worse"]).any(axis=1).mean()
    assert 0 < rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_without_adjustment_the_error_would_not_be_kept() -> None:
    """The simulation can tell: the same studies with a family of one claim far too much."""
    words = _words(np.zeros(12), 100, replace(RULE, family=1))
    assert np.isin(words, ["better", "worse"]).any(axis=1).mean() > 0.2


def test_large_effects_are_found() -> None:
    """A difference of 2.5 standard deviations of the differences is nearly always found."""
    effects = np.zeros(12)
    effects[1] = 2.5 * np.sqrt(2)
    words = _words(effects, 60, RULE)
    assert (words[:, 0] == "better").mean() > 0.9


def test_equivalence_is_rarely_claimed_at_the_margin() -> None:
    """Arms that truly differ by the margin are called equivalent in at most 5 % of studies."""
    effects = np.full(3, 1.5)
    effects[0] = 0
    rule = replace(RULE, margin=(-1.5, 1.5), family=2)
    words = _words(effects, 200, rule)
    assert (words == "equivalent").any(axis=1).mean() <= 0.05

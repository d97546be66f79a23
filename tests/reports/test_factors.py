"""Tests of what levels of factors do: effects, interactions, shares, and what is left unsaid."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats
from synthetic import Maker, Script

from reports import estimates, frames, page, tables, verdicts
from reports.verdicts.factors import factorial

if TYPE_CHECKING:
    from collections.abc import Callable

RULE = verdicts.Rule(maximize=True, scale="identity", level=0.05, family=5, margin=None)
FACTORS = {"activation": ["relu", "tanh", "sigmoid"], "initializer": ["glorot", "he"]}


def values(effect: Callable[[int, int], float], replicates: int = 10, noise: float = 0.003):
    """Scores of the 3 x 2 arms: blocks, an effect per cell, and noise."""
    blocks = np.random.default_rng(0).normal(0, 0.02, replicates)
    cells = [
        0.9 + blocks + effect(i, j) + np.random.default_rng([i, j]).normal(0, noise, replicates)
        for i, j in product(range(3), range(2))
    ]
    sound = np.zeros(replicates, dtype=bool)
    return [verdicts.Scores(cell, sound) for cell in cells]


def effects(effect: Callable[[int, int], float], rule: verdicts.Rule = RULE, **kwargs: float):
    """All effects, with the first levels as baseline."""
    base = {"activation": "relu", "initializer": "glorot"}
    found = factorial(FACTORS, base, values(effect, **kwargs), rule)
    assert found is not None
    return found


def test_effects_are_contrasts_of_cells_by_the_same_exact_test() -> None:
    """Means over the other factor, cells, and differences of differences; p is scipy's."""
    cube = np.array([one.numbers for one in values(lambda i, j: 0.02 * i * j)]).reshape(3, 2, -1)
    found = effects(lambda i, j: 0.02 * i * j)
    expected = {
        ("main", "tanh"): (cube[1] - cube[0]).mean(axis=0),
        ("main", "he"): (cube[:, 1] - cube[:, 0]).mean(axis=0),
        ("interaction", "sigmoid"): cube[2, 1] - cube[0, 1] - cube[2, 0] + cube[0, 0],
    }
    by_name = {(one.kind, one.level): one for one in (*found.main, *found.interactions)}
    for name, differences in expected.items():
        comparison = by_name[name].comparison
        assert comparison.differences == pytest.approx(differences)
        reference = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert comparison.p == pytest.approx(reference.pvalue)
        family = len(found.main) if name[0] == "main" else len(found.interactions)
        assert comparison.adjusted == pytest.approx(min(1, family * reference.pvalue))
    cell = next(
        one for one in found.simple if (one.level, one.given) == ("he", {"activation": "tanh"})
    )
    assert cell.comparison.differences == pytest.approx(cube[1, 1] - cube[1, 0])
    assert [len(part) for part in (found.main, found.interactions, found.simple)] == [3, 2, 7]


def test_other_levels_of_the_baseline_give_other_contrasts() -> None:
    """Everything is against the declared level, wherever it stands."""
    base = {"activation": "sigmoid", "initializer": "he"}
    found = factorial(FACTORS, base, values(lambda i, j: 0.03 * i - 0.02 * j), RULE)
    assert found is not None
    sizes = {one.level: one.comparison.difference for one in found.main}
    assert sizes == pytest.approx({"relu": -0.06, "tanh": -0.03, "glorot": 0.02}, abs=0.004)
    assert {one.against for one in found.main} == {"sigmoid", "he"}


def test_an_interaction_that_turns_an_effect_hides_its_average() -> None:
    """Sigmoid is worse with one initializer and better with the other: no average speaks."""
    found = effects(lambda i, j: (i == 2) * (0.05 if j else -0.02))
    main = {one.level: one for one in found.main}
    assert main["sigmoid"].contradicted == ("initializer",)
    assert main["he"].contradicted == ("activation",)
    assert main["tanh"].contradicted == ()
    assert found.contradicted == {"activation", "initializer"}


def test_an_interaction_that_keeps_the_sign_hides_nothing() -> None:
    """Decided, but worse everywhere: the average is fair."""
    found = effects(lambda i, j: (i == 2) * (-0.02 - 0.02 * j))
    assert [one.word for one in found.interactions] == ["undecided", "worse"]
    sigmoid = next(one for one in found.main if one.level == "sigmoid")
    assert (sigmoid.word, sigmoid.contradicted) == ("worse", ())


def test_a_negligible_interaction_contradicts_nothing() -> None:
    """One within the margin is no reason to give up the average."""
    rule = verdicts.Rule(
        maximize=True, scale="identity", level=0.05, family=5, margin=(-0.05, 0.05)
    )
    found = effects(lambda i, j: (i == 2) * (0.01 if j else -0.01), rule)
    assert found.interactions[1].word == "equivalent"
    assert not found.contradicted


def test_rounding_is_no_interaction() -> None:
    """Additive cells in single precision: what is left of a difference of differences is zero."""
    exact = values(lambda i, j: 0.1 * i + 0.03 * j, noise=0)
    scores = [one._replace(numbers=one.numbers.astype("f4").astype("f8")) for one in exact]
    found = factorial(FACTORS, {"activation": "relu", "initializer": "glorot"}, scores, RULE)
    assert found is not None
    assert {one.word for one in found.interactions} == {"no difference observed"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": "diverged"}, "trainings diverged"),
        ({"status": "failed"}, "results are missing"),
    ],
)
def test_arms_with_failures_have_no_averages(make: Maker, change, why) -> None:
    """No mean is made up: the page says why, and arms are told one by one."""
    script = Script(
        status=lambda arm, phase, _, replicate: (
            change["status"] if (arm, phase, replicate) == (2, "confirm", 1) else "completed"
        )
    )
    folder = make(script, replicates=10)
    results = frames.read(folder)
    judged = verdicts.judge(results)
    assert judged.factorial is not None
    assert judged.factorial.why.startswith(why)
    assert tables.marginals(results, judged).empty
    assert tables.effects(judged).empty
    assert tables.variance_shares(results, judged).empty
    assert f"left out: {judged.factorial.why}." in page.render(folder)
    assert not any("Activation, against" in line for line in verdicts.headline(results, judged))


def test_one_factor_has_no_effects_beside_its_arms(make: Maker) -> None:
    """Also where a second factor has a single level."""
    factors = {"activation": ["relu", "tanh"], "initializer": ["he_normal"]}
    judged = verdicts.judge(frames.read(make(factors=factors, tune=None)))
    assert judged.factorial is None


def turning(arm: int, replicate: int) -> float:
    """Tanh is worse everywhere; sigmoid with one initializer only, and better with the other."""
    activation, initializer = divmod(arm, 2)
    effect = {1: -0.03, 2: 0.03 if initializer else -0.02}.get(activation, 0.0)
    block = np.random.default_rng(replicate).normal(0, 0.01)
    return 0.9 + block + effect + np.random.default_rng([arm, replicate]).normal(0, 0.002)


def test_the_answer_speaks_of_levels(make: Maker) -> None:
    """What holds with any level of the other factor is said once, what turns is said apart."""
    results = frames.read(make(Script(value=turning), replicates=12))
    judged = verdicts.judge(results)
    text = "\n".join(verdicts.headline(results, judged))
    assert "sigmoid with he_normal beats relu, glorot_uniform by 3" in text
    assert "Of the others, against it, 3 are worse and 1 is undecided." in text
    assert "Activation, against relu: tanh is worse by" in text
    assert "with any initializer; sigmoid is better by" in text
    assert "with he_normal, worse by" in text
    assert "with glorot_uniform." in text


def test_an_average_is_told_where_no_single_level_decides(make: Maker) -> None:
    """Too small an effect for one cell, and the same in all of them."""

    def value(arm: int, replicate: int) -> float:
        noise = np.random.default_rng([arm, replicate]).normal(0, 0.004)
        return 0.9 + 0.004 * (arm % 2) + noise

    results = frames.read(make(Script(value=value), replicates=12))
    text = "\n".join(verdicts.headline(results, verdicts.judge(results)))
    assert "he_normal is better by 0." in text
    assert "on average over activation." in text


def test_marginal_means_are_left_out_where_they_mislead(make: Maker) -> None:
    """Simple effects stand there instead, each with the level that it holds with."""
    results = frames.read(make(Script(value=turning), replicates=12))
    judged = verdicts.judge(results)
    assert tables.marginals(results, judged).empty
    told = tables.formatted_effects(results, judged)
    assert set(told["With"]) == {
        "initializer glorot_uniform",
        "initializer he_normal",
        "activation relu",
        "activation tanh",
        "activation sigmoid",
    }
    assert (told["Mean"] == "").all()
    numbers = tables.effects(judged).set_index(["kind", "level", "given"])
    assert numbers.loc[("main", "sigmoid", ""), "contradicted_by"] == "initializer"
    additive = frames.read(make(replicates=10))
    fair = verdicts.judge(additive)
    told = tables.formatted_effects(additive, fair)
    assert set(told["With"]) == {"on average"}
    assert told["Verdict"].tolist() == ["baseline", "better", "better", "baseline", "better"]
    assert (told["Mean"] != "").all()


def test_shares_of_variance_are_those_of_the_sums_of_squares(make: Maker) -> None:
    """Balanced: every source has its own, and they sum to the whole."""
    results = frames.read(make(Script(value=turning), replicates=12))
    judged = verdicts.judge(results)
    shares = tables.variance_shares(results, judged).set_index("source")
    cube = frames.grid(results, "test/accuracy@best").cells.reshape(3, 2, 12)
    total = ((cube - cube.mean()) ** 2).sum()
    by_activation = 24 * ((cube.mean(axis=(1, 2)) - cube.mean()) ** 2).sum()
    assert shares["share"].sum() == pytest.approx(1)
    assert shares.loc["activation", "share"] == pytest.approx(by_activation / total)
    assert shares["df"].tolist() == [2, 1, 2, 11, 55]
    assert shares.index.tolist()[2:] == ["activation x initializer", "replicate", "rest"]
    assert 0 < shares.loc["activation", "partial_omega"] < 1


def test_nothing_varies_or_is_left_to_compare() -> None:
    """One replicate leaves no rest; equal numbers have no variance."""
    assert estimates.variance_shares(["a", "b"], np.arange(4.0).reshape(2, 2, 1)) == []
    assert estimates.variance_shares(["a", "b"], np.ones((2, 2, 5))) == []


def test_the_families_hold_their_level() -> None:
    """Of many studies without any effect, few claim one in a family."""
    claims = np.zeros(3)
    for seed in range(100):
        numbers = np.random.default_rng(seed).normal(0, 1, (6, 9))
        scores = [verdicts.Scores(row, np.zeros(9, dtype=bool)) for row in numbers]
        found = factorial(FACTORS, {"activation": "relu", "initializer": "glorot"}, scores, RULE)
        assert found is not None
        families = (found.main, found.interactions, found.simple)
        claims += [any(one.word in verdicts.DECIDED for one in family) for family in families]
    assert (claims <= 100 * 0.05 + 3 * np.sqrt(100 * 0.05 * 0.95)).all()

"""Claims get the word that planted results call for, and cards follow from their stores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import looked_into
from synthetic import Script

from harness.errors import NothingToReportError, UsageError
from reports import card, figures, frames, reproduction

RELU, TANH, SIGMOID = ({"activation": name} for name in ("relu", "tanh", "sigmoid"))
ACCURACY, LOSS = "test/accuracy@best", "test/mean_squared_error@best"
CITATION = {"title": "Units", "authors": ["A. Author"], "year": 2010, "place": "AISTATS"}
BETTER = {"kind": "better", "a": TANH, "b": RELU}
ORDER = {"kind": "ordering", "order": [RELU, TANH, SIGMOID]}
BOUND = {"kind": "bound", "arm": RELU}
ALIKE = {"kind": "equivalence", "a": TANH, "b": RELU}
SHARE = {"kind": "threshold", "arm": RELU, "share": 0.5}
VALUE = {
    "name": "accuracy",
    "quantity": ACCURACY,
    "arm": RELU,
    "value": 0.8,
    "spread": 0.01,
    "n": 3,
    "place": "Table 1",
    "tag": "V1",
}


def noise(arm, replicate):
    """A little luck, the same whenever it is asked."""
    return float(np.random.default_rng([7, arm, replicate]).normal(0, 0.002))


def rising(arm, replicate):
    """Accuracies 0.8, 0.83 and 0.86."""
    return 0.8 + 0.03 * arm + noise(arm, replicate)


def equal(arm, replicate):
    """Accuracies of 0.8, whatever the arm."""
    return 0.8 + noise(arm, replicate)


def published(*claims, **changes):
    """The published part of a study, with claims of the accuracy."""
    common = {"sentence": "So it is.", "tag": "V1", "quantity": ACCURACY}
    numbered = [{"id": str(place), **common, **claim} for place, claim in enumerate(claims)]
    return {
        "citation": CITATION,
        "family": "activations",
        "claims": numbered,
        "scales": {"quick": {"minutes": 1}},
    } | changes


@pytest.fixture
def judged(make):
    """Judges claims on planted results."""

    def judge(*claims, value=rising, replicates=8, status=None, **changes):
        script = Script(value=value, **({"status": status} if status else {}))
        given = {"tune": None, "factors": {"activation": ["relu", "tanh", "sigmoid"]}}
        folder = make(
            script, replicates=replicates, published=published(*claims), **(given | changes)
        )
        return reproduction.reproduce(frames.read(folder))

    return judge


@pytest.mark.parametrize(
    ("claim", "value", "word"),
    [
        (BETTER, rising, "reproduced"),
        (BETTER | {"by": 0.02}, rising, "reproduced"),
        (BETTER | {"by": 0.2}, rising, "direction only"),
        (BETTER | {"a": RELU, "b": TANH}, rising, "contradicted"),
        (BETTER, equal, "undecided"),
        (ORDER, rising, "reproduced"),
        (ORDER | {"order": [SIGMOID, TANH, RELU]}, rising, "contradicted"),
        (ORDER, equal, "undecided"),
        (ORDER, lambda a, r: 0.8 + 0.03 * (a == 2) + noise(a, r), "direction only"),
        (BOUND | {"low": 0.75}, rising, "reproduced"),
        (BOUND | {"low": 0.75, "high": 0.85, "center": "median"}, rising, "reproduced"),
        (BOUND | {"low": 0.75, "center": "geometric"}, rising, "reproduced"),
        (BOUND | {"low": 0.82}, rising, "contradicted"),
        (BOUND | {"high": 0.78, "center": "geometric"}, rising, "contradicted"),
        (BOUND | {"low": 0.8}, equal, "undecided"),
        (ALIKE | {"margin": 0.01}, equal, "reproduced"),
        (ALIKE | {"margin": 0.01}, rising, "contradicted"),
        (ALIKE | {"margin": 0.001}, equal, "undecided"),
        (SHARE | {"above": 0.7}, rising, "reproduced"),
        (SHARE | {"below": 0.7}, rising, "contradicted"),
        (SHARE | {"above": 0.7}, lambda _, r: 0.6 + 0.2 * (r % 3 > 0), "undecided"),
    ],
)
def test_a_claim_gets_its_word(judged, claim, value, word):
    (finding,) = judged(claim, value=value).findings
    assert finding.word == word
    assert finding.reason == ""


@pytest.mark.parametrize("claim", [BETTER, ORDER, ALIKE | {"margin": 0.1}, SHARE | {"above": 0.1}])
def test_below_six_pairs_nothing_is_decided(judged, claim):
    """Results as clear as can be."""
    (finding,) = judged(claim, replicates=5).findings
    assert finding.word == "undecided"
    assert "nothing is decided below" in finding.reason


def test_a_bound_needs_six_too(judged):
    assert judged(BOUND | {"low": 0.1}, replicates=6).findings[0].word == "reproduced"
    assert judged(BOUND | {"low": 0.1}, replicates=5).findings[0].word == "undecided"


def test_more_claims_need_more_pairs(judged):
    """They share one level: six pairs decide one claim and not two."""
    found = judged(BETTER, BOUND | {"low": 0.1}, replicates=6)
    assert (found.family, found.fewest) == (2, 7)
    assert [one.word for one in found.findings] == ["undecided", "undecided"]


def test_evidence_is_told(judged):
    (finding,) = judged(BETTER).findings
    (one,) = finding.evidence
    assert (one.about, one.form, one.pairs) == ("tanh minus relu", "difference", 8)
    assert one.low < 0.03 < one.high
    assert one.estimate == pytest.approx(0.03, abs=0.003)
    assert one.p == 2 / 2**8
    assert one.power == 1
    assert one.needed is None


def test_an_undecided_claim_says_how_little_it_could(judged):
    """Its power, and the replicates that would decide."""
    (finding,) = judged(BETTER, value=lambda a, r: 0.8 + 0.001 * a + noise(a, r)).findings
    (one,) = finding.evidence
    assert finding.word == "undecided"
    assert one.power < 0.8
    assert one.needed > 8


def test_evidence_of_equivalence_is_against_the_margin(judged):
    """Equal arms differ by nothing; p and power say how surely by less than the margin."""
    (finding,) = judged(ALIKE | {"margin": 0.01}, value=equal).findings
    (one,) = finding.evidence
    assert (one.p, one.power) == (2 / 2**8, 1)


def test_missing_results_decide_nothing(judged):
    def status(arm, phase, candidate, replicate):
        return None if (arm, replicate) == (1, 7) else "completed"

    (finding,) = judged(BETTER, status=status).findings
    assert (finding.word, finding.reason) == ("undecided", "1 of 16 results are missing")


def diverging(arm, phase, candidate, replicate):
    """The first arm diverges."""
    return "completed" if arm else "diverged"


def test_a_diverged_training_has_a_median_and_no_mean(judged):
    """Of an accuracy it is the worst; it never reaches anything."""
    claims = BOUND | {"high": 0.1}, BOUND | {"high": 0.1, "center": "median"}
    found = judged(*claims, SHARE | {"above": 0.1}, BETTER, status=diverging, replicates=10)
    assert [one.word for one in found.findings] == [
        "undecided",
        "reproduced",
        "contradicted",
        "reproduced",
    ]
    assert "not finite" in found.findings[0].reason


def test_the_inside_of_networks_can_be_claimed_of(make):
    """Planted gradients shrink four times per layer in one arm, and hardly in the other."""
    claims = [
        BOUND | {"quantity": "inside/gradient_ratio@start", "high": 0.01, "center": "geometric"},
        ORDER | {"quantity": "inside/gradient_ratio@start", "order": [RELU, TANH]},
        BOUND | {"quantity": "inside/weight_norm[hidden_1/hidden_2]@end", "low": 0.9, "high": 1.1},
        BOUND | {"quantity": "inside/no_such_thing@end", "low": 0.9},
    ]
    folder = make(
        tune=None,
        factors={"activation": ["relu", "tanh"]},
        replicates=10,
        diagnostics={},
        published=published(*claims),
    )
    results = looked_into(frames.read(folder), ill={0: {"falls": 0.25}, 1: {}})
    words = [one.word for one in reproduction.reproduce(results).findings]
    assert words == ["reproduced", "reproduced", "reproduced", "undecided"]


def test_losses_are_compared_as_ratios(judged):
    found = judged(
        {"kind": "better", "a": RELU, "b": TANH, "quantity": LOSS},
        metric=LOSS,
        task="regression",
        best="val/mean_squared_error",
    )
    (one,) = found.findings[0].evidence
    assert (one.about, one.form) == ("relu over tanh", "ratio")
    assert one.high < 1
    assert found.findings[0].word == "reproduced"


def test_a_study_that_repeats_nothing_is_refused(shared):
    with pytest.raises(UsageError, match=r"expected a study with a \[published\] table"):
        reproduction.reproduce(frames.read(shared))


@pytest.fixture
def results(make):
    """Results of a study with two claims and two published numbers."""
    difference = VALUE | {"arm": TANH, "minus": RELU, "value": 0.02, "spread": None, "tag": "M"}
    folder = make(
        Script(value=rising),
        tune=None,
        factors={"activation": ["relu", "tanh", "sigmoid"]},
        replicates=8,
        published=published(
            BETTER, BOUND | {"low": 0.9}, values=[VALUE, difference], deviations=["Other digits."]
        ),
    )
    return frames.read(folder)


def test_published_numbers_stand_beside_ours(results):
    one, difference = reproduction.reproduce(results).numbers
    assert one.ours.low < 0.8 < one.ours.high
    assert (difference.label, difference.count) == ("tanh minus relu", 8)
    assert difference.ours.mean == pytest.approx(0.03, abs=0.003)


def test_a_card_tells_all(results):
    files = card.card(results, reproduction.reproduce(results))
    text = files["card.md"].decode()
    assert {*files} == {"about.json", "card.md", "card.svg", "claims.csv", "values.csv"}
    for told in (
        'A. Author, "Units", AISTATS, 2010',
        "2 claims: 1 reproduced, 1 contradicted",
        "0.8 +- 0.01",
        "from memory, no target",
        "Other digits.",
        "So it is.",
    ):
        assert told in text
    assert files == card.card(results, reproduction.reproduce(results))
    assert b"<svg" in files["card.svg"]


def test_a_card_follows_from_its_store(results, tmp_path):
    """Until a number of it is changed."""
    folder = tmp_path / "card"
    with pytest.raises(NothingToReportError, match="expected a card"):
        card.differences(results, reproduction.reproduce(results), folder)
    page = card.write(results, reproduction.reproduce(results), folder)
    assert card.differences(results, reproduction.reproduce(results), folder) == []
    page.write_text(page.read_text().replace("0.8 +- 0.01", "0.9 +- 0.01"))
    lines = card.differences(results, reproduction.reproduce(results), folder)
    assert any(line.startswith("-") and "0.9 +- 0.01" in line for line in lines)
    assert any(line.startswith("+") and "0.8 +- 0.01" in line for line in lines)


def test_the_figure_draws_both_numbers(results):
    found = reproduction.reproduce(results)
    figure = figures.published(found)
    drawn = {line.get_gid() for axes in figure.axes for line in axes.get_lines()}
    assert {"published", "ours"} <= drawn
    assert figures.published(replace(found, numbers=())) is None

"""Does the rule behind the verdicts keep what it promises? Studies drawn from real trainings.

    keras-harness run calibration-equal
    keras-harness run calibration-failing
    python benchmarks/calibrate.py pool     # their accuracies, to results/calibration-pool.csv
    python benchmarks/calibrate.py          # studies drawn from them, to docs/calibration.md

`make calibrate` does all four. The second half needs no training: the pool is kept beside the
results.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from importlib.metadata import version
from math import floor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.pairs import fewest_pairs
from reports import estimates, frames
from reports.verdicts.rules import Rule, Scores, compare, decide

HERE = Path(__file__).parent
POOL = HERE / "results" / "calibration-pool.csv"
RAW = HERE / "results" / "calibration.json"
PAGE = HERE.parent / "docs" / "calibration.md"
STUDIES = "calibration-equal", "calibration-failing"
METRIC = "test/accuracy@best"
LEVEL, SEED = 0.05, 20


class Size(NamedTuple):
    """How many studies are drawn: by counting, and by way of the whole rule."""

    counted: int = 4000
    ruled: int = 200


def pooled(root):
    """The accuracies of both studies as a table of study, arm, replicate and accuracy."""
    rows = []
    for name in STUDIES:
        results = frames.read(Path(root) / name)
        grid = frames.grid(results, METRIC)
        if grid.diverged.any() or np.isnan(grid.cells).any():
            raise SystemExit(f"expected a finished study without diverged trials. Received: {name}")
        rows += [
            (name, arm.label, replicate, value)
            for arm in results.arms
            for replicate, value in enumerate(grid.cells[arm.index])
        ]
    return pd.DataFrame(rows, columns=["study", "arm", "replicate", "accuracy"])


def read(file):
    """A pool as ``pooled`` made it."""
    return pd.read_csv(file)


def cells(pool, study):
    """Accuracies of one study, shape (arms, replicates)."""
    table = pool[pool["study"] == study].pivot_table(
        index="arm", columns="replicate", values="accuracy", sort=False
    )
    return table.to_numpy()


def excluded(differences, bound, family, tolerance):
    """Whether the interval of each row lies above a bound, and whether below.

    The rule's own function lists all 2^n subsets; counting those whose mean is not beyond the
    bound takes two sorted halves of 2^(n/2) sums, and so thousands of studies seconds.

    Args:
        differences: shape (rows, n).
        bound: 0, or an end of a margin.
        family: number of comparisons in a study.
        tolerance: of rounding.
    """
    total = 2 ** differences.shape[1]
    rank = floor(LEVEL * total / (2 * family) * (1 + 1e-9))
    shifted = differences - bound
    below = _count(shifted - tolerance)
    above = _count(-shifted - tolerance)
    return below <= rank, above <= rank


def _count(differences):
    """Subsets of every row whose sum is at most zero, the empty one included."""
    half = differences.shape[1] // 2
    first, second = _sums(differences[:, :half]), np.sort(_sums(differences[:, half:]), axis=1)
    return np.array(
        [
            np.searchsorted(there, -np.sort(here), side="right").sum()
            for here, there in zip(first, second, strict=True)
        ]
    )


def _sums(values):
    sums = np.zeros((len(values), 1))
    for column in values.T:
        sums = np.concatenate([sums, sums + column[:, None]], axis=1)
    return sums


def equal_studies(values, family, pairs, studies, seed):
    """Studies of arms that are exchangeable, shape (arms, studies, replicates).

    Replicates are drawn without replacement, and arms are exchanged within each.
    """
    generator = np.random.default_rng(seed)
    chosen = np.argsort(generator.random((studies, values.shape[1])), axis=1)[:, :pairs]
    return generator.permuted(values[:, chosen], axis=0)[: family + 1]


def rows_of(studies):
    """Differences to the first arm, shape (studies * comparisons, replicates)."""
    differences = studies[1:] - studies[0]
    return differences.transpose(1, 0, 2).reshape(-1, differences.shape[-1])


def rounding(values):
    """What the rule takes for rounding in such accuracies."""
    return estimates.tolerance(values, "identity")


def rated(hits, cases, **about):
    """A share with its exact bounds, and what it is of."""
    return {**about, "hits": int(hits), "cases": int(cases)}


def of_equal(values, size, families, sizes):
    """False claims where no arm differs."""
    found = []
    for family in families:
        for pairs in sizes:
            studies = equal_studies(values, family, pairs, size.counted, [SEED, 1, family, pairs])
            above, below = excluded(rows_of(studies), 0.0, family, rounding(values))
            wrong = (above | below).reshape(size.counted, -1)
            found.append(
                rated(wrong.any(axis=1).sum(), size.counted, comparisons=family, replicates=pairs)
            )
    return found


def of_unequal(values, size, sizes):
    """False claims where two arms differ in shape and not in mean; and the mean's coverage."""
    population = values[1] - values[0]
    population = population - population.mean()
    found = []
    for pairs in sizes:
        generator = np.random.default_rng([SEED, 2, pairs])
        drawn = generator.choice(population, (size.counted, pairs))
        above, below = excluded(drawn, 0.0, 1, rounding(values))
        row = rated((above | below).sum(), size.counted, replicates=pairs)
        found.append({**row, "better": int(above.sum()), "worse": int(below.sum())})
    return found


def of_real(values, size, families, sizes, effects):
    """How often one arm that really differs, by d standard deviations, is found."""
    spread = _spread(values)
    found = []
    for family in families:
        for pairs in sizes:
            studies = equal_studies(values, family, pairs, size.counted, [SEED, 3, family, pairs])
            first = studies[1] - studies[0]
            for effect in effects:
                above, _ = excluded(first + effect * spread, 0.0, family, rounding(values))
                about = {"comparisons": family, "replicates": pairs, "effect": effect}
                found.append(rated(above.sum(), size.counted, **about))
    return found


def of_margin(values, size, sizes, margins):
    """How often "equivalent" is said at the margin, where it is wrong, and at zero, where right."""
    spread = _spread(values)
    found = []
    for pairs in sizes:
        studies = equal_studies(values, 1, pairs, size.counted, [SEED, 4, pairs])
        first = studies[1] - studies[0]
        for part in margins:
            margin = part * spread
            for truth, shift in (("at the margin", margin), ("zero", 0.0)):
                over, _ = excluded(first + shift, -margin, 1, rounding(values))
                _, under = excluded(first + shift, margin, 1, rounding(values))
                about = {"replicates": pairs, "margin": part, "truth": truth}
                found.append(rated((over & under).sum(), size.counted, **about))
    return found


def of_failures(values, size, family, sizes, rate):
    """Words where trainings diverge at a rate: in every arm alike, and in the compared arms alone.

    The whole rule judges, under a margin of two standard deviations.
    """
    margin = 2 * _spread(values)
    found = []
    for where in (ALIKE, APART):
        for pairs in sizes:
            studies = equal_studies(values, family, pairs, size.ruled, [SEED, 5, pairs])
            generator = np.random.default_rng([SEED, 6, pairs])
            failed = generator.random(studies.shape) < rate
            failed[0] &= where == ALIKE
            words = Counter(
                word
                for index in range(size.ruled)
                for word in judged(studies[:, index], failed[:, index], margin)
            )
            clean = int((~failed[1:].any(axis=2)).sum())
            about = {"where": where, "comparisons": family, "replicates": pairs}
            found.append({**about, "unseen": clean, **{word: words[word] for word in WORDS}})
    return found


ALIKE, APART = "every arm", "all but the baseline"
WORDS = "better", "worse", "equivalent", "undecided", "no difference observed"


def judged(arms, failed, margin):
    """Words of a study of equal arms, by the rule as reports apply it."""
    bounds = None if margin is None else (-margin, margin)
    rule = Rule(maximize=True, scale="identity", level=LEVEL, family=len(arms) - 1, margin=bounds)
    scores = [
        Scores(np.where(bad, rule.worst, row), bad) for row, bad in zip(arms, failed, strict=True)
    ]
    return [
        decide(compare(index, one, scores[0], rule), rule)
        for index, one in enumerate(scores[1:], start=1)
    ]


def of_agreement(values, size, families, sizes):
    """Comparisons in which counting and the rule itself say different words."""
    differ = cases = 0
    for family in families:
        for pairs in sizes:
            count = max(1, 2 * size.ruled // family)
            studies = equal_studies(values, family, pairs, count, [SEED, 7, family, pairs])
            studies[1] += _spread(values)
            above, below = excluded(rows_of(studies), 0.0, family, rounding(values))
            counted = np.where(above, "better", np.where(below, "worse", "undecided"))
            nothing = np.zeros(studies[:, 0].shape, dtype=bool)
            ruled = [
                word for one in range(count) for word in judged(studies[:, one], nothing, None)
            ]
            differ += int((np.array(ruled) != counted).sum())
            cases += len(ruled)
    return rated(differ, cases)


def _spread(values):
    """Standard deviation of the differences of two equal arms: of all pairs of the pool."""
    return float(np.sqrt(2 * values.var(axis=0, ddof=1).mean()))


def calibrated(pool, size, *, families=(1, 11), sizes=(6, 10, 20)):
    """Everything that the page tells, as one record."""
    equal, unequal = (cells(pool, name) for name in STUDIES)
    larger = sizes[1:]
    return {
        "seed": SEED,
        "level": LEVEL,
        "studies": size._asdict(),
        "pool": {
            "arms": len(equal),
            "replicates": equal.shape[1],
            "spread": _spread(equal),
            "means": [equal.mean(axis=1).min(), equal.mean(axis=1).max()],
        },
        "unequal": shape_of(unequal),
        "versions": {name: version(name) for name in ("keras", "tensorflow", "numpy", "scipy")},
        "agreement": of_agreement(equal, size, families, sizes),
        "of_equal": of_equal(equal, size, families, sizes),
        "of_unequal": of_unequal(unequal, size, (5, *sizes)),
        "of_real": of_real(equal, size, families, larger, (0.5, 1.0, 1.5, 2.0)),
        "of_margin": of_margin(equal, size, larger, (1.0, 1.5)),
        "of_failures": of_failures(equal, size, max(families), larger, 0.05),
    }


FAILED = 0.8
"""An accuracy below this counts as a failure in the study of unequal arms."""


def shape_of(unequal):
    """What two arms of different shape are like."""
    return {
        "replicates": unequal.shape[1],
        "means": unequal.mean(axis=1).tolist(),
        "lowest": unequal.min(axis=1).tolist(),
        "failures": (unequal < FAILED).sum(axis=1).tolist(),
    }


def percent(row):
    """A share in percent with its 95 % bounds, such as ``3.4 (2.9 to 4.0)``."""
    share = estimates.share(row["hits"], row["cases"], 0.95)
    return "{:.1f} ({:.1f} to {:.1f})".format(*(100 * part for part in share))


def table(heads, rows):
    """Rows in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def page(record):
    """The page, of whose text every number comes from the record."""
    blocks = [*_reading(record), *_equal(record), *_unequal(record), *_real(record)]
    blocks += [*_equivalence(record), *_diverged(record)]
    return "\n\n".join(block if block[0] in "#|" else _filled(block) for block in blocks) + "\n"


def _filled(text):
    return textwrap.fill(" ".join(text.split()), 110, break_on_hyphens=False)


def _reading(record):
    size, unequal = record["studies"], record["unequal"]
    level, agreed = f"{100 * record['level']:g} %", record["agreement"]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    fewest = fewest_pairs(1, record["level"])
    able = [row for row in record["of_unequal"] if row["replicates"] >= fewest]
    lowest, highest = (percent(end(able, key=_share)) for end in (min, max))
    rare = [row for row in record["of_failures"] if row["where"] == APART][-1]
    margin = [row for row in record["of_margin"] if row["truth"] == "at the margin"]
    yield "# Calibration"
    yield f"""Does the rule behind the words better, worse and equivalent keep its promise of at
        most {level} wrong claims per study? `make calibrate` trains two pools of arms, draws
        studies from them in which the truth is known, lets the rule judge, and writes this page.
        Brackets hold exact 95 % binomial bounds. {size["counted"]:,} studies a row unless it says
        otherwise; seed {record["seed"]}; {versions}."""
    yield "## Plain reading"
    yield f"""What the rule keeps. Where arms are equal but for chance, the share of studies with
        any false claim is at most {percent(max(record["of_equal"], key=_share))} %, and {level} is
        promised. With few replicates it errs to the careful side, which costs power and makes
        nothing wrong. "Equivalent" is said of arms that differ by the whole margin in at most
        {percent(max(margin, key=_share))} % of comparisons; {50 * record["level"]:g} % are
        promised. The rule as reports apply it and the faster counting behind these tables gave
        different words in {agreed["hits"]} of {agreed["cases"]:,} comparisons."""
    yield f"""Where it fails. The rule assumes that two arms without a difference could be exchanged
        within a replicate. Arms of equal mean and different shape cannot. Take one that does
        better in most replicates and falls below {100 * FAILED:.0f} % in {unequal["failures"][1]}
        of {unequal["replicates"]}: where anything can be decided, {lowest} to {highest} % of
        studies decide wrongly, mostly in its favour, and as many intervals miss the mean. Nor is
        seen what was not drawn: of arms that diverge in 5 % of trainings,
        {100 * rare["unseen"] / _words(rare):.0f} % did not diverge once in {rare["replicates"]}
        replicates, and {100 * rare["equivalent"] / _words(rare):.0f} % are called equivalent to a
        baseline that never does, under a wide margin. A verdict then speaks of the trainings that
        go well. Read it beside the counts of diverged trainings and the spread of every arm."""


def _equal(record):
    pool = record["pool"]
    low, high = (f"{100 * mean:.1f}" for mean in pool["means"])
    yield "## Equal arms"
    yield f"""{pool["arms"]} arms that differ in their salt alone: other initial weights and orders
        on the same split. A small network on the digits, {pool["replicates"]} replicates each;
        mean accuracies of {low} to {high} %; a standard deviation of {100 * pool["spread"]:.2f}
        points between two of them. Replicates are drawn without replacement, and arms exchanged
        within each. An interval excludes zero, the true difference, exactly when the word is
        better or worse."""
    yield table(
        ["comparisons", "replicates", "any false better or worse, %", "all intervals hold zero, %"],
        [
            [row["comparisons"], row["replicates"], percent(row), percent(_rest(row))]
            for row in record["of_equal"]
        ],
    )


def _unequal(record):
    unequal = record["unequal"]
    means, lowest = ([f"{100 * part:.1f}" for part in unequal[key]] for key in ("means", "lowest"))
    yield "## Equal means, different shapes"
    yield f"""A learning rate that works against one near the limit of stability,
        {unequal["replicates"]} replicates each: mean accuracies of {means[0]} and {means[1]} %, the
        lowest {lowest[0]} and {lowest[1]} %, below {100 * FAILED:.0f} % in
        {unequal["failures"][0]} and {unequal["failures"][1]} trainings. The differences of the
        second to the first are shifted to a mean of zero over the whole pool and drawn with
        replacement: one comparison, without a true difference in mean, of arms that are not
        exchangeable. Below 6 replicates nothing is decided, and so nothing is wrong."""
    yield table(
        ["replicates", "false better or worse, %", "better", "worse", "interval holds the mean, %"],
        [
            [row["replicates"], percent(row), row["better"], row["worse"], percent(_rest(row))]
            for row in record["of_unequal"]
        ],
    )


def _real(record):
    yield "## Real differences"
    yield """One of the equal arms is shifted by some standard deviations of a difference: how often
        is it found to be better?"""
    yield table(
        ["comparisons", "replicates", "shift", "found, %"],
        [
            [row["comparisons"], row["replicates"], row["effect"], percent(row)]
            for row in record["of_real"]
        ],
    )


def _equivalence(record):
    yield "## Equivalence"
    yield """One comparison of two equal arms, of which one is shifted by the margin, where
        "equivalent" is wrong, or not at all, where it is right. The margin is told in standard
        deviations of a difference."""
    yield table(
        ["replicates", "margin", "true difference", '"equivalent", %'],
        [
            [row["replicates"], row["margin"], row["truth"], percent(row)]
            for row in record["of_margin"]
        ],
    )


def _diverged(record):
    yield "## Diverged trainings"
    yield f"""The equal arms once more, with 5 % of trainings declared diverged, and a margin of two
        standard deviations; {record["studies"]["ruled"]:,} studies a row, their words counted by
        comparison. Where all arms diverge alike, better and worse are wrong. Where all but the
        baseline do, worse is right."""
    yield table(
        ["diverging", "comparisons", "replicates", *WORDS, "arms without one diverged"],
        [
            [row[key] for key in ("where", "comparisons", "replicates", *WORDS, "unseen")]
            for row in record["of_failures"]
        ],
    )


def _share(row):
    return row["hits"] / row["cases"]


def _rest(row):
    return rated(row["cases"] - row["hits"], row["cases"])


def _words(row):
    return sum(row[word] for word in WORDS)


def main(arguments):
    """Write the pool, or the results and the page."""
    if arguments[:1] == ["pool"]:
        pooled(arguments[1] if arguments[1:] else "results").to_csv(POOL, index=False)
        return
    record = calibrated(read(POOL), Size())
    RAW.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(record), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Parts that a study still lacks, without which nothing is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.frames import Results


def absent(results: Results) -> Iterator[str]:
    """Confirm trials without a result, an arm and a reason at a time.

    Yields:
        Such as ``tanh, replicates 4 and 7: pending``.
    """
    confirm = results.confirm
    counted = confirm[confirm["counted"]]
    why = {
        (row.arm, row.replicate): row.why
        for row in results.skipped[results.skipped["phase"] == "confirm"].itertuples()
    }
    for arm in results.arms:
        there = set(counted.loc[counted["arm"] == arm.index, "replicate"])
        gaps: dict[str, list[int]] = {}
        for replicate in range(results.study.replicates):
            if replicate not in there:
                reason = why.get((arm.index, replicate), "") or "not begun"
                gaps.setdefault(wording.without_folders(reason), []).append(replicate)
        for reason, replicates in gaps.items():
            noun = "replicate" if len(replicates) == 1 else "replicates"
            yield f"{arm.label}, {noun} {wording.ranges(replicates)}: {reason}"

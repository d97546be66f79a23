"""Feature maps: what channels of a layer see in a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import layers
from reports.figures.mosaic import ROWS, mosaic, tiled
from reports.figures.style import ranged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.figures.mosaic import Picture
    from reports.frames import Results
    from reports.layers import Kept
    from reports.verdicts import Judged


def maps(results: Results, judged: Judged) -> Figure | None:
    """Two cases, and their maps in the first and the last layer that has any, of every arm.

    Returns:
        ``None`` where no layer has maps.
    """
    found = {arm: layers.kept(results, arm, 0) for arm in ranged(judged, ROWS)}
    rows = {arm: _row(one) for arm, one in found.items() if one and "cases" in one.pictures}
    if not rows:
        return None
    titles = [*dict.fromkeys(title for row in rows.values() for title in row)]
    drawn = {judged.labels[arm]: [row.get(one) for one in titles] for arm, row in rows.items()}
    return mosaic(drawn, [told or f"case {case + 1}" for case, told in titles])


def _row(one: Kept) -> dict[tuple[int, str], Picture]:
    """Pictures by case, and by layer; of the case itself under no layer."""
    cases = one.pictures["cases"]
    names = [name for name in one.pictures if name.startswith("maps/")]
    found = {}
    for index, case in enumerate(cases.reshape(*cases.shape[:3], -1)):
        found[index, ""] = tiled(case[None], 1)
        for name in names:
            maps = one.pictures[name][index].transpose(2, 0, 1)[..., None]
            found[index, name.removeprefix("maps/")] = tiled(maps)
    return found

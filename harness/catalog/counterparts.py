"""Methods that a study is measured against, and the arms that each of them is meant for."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from harness.catalog.choices import as_table, choice
from harness.catalog.references import SPLITTING
from harness.catalog.templates import TEMPLATES
from harness.errors import StudyError
from harness.spec import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.spec import Level, Study

    Levels = dict[str, Level]


def references(study: Study) -> tuple[Reference, ...]:
    """The methods of a study, numbered behind its arms.

    Principal components whose number is not given have as many as the code is wide: where a study
    compares widths there is one method for each, and it is compared with arms of that width.
    Likewise there is one for each number of cases, or level of anything else that is of the data.

    Raises:
        StudyError: for an unknown method, or one named twice.

    Example:
        >>> from harness.spec import Study
        >>> asked = Study(name="a", template="autoencoder", factors={"code": [2, 8]},
        ...               references=["pca"])
        >>> [one.label for one in references(asked)]
        ['pca(components=2)', 'pca(components=8)']
    """
    arms = prod(len(levels) for levels in study.factors.values())
    try:
        found = [one for raw in study.references for one in _expanded(raw, study)]
    except StudyError as error:
        raise StudyError(error.message, key="references") from None
    made = [
        Reference(index=arms + place, method=method, levels={**levels, **data}, data=data)
        for place, ((method, levels), data) in enumerate(product(found, _data(study)))
    ]
    settings = [(choice("reference", one.method).setting(), one.data) for one in made]
    for place, one in enumerate(made):
        if settings[place] in settings[:place]:
            raise StudyError(
                f"expected methods that differ. Received: {one.label} twice.", key="references"
            )
    return tuple(made)


def _data(study: Study) -> list[Levels]:
    """Levels of what is of the data, each combination once."""
    factors = {name: study.factors[name] for name in SPLITTING if name in study.factors}
    return [dict(zip(factors, one, strict=True)) for one in product(*factors.values())]


def _expanded(raw: Level, study: Study) -> Iterator[tuple[Levels, Levels]]:
    """A method as a study names it, with the levels of the arms that it is meant for."""
    chosen = choice("reference", raw)
    written = {**as_table(raw), "name": chosen.name}
    if chosen.numbers.get("components") != 0:
        yield written, {}
    elif study.tune and "code" in study.tune.space:
        raise StudyError(
            "expected a number of components for the reference, because the width of the code, "
            "its default, is tuned. Received: "
            f"{chosen.name!r}. Write {{ name = {chosen.name!r}, components = ... }}."
        )
    elif "code" in study.factors:
        for level in study.factors["code"]:
            yield {**written, "components": level}, {"code": level}
    else:
        default = TEMPLATES["autoencoder"].arguments["code"].default
        width = study.fixed.get("code", default)
        assert width is not None
        yield {**written, "components": width}, {}

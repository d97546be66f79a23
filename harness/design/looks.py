"""Checks of what a study wants to know of the inside of its networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import catalog
from harness.design.structure import settings
from harness.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.card import Card
    from harness.spec import Arm, Study

FEWEST = 512
"""Cases below which a probe says little: a biased estimate of similarity, units dead by chance."""


def check(study: Study, card: Card, arms: Iterable[Arm]) -> tuple[str, ...]:
    """Refuse diagnostics of networks that have no such inside, or on more cases than there are.

    Returns:
        Notes on a probe that is small.

    Raises:
        StudyError: naming the key, what was expected and what was received.
    """
    asked = study.diagnostics
    if asked is None:
        return ()
    if catalog.TASKS[card.task].generates and {*asked.measures} != {"weights"}:
        raise StudyError(
            "expected diagnostics of a network with one loss. Received: template "
            f"{study.template!r}, whose players have losses of their own. Ask for measures = "
            "['weights'], or leave [diagnostics] out.",
            key="diagnostics",
        )
    most = min(_trained(study, card, arm) for arm in arms)
    if asked.cases is not None and asked.cases > most:
        raise StudyError(
            f"expected a probe of at most {most} cases, because an arm trains on no more. "
            f"Received: {asked.cases}. Lower it, or leave it out for as many as there are.",
            key="diagnostics.cases",
        )
    if asked.cases is not None and asked.cases < FEWEST <= most:
        raise StudyError(
            f"expected a probe of at least {FEWEST} cases, below which units are dead by chance "
            f"and similarities are not measured. Received: {asked.cases}. Raise it.",
            key="diagnostics.cases",
        )
    if most < FEWEST:
        note = (
            f"the probe of the diagnostics has at most {most} cases, because an arm trains on no "
            f"more: below {FEWEST} units are dead by chance, and similarities are not measured"
        )
        return (note,)
    return ()


def _trained(study: Study, card: Card, arm: Arm) -> int:
    """Cases that an arm is trained on, with what is tuned left aside."""
    return catalog.training(settings(study, card, arm.levels, {})).trained_on(card)

"""Listing of ``keras-harness catalog``: every name, its arguments, and what is compiled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.catalog.families import FAMILIES
from harness.catalog.objectives import LOSSES, METRICS
from harness.catalog.templates import SETTINGS, TEMPLATES
from harness.catalog.trunks import TRUNKS
from harness.spec import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harness.catalog.entries import Argument, Entry

MARK = "*"
LEGEND = f"{MARK} compiled in. Trials that differ only in what has no {MARK} share one program."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One name that a study can use.

    Args:
        family: family of the catalogue.
        name: as a study writes it.
        takes: its arguments, as text by name.
        values: which of that is an input of a program.
        structure: what a program is compiled for; ``name`` stands for the choice itself.
        note: remark.
    """

    family: str
    name: str
    takes: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()
    note: str = ""

    def cells(self) -> tuple[str, str, str, str]:
        """Cells of the row for people, with a mark on compiled-in settings."""
        family = self.family + MARK * ("name" in self.structure)
        takes = [text + MARK * (key in self.structure) for key, text in self.takes.items()]
        return family, self.name, ", ".join(takes), self.note

    def content(self) -> dict[str, object]:
        """Row as a dictionary, for programs."""
        return {
            "family": self.family,
            "name": self.name,
            "takes": ", ".join(self.takes.values()),
            "values": list(self.values),
            "structure": list(self.structure),
            "note": self.note,
        }


def rows() -> Iterator[Row]:
    """The whole catalogue, but for data sets.

    Example:
        >>> next(row for row in rows() if row.name == "rmsprop").structure
        ('name', 'momentum', 'centered')
    """
    for family, entries in FAMILIES.items():
        for name, entry in entries.items():
            yield _entry(family, name, entry)
    for name, loss in LOSSES.items():
        tasks = {task: task for task in sorted(loss.tasks)}
        note = _join(loss.note, _also(loss.aliases))
        yield Row(family="loss", name=name, takes=tasks, structure=("name",), note=note)
    for name, metric in METRICS.items():
        tasks = {task: task for task in sorted(metric.tasks)}
        note = _join(metric.direction, metric.note, _also(metric.aliases))
        yield Row(family="metric", name=name, takes=tasks, note=note)
    for name, template in TEMPLATES.items():
        values = tuple(key for key, part in template.arguments.items() if part.value)
        yield Row(
            family="template",
            name=name,
            takes={key: key for key in template.arguments},
            values=values,
            structure=("name", *(key for key in template.arguments if key not in values)),
            note=template.note,
        )
    for name, trunk in TRUNKS.items():
        note = _join(trunk.note, f"{trunk.features} features", trunk.origin, trunk.source)
        takes = {"size": f"size={trunk.size}"}
        yield Row(family="trunk", name=name, takes=takes, structure=("name", "size"), note=note)
    for family, arguments in ARGUMENTS.items():
        for name, argument in arguments.items():
            yield _argument(family, name, argument)


def markdown(listed: Iterable[Row]) -> str:
    r"""Rows as a page of Markdown, one table per family.

    Example:
        >>> print(markdown([Row(family="cell", name="gru", note="gated")]))
        # Catalogue
        <BLANKLINE>
        \* compiled in. Trials that differ only in what has no \* share one program.
        <BLANKLINE>
        ## cell
        <BLANKLINE>
        | name | takes | note |
        |---|---|---|
        | gru |  | gated |
        <BLANKLINE>
    """
    lines = ["# Catalogue", "", _plain(LEGEND)]
    before = ""
    for row in listed:
        if row.family != before:
            title = _plain(row.cells()[0])
            lines += ["", f"## {title}", "", "| name | takes | note |", "|---|---|---|"]
            before = row.family
        lines.append(f"| {' | '.join(map(_plain, row.cells()[1:]))} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text in which Markdown sees no markup."""
    return text.replace("|", r"\|").replace("*", r"\*")


ARGUMENTS: Mapping[str, Mapping[str, Argument]] = {
    **{name: template.arguments for name, template in TEMPLATES.items()},
    "setting": SETTINGS,
}
_INPUTS = {
    argument.family
    for arguments in ARGUMENTS.values()
    for argument in arguments.values()
    if argument.value
}
"""Families whose choice is an input as a whole."""


def _entry(family: str, name: str, entry: Entry) -> Row:
    compiled = [key for key, number in entry.numbers.items() if not number.value]
    structure = () if family in _INPUTS else ("name", *compiled, *entry.flags, *entry.options)
    takes = {key: f"{key}={number.default:g}" for key, number in entry.numbers.items()}
    takes |= {key: f"{key}={str(flag).lower()}" for key, flag in entry.flags.items()}
    takes |= {key: f"{key}={'|'.join(words)}" for key, words in entry.options.items()}
    return Row(
        family=family,
        name=name,
        takes=takes,
        values=tuple(key for key in takes if key not in structure),
        structure=structure,
        note=_join(entry.note, _also(entry.aliases), entry.source),
    )


def _argument(family: str, name: str, argument: Argument) -> Row:
    default = "" if argument.default is None else f"default {label(argument.default)}"
    depth = ["count"] * (argument.kind == "depth")
    return Row(
        family=family,
        name=name,
        takes={name: "|".join((*depth, *argument.options)) or argument.kind},
        values=(name,) * argument.value,
        structure=(name,) * argument.compiled,
        note=_join(default, argument.note),
    )


def _also(aliases: tuple[str, ...]) -> str:
    return f"also: {', '.join(aliases)}" if aliases else ""


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)

"""A study's results for Python and notebooks: a table, the answer in words, figures."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.frames import Results
    from reports.verdicts import Judged


class Answer:
    """Results of a study, read once, when something is first asked of them.

    A notebook shows the verdict table. Anything that is asked raises ``NothingToReportError`` while
    no confirm trial has finished, and ``StoreError`` if there is no store in the folder.

    Args:
        folder: of the study's results, such as ``results/quickstart``.
    """

    folder: Path

    def __init__(self, folder: Path | str) -> None:
        """Remember where the results are."""
        self.folder = Path(folder)

    @cached_property
    def results(self) -> Results:
        """Tidy frames: ``results.trials`` and ``results.epochs``."""
        from reports import frames

        return frames.read(self.folder)

    @cached_property
    def judged(self) -> Judged:
        """The verdicts as objects, with everything behind them."""
        from reports import verdicts

        return verdicts.judge(self.results)

    @property
    def table(self) -> pd.DataFrame:
        """The verdict table, a row per arm, in numbers."""
        from reports import tables

        return tables.verdict_table(self.results, self.judged)

    @property
    def headline(self) -> str:
        """The answer in words, a sentence per line."""
        from reports import verdicts

        return "\n".join(verdicts.headline(self.results, self.judged))

    def forest(self, ax: Axes | None = None) -> Figure | None:
        """Differences from the baseline with their intervals; ``None`` for a single arm.

        Args:
            ax: axes to draw into. Default: a figure of its own.
        """
        from reports import figures

        return figures.forest(self.judged, ax=ax)

    def spread(self, ax: Axes | None = None) -> Figure:
        """Every replicate of every arm.

        Args:
            ax: axes to draw into. Default: a figure of its own.
        """
        from reports import figures

        return figures.spread(self.judged, ax=ax)

    def cells(self, ax: Axes | None = None) -> Figure | None:
        """The means of a study of two factors as a heat map; ``None`` for other studies.

        Args:
            ax: axes to draw into. Default: a figure of its own.
        """
        from reports import figures

        return figures.cells(self.results, self.judged, ax=ax)

    def curves(self) -> Figure | None:
        """Learning curves on validation data, in panels where there are many arms."""
        from reports import figures

        return figures.curves(self.results, self.judged)

    def sensitivity(self, name: str = "learning_rate") -> Figure | None:
        """The tuning objective against one searched hyperparameter, a panel per arm.

        Args:
            name: of the hyperparameter.
        """
        from reports import figures

        return figures.sensitivity(self.results, self.judged, name)

    def page(self, to: Path | None = None) -> Path:
        """Write the page and its tables.

        Args:
            to: its file. Default: ``report/index.html`` in the folder of the results.

        Returns:
            The file.
        """
        from reports import page

        return page.lay_out(self.results, self.judged, to or self.folder / "report" / "index.html")

    def _repr_html_(self) -> str:
        """The question, the answer and the verdict table; a notebook must never see an error."""
        from markupsafe import escape

        from harness.printable import printable
        from reports import tables, verdicts

        try:
            study = self.results.study
            lines = verdicts.headline(self.results, self.judged)
            table = tables.formatted(self.judged).to_html(index=False, border=0)
        except HarnessError as error:
            return f"<p>{escape(printable(str(error)))}</p>"
        told = "".join(f"<p>{escape(printable(line))}</p>" for line in lines)
        title = escape(printable(study.question or study.name))
        more = f"<details><summary>In words</summary>{told}</details>"
        return f"<p><strong>{title}</strong></p>{printable(table)}{more}"


def load(folder: Path | str) -> Answer:
    """The results in a folder, for Python and notebooks.

    Args:
        folder: of the study's results, such as ``results/quickstart``.

    Raises:
        StoreError: if there is no store in the folder.

    Example:
        >>> load("results/quickstart").table  # doctest: +SKIP
    """
    from harness import store

    with store.reading(Path(folder)):
        return Answer(folder)

"""Reads a study's store and says what it shows: tables, figures, verdicts and one page.

Nothing here trains, and nothing here imports Keras: a stranger's results can be read without
running anything of theirs.
"""

from reports.answer import Answer, load

__all__ = ["Answer", "load"]

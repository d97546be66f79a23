"""Location of a study's results."""

from __future__ import annotations

from pathlib import Path

from harness import store, studyfile
from harness.errors import UsageError, nearest
from harness.spec import NAME


def results_folder(study: str, root: Path) -> Path:
    """The results of a study, given by its name, its file, or its folder.

    Args:
        study: name, file or folder, as the user gave it.
        root: folder of all results.

    Raises:
        UsageError: if there are none.
    """
    if store.exists(Path(study)):
        return Path(study)
    if study.endswith(".toml"):
        return root / studyfile.load(studyfile.find(study)).name
    if not NAME.fullmatch(study):
        raise UsageError(
            f"expected the name of a study, its file, or its results. Received: {study!r}."
        )
    if not store.exists(root / study):
        found = [folder.name for folder in root.glob("*") if store.exists(folder)]
        hint = nearest(study, found) if found else f"There are no results in {str(root)!r} yet."
        raise UsageError(f"expected a study with results. Received: {study!r}. {hint}")
    return root / study

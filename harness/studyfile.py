"""Study files: TOML to Study and back, and the names of the built-in studies."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import limits
from harness.errors import StudyError, nearest
from harness.spec import Study

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT_IN = Path(__file__).resolve().parent.parent / "studies"
"""Folder of the built-in studies, in a checkout or an installation; never the user's own."""


def built_in() -> dict[str, Path]:
    """The studies that come with the harness, by name."""
    return {file.stem: file for file in sorted(BUILT_IN.rglob("*.toml"))}


def find(name: str) -> Path:
    """The file of a study: a path, or the name of a built-in study.

    Raises:
        StudyError: if there is neither.
    """
    file = Path(name)
    if file.suffix == ".toml" or file.is_file():
        if not file.is_file():
            raise StudyError(f"expected a study file. Received: {name!r}, which does not exist.")
        return file
    studies = built_in()
    if name not in studies:
        raise StudyError(
            "expected the path of a study file (.toml) or the name of a built-in study. "
            f"Received: {name!r}. {nearest(name, studies)}"
        )
    return studies[name]


def load(file: Path) -> Study:
    """Read a study file.

    Raises:
        StudyError: if it is not TOML, or not a study; the error names file and key.
    """
    if file.exists() and not file.is_file():
        raise StudyError("expected a plain file. Received: something else.", source=str(file))
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return parse(stream.read(limits.STUDY_FILE + 1))
    except StudyError as error:
        raise error.within(str(file)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"cannot be read: {error}", source=str(file)) from None


def parse(text: str) -> Study:
    """Read the text of a study file.

    Raises:
        StudyError: as ``load``.
    """
    if len(text) > limits.STUDY_FILE:
        raise StudyError(f"expected at most {limits.STUDY_FILE:,} characters. Received: more.")
    try:
        content = tomllib.loads(text)
        limits.refuse_deep(content)
    except (ValueError, RecursionError) as error:  # also numbers and nestings without end
        raise StudyError(f"expected TOML. {error}.") from None
    limits.refuse_large(content)
    if content.get("schema", 1) != 1:
        raise StudyError(
            f"expected schema = 1. Received: {content['schema']!r}. A newer keras-harness wrote "
            "this file.",
            key="schema",
        )
    return Study(**content)


def dump(study: Study) -> str:
    """The text of a study file that ``parse`` reads back as an equal study."""
    content = study.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    content = {"schema": study.schema_version, **content}
    plain = {key: part for key, part in content.items() if not isinstance(part, dict)}
    tables = {key: part for key, part in content.items() if isinstance(part, dict)}
    lines = [_line(key, part) for key, part in plain.items()]
    for key, table in tables.items():
        lines += ["", f"[{_key(key)}]", *(_line(name, part) for name, part in table.items())]
    return "\n".join(lines) + "\n"


def _line(key: str, part: Any) -> str:
    return f"{_key(key)} = {_inline(part)}"


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)


def _inline(part: Any) -> str:
    if isinstance(part, bool):
        return str(part).lower()
    if isinstance(part, str):
        return _text(part)
    if isinstance(part, list | tuple):
        return f"[{', '.join(map(_inline, part))}]"
    if isinstance(part, dict):
        return _table(part)
    return repr(part)


def _table(part: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(_line(key, value) for key, value in part.items()) + " }"


def _text(text: str) -> str:
    # JSON's escapes are TOML's; only the delete character needs one that JSON leaves out.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

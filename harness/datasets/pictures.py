"""Folders of pictures as arrays: one class per folder, all pictures in one form.

Only raster formats that Pillow decodes itself are opened, whatever a file is called: others, such
as EPS, are drawn by another program.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.datasets.splits import test_mask
from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.spec import Images

    Arrays = Mapping[str, NDArray[np.generic]]
    Pixels = NDArray[np.generic]

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""Names of the file formats in Pillow."""

VALIDATION = ("val", "valid", "validation")
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture.

    Args:
        pixels: (height, width) if it is grey, else with three channels; uint8, uint16, or float32
            from 0 to 1.
        oddities: changes to it that a reader should know.
    """

    pixels: Pixels
    oddities: tuple[str, ...] = ()


def read(source: Images, folder: Path) -> Arrays:
    """Read a folder per class, in the order of the names; perhaps below ``train`` and ``test``.

    Args:
        source: size and colours.
        folder: where the pictures are; parts are called ``train``, ``test``, and ``val`` if
            validation cases are given.

    Raises:
        DataError: naming what cannot be read or does not fit together.
    """
    if not folder.is_dir():
        raise DataError(f"expected a folder of images. Received: {folder}.", key="dataset")
    parts = _parts(folder)
    names = _names(folder / parts["train"])
    for part in parts.values():
        if _names(folder / part) != names:
            raise DataError(
                f"expected the classes of {folder / parts['train']} in {folder / part} too "
                f"({', '.join(names)}). Received: {', '.join(_names(folder / part)) or 'none'}.",
                key="dataset",
            )
    files = {part: _files(folder / place, names) for part, place in parts.items()}
    images, notes = _alike(source, folder, [file for part in files.values() for file, _ in part])
    notes += _unread(folder, parts, names)
    arrays: dict[str, NDArray[np.generic]] = {}
    start = 0
    for part, found in files.items():
        arrays[f"x_{part}"] = np.stack(images[start : start + len(found)])
        arrays[f"y_{part}"] = np.array([label for _, label in found], np.int32)
        start += len(found)
    if "x_test" not in arrays and parts["train"] != ".":
        notes.append("a fifth of 'train' is the test split, because there is no folder 'test'")
        _divide(arrays)
    elif len(arrays) == 2:
        arrays = {"x": arrays["x_train"], "y": arrays["y_train"]}
    return {**arrays, "classes": np.array(names), **({"notes": np.array(notes)} if notes else {})}


def _divide(arrays: dict[str, NDArray[np.generic]]) -> None:
    test = test_mask(arrays["y_train"])
    for name in ("x", "y"):
        whole = arrays[f"{name}_train"]
        arrays[f"{name}_train"], arrays[f"{name}_test"] = whole[~test], whole[test]


# -- which files ---------------------------------------------------------------------------------


def _parts(folder: Path) -> dict[str, str]:
    """The folder of each part; one for all if they have no such names."""
    names = _names(folder)
    if "train" not in names or not _names(folder / "train"):
        return {"train": "."}
    held = [name for name in VALIDATION if name in names]
    if len(held) > 1:
        raise DataError(
            f"expected one folder of validation cases. Received: {', '.join(held)}.", key="dataset"
        )
    named = {"train": "train", "val": held[0] if held else "", "test": "test"}
    return {part: name for part, name in named.items() if name in names}


def _names(folder: Path) -> list[str]:
    hidden = (".", "__MACOSX")
    return sorted(
        one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith(hidden)
    )


def _files(folder: Path, names: Sequence[str]) -> list[tuple[Path, int]]:
    """The pictures of a part, each with the number of its class."""
    files = {name: _pictures(folder / name) for name in names}
    empty = [name for name in names if not files[name]]
    if len(names) < 2 or empty:
        what = f"no image in {empty[0]!r}" if empty else f"{len(names)} folders"
        raise DataError(
            f"expected a folder of images for each of at least 2 classes in {folder}. "
            f"Received: {what}.",
            key="dataset",
        )
    return [(file, label) for label, name in enumerate(names) for file in files[name]]


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in ENDINGS and not file.name.startswith(".") and file.is_file()
    )


def _unread(folder: Path, parts: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """Notes on files and folders beside the pictures that were not read but may have been meant."""
    notes = []
    if len(parts) > 1 or parts["train"] != ".":
        others = [name for name in _names(folder) if name not in parts.values()]
        if others:
            notes.append(f"not read: {', '.join(others)} beside {', '.join(parts.values())}")
    places = [folder / part / name for part in parts.values() for name in names]
    inner = [str((one / name).relative_to(folder)) for one in places for name in _names(one)]
    if inner:
        notes.append(f"not read: folders inside of classes, such as {inner[0]}")
    endings = Counter(
        file.suffix.lower() or file.name
        for place in places
        for file in place.iterdir()
        if file.is_file() and file.suffix.lower() not in ENDINGS and file.name[0] != "."
    )
    if endings:
        counted = [f"{count:,} {ending}" for ending, count in endings.most_common(SHOWN)]
        notes.append(f"not read, being no pictures of a known kind: {', '.join(counted)}")
    return notes


# -- one form ------------------------------------------------------------------------------------


def _alike(source: Images, folder: Path, files: Sequence[Path]) -> tuple[list[Pixels], list[str]]:
    """Pictures with one size, channels and type, and notes on what was changed for that."""
    pictures, wrong = [], []
    for file in files:
        try:
            pictures.append(picture(file, source))
        except DataError as error:
            wrong.append(f"{file.relative_to(folder)} ({error.message})")
    if wrong:
        more = f", and {len(wrong) - SHOWN:,} more" if len(wrong) > SHOWN else ""
        raise DataError(
            f"{folder}: expected pictures only. Received: {len(wrong):,} of {len(files):,} files "
            f"that cannot be read as one: {'; '.join(wrong[:SHOWN])}{more}. Mend or remove them.",
            key="dataset",
        )
    images = [one.pixels for one in pictures]
    gray = source.gray or all(image.ndim == 2 for image in images)
    images = [image if gray or image.ndim == 3 else np.stack([image] * 3, -1) for image in images]
    _one_size(source, files, images)
    done = Counter(one for made in pictures for one in made.oddities)
    notes = [f"{count:,} of {len(files):,} pictures {what}" for what, count in done.items()]
    types = {image.dtype for image in images}
    if len(types) > 1:
        images = [_as_share(image) for image in images]
        notes.append("pictures of different depths are brought to 0..1")
    return images, notes


def _as_share(pixels: Any) -> NDArray[np.float32]:
    """Numbers from 0 to 1, scaled from the range of an integer type."""
    most = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1.0
    return np.asarray(pixels / np.float32(most), np.float32)


def _one_size(source: Images, files: Sequence[Path], images: Sequence[Pixels]) -> None:
    first = images[0].shape
    for file, image in zip(files, images, strict=True):
        if image.shape != first:
            raise DataError(
                f"expected images of one size, such as {first[1]}x{first[0]}. Received: "
                f"{file.name} of {image.shape[1]}x{image.shape[0]}. Name a size in the study: "
                f"dataset = {{ folder = {source.folder!r}, size = [{first[0]}, {first[1]}] }}.",
                key="dataset",
            )


def picture(file: Path, source: Images) -> Picture:
    """One picture, upright, without transparency, in grey or three colours.

    Args:
        file: in one of ``FORMATS``.
        source: size and colours.

    Raises:
        DataError: if it cannot be read, or its numbers have no known range.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Large ones are read; those that may be meant to fill the memory are an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _opened(file, source)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"none of {', '.join(FORMATS)}, or damaged") from None
    except Image.DecompressionBombError:
        raise DataError(
            f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels: make it smaller"
        ) from None
    except Exception as error:  # noqa: BLE001, a damaged file may raise anything
        raise DataError(str(error).replace(f"{file}{os.sep}", "") or type(error).__name__) from None


def _opened(file: Path, source: Images) -> Picture:
    from PIL import Image, ImageOps

    with Image.open(file, formats=FORMATS) as opened:
        if opened.mode == "I" and opened.format == "TIFF":
            raise DataError("whole numbers of 32 bits: save it with 8 or 16 bits")
        oddities = ["show the first of several"] if getattr(opened, "n_frames", 1) > 1 else []
        if opened.getexif().get(_ORIENTATION, 1) != 1:
            oddities.append("are turned as their camera says")
        pixels, more = _pixels(ImageOps.exif_transpose(opened), source)
    return Picture(pixels=pixels, oddities=(*oddities, *more))


_ORIENTATION = 0x0112
"""Number of the EXIF tag for the orientation."""

_DEEPEST = 65535


def _pixels(image: Any, source: Images) -> tuple[Pixels, list[str]]:
    """The numbers of a picture, and what was done to get them."""
    if image.mode == "F":
        return _fractions(image, source), []
    if image.mode == "I" or image.mode.startswith("I;"):
        return _deep(image, source), []
    oddities = []
    if image.has_transparency_data:
        image, seen = _on_white(image)
        oddities += ["are put on white where they are transparent"] if seen else []
    gray = source.gray or image.mode in {"1", "L"}
    made = image.convert("L" if gray else "RGB")
    if source.size:
        made = _resized(made, source)
    return np.asarray(made), oddities


def _on_white(image: Any) -> tuple[Any, bool]:
    """Picture on a white ground, and whether any of that ground shows."""
    from PIL import Image

    gray = image.mode in {"1", "L", "LA", "La"}
    solid = image.convert("RGBA")
    seen = solid.getchannel("A").getextrema()[0] < 255
    ground = Image.new("RGBA", image.size, "white")
    made = Image.alpha_composite(ground, solid).convert("RGB")
    return (made.getchannel(0) if gray else made), seen


def _deep(image: Any, source: Images) -> NDArray[np.uint16]:
    """Grey levels of 16 bits."""
    numbers = np.asarray(image).astype(np.float32)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        numbers = np.where(numbers == clear, np.float32(_DEEPEST), numbers)
    return np.clip(np.rint(_resized_numbers(numbers, source)), 0, _DEEPEST).astype(np.uint16)


def _fractions(image: Any, source: Images) -> NDArray[np.float32]:
    numbers = np.asarray(image, np.float32)
    low, high = float(numbers.min()), float(numbers.max())
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"real numbers, {low:g} to {high:g}, where 0 to 1 is expected: scale them, or save it "
            "with 8 or 16 bits"
        )
    return _resized_numbers(numbers, source)


def _resized_numbers(numbers: NDArray[np.float32], source: Images) -> NDArray[np.float32]:
    from PIL import Image

    if not source.size:
        return numbers
    return np.asarray(_resized(Image.fromarray(numbers), source), np.float32)


def _resized(image: Any, source: Images) -> Any:
    from PIL import Image

    assert source.size
    return image.resize((source.size[1], source.size[0]), Image.Resampling.BILINEAR)

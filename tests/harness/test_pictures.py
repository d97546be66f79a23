"""Pictures of all kinds: their numbers by hand, what cannot be read, what lies beside them."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from harness import datasets
from harness.datasets import pictures
from harness.errors import DataError
from harness.spec import Images

RAMP = np.arange(64).reshape(8, 8)


@pytest.fixture
def pixels(tmp_path):
    """The numbers of one picture, which is saved first."""

    def opened(image, name="one.png", size=None, **saved):
        image.save(tmp_path / name, **saved)
        return pictures.picture(tmp_path / name, Images(folder="x", size=size))

    return opened


@pytest.mark.parametrize("name", ["one.png", "one.tif"])
def test_sixteen_bits_are_kept(pixels, name):
    """Not cut off at 255; they are scaled as all whole numbers are."""
    image = Image.fromarray((RAMP * 1000).astype(np.uint16))
    made = pixels(image, name)
    assert made.pixels.dtype == np.uint16
    np.testing.assert_array_equal(made.pixels, RAMP * 1000)
    half = pixels(image, name, size=(4, 4)).pixels
    exact = Image.fromarray((RAMP * 1000).astype("f")).resize((4, 4), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(half, np.asarray(exact), atol=0.5)


def test_real_numbers_from_zero_to_one_are_kept(pixels):
    """Others have no known range."""
    made = pixels(Image.fromarray((RAMP / 63).astype("f")), "one.tif")
    np.testing.assert_array_equal(made.pixels, (RAMP / 63).astype("f"))
    for wrong in (RAMP, RAMP / 63 - 0.5):
        with pytest.raises(DataError, match="where 0 to 1 is expected: scale them"):
            pixels(Image.fromarray(wrong.astype("f")), "one.tif")
    with pytest.raises(DataError, match="whole numbers of 32 bits"):
        pixels(Image.fromarray(RAMP.astype(np.int32)), "one.tif")


def test_what_is_transparent_is_white(pixels):
    """Black on nothing is a black figure on white, in part where it is so in part."""
    figure = np.zeros((8, 8, 4), np.uint8)
    figure[2:4, 2:4, 3] = 255
    figure[5, 5, 3] = 51
    expected = 255 - figure[..., 3].astype(int)
    for image in (Image.fromarray(figure), Image.fromarray(figure).convert("LA")):
        made = pixels(image)
        channel = made.pixels if made.pixels.ndim == 2 else made.pixels[..., 1]
        np.testing.assert_allclose(channel, expected, atol=1)
        assert made.oddities == ("are put on white where they are transparent",)
    palette = Image.fromarray(np.where(figure[..., 3] == 255, 1, 0).astype(np.uint8), "L")
    palette = palette.convert("P")
    made = pixels(palette, transparency=0)
    assert made.pixels[0, 0].tolist() == [255, 255, 255]
    assert made.pixels[2, 2].tolist() == [1, 1, 1]
    solid = pixels(Image.new("RGBA", (4, 4), (9, 9, 9, 255)))
    assert not solid.oddities
    assert (solid.pixels == 9).all()


def test_other_modes(pixels):
    """Black and white, printing colours, turned, moving."""
    assert pixels(Image.new("1", (4, 4), 1)).pixels.tolist() == [[255] * 4] * 4
    red = pixels(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "one.jpg").pixels
    assert red.shape == (8, 8, 3)
    assert (red[..., 0] > 240).all()
    assert (red[..., 1:] < 15).all()
    turned = Image.Exif()
    turned[0x0112] = 6
    made = pixels(Image.new("RGB", (8, 4), "red"), "one.jpg", exif=turned)
    assert made.pixels.shape == (8, 4, 3)
    assert made.oddities == ("are turned as their camera says",)
    frames = [Image.new("L", (4, 4), shade) for shade in (10, 200)]
    made = pixels(frames[0], "one.gif", save_all=True, append_images=frames[1:])
    assert (made.pixels == 10).all()
    assert made.oddities == ("show the first of several",)


def test_no_picture_starts_another_program(tmp_path, monkeypatch):
    """EPS is drawn by Ghostscript, whatever the file is called."""
    (tmp_path / "bin").mkdir()
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 1\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert shutil.which("gs") == str(ghostscript)
    paint(tmp_path / "pets")
    (tmp_path / "pets" / "cat" / "0.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    )
    with pytest.raises(DataError, match=r"cat/0\.png \(none of PNG, JPEG"):
        datasets.describe("pets", [tmp_path])
    assert not (tmp_path / "started").exists()


def test_a_picture_too_large_is_named(pixels, monkeypatch):
    """Before it fills the memory."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    with pytest.raises(DataError, match="more than 60 pixels: make it smaller"):
        pixels(Image.new("L", (8, 8)))
    assert pixels(Image.new("L", (8, 5))).pixels.shape == (5, 8)


def paint(folder, count=6, classes=("cat", "dog"), mode="L"):
    """Grey pictures, a shade for each class and number."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            shade = 100 * label + index
            Image.new("L", (8, 8), shade).convert(mode).save(folder / name / f"{index}.png")
    return folder


def test_hidden_files_are_no_pictures(tmp_path):
    """As a Mac leaves them in archives; other files are said to be left out."""
    folder = paint(tmp_path / "pets")
    (folder / "cat" / "._1.png").write_bytes(b"\0\5\x16\7")
    (folder / "__MACOSX").mkdir()
    (folder / ".git").mkdir()
    assert datasets.describe("pets", [tmp_path]).notes == ()
    (folder / "dog" / "1.heic").write_text("")
    (folder / "dog" / "more").mkdir()
    said = "\n".join(datasets.describe("pets", [tmp_path]).notes)
    assert "no pictures of a known kind: 1 .heic" in said
    assert "folders inside of classes, such as dog/more" in said


def test_all_pictures_that_cannot_be_read_are_named(tmp_path):
    """In one message; the first five by name."""
    folder = paint(tmp_path / "pets", count=9)
    for index in range(7):
        (folder / "dog" / f"{index}.png").write_bytes(b"\x89PNG no")
    whole = (folder / "cat" / "0.png").read_bytes()
    (folder / "cat" / "0.png").write_bytes(whole[:43])
    with pytest.raises(DataError) as caught:
        datasets.describe("pets", [tmp_path])
    said = str(caught.value)
    assert "8 of 18" in said
    assert "cat/0.png" in said
    assert "dog/3.png" in said
    assert "dog/4.png" not in said
    assert "and 3 more. Mend or remove them." in said


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_folder_of_validation_cases(tmp_path, name):
    """They validate, and are no class."""
    paint(tmp_path / "pets" / "train")
    paint(tmp_path / "pets" / name, count=3)
    paint(tmp_path / "pets" / "test", count=2)
    (tmp_path / "pets" / "more").mkdir()
    arrays = datasets.read_own("pets", [tmp_path])
    counts = {part: len(arrays[f"x_{part}"]) for part in ("train", "val", "test")}
    assert counts == {"train": 12, "val": 6, "test": 4}
    assert arrays["y_val"].tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(arrays["x_val"][4], np.full((8, 8), 101))
    assert arrays["classes"].tolist() == ["cat", "dog"]
    assert f"not read: more beside train, {name}, test" in arrays["notes"].tolist()
    (tmp_path / "pets" / name / "dog").rename(tmp_path / "pets" / name / "cow")
    with pytest.raises(DataError, match=rf"in .*{name} too"):
        datasets.read_own("pets", [tmp_path])


def test_training_and_validation_without_test(tmp_path):
    """The test split is drawn from the training cases, and that is said."""
    paint(tmp_path / "pets" / "train", count=10)
    paint(tmp_path / "pets" / "val", count=3)
    card = datasets.describe("pets", [tmp_path])
    assert (card.outputs, card.tests) == (2, 4)
    assert "a fifth of 'train' is the test split" in "\n".join(card.notes)


def test_depths_are_not_mixed(tmp_path):
    """8 and 16 bits in one folder are brought to the same range."""
    folder = paint(tmp_path / "pets")
    deep = np.full((8, 8), 65535, np.uint16)
    Image.fromarray(deep).save(folder / "dog" / "0.png")
    arrays = datasets.read_own("pets", [tmp_path])
    assert arrays["x"].dtype == np.float32
    np.testing.assert_allclose(arrays["x"][6], 1)
    np.testing.assert_allclose(arrays["x"][7], 101 / 255)

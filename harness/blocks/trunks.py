"""Pretrained trunks with their weights: those of the catalogue, and a user's saved network."""

from __future__ import annotations

import importlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness import datafolder
from harness.blocks.imagenet import FEATURES
from harness.catalog import TRUNKS
from harness.errors import DataError, TemplateError, nearest
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

ENDING = ".keras"
"""End of the name of a saved network's file."""

_RUNNING = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
"""Layers of Keras that hold code, or name a file that does."""

_PLAIN = frozenset(
    f"__{kind}__" for kind in ("bytes", "ellipsis", "keras_tensor", "numpy", "slice", "tensor")
)
"""Keras' marks of values that are no objects, in a file; ``__lambda__`` is another one."""

_OURS = tuple(
    f"harness.blocks.{name}"
    for name in (
        *("activations", "adversarial", "bottleneck", "generating", "imagenet", "initializers"),
        *("layers", "masking", "noise", "penalties", "spectral"),
    )
)
"""Modules of ours whose objects a saved network may contain."""

_POOLING = {3: keras.layers.GlobalAveragePooling1D, 4: keras.layers.GlobalAveragePooling2D}


def build(
    name_or_file: str, shape: Sequence[int], size: int | None = None, *, trained: bool = True
) -> keras.Model:
    """A trunk with its weights, from cases of a data set to pooled features.

    Nothing is fetched here, and no code is run but Keras' and ours.

    Args:
        name_or_file: a name of ``catalog.TRUNKS``, or the path of a ``.keras`` file.
        shape: of one case; of images with values from 0 to 1 for a trunk of the catalogue.
        size: side in pixels of the square that images are resized to. Default: that of the
            catalogue. A file takes its own shape only.
        trained: whether it has the weights; else it has initial ones. A file always has its own.

    Returns:
        Network whose output has shape ``(cases, features)``, all of it trainable. Layers with
        weights have names of their own and stand in the order in which they are applied.

    Raises:
        TemplateError: if there is no such trunk, or it cannot take such cases.
        DataError: if its weights have not been fetched, or are others than recorded.
    """
    if name_or_file.endswith(ENDING):
        return saved(Path(name_or_file), shape)
    name = name_or_file
    if name not in TRUNKS:
        raise TemplateError(
            f"expected the name of a pretrained trunk, or the path of a {ENDING} file. Received: "
            f"{name!r}. {nearest(name, TRUNKS)}"
        )
    trunk = TRUNKS[name]
    side = trunk.size if size is None else size
    if side < trunk.smallest:
        raise TemplateError(
            f"expected a size of at least {trunk.smallest} pixels, below which nothing is left to "
            f"pool in {name!r}. Received: {side}."
        )
    model: keras.Model = resolve(trunk.target)(shape, side)
    if trained:
        fill(model, weights(name))
    return model


def weights(name: str) -> dict[str, NDArray[np.float32]]:
    """The fetched arrays of a trunk, named ``layer/variable``, with those of its former head.

    Raises:
        DataError: if they have not been fetched, or are others than recorded.
    """
    file = datafolder.present(name, "weights")
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file} cannot be read: {error}. Delete it and get it again.") from None
    datafolder.check(arrays, name, TRUNKS[name].content, str(file))
    return arrays


def fill(model: keras.Model, arrays: Mapping[str, NDArray[np.float32]]) -> int:
    """Give every variable of a network the array of its name, and count them.

    Args:
        model: network whose layers with weights have names of their own.
        arrays: by ``layer/variable``; others are left aside.

    Raises:
        TemplateError: if an array is missing or has another shape.
    """
    filled = 0
    for layer in model.layers:
        for variable in layer.weights:
            key = f"{layer.name}/{variable.name}"
            found = arrays[key].shape if key in arrays else "nothing"
            if found != tuple(variable.shape):
                raise TemplateError(
                    f"expected an array {key} of shape {tuple(variable.shape)} for {model.name!r}. "
                    f"Received: {found}."
                )
            variable.assign(arrays[key])
            filled += 1
    return filled


def saved(file: Path, shape: Sequence[int]) -> keras.Model:
    """A user's saved network as a trunk: without its head, averaged over places or steps.

    A dense last layer, with an activation behind it or not, is a head; a network that ends
    otherwise is taken whole.

    Args:
        file: as ``keras.Model.save`` writes it.
        shape: of one case.

    Raises:
        TemplateError: if it is no such file, needs code that is not Keras' or ours, or takes
            cases of another shape.
    """
    model = _loaded(file)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise TemplateError(
            f"expected a network with one input and one output in {file}. Received: "
            f"{len(model.inputs)} and {len(model.outputs)}."
        )
    taken = tuple(model.inputs[0].shape[1:])
    if len(taken) != len(shape) or any(
        side not in {None, given} for side, given in zip(taken, shape, strict=True)
    ):
        raise TemplateError(
            f"expected cases of shape {taken}, which {file} was made for. Received: cases of shape "
            f"{tuple(shape)}."
        )
    features = _before_head(model)
    rank = len(features.shape)
    if rank in _POOLING:
        features = _POOLING[rank](name=f"pooled_{FEATURES}")(features)
    elif rank != 2:
        raise TemplateError(
            f"expected features with one or two axes of places in {file}. Received: features of "
            f"shape {tuple(features.shape[1:])}."
        )
    trunk = keras.Model(model.inputs[0], features, name=model.name)
    # What its owner had frozen would stay so in every arm. Of the whole network it would not
    # help: TensorFlow leaves an attribute alone that is set to what it is.
    for layer in trunk._flatten_layers():  # noqa: SLF001, nested ones too
        layer.trainable = True
    return trunk


def _loaded(file: Path) -> Any:
    """A saved network, read without running anything that the file brings."""
    try:
        with zipfile.ZipFile(file) as archive:
            config = json.loads(archive.read("config.json"))
        _refuse_code(config, file)
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except TemplateError:
        raise
    except (OSError, KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise TemplateError(
            f"expected a network as keras.Model.save writes it. Received: {file}, which cannot be "
            f"read: {str(error).partition('. ')[0]}."
        ) from None
    if not getattr(model, "inputs", None):
        raise TemplateError(
            f"expected a Sequential or functional network. Received: {file}, which holds a "
            f"{type(model).__name__}."
        )
    return model


def _refuse_code(config: Any, file: Path) -> None:
    """Refuse a configuration with parts that are neither Keras' own nor ours."""
    for part in _parts(config):
        kind, module = part["class_name"], part.get("module")
        if module in _OURS:
            importlib.import_module(module)  # which registers its classes
        elif kind not in _PLAIN and (kind in _RUNNING or not _of_keras(module)):
            inside = part.get("config")
            name = inside.get("name", kind) if isinstance(inside, dict) else inside
            raise TemplateError(
                f"expected a file of Keras' own layers. Received: {file}, whose part {name!r} (a "
                f"{kind}) needs code to be run. Give that code as trunk = 'module:function' "
                "instead: a function that builds the network and loads its weights."
            )


def _of_keras(module: Any) -> bool:
    return module == "builtins" or f"{module}.".startswith("keras.")


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Serialized objects in a configuration, but for those of training."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for key, part in config.items():
            if key != "compile_config":
                yield from _parts(part)
    elif isinstance(config, list):
        for part in config:
            yield from _parts(part)


def _before_head(model: Any) -> Any:
    """Output of a network, or what its last dense layer is given."""
    features = model.outputs[0]
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense):
            return layer.input
        if not isinstance(layer, keras.layers.Activation | keras.layers.Softmax):
            break
    return features

"""Built-in templates as ordinary Keras models, with Keras' own layers where it has them.

Importing this module also tells Keras the layers of its own that the package has, so that a saved
model which holds one can be loaded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks import (  # noqa: F401
    adversarial,
    generating,
    layers,
    penalties,
    placing,
    spectral,
)
from harness.blocks.activations import PReLU
from harness.blocks.style import styled
from harness.errors import StudyError, TemplateError, nearest
from harness.players import Stage
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.spec import Value


def build(
    template: str,
    shape: Sequence[int] | Mapping[str, Sequence[int]],
    outputs: int,
    **arguments: Any,
) -> keras.Model:
    """Build a built-in template as an ordinary, uncompiled Keras model.

    Initial weights are drawn by the named initializer, anew in every call;
    ``keras.utils.set_random_seed`` makes them the same.

    Args:
        template: ``"mlp"``, ``"cnn"``, ``"rnn"``, ``"autoencoder"``, ``"gan"`` (whose model has
            its networks as ``generator`` and ``critic``) or ``"quadratic"``.
        shape: of one case; of several inputs, by name.
        outputs: number of classes, labels or targets; the outputs are linear.
        arguments: as a study file names them, such as ``units=[64]`` or
            ``activation={"name": "elu", "alpha": 0.5}``.

    Raises:
        StudyError: for an unknown template or argument, or one out of its range.
        TemplateError: if they make no network, or an initializer needs data.

    Example:
        >>> model = build("mlp", (8, 8), 10, units=[32], activation="gelu", dropout=0.1)
        >>> [type(layer).__name__ for layer in model.layers]
        ['InputLayer', 'Flatten', 'Dense', 'Activation', 'Dropout', 'Dense']
    """
    if template not in catalog.TEMPLATES:
        raise StudyError(
            f"expected the name of a built-in template. Received: {template!r}. "
            f"{nearest(template, catalog.TEMPLATES)}",
            key="template",
        )
    known = catalog.TEMPLATES[template].arguments
    unknown = [name for name in arguments if name not in known]
    if unknown:
        raise StudyError(
            f"expected an argument of template {template!r}. Received: {unknown[0]!r}. "
            f"{nearest(unknown[0], known)}",
            key=unknown[0],
        )
    settings = {
        name: _checked(name, argument, arguments.get(name, argument.default))
        for name, argument in known.items()
    }
    if names_lsuv(settings):
        raise TemplateError(
            "expected an initializer that needs no data. Received: 'lsuv', which scales weights by "
            "the outputs that training cases cause. Use 'orthogonal', from which it starts."
        )
    return network(template, shape, outputs, settings)


def network(
    template: str,
    shape: Any,
    outputs: int,
    settings: Mapping[str, Value],
    *,
    every_step: bool = False,
) -> keras.Model:
    """The network of a built-in template, all its numbers plain.

    Args:
        template: its name.
        shape: of one case, or of each of its inputs by name.
        outputs: number of outputs.
        settings: arguments of the template in canonical form, perhaps with others; those that are
            not there have their defaults.
        every_step: whether there is an output for every step of a sequence.
    """
    entry = catalog.TEMPLATES[template]
    arguments = {
        name: _made(part, settings[name])
        for name, part in entry.arguments.items()
        if name in settings  # what came later is left out where it is not given
    }
    if every_step:
        arguments["every_step"] = True
    made = resolve(entry.target)(shape, outputs, **styled(arguments))
    return _settled(made.model if isinstance(made, Stage) else made)


def names_lsuv(settings: Mapping[str, Value]) -> bool:
    """True if the settings name an initializer that scales the weights by data (LSUV)."""
    found = settings.get("initializer")
    return isinstance(found, dict) and found["name"] == "lsuv"


def _checked(name: str, argument: catalog.Argument, raw: Value) -> Value:
    if raw is None:
        return None
    try:
        return catalog.check_argument(argument, list(raw) if isinstance(raw, tuple) else raw)
    except StudyError as error:
        raise StudyError(error.message, key=name) from None


def _made(argument: catalog.Argument, setting: Any) -> Any:
    """Object that a template receives in place of a setting."""
    makers: Mapping[str, Callable[[Any], Any]] = {
        "initializer": partial(_initializer, "initializer"),
        "gate_bias": _gate_bias,
        "regularizer": layers.regularizer,
        "constraint": layers.constraint,
    }
    made = makers.get(argument.family)
    return made(setting) if made and setting is not None else setting


def _gate_bias(setting: Value) -> Any:
    return setting if isinstance(setting, float) else _initializer("gate_bias", setting)


def _initializer(family: str, setting: Value) -> Any:
    """Description of an initializer, one per layer: a shared object would repeat its draws."""
    entry, arguments = layers.chosen(family, setting)
    made = layers.called(resolve(entry.target), arguments)
    if entry.target == "harness.blocks.initializers:LSUV":
        made = keras.initializers.Orthogonal()
    if not isinstance(made, keras.initializers.Initializer):
        return made  # a function of the user's
    return keras.initializers.serialize(made)


def _settled(model: keras.Model) -> keras.Model:
    """Model with Keras' own parts, also where the choice of these needed the shapes of weights."""
    for layer in model._flatten_layers(include_self=False):  # noqa: SLF001
        if isinstance(layer, PReLU):
            layer.__class__ = keras.layers.PReLU  # its one addition, shared axes, is done by now
        if isinstance(getattr(layer, "bias_initializer", None), layers.ForgetBias):
            _forget(layer)
        for prefix, name in (("kernel", "kernel"), ("recurrent", "recurrent_kernel")):
            weight = getattr(layer, name, None)
            if weight is not None and hasattr(layer, f"{prefix}_constraint"):
                _settle(layer, prefix, weight)
    return model


def _settle(layer: Any, prefix: str, weight: Any) -> None:
    """Set Keras' constraint and penalty on a weight, now that its number of axes is known."""
    constraint = getattr(layer, f"{prefix}_constraint")
    if isinstance(constraint, penalties.Incoming):
        weight.constraint = constraint.stock(len(weight.shape))
        setattr(layer, f"{prefix}_constraint", weight.constraint)
    penalty = getattr(layer, f"{prefix}_regularizer")
    if isinstance(penalty, penalties.Orthogonal) and len(weight.shape) == 2:
        weight.regularizer = keras.regularizers.OrthogonalRegularizer(**penalty.get_config())
        setattr(layer, f"{prefix}_regularizer", weight.regularizer)


def _forget(layer: Any) -> None:
    """Replace the bias of a forget gate by the setting of Keras that starts it at 1."""
    if layer.bias_initializer.value == 1.0 and isinstance(layer, keras.layers.LSTMCell):
        layer.bias_initializer = keras.initializers.Zeros()
        layer.unit_forget_bias = True

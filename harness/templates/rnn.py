"""The recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import keras

from harness import catalog
from harness.blocks import layers, masking
from harness.blocks.style import Style
from harness.errors import TemplateError
from harness.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.spec import Value


def rnn(
    shape: Sequence[int] | Mapping[str, Sequence[int]],
    outputs: int,
    style: Style = Style(activation="tanh"),
    *,
    cell: Value = "lstm",
    units: Sequence[int] = (32,),
    bidirectional: bool = False,
    pooling: Value = "last",
    every_step: bool = False,
    vocabulary: int | None = None,
    embedding: int = 32,
    padding: int | None = None,
    recurrent_initializer: Any = "orthogonal",
    forget_bias: Any = None,
    recurrent_regularizer: Any = None,
    recurrent_constraint: Any = None,
    recurrent_dropout: float = 0.0,
    step_width: int | None = None,
) -> keras.Model:
    """Recurrent layers over a sequence, then one dense layer.

    Every block is recurrent layer -> normalization -> dropout. All but the last hand on their
    output at every step; the last is pooled, unless there is an output for every step.

    Args:
        shape: of one case: ``(steps, features)``, such as the rows of an image, ``(steps,)`` for
            token numbers, which need a vocabulary, or for one real number per step; with a length
            per case ``{"x": (steps, features), "lengths": ()}``: steps behind it do not count.
        outputs: number of linear outputs, per case or per step.
        style: of the inputs and the recurrent layers. Its activation is that of candidates and
            outputs in every cell, whose gates keep their sigmoid; its kernels are those of the
            inputs, not of the states. Of tokens, the embeddings are initialized and disturbed.
        cell: ``"simple"``, ``"lstm"`` or ``"gru"``.
        units: width of each recurrent layer.
        bidirectional: whether each of them also reads backwards, with weights of its own; the
            outputs of both directions are joined.
        pooling: ``"last"`` (the last state of each direction), ``"mean"`` or ``"max"`` over steps.
        every_step: sequence to sequence: an output for every step, and no pooling.
        vocabulary: number of different tokens; ``None`` for real-valued inputs.
        embedding: width of the token embedding.
        padding: the token that fills cases up, whose steps do not count: they change no state,
            and neither pooling, nor the loss of labels per step, sees them; ``None`` or -1: none.
        recurrent_initializer: of the kernels from state to state; ``"identity"`` with
            ``cell = "simple"`` and ``activation = "relu"`` is the IRNN of Le et al. 2015.
        forget_bias: initial bias of an LSTM's forget gate; 1 if nothing is said (Jozefowicz et
            al. 2015). Or an initializer of all its biases, such as ``Chrono``.
        recurrent_regularizer: of the kernels from state to state.
        recurrent_constraint: of the kernels from state to state.
        recurrent_dropout: rate on the state that enters a step, the same units at every step (Gal
            & Ghahramani 2016).
        step_width: how many numbers of a case are read at every step, in their order; 1 reads an
            image pixel by pixel (Le et al. 2015). Default: a row, as the last axis has them.

    Raises:
        TemplateError: for a forget bias without a forget gate, padding without a vocabulary, no
            layer at all, or groups of a normalization that do not divide a width.

    Example:
        >>> rnn((28, 28), 10, units=(16,)).count_params()
        3050
    """
    chosen = catalog.choice("cell", cell).name
    pooled = catalog.choice("pooling", pooling).name
    if forget_bias is not None and chosen != "lstm":
        raise TemplateError(
            "template 'rnn': expected 'forget_bias' only with cell = 'lstm'. "
            f"Received: {chosen!r}, which has no forget gate. Leave it out."
        )
    if not units:
        raise TemplateError(
            "template 'rnn': expected at least one recurrent layer. Received: units = []. "
            "Name their widths, such as units = [32]."
        )
    given, lengths = _given(shape)
    valid = _valid(given, lengths, padding, vocabulary)
    read = given if step_width is None else _read(given, step_width, lengths, vocabulary)
    x = _embedded(read, vocabulary, embedding, style.initializer)
    x = _masked(style.disturbed(x), valid, "mask")
    for index, width in enumerate(units, start=1):
        name = f"{chosen}_{index}"
        layer = partial(
            resolve(catalog.CELLS[chosen].target),
            width,
            activation=layers.activation_function(style.activation),
            recurrent_initializer=recurrent_initializer,
            recurrent_regularizer=recurrent_regularizer,
            activity_regularizer=style.activity_regularizer,
            recurrent_constraint=recurrent_constraint,
            recurrent_dropout=recurrent_dropout,
            return_sequences=index < len(units) or every_step or pooled != "last",
            **style.weights,
            **(_forget(forget_bias) if chosen == "lstm" else {}),
            **_without_cudnn(chosen, valid),
        )
        x = _both_ways(layer, x, name, valid) if bidirectional else layer(name=name)(x)
        x = style.dropped(style.normalized(x, name), name)
        x = _masked(x, valid, f"{name}_mask")
    if not every_step and pooled != "last":
        x = _pooled(x, pooled, valid)
    inputs = given if lengths is None else {"x": given, "lengths": lengths}
    return keras.Model(inputs, style.linear(outputs, "outputs")(x), name="rnn")


def _given(shape: Sequence[int] | Mapping[str, Sequence[int]]) -> tuple[Any, Any]:
    """The sequence, and how long it is, where that is told."""
    if not isinstance(shape, Mapping):
        return keras.Input(tuple(shape), name="inputs"), None
    return keras.Input(tuple(shape["x"]), name="x"), keras.Input((), name="lengths")


def _read(given: Any, width: int, lengths: Any, vocabulary: int | None) -> Any:
    """The numbers of a case as a sequence of steps of some width.

    Raises:
        TemplateError: if they are tokens, have a length per case, or do not fill all steps.
    """
    if lengths is not None or vocabulary is not None:
        raise TemplateError(
            "template 'rnn': expected step_width only for numbers of equal count in all cases. "
            f"Received: {'a length per case' if lengths is not None else 'tokens'}. Leave it out."
        )
    total = prod(given.shape[1:])
    if total % width:
        divisors = ", ".join(str(one) for one in range(1, total + 1) if total % one == 0)
        raise TemplateError(
            f"template 'rnn': expected step_width to divide the {total} numbers of a case. "
            f"Received: {width}. Possible: {divisors}."
        )
    return keras.layers.Reshape((total // width, width), name="steps")(given)


def _valid(given: Any, lengths: Any, padding: int | None, vocabulary: int | None) -> Any:
    """Steps that count; ``None`` if all of them do."""
    if padding is not None and padding >= 0 and vocabulary is None:
        raise TemplateError(
            "template 'rnn': expected 'padding' only with a vocabulary, whose token it is. "
            f"Received: padding = {padding} and none. Of tokens say how many there are, such as "
            "vocabulary = 60; sequences of numbers take an array 'lengths' in their .npz, a whole "
            "number per case."
        )
    parts = []
    if padding is not None and padding >= 0:
        parts.append(masking.Other(padding, name="padding")(given))
    if lengths is not None:
        parts.append(masking.Before(given.shape[1], name="within")(lengths))
    return keras.ops.logical_and(*parts) if len(parts) == 2 else next(iter(parts), None)


def _masked(x: Any, valid: Any, name: str) -> Any:
    """The same steps, with the mask that some layers do not hand on."""
    if valid is None or len(x.shape) < 3 or masking.mask_of(x) is not None:
        return x
    return masking.Masked(name=name)([x, valid])


def _pooled(x: Any, pooled: str, valid: Any) -> Any:
    if valid is not None:
        return masking.Pooled(pooled, name="pooling")(x, mask=valid)
    return resolve(catalog.POOLINGS[pooled].target)(name="pooling")(x)


def _without_cudnn(cell: str, valid: Any) -> dict[str, Any]:
    """With a mask, Keras' own loop: cuDNN refuses padding in front, and cases of padding alone."""
    return {} if valid is None or cell == "simple" else {"use_cudnn": False}


def _both_ways(layer: Callable[..., Any], x: Any, name: str, valid: Any) -> Any:
    """A layer that reads forwards, and one that reads backwards, joined.

    As Keras' ``Bidirectional``, which would copy the layer by its configuration and lose what
    a trial fills its weights with.
    """
    forth = layer(name=name)(x)
    back = layer(name=f"{name}_back", go_backwards=True)(x)
    if len(back.shape) == 3:
        # Flipped it has no mask, which Concatenate would take for one that leaves nothing out.
        back = _masked(keras.ops.flip(back, axis=1), valid, f"{name}_back_mask")
    return keras.layers.Concatenate(name=f"{name}_both")([forth, back])


def _forget(bias: Any) -> dict[str, Any]:
    """The initial bias of an LSTM, from a number or from an initializer, perhaps described."""
    if not isinstance(bias, keras.initializers.Initializer | dict):
        bias = layers.ForgetBias(1.0 if bias is None else bias)
    return {"bias_initializer": bias, "unit_forget_bias": False}


def _embedded(inputs: Any, vocabulary: int | None, width: int, initializer: Any) -> Any:
    if vocabulary is not None:
        return keras.layers.Embedding(
            vocabulary, width, embeddings_initializer=initializer, name="embedding"
        )(inputs)
    if len(inputs.shape) == 2:
        return keras.layers.Reshape((*inputs.shape[1:], 1), name="feature")(inputs)
    return inputs

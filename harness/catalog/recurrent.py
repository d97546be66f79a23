"""Recurrent cells, the start of their gates, and poolings of steps, as literal tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number

if TYPE_CHECKING:
    from collections.abc import Mapping

CELLS: Mapping[str, Entry] = {
    "simple": Entry(
        target="keras.layers:SimpleRNN",
        aliases=("simple_rnn", "rnn", "elman"),
        note="no gates; IRNN with activation = 'relu' and recurrent_initializer = 'identity'",
        source="Elman 1990; Le et al. 2015",
    ),
    "lstm": Entry(
        target="keras.layers:LSTM", source="Hochreiter & Schmidhuber 1997; Gers et al. 2000"
    ),
    "gru": Entry(
        target="keras.layers:GRU",
        note="with the reset gate after the product, as in Keras",
        source="Cho et al. 2014",
    ),
}

GATE_BIASES: Mapping[str, Entry] = {
    "chrono": Entry(
        target="harness.blocks.initializers:Chrono",
        numbers={"steps": Number(default=100, low=3, whole=True)},
        note="log of a uniform number from 1 to steps - 1, unit by unit, and its negative for the "
        "input gate: units that remember for as many steps",
        source="Tallec & Ollivier 2018",
    ),
}

POOLINGS: Mapping[str, Entry] = {
    "last": Entry(target="", note="the last state, of each direction"),
    "mean": Entry(
        target="keras.layers:GlobalAveragePooling1D",
        aliases=("average", "avg", "global_average_pooling1d"),
        note="mean over steps",
    ),
    "max": Entry(
        target="keras.layers:GlobalMaxPooling1D",
        aliases=("global_max_pooling1d",),
        note="largest value over steps",
    ),
}

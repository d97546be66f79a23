"""Settings of trainings that start from other trainings, as a literal table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Argument

if TYPE_CHECKING:
    from collections.abc import Mapping

TRANSFER: Mapping[str, Argument] = {
    "source": Argument(
        kind="word",
        outside=True,
        note="name of the training in [sources] that it starts from; none: from scratch; longer: "
        "from scratch, for as many more epochs as make up for the steps of the longest source",
    ),
    "source_layers": Argument(
        kind="depth",
        options=("all",),
        note="first layers that start from the source, with what normalizes or activates them; "
        "default: all but the last one",
    ),
    "frozen_layers": Argument(
        kind="depth",
        options=("all", "none"),
        note="first layers that are not trained; all: as many as start from the source; default: "
        "none. With source = 'none' they stay as they are drawn",
    ),
    "frozen_normalization": Argument(
        kind="flag",
        note="whether batch normalization that comes from the source keeps its statistics, scale "
        "and shift, also where the layer before it is trained; default: false",
    ),
    "new_head": Argument(
        kind="counts",
        note="widths of new dense layers that take the place of all layers behind the first "
        "'source_layers'; []: outputs right behind these; default: the template's own layers",
    ),
    "head_epochs": Argument(
        kind="count",
        note="epochs for which only layers that are new are trained, before all that are not "
        "frozen are; default: none",
    ),
    "layer_decay": Argument(
        kind="number",
        value=True,
        note="learning rate of a layer, divided by that of the layer before it, from the last one "
        "on, with an optimizer for each (Howard & Ruder 2018: 2.6); default: one rate for all",
    ),
    "l2_sp": Argument(
        kind="amount",
        value=True,
        note="half of it times the squared distance of the layers that come from the source to "
        "where they started is added to the loss (Li et al. 2018); default: none",
    ),
}
"""Settings of a training that starts from another one."""

"""The report on what layers have learned, of planted features."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from harness import objects
from reports import embedding, figures, frames, layers, tables, verdicts
from reports.page.learned import learned

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = ("conv_1", "hidden_1", "outputs")
ARMS = (0, 1)


def features(arm, replicate, cases=512):
    """Features of a network: those of an arm are rotations of each other, arms share nothing."""
    of_arm, own = np.random.default_rng([arm, 1]), np.random.default_rng([arm, replicate])
    turned = np.linalg.qr(own.normal(size=(8, 8)))[0]
    return {name: of_arm.normal(size=(cases, 8)) @ turned for name in LAYERS}


def kept(arm, replicate, cases=512, data="d", pictures=True):
    """Arrays as a training leaves them."""
    arrays = {}
    for name, one in features(arm, replicate, cases).items():
        for before in ("start/", ""):
            arrays[f"{before}{name}"] = one.astype(np.float16)
            arrays[f"{before}width/{name}"] = np.array(8, np.int32)
            arrays[f"{before}share/{name}"] = np.array(1, np.float16)
    arrays |= {
        "labels": (np.arange(cases) % 3).astype(np.uint16),
        "cases": np.arange(cases, dtype=np.int32),
        "data": np.array(data),
    }
    if pictures:
        grey = np.arange(128, dtype=np.uint8)
        arrays |= {
            "picture/filters": grey[:36].reshape(4, 3, 3, 1),
            "picture/cases": grey.reshape(2, 8, 8),
            "picture/maps/conv_1": grey.repeat(4).reshape(2, 8, 8, 4),
            "picture/traversals": grey[:80].repeat(16).reshape(4, 4, 5, 4, 4, 1),
        }
    return arrays


def inside(results):
    """Numbers of layers: what training adds grows with depth and is larger in the second arm."""
    rows = []
    for arm in ARMS:
        for replicate in range(4):
            for depth, layer in enumerate(LAYERS, start=1):
                for epochs in (0, 5):
                    accuracy = 0.4 + 0.1 * depth * (epochs > 0) * (arm + 1) + 0.01 * replicate
                    found = {
                        "probe_accuracy": accuracy,
                        "probe_chance": 0.1,
                        "effective_rank": 3.0 * depth,
                        "effective_rank_permuted": 12.0,
                        "purity": accuracy / 2,
                        "purity_chance": 0.1,
                        "weight_norm": 9.0,
                    }
                    place = (arm, results.arms[arm].label, replicate, layer, depth, epochs)
                    rows += [(*place, name, value) for name, value in found.items()]
    return pd.DataFrame(rows, columns=[column.name for column in frames.INSIDE])


@pytest.fixture
def planted(shared: Path, tmp_path: Path):
    """A maker of results of a store, with features planted in it."""

    def plant(**changes):
        results = frames.read(shared)
        digests = {
            (arm, one): objects.keep_arrays(tmp_path, kept(arm, one, **changes)).stem
            for arm in ARMS
            for one in range(3)
        }
        return replace(results, inside=inside(results), features=digests, folder=tmp_path)

    return plant


def told(results):
    """The sentence on what similarities are of."""
    both = tables.network_similarities(results), tables.layer_similarities(results)
    return tables.available(*both)


def drawn(figure, title, name):
    """Numbers of a line in the panel of an arm."""
    (axes,) = (one for one in figure.axes if one.get_title(loc="left") == title)
    (line,) = (one for one in axes.get_lines() if one.get_gid() == name)
    return line.get_xydata()


def test_profiles_are_medians_before_and_after(planted):
    """By layer in order of depth, of the first and the last measurement alone."""
    results = planted()
    rows = layers.profiles(results)
    assert {*rows["quantity"]} == {*layers.LEARNED}
    assert (rows["replicates"] == 4).all()
    own = rows[(rows["arm"] == 1) & (rows["quantity"] == "probe_accuracy")]
    np.testing.assert_allclose(own[own["trained"]]["median"], [0.615, 0.815, 1.015])
    np.testing.assert_allclose(own[~own["trained"]]["median"], [0.415] * 3)
    np.testing.assert_allclose(own["high"] - own["low"], 0.015)
    figure = figures.profile(results, verdicts.judge(results), "probe_accuracy")
    shown = drawn(figure, results.arms[1].label, "trained")
    np.testing.assert_allclose(shown, [(1, 0.615), (2, 0.815), (3, 1.015)])
    assert len(figure.axes) == len(ARMS)


def test_replicates_of_an_arm_are_alike_and_arms_are_not(planted):
    """Rotations are found; what is independent is near zero, and may be below."""
    results = planted()
    rows = layers.between(results, range(len(results.arms)))
    same = rows["first_arm"] == rows["second_arm"]
    assert len(rows) == 15
    assert same.sum() == 6
    assert rows.loc[same, "cka"].to_numpy() == pytest.approx(1, abs=1e-3)
    assert rows.loc[~same, "cka"].to_numpy() == pytest.approx(0, abs=0.02)
    assert {*rows["first_layer"]} == {"hidden_1"}
    alone = layers.within(results, ARMS)
    assert (alone["replicates"] == 3).all()
    own = alone["first"] == alone["second"]
    assert alone.loc[own, "cka"].to_numpy() == pytest.approx(1, abs=1e-9)
    assert alone.loc[~own, "cka"].to_numpy() == pytest.approx(0, abs=0.02)
    table = tables.formatted_similarities(tables.network_similarities(results))
    assert table["Networks"].tolist() == [
        "same arm, other replicate", "other arm, same replicate", "other arm, other replicate"
    ]  # fmt: skip
    assert table["Pairs"].tolist() == ["6", "3", "6"]
    assert table["Mean CKA"].iloc[0] == "1.000"
    assert told(results) == "n = 512 cases; p = 8 units."


def test_few_cases_have_no_similarity(planted):
    """The page says so, and prints no number in its place."""
    results = planted(cases=511)
    assert layers.within(results, ARMS)["cka"].isna().all()
    assert layers.between(results, ARMS)["cka"].isna().all()
    assert "not available: they take at least 512 cases" in told(results)
    assert set(tables.formatted_similarities(tables.network_similarities(results))["Mean CKA"]) == {
        "n/a"
    }
    figure = figures.layered(results, verdicts.judge(results))
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert texts == {"n/a"}


def test_networks_of_other_cases_are_not_compared(planted, tmp_path):
    """As where replicates have other classes."""
    results = planted()
    other = objects.keep_arrays(tmp_path, kept(1, 2, data="other")).stem
    results = replace(results, features={**results.features, (1, 2): other})
    rows = layers.between(results, ARMS)
    strange = ((rows["second_arm"] == 1) & (rows["second_replicate"] == 2)).to_numpy()
    assert rows["cka"].isna().to_numpy().tolist() == strange.tolist()
    assert "5 pairs of networks cannot be compared" in told(results)


def test_an_autoencoder_is_compared_by_its_code():
    """Otherwise by the layer before the last; of a single layer by that."""

    def chosen(*names):
        return layers.Kept(layers=dict.fromkeys(names), widths={}, shares={}, labels=None).told

    assert chosen("encoder_1", "encoder_code", "decoder_1", "flat") == "encoder_code"
    assert chosen("conv_1", "hidden_1", "outputs") == "hidden_1"
    assert chosen("outputs") == "outputs"


def test_the_section_shows_all_of_it(planted):
    """Nine figures with a version for phones each, and the tables."""
    results = planted()
    judged = verdicts.judge(results)
    section = learned(results, judged)
    names = [re.sub("figures/|[.]svg", "", next(iter(one.files))) for one in section.figures]
    assert names == [
        "probe_accuracy", "effective_rank", "purity", "layers", "networks", "embedding",
        "filters", "feature_maps", "traversals",
    ]  # fmt: skip
    assert {*names} <= {*figures.every(results, judged)}
    assert all(len(one.pictures) == 2 for one in section.figures)
    assert "Layers: 1 conv_1, 2 hidden_1, 3 outputs." in section.figures[0].caption
    (fold,) = section.folds
    assert len(fold.tables[0].rows) == len(ARMS) * len(LAYERS)
    assert fold.tables[0].rows[3].cells[2].text == "41.5 \u2192 61.5"
    collected = tables.collect(results, judged)
    assert {"features", "layer_similarities", "network_similarities"} <= {*collected}


def test_a_damaged_file_leaves_the_rest(planted, tmp_path):
    """What is gone is left out; where all is, it is said that nothing is available."""
    results = planted()
    judged = verdicts.judge(results)
    objects.place(tmp_path, results.features[0, 0]).write_bytes(b"damaged")
    assert layers.kept(results, 0, 0) is None
    assert len(layers.between(results, ARMS)) == 10
    for digest in results.features.values():
        objects.place(tmp_path, digest).unlink(missing_ok=True)
    section = learned(results, judged)
    assert len(section.figures) == 3
    assert "not available: no features were kept" in " ".join(section.texts)
    never = learned(replace(results, features={}), judged)
    assert "not available: no features were kept" in " ".join(never.texts)


def test_nothing_to_show_is_not_shown(shared):
    """A study that asks for nothing has no section, no table and no figure."""
    results = frames.read(shared)
    judged = verdicts.judge(results)
    assert learned(results, judged) is None
    assert not {"features", "layer_similarities", "embedding"} & {
        *tables.collect(results, judged), *figures.every(results, judged)
    }  # fmt: skip


def test_what_could_not_be_measured_is_not_zero(planted):
    """A layer that has died in training has no rank then: the table says so."""
    results = planted()
    rows = results.inside
    lost = (rows["layer"] == "conv_1") & (rows["epochs"] > 0) & (rows["arm"] == 0)
    results = replace(results, inside=rows[~(lost & (rows["quantity"] == "effective_rank"))])
    table = tables.formatted_learned(results)
    assert table["Effective rank"].tolist()[:2] == ["3.0 \u2192 n/a", "6.0 \u2192 6.0"]
    figure = figures.profile(results, verdicts.judge(results), "effective_rank")
    assert drawn(figure, results.arms[0].label, "trained")[:, 0].tolist() == [2, 3]


def test_planes_keep_what_is_apart():
    """Two groups that lie apart stay apart, the same way every time."""
    random = np.random.default_rng(0)
    groups = np.repeat([0, 1], 60)
    x = random.normal(size=(120, 6)) + 12 * groups[:, None]
    for embed in (embedding.principal, embedding.neighbours):
        found = embed(x)
        middles = [found[groups == one].mean(axis=0) for one in (0, 1)]
        inner = max(
            np.linalg.norm(found[groups == one] - middles[one], axis=1).mean() for one in (0, 1)
        )
        assert np.linalg.norm(middles[0] - middles[1]) > 2 * inner
        np.testing.assert_array_equal(embed(x.copy()), found)
    assert embedding.principal(x[:, :1]).shape == (120, 2)
    assert len(embedding.principal(np.tile(x, (5, 1)))) == embedding.CASES


def test_pictures_stand_side_by_side():
    """Zero weights are white, those above blue and those below orange; gaps are see-through."""
    pictures = np.array([0, 128, 255], np.uint8).reshape(3, 1, 1, 1)
    found = figures.mosaic.tiled(pictures, 3, signed=True)
    assert found.shape == (24, 74, 4)
    below, zero, above = found[0, 0], found[0, 25], found[0, 50]
    assert found[0, 24, 3] == 0
    assert below[0] > below[2]
    np.testing.assert_allclose(zero[:3], 1, atol=0.01)
    assert above[2] > above[0]

"""The notebook of the docs, cell by cell, and what `harness.run` gives back."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import harness
import harness.store
import reports
from harness.errors import NothingToReportError, StoreError

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """All names that the cells of the notebook leave behind, and the folder that they ran in."""
    folder, names = tmp_path_factory.mktemp("notebook"), {}
    backend = mpl.get_backend()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mpl.use("agg")
        for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
        names["plt"].close("all")
        mpl.use(backend)
    return names, folder


def test_it_is_a_notebook_without_anything_of_a_machine():
    """Version 4, every cell with an id of its own, and no outputs that could grow stale."""
    book = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids)
    assert not any(cell.get("outputs") for cell in book["cells"])


@pytest.mark.slow
def test_every_cell_runs(ran):
    """It trains, shows and writes what it says."""
    names, folder = ran
    result = names["result"]
    assert (result.trained, result.reused, result.exit_code) == (36, 0, 0)
    assert (folder / "results/notebook/report/index.html").is_file()
    assert [line for line in result.headline.splitlines() if line.startswith("Activation, against")]
    assert len(result.table) == 4
    assert len(names["right"].get_title(loc="left")) > 0


def test_a_result_is_how_it_ended_and_what_it_says(ran):
    """Attributes of `Finished` are all there; a folder that was read gives the same answer."""
    names, folder = ran
    result = names["result"]
    assert isinstance(result, harness.Result)
    assert isinstance(result, harness.Finished)
    assert (result.failed, result.problems, result.interrupted) == (0, (), None)
    again = reports.load(folder / "results/notebook")
    assert again.table.equals(result.table) or again.table.to_csv() == result.table.to_csv()
    assert again._repr_html_() == result._repr_html_()


def test_a_second_run_trains_nothing_and_may_be_silent(ran, monkeypatch, capsys):
    """Progress is told unless it is asked not to, or goes to a function."""
    names, folder = ran
    monkeypatch.chdir(folder)
    seen = []
    for progress in (False, seen.append):
        result = harness.run(names["study"], workers=0, progress=progress)
        assert (result.trained, result.reused) == (0, 36)
        assert capsys.readouterr().err == ""


def test_figures_are_drawn_into_given_axes(ran):
    """One figure each, or the caller's own."""
    result = ran[0]["result"]
    for draw in (result.forest, result.spread, result.cells):
        alone, given = draw(), Figure()
        axes = given.add_subplot()
        assert draw(ax=axes) is given
        assert axes.has_data()
        assert given.axes == [axes]
        assert alone is not given
        assert len(alone.axes) == 1
    assert isinstance(result.curves(), Figure)
    assert result.sensitivity() is None


def test_a_notebook_sees_no_error_and_no_markup(tmp_path, ran, monkeypatch):
    """What is asked of nothing raises; what is shown says why, escaped."""
    names, _ = ran
    hostile = names["study"].model_copy(
        update={
            "name": "hostile",
            "question": "<script>alert(1)</script>",
            "factors": {"activation": ("relu",)},
            "fixed": {**names["study"].fixed, "epochs": 1},
            "baseline": {},
            "replicates": 1,
        }
    )
    result = harness.run(hostile, root=tmp_path, workers=0, progress=False)
    shown = result._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    with harness.store.Store(tmp_path / "empty"):
        pass
    empty = reports.load(tmp_path / "empty")
    with pytest.raises(NothingToReportError):
        _ = empty.table
    assert "holds no study yet" in empty._repr_html_()
    with pytest.raises(StoreError):
        reports.load(tmp_path)


def test_problems_stand_above_the_table(ran):
    """Trials that failed are not hidden by the rest."""
    folder = ran[1] / "results/notebook"
    failed = harness.Result(
        folder=folder, trained=1, reused=0, failed=2, problems=("relu: <b>no</b>",)
    )
    shown = failed._repr_html_()
    assert "2 trials failed" in shown
    assert "&lt;b&gt;no&lt;/b&gt;" in shown
    assert np.isfinite(failed.table["mean"]).all()

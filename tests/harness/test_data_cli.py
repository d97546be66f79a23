"""The verbs of ``keras-harness data``."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from harness import datasets
from harness.catalog import TRUNKS
from harness.data_cli import app
from harness.datasets import synthetic
from harness.errors import DataError, UsageError


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls a verb with an empty data folder."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))

    def called(*arguments):
        ended = CliRunner().invoke(app, arguments, catch_exceptions=True)
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return ended.stdout

    return called


def test_list_shows_every_set_and_whether_it_is_here(call):
    """As a table, and whole as JSON."""
    table = call("list")
    for name, known in datasets.KNOWN.items():
        (line,) = [line for line in table.splitlines() if line.split()[:1] == [name]]
        assert line.split()[1] == ("no" if known.package or known.base else "yes")
    rows = json.loads(call("list", "--json"))
    known = {"data set": [*datasets.KNOWN, *synthetic.EXAMPLES], "weights": [*TRUNKS]}
    for kind, names in known.items():
        assert [row["name"] for row in rows if row["kind"] == kind] == names
    for row in rows:
        assert row["licence"]
        assert row["citation"]
        assert len(row["content"]) == 64
        assert row["source"]


def test_get_and_verify_of_an_installed_set(call):
    """Nothing is fetched; licence and citation are told."""
    for verb in ("get", "verify"):
        said = call(verb, "iris")
        assert "120 cases + 30 of the test split" in said
        assert "Cite: Fisher 1936" in said


def test_weights_are_listed_apart(call):
    """Whether they are here, behind the data sets, with what a study would ask for."""
    table = call("list")
    lines = table[table.index("weights ") :].splitlines()
    for name, trunk in TRUNKS.items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        told = ["no", f"{trunk.parameters:,}", str(trunk.size), str(trunk.features)]
        assert line.split()[1:5] == told
    for verb, name in (("get", "vgg61"), ("verify", "squeezenett")):
        with pytest.raises(UsageError, match=r"data set or of pretrained weights.*Did you mean"):
            call(verb, name)
    with pytest.raises(DataError, match=r"the weights 'vgg16'.*data get vgg16"):
        call("verify", "vgg16")


def test_an_unknown_name_is_told(call):
    """With the nearest."""
    for verb in ("get", "verify"):
        with pytest.raises(UsageError, match="Did you mean 'mnist'"):
            call(verb, "mnits")


def test_what_is_not_here_cannot_be_verified(call):
    """But the command that fetches it is named."""
    with pytest.raises(DataError, match="data get mnist"):
        call("verify", "mnist")

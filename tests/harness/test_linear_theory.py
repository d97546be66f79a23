"""Published comparisons of linear models, by the default command: theory says where they end."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from harness import cli, datasets, design, seeds, studyfile
from harness.errors import ExitCode
from harness.reproduce_cli import published
from harness.spec import measurable
from harness.train.data import drawn
from reports import frames, reproduction

ERROR = "test/mean_squared_error@last"


@pytest.fixture
def repeat(tmp_path, monkeypatch):
    """Repeats a published study with two replicates; gives its results."""

    def repeated(name):
        study = published()[name]
        quick = study.published.scales["quick"].model_copy(update={"replicates": 2})
        few = study.published.model_copy(update={"scales": {"quick": quick}})
        file = tmp_path / f"{name}.toml"
        file.write_text(studyfile.dump(study.model_copy(update={"published": few})))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(
            sys, "argv", ["keras-harness", "reproduce", str(file), "--workers", "0"]
        )
        assert cli.main() == ExitCode.DONE
        return frames.read(tmp_path / "results" / f"{name}-quick")

    return repeated


def numbers(results, quantity=ERROR):
    """One quantity by name of arm or reference, of every replicate."""
    cells = reproduction.measured(results, measurable(quantity)).cells
    rows = [*results.arms, *results.references]
    return {row.label: cells[row.index] for row in rows}


def solved(results, replicate, penalty, noise, inputs=None):
    """Test error of penalized least squares with a free bias, the smallest solution."""
    laid = design.plan(results.study, datasets.describe(results.study.dataset, []), [])
    data = datasets.load(laid.card)
    trial = laid.trial(laid.references[0], {}, "confirm", replicate)
    train, _ = drawn(trial, data, laid.card)
    stream = seeds.stream(trial.seed, "confirm", replicate, "labels")
    y = datasets.relabelled(data.y, noise, 1, stream)[train].astype(float)
    chosen = slice(None)
    if inputs is not None:
        stream = seeds.stream(trial.seed, "confirm", replicate, "reference", "least_squares")
        chosen = seeds.permutation(stream, data.x.shape[1])[:inputs]
    x, test = (
        np.column_stack([part[:, chosen].astype(float), np.ones(len(part))])
        for part in (data.x[train], data.x_test[:])
    )
    ridge = np.diag([penalty] * (x.shape[1] - 1) + [0.0])
    inverse = np.linalg.inv(x.T @ x + ridge) @ x.T if penalty else np.linalg.pinv(x)
    return np.mean((test @ (inverse @ y) - data.y_test) ** 2)


def test_weight_decay(repeat):
    """Every decay gives ridge regression's error; the trained network is close to its own."""
    results = repeat("krogh1991")
    found = numbers(results)
    for noise, penalty in [(0.25, 0.78125), (0.5, 12.5), (1.0, 200.0)]:
        name = f"least_squares(l2={penalty:g}), label_noise={noise}"
        expected = [solved(results, one, penalty, noise) for one in range(2)]
        np.testing.assert_allclose(found[name], expected, rtol=1e-4)
    closed = found["least_squares(l2=12.5), label_noise=0.5"]
    np.testing.assert_allclose(found["label_noise=0.5"], closed, rtol=0.2)


def test_double_descent(repeat):
    """The smallest solution on so many inputs; gradient descent from zero finds that on all."""
    results = repeat("doubledescent2019")
    found = numbers(results)
    for inputs in (10, 43, 200):
        expected = [solved(results, one, 0.0, 0.5, inputs) for one in range(2)]
        np.testing.assert_allclose(found[f"least_squares(inputs={inputs})"], expected, rtol=1e-3)
    np.testing.assert_allclose(found["zeros"], found["least_squares(inputs=200)"], rtol=1e-2)
    assert (found["glorot_uniform"] > 1.2 * found["zeros"]).all()


def test_dropout_is_a_penalty(repeat):
    """Within what is left of the noise of masks."""
    found = numbers(repeat("wager2013"))
    np.testing.assert_allclose(
        found["input_dropout=0.3"], found["least_squares(dropout=0.3)"], rtol=0.15
    )
    np.testing.assert_allclose(found["input_dropout=0"], found["least_squares"], rtol=0.1)


@pytest.mark.slow
def test_irrelevant_inputs(repeat):
    """An L1 penalty comes near the best accuracy of 0.836, an L2 penalty stays near chance."""
    found = numbers(repeat("ng2004"), "test/accuracy@last")
    assert found["l1(l1=0.1)"].mean() > 0.72
    assert (found["l2(l2=0.03)"] < 0.62).all()


@pytest.mark.slow
def test_a_linear_autoencoder_is_pca(repeat):
    """Of every width; the error is not below it by more than test cases allow."""
    results = repeat("baldi1989")
    found = numbers(results)
    for width in (2, 8):
        np.testing.assert_allclose(
            found[f"code={width}"], found[f"pca(components={width})"], rtol=0.01
        )
    places = [reproduction.index(results, {"code": code, "reference": "pca"}) for code in (2, 8)]
    assert places == [2, 3]
    assert reproduction.index(results, {"code": 8}) == 1

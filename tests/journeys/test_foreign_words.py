"""Other people's words, margins, names, links and questions, from the study file to the page."""

from __future__ import annotations

import numpy as np
import pytest
from foreign import row

from harness import cli, store
from harness.errors import StudyError

STUDY = """
schema = 1
name = "theirs"
question = "Is [/b] <b>ReLU</b> \\u001b[31m better?"
template = "mlp"
dataset = "blobs.npz"
metric = "accuracy"
replicates = 2

[fixed]
units = 8
optimizer = "SGD(learning_rate=0.5, momentum=0.9)"
regularizer = "l2(0.0001)"
loss = "CrossEntropyLoss"
epochs = 2

[factors]
activation = ["ReLU", "LeakyReLU"]
"""


@pytest.fixture
def told(foreign, capsys, monkeypatch):
    """Their folder with a study, and what a command says in it: exit code, stdout, stderr."""
    generator = np.random.default_rng(0)
    y = np.arange(200) % 2
    foreign.arrays("blobs.npz", x=generator.normal(size=(200, 3)) + 3 * y[:, None], y=y)

    def command(*words, text=STUDY):
        (foreign.folder / "theirs.toml").write_text(text)
        monkeypatch.setattr("sys.argv", ["keras-harness", *words])
        code = cli.main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@row("'ReLU', `units = 64`, `\"l2(0.01)\"`, 'CrossEntropyLoss', `metric = \"accuracy\"`", "program")
@row("markup and control sequences in a question", "shown as text")
@row("an `attempts` or `report` that is a link", "refused: no link is followed")
def test_their_words_from_file_to_page(told, foreign):
    """A study in their words trains, reports, and leaves what links lead to alone."""
    code, out, err = told("run", "theirs.toml", "--workers", "0")
    assert code == 0, err
    assert "Is [/b] <b>ReLU</b> \\x1b[31m better?" in out
    assert "\x1b" not in out + err
    assert "4 trials trained" in err
    folder = foreign.folder / "results" / "theirs"
    assert "&lt;b&gt;ReLU" in (folder / "report" / "index.html").read_text()
    precious = foreign.folder / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    (folder / "attempts").symlink_to(precious)
    for verb in ("run", "report", "status"):
        code, _, err = told(verb, "theirs.toml", *(("--workers", "0") if verb == "run" else ()))
        assert code == 4
        assert "no link is followed" in err
    assert [file.name for file in precious.iterdir()] == ["thesis.txt"]
    (folder / "attempts").unlink()
    before = store.definition(folder), store.counts(folder)
    text = STUDY.replace('"mlp"', '"cnn"')
    np.savez(foreign.folder / "blobs.npz", x=np.zeros((80, 4, 4)), y=np.arange(80) % 2)
    text = text.replace("units = 8", "units = 8\nfilters = 2")
    code, _, err = told("run", "theirs.toml", "--workers", "0", text=text)
    assert (code, "add --replace" in err) == (4, True)
    assert "needs a name of its own, or --replace" in told("plan", "theirs.toml", text=text)[1]
    assert (store.definition(folder), store.counts(folder)) == before


@row("`lr`, `early_stopping`, `kernel_initializer`", "refused: Did you mean 'learning_rate'?")
@pytest.mark.parametrize(
    ("key", "ours"),
    [("lr = 0.1", "learning_rate"), ("early_stopping = 3", "patience"), ("bs = 8", "batch_size")],
)
def test_their_keys_are_answered_with_ours(told, key, ours):
    """Before anything is trained."""
    code, _, err = told("check", "theirs.toml", text=STUDY.replace("epochs = 2", key))
    assert (code, f"Did you mean '{ours}'?" in err) == (4, True)


@row("`margin = 1.5` on an accuracy, `confidence = 95`", "refused: 0.015 is 1.5 points")
@pytest.mark.parametrize(
    ("line", "said"),
    [("margin = 1.5", "For 1.5 points, write 0.015"), ("confidence = 95", "0.95 is 95 %")],
)
def test_points_and_percent_are_told_from_shares(told, line, said):
    """Before anything is trained."""
    code, _, err = told("check", "theirs.toml", text=STUDY.replace("replicates = 2", line))
    assert (code, said in err) == (4, True)


@row('`template = "model.py:build"`, `"nets/model.py:build"`', "program")
@row('`template = "/home/me/model.py:build"`', "refused: Write 'model:build'")
def test_a_template_by_its_file(foreign):
    """It is imported as the module that it is."""
    (foreign.folder / "nets").mkdir()
    foreign.module(
        """
        import keras

        def build(shape, outputs):
            inputs = keras.Input(shape)
            return keras.Model(inputs, keras.layers.Dense(outputs)(inputs))
        """,
        "nets/theirs_by_file",
    )
    y = np.arange(80) % 2
    file = foreign.arrays(x=np.random.default_rng(0).normal(size=(80, 3)) + y[:, None], y=y)
    plan = foreign.plan(file, "nets/theirs_by_file.py:build")
    assert plan.study.template == "nets.theirs_by_file:build"
    outcome, _ = foreign.train(plan)
    assert outcome.status == "completed", outcome.reason
    with pytest.raises(StudyError, match="Write 'theirs_by_file:build'"):
        foreign.plan(file, f"{foreign.folder}/nets/theirs_by_file.py:build")

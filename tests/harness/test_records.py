"""Records: typed facts, and the environment that they came from."""

from __future__ import annotations

import math
import platform
from importlib.metadata import version

import pytest
from pydantic import ValidationError

from harness import environment
from harness.records import FINAL, Environment, Epoch, Member, Outcome, Result, Seconds

OUTCOME = Outcome(
    status="completed",
    curve=(Epoch(epoch=0, quantities={"val/loss": 0.1, "test/accuracy": 0.1 + 0.2}),),
    best_epoch=0,
    parameters=10,
    seconds=Seconds(train=1.5),
)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, None, "much"])
def test_no_record_holds_a_number_that_is_none(number):
    """Non-finite numbers are refused at birth, and null is no number."""
    with pytest.raises(ValidationError):
        Epoch(epoch=0, quantities={"val/loss": number})
    with pytest.raises(ValidationError):
        Seconds(train=number)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_no_hyperparameter_is_infinite(number):
    """What was proposed can be written down."""
    with pytest.raises(ValidationError):
        Member(
            arm=0, phase="tune", candidate=0, replicate=0, trial="k",
            hyperparameters={"learning_rate": number},
        )  # fmt: skip


def test_records_are_facts():
    """They cannot be changed, and take nothing unknown."""
    with pytest.raises(ValidationError, match="frozen"):
        OUTCOME.status = "lost"
    with pytest.raises(ValidationError, match="extra"):
        Result(status="completed", metrics={}, epochs=1, note="x")


@pytest.mark.parametrize("status", ["pending", "running", "done", "", None])
def test_outcomes_have_ended(status):
    """A training that has not ended has no outcome."""
    with pytest.raises(ValidationError):
        Outcome(status=status)


def test_outcomes_travel_as_json():
    """A worker's result file is read back to the last bit."""
    assert Outcome.model_validate_json(OUTCOME.model_dump_json()) == OUTCOME


def test_what_is_final():
    """A diverged training is a result; what failed or got lost is tried again."""
    assert {"completed", "diverged"} == FINAL


def test_the_environment_names_what_results_depend_on():
    """Python, the numerical packages and the processor, as they are here."""
    found = environment.observe()
    assert found.versions["python"] == platform.python_version()
    for package in ("keras", "tensorflow", "numpy", "keras-tuner"):
        assert found.versions[package] == version(package)
    assert found.harness == version("keras-harness")
    assert found.processor
    assert environment.observe() == found


def test_only_flags_that_are_set_are_recorded(monkeypatch):
    """An unset variable is absent, an empty one is not."""
    for flag in environment.FLAGS:
        monkeypatch.delenv(flag, raising=False)
    assert environment.observe().flags == {}
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setenv("UNRELATED", "1")
    assert environment.observe().flags == {"TF_ENABLE_ONEDNN_OPTS": "0", "XLA_FLAGS": ""}


def test_a_package_that_is_missing_is_said_to_be(monkeypatch):
    """Looking at the environment never fails for what is not installed."""
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package",))
    assert environment.observe().versions["no-such-package"] == "not installed"


def test_a_machine_without_cpuinfo(monkeypatch, tmp_path):
    """The processor is named by what Python knows of it."""
    monkeypatch.setattr(environment, "Path", lambda _: tmp_path / "missing")
    assert environment.observe().processor in {platform.processor(), platform.machine()}


def test_the_vector_units_are_told_apart():
    """Family and model number stand beside the name, which clouds leave vague."""
    if platform.system() == "Linux" and platform.machine() == "x86_64":
        assert [part.isdigit() for part in environment.observe().processor.split()[-2:]] == [
            True,
            True,
        ]


def test_environments_travel_as_json():
    """They are stored as text."""
    found = environment.observe()
    assert Environment.model_validate_json(found.model_dump_json()) == found


def test_gpus_are_found_without_loading_anything(monkeypatch, tmp_path):
    """Device files, narrowed by CUDA_VISIBLE_DEVICES; the model enters the environment."""
    from harness import environment

    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    driver = tmp_path / "driver" / "0000:01:00.0"
    driver.mkdir(parents=True)
    (driver / "information").write_text("Model: \t\t NVIDIA Test\nIRQ: 1\n")
    monkeypatch.setattr(environment, "DEVICES", tmp_path)
    monkeypatch.setattr(environment, "DRIVER", tmp_path / "driver")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert environment.gpus() == ["0", "1"]
    assert environment.observe().accelerator == "NVIDIA Test"
    for wanted, found in {"1": ["1"], "1,0": ["1", "0"], "": [], "-1": []}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", wanted)
        assert environment.gpus() == found
    assert environment.observe().accelerator == ""

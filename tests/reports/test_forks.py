"""Parts of a page are made side by side, and what comes back does not show it."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from reports.page import forks


def answer(script: str) -> str:
    """What a script prints in an interpreter that has loaded nothing yet."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ended.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
def test_forks_call_and_results_keep_their_order() -> None:
    """Every function is called in another process, and what each returns stands in its place."""
    printed = answer(
        """
        import os
        from functools import partial
        from reports.page import forks
        here, forks._cores = os.getpid(), lambda: 2
        found = forks.called([partial(lambda one: (one, os.getpid()), one) for one in range(9)])
        print([one for one, _ in found], here in {process for _, process in found})
        """
    )
    assert printed == "[0, 1, 2, 3, 4, 5, 6, 7, 8] False"


@pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
def test_a_fork_that_is_killed_costs_time_only() -> None:
    """What a killed fork owes is computed by the process itself."""
    printed = answer(
        """
        import os, signal
        from reports.page import forks
        here, forks._cores = os.getpid(), lambda: 2
        def part():
            if os.getpid() != here:
                os.kill(os.getpid(), signal.SIGKILL)
            return "made"
        print(forks.called([part, part]))
        """
    )
    assert printed == "['made', 'made']"


def test_an_error_is_raised_as_it_is() -> None:
    """A part that fails fails as it would without forks."""
    with pytest.raises(ZeroDivisionError):
        forks.called([lambda: 1, lambda: 1 // 0])


def test_no_fork_of_a_process_that_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's threads would be missing in it."""
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    assert forks._cores() == 1

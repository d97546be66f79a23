"""The page in a real browser: it asks for nothing, fits, sorts, and prints whole."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from synthetic import Maker, Script

from reports import page

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)
HOSTILE = "</script><script>document.title='run'</script>"
PATIENCE = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-pipe",
)
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execvp(sys.argv[3], sys.argv[3:])"
)
pytestmark = pytest.mark.skipif(FOUND is None, reason="there is no Chromium on this machine")


def pipe() -> tuple[int, int]:
    """A pipe whose ends are out of the way of the browser's own 3 and 4."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high


class Browser:
    """A headless Chromium, spoken to by its DevTools protocol over a pipe."""

    def __init__(self, profile: Path) -> None:
        """Start it with one empty page."""
        heard, self.say = pipe()
        self.hear, said = pipe()
        command = [sys.executable, "-S", "-c", START, str(heard), str(said), str(FOUND), *FLAGS]
        self.process = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(heard, said),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(heard)
        os.close(said)
        self.rest, self.number, self.session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command; its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.say, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def receive(self) -> dict[str, Any]:
        """The next message."""
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.hear], [], [], PATIENCE)
            read = os.read(self.hear, 1 << 20) if ready else b""
            assert read, "the browser fell silent"
            self.rest += read
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def open(self, file: Path, width: int, *, dark: bool = False, media: str = "") -> None:
        """Show a page on a screen of some width, and forget what was before."""
        self.events.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=file.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def run(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def heard(self, *methods: str) -> list[dict[str, Any]]:
        """What the page did of some kinds."""
        return [event["params"] for event in self.events if event["method"] in methods]

    def close(self) -> None:
        """End it."""
        self.session = ""
        self.call("Browser.close")
        self.process.wait(PATIENCE)
        os.close(self.say)
        os.close(self.hear)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all tests."""
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A page with long and hostile names, failures and everything that can be folded."""
    script = Script(
        status=lambda arm, phase, candidate, replicate: (
            "diverged"
            if (arm, phase) == (3, "confirm") and replicate < 2
            else ("failed" if (arm, phase, candidate) == (2, "tune", 1) else "completed")
        ),
        reason=HOSTILE,
    )
    levels = ["relu", HOSTILE, '" onload="alert(2)', "a_very_long_name_without_any_break" * 2]
    factors = {"activation": levels, "initializer": ["he_normal", "zeros"]}
    folder = Maker(tmp_path_factory.mktemp("store"))(script, question=HOSTILE, factors=factors)
    return page.write(folder)


def column(name: str) -> str:
    """JavaScript for the texts of a column of the first table, from the top down."""
    place = f"[...t.tHead.rows[0].cells].findIndex(c => c.textContent.startsWith('{name}'))"
    shown = "[...t.tBodies[0].rows].filter(r => !r.hidden)"
    return (
        f"(t => {{ const i = {place}; return {shown}.map(r => r.cells[i].textContent) }})"
        "(document.querySelector('#verdicts table'))"
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_asks_for_nothing_and_is_silent(browser, file, width, dark) -> None:
    """On a phone and a desktop, by day and night: nothing sticks out, nothing is complained of."""
    browser.open(file, width, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width
    wide = (
        "[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll') && "
        "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert browser.run(wide) == []
    urls = [each["request"]["url"] for each in browser.heard("Network.requestWillBeSent")]
    assert urls == [file.as_uri()]
    complaints = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
    assert browser.heard(*complaints) == []
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")


def test_dark_reaches_inside_figures(browser, file) -> None:
    """What is drawn in ink or in color is drawn in others by night."""
    colors = (
        "[...document.querySelectorAll('svg *')].map(e => getComputedStyle(e)).flatMap("
        "s => [s.fill, s.stroke]).filter(c => c.startsWith('rgb'))"
    )
    browser.open(file, 1280)
    day = set(browser.run(colors))
    browser.open(file, 1280, dark=True)
    night = set(browser.run(colors))
    assert "rgb(28, 33, 39)" in day - night
    assert "rgb(230, 233, 237)" in night - day
    assert "rgb(26, 128, 187)" in day - night


def test_names_are_not_run(browser, file) -> None:
    """A question that is a script is a title, and no attribute of a name acts."""
    browser.open(file, 1280)
    assert browser.run("document.title") == HOSTILE
    assert browser.run("document.scripts.length") == 1
    assert browser.run("document.querySelector('h1').textContent") == HOSTILE


def test_tables_are_sorted_by_keyboard(browser, file) -> None:
    """Enter on a head sorts up, then down, then as it was; numbers go by size."""
    browser.open(file, 1280)
    before = browser.run(column("Difference"))
    head = "[...document.querySelectorAll('#verdicts th')].find(h => h.textContent.startsWith('Dif"
    browser.run(f"{head}')).querySelector('button').focus()")
    orders = []
    for _ in range(3):
        browser.press("Enter")
        state = browser.run(f"{head}')).getAttribute('aria-sort')")
        orders.append((state, browser.run(column("Difference"))))
    (up, rising), (down, falling), (none, last) = orders
    assert (up, down, none) == ("ascending", "descending", None)
    numbers = [float(text.strip("~").replace("\u2212", "-")) for text in rising if text]
    assert len(numbers) >= 6
    assert numbers == sorted(numbers)
    assert [text for text in falling if text] == [text for text in rising if text][::-1]
    assert falling[-1] == ""  # the baseline has no difference
    assert last == before


def test_rows_are_filtered_by_keyboard(browser, file) -> None:
    """Typing keeps the rows that hold the text."""
    browser.open(file, 1280)
    assert len(browser.run(column("Arm"))) == 8
    browser.run("document.querySelector('#verdicts input').focus()")
    for letter in "zeros":
        browser.press(letter)
    assert len(browser.run(column("Arm"))) == 4
    assert browser.run("document.querySelector('#verdicts output').textContent") == "4 of 8"


def test_a_phone_shows_cards(browser, file) -> None:
    """Each value stands below the other, with its name."""
    browser.open(file, 390)
    cell = "document.querySelector('#verdicts tbody td')"
    assert browser.run(f"getComputedStyle({cell}).display") == "flex"
    label = browser.run(f"getComputedStyle({cell}, '::before').content")
    assert label == '"Verdict"'
    table = "document.querySelector('#verdicts .scroll')"
    assert browser.run(f"{table}.scrollWidth <= {table}.clientWidth")


def test_paper_shows_everything(browser, file) -> None:
    """Folded parts are open, and no part scrolls or is cut."""
    browser.open(file, 680, media="print", dark=True)
    hidden = (
        "[...document.querySelectorAll('details > *:not(.filter)')].filter("
        "e => !e.getBoundingClientRect().height).length"
    )
    assert browser.run("document.querySelectorAll('details[open]').length") == 0
    assert browser.run(hidden) == 0
    cut = (
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)"
        ".map(e => [e.ariaLabel, e.scrollWidth, e.clientWidth])"
    )
    assert browser.run(cut) == []
    assert browser.run("document.documentElement.scrollWidth") <= 680
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    paper = browser.call("Page.printToPDF", preferCSSPageSize=True)
    assert base64.b64decode(paper["data"]).startswith(b"%PDF")


def test_it_can_be_read_without_scripts(browser, file) -> None:
    """Nothing that does nothing is shown, and no text is missing."""
    browser.open(file, 1280)
    text = "document.body.innerText.replace(/Show rows with/g, '').replace(/\\s+/g, '')"
    with_scripts = browser.run(text)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(file, 1280)
        assert browser.run("document.querySelectorAll('button, input').length") == 0
        assert browser.run(text) == with_scripts
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)

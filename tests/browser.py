"""A headless Chromium, driven over a pipe with the DevTools protocol: enough of it to use a page as a reader does.

No library is needed: the browser reads JSON, each message ended by a zero byte, from file descriptor 3 and answers on
4 (`--remote-debugging-pipe`). Everything the page logs, throws or requests is kept, so that a test can say that there
was none.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium", "google-chrome", "chrome")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--no-first-run",
)
ANSWER_SECONDS = 60


def installed() -> str | None:
    """Return the path of a browser, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page in one browser; a context manager that ends the browser.

    Attributes:
        said: what the console got and what was thrown.
        requests: addresses that were asked for, the page's own first.
    """

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 800) -> None:
        path = installed()
        assert path is not None, "ask installed() first"
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()

        def connect() -> None:
            ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_browser, from_browser)]
            for end, number in zip(ends, (3, 4), strict=True):
                os.dup2(end, number)

        command = [path, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, pass_fds=(3, 4), preexec_fn=connect, **quiet)
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._left = b""
        self._session: str | None = None
        self._loaded = False
        self.said: list[str] = []
        self.requests: list[str] = []
        target = next(each for each in self.ask("Target.getTargets")["targetInfos"] if each["type"] == "page")
        attached = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        os.close(self._commands)
        os.close(self._answers)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._heard(answer)
        raise TimeoutError(f"{method} was not answered within {ANSWER_SECONDS} s")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._left += data
        message, _, self._left = self._left.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _heard(self, message: Mapping[str, Any]) -> None:
        told: dict[str, Any] = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                self.said.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled":
                self.said.append(f"console.{told['type']}")
            case "Log.entryAdded":
                self.said.append(told["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Page.loadEventFired":
                self._loaded = True

    # -- what a reader does

    def resize(self, width: int, height: int, *, scale: float = 1) -> None:
        """Give the page a screen of so many CSS pixels; one narrower than 500 is a phone's."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )

    def media(self, *, dark: bool = False, printed: bool = False) -> None:
        """Prefer dark or light; look as on paper."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media="print" if printed else "", features=[scheme])

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file and wait until it is loaded and drawn."""
        self.visit(f"{path.resolve().as_uri()}{fragment}")

    def visit(self, address: str) -> None:
        """Open an address and wait until it is loaded and drawn."""
        self._loaded = False
        self.ask("Page.navigate", url=address)
        while not self._loaded:
            self._heard(self._next())
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is drawn: two frames, and the short delay of what draws itself later."""
        self.evaluate(
            "new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 120))"
        )

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self.evaluate(f"Boolean({expression})"):
            assert time.monotonic() < deadline, f"{expression} was never true"
            self.settle()

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", expression))
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return what the first element of a selector says."""
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent"))

    def press(self, key: str, text: str | None = None) -> None:
        """Press and release a key."""
        given: dict[str, Any] = {"key": key, "text": text if text is not None else key if len(key) == 1 else ""}
        if key == "Escape":  # only its number closes a dialog
            given["windowsVirtualKeyCode"] = 27
        self.ask("Input.dispatchKeyEvent", type="keyDown", **given)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def click(self, x: float, y: float) -> None:
        """Click at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def click_on(self, selector: str) -> None:
        """Bring an element into sight and click its middle."""
        found = json.dumps(selector)
        box = self.evaluate(
            f"(() => {{ const e = document.querySelector({found}); e.scrollIntoView({{block: 'center'}});"
            " const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; })()"
        )
        self.click(*box)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a PNG of the window, or of the whole page."""
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def paper(self, path: Path) -> None:
        """Write the page as PDF."""
        answer = self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=False)
        path.write_bytes(base64.b64decode(answer["data"]))

"""A real Chromium without a window, driven by its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.broker import wait_until

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
PHONE = (390, 844)
DESKTOP = (1280, 800)
PATIENCE = 20.0
"""Seconds after which a test gives up on what the page should do at once."""


class Tab:
    """One tab, and what went wrong in it.

    Args:
        connection: to its DevTools.

    Attributes:
        complaints: errors of scripts, and of the console such as violated policies.
        requests: every address that was asked for.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._socket = connection
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Do something, and take note of what happened meanwhile."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE))
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                text = details.get("exception", {}).get("description") or details["text"]
                self.complaints.append(text)
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                entry = parameters["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])

    # --- looking --------------------------------------------------------------------------

    def run(self, script: str) -> Any:
        """Give the value of an expression, awaited."""
        done = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def text(self, selector: str) -> str:
        """What stands in an element; nothing where it is not there or hidden."""
        found = self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found).strip()

    def wait_for(self, script: str, what: str = "", seconds: float = PATIENCE) -> Any:
        """Wait until an expression is true; give its value, for an element just true."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(f"(v => v instanceof Node || v)({script})")):
            assert time.monotonic() < deadline, f"waited in vain until {what or script}"
            time.sleep(0.03)
        return value

    def wait_for_text(self, selector: str, text: str, seconds: float = PATIENCE) -> None:
        element = f"document.querySelector({json.dumps(selector)})"
        wanted = f"{element}?.innerText.includes({json.dumps(text)})"
        try:
            self.wait_for(wanted, seconds=seconds)
        except AssertionError:
            raise AssertionError(
                f"{selector} does not say {text!r}, but {self.text(selector)!r}"
            ) from None

    # --- doing ----------------------------------------------------------------------------

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete'")

    def click(self, selector: str) -> None:
        """Click where an element is, as a finger does; nothing may be in the way."""
        box = self.wait_for(
            f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            if (!element || element.disabled) return null;
            element.scrollIntoView({{block: 'center'}});
            const {{x, y, width, height}} = element.getBoundingClientRect();
            const [midX, midY] = [x + width / 2, y + height / 2];
            return element.contains(document.elementFromPoint(midX, midY)) && [midX, midY];
        }})()""",
            f"{selector} can be clicked",
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press a key: `Tab` (9), `Enter` (13, "\\r"), ` ` (32, " ")."""
        shared = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    # --- the device in the hand -----------------------------------------------------------

    def be(self, size: tuple[int, int], *, dark: bool = False, scale: float = 1) -> None:
        """Be a screen of some size in CSS pixels, by day or by night."""
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=size == PHONE,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def offline(self, off: bool) -> None:
        """Take the network away, or give it back."""
        self.call(
            "Network.emulateNetworkConditions",
            offline=off,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Take a picture of the screen, or of the whole page."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    def close(self) -> None:
        """Close the tab, and the connections of its page with it."""
        self.call("Page.close")


@contextmanager
def browser(folder: Path) -> Iterator[Callable[[], Tab]]:
    """Start Chromium with an empty profile in `folder`; give a way to open tabs."""
    binary = shutil.which("chromium")
    assert binary is not None
    port_file = folder / "DevToolsActivePort"
    process = subprocess.Popen(
        [binary, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: port_file.exists() and "\n" in port_file.read_text(), "it runs", 30)
        port = int(port_file.read_text().splitlines()[0])
        with ExitStack() as connections:

            def open_tab() -> Tab:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT"
                )
                with urllib.request.urlopen(request) as response:
                    address = json.load(response)["webSocketDebuggerUrl"]
                return Tab(connections.enter_context(connect(address, max_size=2**26)))

            yield open_tab
    finally:
        process.terminate()
        process.wait(10)

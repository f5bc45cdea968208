"""The page: latency to the browser and to its pixels, and what viewers cost."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from harpi.config import Config
from harpi.publish.messages import Condition, State
from harpi.signal.windows import WindowMaker
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.live import cpu_seconds, percentile
from tests.labs.benchmarks.table import Table
from tests.support.browser import DESKTOP, browser
from tests.support.device import recording_path
from tests.web.scenario import free_port

SECONDS = 20.0
VIEWERS = 5


def measure(effort: Effort) -> list[Table]:
    """Run `harpi run --emulate` with its page, and look at it."""
    heard: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with daemon_with_page(Path(folder), port) as process:
            wait_for_page(port)
            seconds = effort.seconds(SECONDS)
            without = cpu_share(process.pid, seconds)
            viewers = [
                threading.Thread(target=look, args=(port, heard)) for _ in range(VIEWERS)
            ]
            for viewer in viewers:
                viewer.start()
            time.sleep(2.0)
            heard.clear()
            watched = cpu_share(process.pid, seconds)
            lost = _lost(port)
            told = 1000 * np.array(heard)
            shown = np.array(_seen(Path(folder), port, seconds))
            process.send_signal(signal.SIGTERM)
            for viewer in viewers:
                viewer.join()
    config = Config().signal
    delay = WindowMaker(Config().sensor.rate, config.rate, config.length, config.hop).delay
    table = Table(
        f"the page of harpi run --emulate, 50 Hz, {VIEWERS} viewers, {len(told)} verdicts",
        note="The emulated chip runs in the same process; its CPU is in both shares. The "
        "browser is Chromium without a window, which draws with the CPU alone.",
    )
    for what, latency in (("page's event", told), ("browser's pixels", shown)):
        for share in (50, 99) if len(latency) else ():
            table.add(
                figure=f"window's last sample to the {what}, p{share}",
                value=percentile(latency - 1000 * delay, share),
                unit="ms",
            )
    if not len(shown):
        table.not_run("the browser", "chromium is not installed")
    table.add(figure="CPU share of one core, nobody looks", value=100 * without, unit="%")
    table.add(figure=f"CPU share of one core, {VIEWERS} viewers", value=100 * watched, unit="%")
    table.add(figure="samples lost meanwhile", value=lost, unit="")
    return [table]


def _seen(folder: Path, port: int, seconds: float) -> list[float]:
    """Look with a browser; give how old each window is when its verdict is drawn, ms.

    Nothing where there is no Chromium.
    """
    if shutil.which("chromium") is None:
        return []
    with browser(folder / "browser") as open_tab:
        tab = open_tab()
        tab.be(DESKTOP)
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        tab.open(f"http://127.0.0.1:{port}/")
        tab.wait_for("shown.length > 2")
        tab.run("shown.length = 0")
        time.sleep(seconds)
        found: list[float] = tab.run("shown")
        return found


WATCH = """
const shown = [];
window.EventSource = class extends EventSource {
  addEventListener(name, handle) {
    super.addEventListener(name, (event) => {
      handle(event);
      if (name !== "verdict") return;
      const end = Date.parse(JSON.parse(event.data).end);
      const drawn = () => shown.push(Date.now() - end);
      requestAnimationFrame(() => requestAnimationFrame(drawn));
    });
  }
};
"""
"""Notes the age of a window when the frame after the one with its verdict begins."""


def daemon_with_page(folder: Path, port: int) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "HARPI_PATHS__STATE": str(folder / "state"),
        "HARPI_PATHS__RUNTIME": str(folder / "run"),
        "HARPI_MQTT__ENABLED": "false",
        "HARPI_WEB__ENABLED": "true",
        "HARPI_WEB__PORT": str(port),
        "HARPI_LOG__LEVEL": "warning",
    }
    command = [sys.executable, "-m", "harpi", "run", "--emulate", str(recording_path())]
    return subprocess.Popen(command, env=env)


def wait_for_page(port: int) -> None:
    """Wait until the page is served, and the first verdicts are over."""
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/hello")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(5.0)
            return
    raise SystemExit("the page is not served")


def look(port: int, heard: list[float]) -> None:
    """Look until the daemon ends; note how old each window is when its verdict comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/api/events")
    stream = connection.getresponse()
    verdict = False
    for line in stream:
        if verdict:
            state = msgspec.json.decode(line.partition(b" ")[2], type=State)
            heard.append((datetime.now(UTC) - state.end).total_seconds())
        verdict = line == b"event: verdict\n"


def _lost(port: int) -> int:
    """Ask how many samples were lost since the start."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/api/events")
    health = False
    for line in connection.getresponse():
        if health:
            connection.close()
            condition = msgspec.json.decode(line.partition(b" ")[2], type=Condition)
            return condition.health.sensor.lost
        health = line == b"event: health\n"
    raise SystemExit("the page says nothing of the sensor")


def cpu_share(pid: int, seconds: float) -> float:
    """CPU that a process takes of a core, in the next seconds."""
    begin, cpu = time.monotonic(), cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - cpu) / (time.monotonic() - begin)

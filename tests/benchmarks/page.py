"""The page: latency to the browser, and what viewers cost."""

from __future__ import annotations

import http.client
import os
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
from harpi.publish.messages import State
from harpi.signal.windows import WindowMaker
from tests.benchmarks.live import cpu_seconds, percentile
from tests.benchmarks.table import Table
from tests.support.device import recording_path
from tests.web.scenario import free_port

SECONDS = 20.0
VIEWERS = 5


def measure() -> Table:
    """Run `harpi run --emulate` with its page, and look at it."""
    heard: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with _daemon(Path(folder), port) as process:
            _wait_for(port)
            without = _cpu_share(process.pid)
            viewers = [
                threading.Thread(target=_look, args=(port, heard)) for _ in range(VIEWERS)
            ]
            for viewer in viewers:
                viewer.start()
            time.sleep(2.0)
            heard.clear()
            watched = _cpu_share(process.pid)
            latency = 1000 * np.array(heard)
            process.send_signal(signal.SIGTERM)
            for viewer in viewers:
                viewer.join()
    config = Config().signal
    delay = WindowMaker(Config().sensor.rate, config.rate, config.length, config.hop).delay
    latency -= 1000 * delay
    table = Table(
        f"the page of harpi run --emulate, 50 Hz, {VIEWERS} viewers, {len(latency)} verdicts",
        note="the emulated chip runs in the same process; its CPU is in both shares",
    )
    table.add(
        figure="window's last sample to the page's event, p50",
        value=percentile(latency, 50),
        unit="ms",
    )
    table.add(
        figure="window's last sample to the page's event, p99",
        value=percentile(latency, 99),
        unit="ms",
    )
    table.add(figure="CPU share of one core, nobody looks", value=100 * without, unit="%")
    table.add(figure=f"CPU share of one core, {VIEWERS} viewers", value=100 * watched, unit="%")
    return table


def _daemon(folder: Path, port: int) -> subprocess.Popen[bytes]:
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


def _wait_for(port: int) -> None:
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


def _look(port: int, heard: list[float]) -> None:
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


def _cpu_share(pid: int) -> float:
    begin, cpu = time.monotonic(), cpu_seconds(pid)
    time.sleep(SECONDS)
    return (cpu_seconds(pid) - cpu) / (time.monotonic() - begin)

"""The running daemon: latency to the subscriber, CPU, memory, time to the first verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from harpi.config import Config
from harpi.demo.setup import demo_broker
from harpi.publish.messages import State
from harpi.signal.windows import WindowMaker
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Table
from tests.support.device import recording_path

SECONDS = 30.0


def measure(effort: Effort) -> list[Table]:
    """Run `harpi run --emulate` for a while, and listen to it."""
    heard: list[tuple[datetime, State]] = []

    def on_message(client: object, data: object, message: paho.MQTTMessage) -> None:
        heard.append((datetime.now(UTC), msgspec.json.decode(message.payload, type=State)))

    with tempfile.TemporaryDirectory() as folder, demo_broker() as (broker, port):
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_message = on_message
        client.connect("127.0.0.1", port)
        client.subscribe("harpi/+/state")
        client.loop_start()
        spawned = datetime.now(UTC)
        with _daemon(Path(folder), port) as process:
            while not heard:
                time.sleep(0.01)
                if process.poll() is not None:
                    raise SystemExit("the daemon ended by itself")
            begin, cpu = time.monotonic(), cpu_seconds(process.pid)
            time.sleep(effort.seconds(SECONDS))
            share = (cpu_seconds(process.pid) - cpu) / (time.monotonic() - begin)
            resident = _resident_mb(process.pid)
            process.send_signal(signal.SIGTERM)
        client.loop_stop()
    cut = Config().signal
    delay = WindowMaker(Config().sensor.rate, cut.rate, cut.length, cut.hop).delay
    latency = np.array([(at - state.end).total_seconds() - delay for at, state in heard[1:]])
    latency *= 1000
    first = heard[0][1]
    models = {
        name: float(np.median([getattr(state, name).latency_ms for _, state in heard]))
        for name in ("knn", "generic", "personal")
    }
    table = Table(
        f"harpi run --emulate, 50 Hz, {len(heard)} verdicts over {broker}",
        note="The emulated chip and its filters run in the same process and are counted in.",
    )
    table.add(
        figure="window's last sample to subscriber, p50",
        value=percentile(latency, 50),
        unit="ms",
    )
    table.add(
        figure="window's last sample to subscriber, p99",
        value=percentile(latency, 99),
        unit="ms",
    )
    for name, median in models.items():
        table.add(figure=f"of it: {name}, median", value=median, unit="ms")
    table.add(figure="CPU share of one core", value=100 * share, unit="%")
    table.add(figure="resident memory", value=resident, unit="MB")
    table.add(
        figure="process start to first sample",
        value=(first.start - spawned).total_seconds(),
        unit="s",
    )
    table.add(
        figure="process start to first verdict",
        value=(heard[0][0] - spawned).total_seconds(),
        unit="s",
    )
    return [table]


def _daemon(folder: Path, port: int) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "HARPI_PATHS__STATE": str(folder / "state"),
        "HARPI_PATHS__RUNTIME": str(folder / "run"),
        "HARPI_MQTT__PORT": str(port),
        "HARPI_MQTT__HOST": "127.0.0.1",
        "HARPI_LOG__LEVEL": "warning",
    }
    command = [sys.executable, "-m", "harpi", "run", "--emulate", str(recording_path())]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def percentile(values: np.ndarray, share: float) -> float:
    return float(np.percentile(values, share))

"""Many at once: viewers of one page, and devices on one broker.

The page is that of `harpi run --emulate`, whose emulated chip is in its CPU time. The devices
are real publishers in one process, each with a verdict every 640 ms, on the broker of the demo;
the latency is from the verdict to a subscriber of all of them.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from harpi.config import Config
from harpi.config.loading import build
from harpi.demo.setup import demo_broker
from harpi.publish.messages import State
from harpi.publish.publisher import HISTORY_FILE, MqttPublisher
from harpi.signal.windows import WindowMaker
from harpi.timebase import SystemTime
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.live import cpu_seconds
from tests.labs.benchmarks.page import cpu_share, daemon_with_page, look, wait_for_page
from tests.labs.benchmarks.table import Spread, Table
from tests.support.verdicts import verdict
from tests.web.scenario import free_port

VIEWERS = (0, 1, 5, 20)
DEVICES = (1, 10, 100)
SECONDS = 15.0
HOP_SECONDS = 0.64


def measure(effort: Effort) -> list[Table]:
    return [_viewers(effort), _devices(effort)]


def _viewers(effort: Effort) -> Table:
    table = Table(
        "Viewers of a page, at 50 Hz", note="to a viewer: from the last sample of the window."
    )
    seconds = max(3.0, effort.seconds(SECONDS))
    cut = Config().signal
    delay = WindowMaker(Config().sensor.rate, cut.rate, cut.length, cut.hop).delay
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with daemon_with_page(Path(folder), port) as process:
            wait_for_page(port)
            threads: list[threading.Thread] = []
            heard: list[float] = []
            for count in effort.sizes(*VIEWERS):
                for _ in range(count - len(threads)):
                    threads.append(threading.Thread(target=look, args=(port, heard)))
                    threads[-1].start()
                time.sleep(1.0)
                heard.clear()
                share = cpu_share(process.pid, seconds)
                ages = 1000 * (np.array(heard) - delay) if heard else None
                table.add(
                    viewers=f"{count}",
                    **{
                        "CPU, % of a core": 100 * share,
                        "to a viewer, ms": "-" if ages is None else Spread.of(list(ages)),
                    },
                )
            process.send_signal(signal.SIGTERM)
            for thread in threads:
                thread.join()
    return table


def _devices(effort: Effort) -> Table:
    seconds = max(3.0, effort.seconds(SECONDS))
    with demo_broker() as (broker, port):
        table = Table(f"Devices on one {broker}, a verdict every 640 ms from each")
        for count in DEVICES:
            table.add(devices=f"{count}", **_heard(port, count, seconds))
    return table


def _heard(port: int, count: int, seconds: float) -> dict[str, float | Spread]:
    latencies: list[float] = []

    def on_message(client: object, data: object, message: paho.MQTTMessage) -> None:
        state = msgspec.json.decode(message.payload, type=State)
        latencies.append((datetime.now(UTC) - state.end).total_seconds())

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_message = on_message
        client.connect("127.0.0.1", port)
        client.subscribe("harpi/+/state")
        client.loop_start()
        stack.callback(client.loop_stop)
        command = [sys.executable, "-m", __name__, str(port), str(count), str(seconds), folder]
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
        latencies.clear()
        begin = cpu_seconds(process.pid)
        process.stdout.readline()  # it has published
        cpu = cpu_seconds(process.pid) - begin
        time.sleep(2.0)
        process.terminate()
    sent = count * round(seconds / HOP_SECONDS)
    return {
        "sent": sent,
        "heard": len(latencies),
        "latency, ms": Spread.of([1000 * latency for latency in latencies]),
        "p99, ms": 1000 * float(np.percentile(latencies, 99)),
        "CPU ms a verdict": 1000 * cpu / sent,
    }


def _publish(port: int, count: int, seconds: float, folder: str) -> None:
    """Be some devices for a while."""
    timebase = SystemTime()
    publishers = []
    for number in range(count):
        state = Path(folder) / f"{number}"
        state.mkdir()
        config = build({"mqtt.host": "127.0.0.1", "mqtt.port": port, "paths.state": str(state)})
        publisher = MqttPublisher(config.mqtt, f"unit-{number:03}", state / HISTORY_FILE)
        publisher.start()
        publishers.append(publisher)
    while not all(publisher.connected for publisher in publishers):
        time.sleep(0.01)
    print("ready", flush=True)
    begin = time.monotonic()
    for hop in range(round(seconds / HOP_SECONDS)):
        for number, publisher in enumerate(publishers):
            due = begin + (hop + number / count) * HOP_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))
            publisher.publish_verdict(verdict(end=timebase.monotonic()), timebase)
    print("done", flush=True)
    signal.pause()


if __name__ == "__main__":
    _publish(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])

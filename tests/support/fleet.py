"""A hundred devices in one process, made of the real publisher; ends when it is killed.

python -m tests.support.fleet HOST PORT COUNT FOLDER
"""

from __future__ import annotations

import sys
import time

import msgspec

from harpi.config.loading import build
from harpi.publish.homeassistant import Discovery
from harpi.publish.publisher import MqttPublisher
from harpi.timebase import SystemTime
from tests.publish.test_messages import health
from tests.support.fake_room import FakeRoom
from tests.support.verdicts import verdict


def main(host: str, port: str, count: str, folder: str) -> None:
    publishers = []
    for number in range(int(count)):
        name = f"unit-{number:03}"
        where = {"mqtt.host": host, "mqtt.port": int(port), "paths.state": f"{folder}/{name}"}
        config = build({"device.id": name, **where})
        publisher = MqttPublisher(config.mqtt, name)
        Discovery(publisher, FakeRoom(), config, {})
        publisher.publish_health(msgspec.structs.replace(health(), version=f"0.1.{number}"))
        publisher.publish_verdict(verdict(), SystemTime())
        publisher.start()
        publishers.append(publisher)
    while not all(one.history and not one.history.waiting for one in publishers):
        time.sleep(0.01)
    print("ready", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])

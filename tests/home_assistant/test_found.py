"""A real Home Assistant finds harpi, shows what it says, and commands it.

It runs in a virtual environment of its own; `judge.py` is what runs there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harpi.commands import Evaluate, LabelCount, Pause, Record, Stop, Train, Undo
from harpi.config import Config
from harpi.config.loading import build
from harpi.config.schema import DiarySection
from harpi.diary.bouts import Bout
from harpi.diary.keeper import News, Nudge
from harpi.diary.totals import make_day
from harpi.evaluation.runs import RunLog
from harpi.names import SHOWN
from harpi.publish.commands import MqttCommands
from harpi.publish.entities import discovery_payloads
from harpi.publish.homeassistant import Discovery
from harpi.publish.messages import DiaryToday
from harpi.publish.publisher import MqttPublisher
from harpi.timebase import SystemTime
from harpi.types import Prediction, Verdict
from tests.publish.test_messages import health
from tests.support.broker import Broker, running, wait_until
from tests.support.fake_room import FakeRoom
from tests.support.verdicts import verdict

pytestmark = [pytest.mark.homeassistant, pytest.mark.broker]

JUDGE = Path(__file__).parent / "judge.py"
STRANGE = 'großes "Ä" <x> {{ y }}\''
LABELS = ("walking", "sitting down", STRANGE)
ANSWERS = dict.fromkeys(SHOWN, ("walking", "sitting", "standing"))


def python() -> str:
    return str(Path(os.environ["HARPI_HOMEASSISTANT"]).absolute())


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running(Broker(tmp_path)) as one:
        yield one


def configured(broker: Broker | None = None, **settings: object) -> Config:
    where: dict[str, object] = {}
    if broker is not None:
        where = {"mqtt.host": broker.host, "mqtt.port": broker.port}
        where["paths.state"] = str(broker.folder)
    given = {key.replace("__", "."): value for key, value in settings.items()}
    return build({"device.id": "arm", "learning.labels": LABELS, **where, **given})


class Device:
    """What of harpi speaks MQTT, around a room with nobody in it."""

    def __init__(self, config: Config) -> None:
        self.room = FakeRoom()
        self.publisher = MqttPublisher(config.mqtt, config.device.name)
        self.discovery = Discovery(self.publisher, self.room, config, ANSWERS)
        runs = RunLog(config.paths.state_folder / "evaluations.jsonl")
        self.door = MqttCommands(self.publisher, self.room, config.mqtt.commands, runs)

    def judge(self, one: Verdict, *, worn: bool = True) -> None:
        self.discovery.see(one)
        self.publisher.publish_verdict(replace(one, worn=worn), SystemTime())

    def __enter__(self) -> Device:
        self.publisher.start()
        self.door.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.door.stop()
        self.publisher.stop()
        self.discovery.close()


class Home:
    """A Home Assistant that runs beside us."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        folder.mkdir()
        self._process = subprocess.Popen(
            [python(), JUDGE, "live", broker.host, str(broker.port), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._answer() == "ready"

    def _answer(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def _ask(self, **question: object) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return dict(self._answer())

    def look(self) -> dict[str, Any]:
        """Give the entities by what follows `harpi_arm_` in their names for life."""
        entities = self._ask(ask="states")["entities"].values()
        return {
            entity["unique_id"].removeprefix("harpi_arm_"): entity
            for entity in entities
            if entity["unique_id"]
        }

    def entity(self, name: str) -> str:
        for entity, what in self._ask(ask="states")["entities"].items():
            if what["unique_id"] == f"harpi_arm_{name}":
                return str(entity)
        raise AssertionError(f"there is no {name}")

    def call(self, service: str, name: str, **data: object) -> None:
        self._ask(ask="call", service=service, data={"entity_id": self.entity(name), **data})

    @property
    def complaints(self) -> list[str]:
        return list(self._ask(ask="states")["complaints"])

    @property
    def devices(self) -> list[dict[str, str]]:
        return list(self._ask(ask="states")["devices"])

    def sees(self, condition: Callable[[dict[str, Any]], object], what: str) -> None:
        wait_until(lambda: condition(self.look()), what, 20)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)
        assert self._process.stdout
        self._process.stdout.close()


@pytest.fixture
def home(broker: Broker, tmp_path: Path) -> Iterator[Home]:
    one = Home(broker, tmp_path / "home")
    yield one
    one.close()


def state_of(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda entities: entities.get(name, {}).get("state", "")


def test_the_schemas_of_home_assistant_take_every_component(tmp_path: Path) -> None:
    file = tmp_path / "discovery.json"
    file.write_bytes(discovery_payloads(configured(), ANSWERS, LABELS, gone=("rowing",))[0])
    done = subprocess.run(
        [python(), JUDGE, "schema", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    taken = json.loads(done.stdout)
    assert len(taken) == len(json.loads(file.read_text())["cmps"]) - 2


def test_the_schemas_refuse_what_is_wrong(tmp_path: Path) -> None:
    payload = json.loads(discovery_payloads(configured(), ANSWERS, LABELS)[0])
    payload["cmps"]["rate"]["expire_afterwards"] = 3
    file = tmp_path / "discovery.json"
    file.write_text(json.dumps(payload))
    done = subprocess.run(
        [python(), JUDGE, "schema", file], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "expire_afterwards" in done.stderr


def test_it_is_found_and_what_it_says_is_shown(broker: Broker, home: Home) -> None:
    with Device(configured(broker)) as device:
        home.sees(lambda seen: "mode" in seen, "the device is found")
        assert [one["name"] for one in home.devices] == ["harpi arm"]
        device.judge(verdict({"walking": 0.7, "sitting": 0.2, "standing": 0.1}))
        device.publisher.publish_health(health())
        home.sees(lambda seen: state_of("knn_activity")(seen) == "walking", "the answer")
        home.sees(lambda seen: state_of("lost")(seen) == "0", "the health")
        seen = home.look()
        assert seen["knn_confidence"]["state"] == "70.0"
        assert seen["activity"]["state"] == "walking"
        assert seen["activity_confidence"]["state"] == "70.0"
        assert seen["worn"]["state"] == "on"
        assert seen["rate"]["state"] == "50.0"
        assert seen["rate"]["category"] == "diagnostic"
        assert seen["temperature"]["state"] == "unknown"
        assert seen["head"]["state"] == "generic.tflite"
        assert seen["mode"]["state"] == "idle"

        unsure = verdict(untrained=["personal"])
        unknown = Prediction("knn", ("walking",), np.ones(1, np.float32), unknown=True)
        predictions = {**unsure.predictions, "knn": unknown}
        device.judge(replace(unsure, predictions=predictions), worn=False)
        home.sees(lambda seen: state_of("personal_activity")(seen) == "untrained", "untrained")
        assert home.look()["knn_activity"]["state"] == "unknown"
        assert home.look()["activity"]["state"] == "not worn"
        assert home.look()["worn"]["state"] == "off"
    home.sees(
        lambda seen: {one["state"] for one in seen.values()} == {"unavailable"},
        "all is unavailable",
    )
    assert not [text for text in home.complaints if "async_forward" not in text]


def test_the_day_is_shown_and_its_totals_are_for_statistics(broker: Broker, home: Home) -> None:
    begin = datetime(2026, 5, 1, 8, tzinfo=UTC).timestamp()
    walk = Bout(kind="activity", activity="walking", start=begin, end=begin + 90)
    strange = Bout(kind="activity", activity=STRANGE, start=begin + 90, end=begin + 690)
    with Device(configured(broker)) as device:
        home.sees(lambda seen: "today_walking" in seen, "the device is found")
        day = make_day([walk, strange], date(2026, 5, 1), UTC)
        nudge = Nudge(activity="walking", minutes=51, limit=50)
        news = News(ended=(walk,), today=day, nudge=nudge, nudged=True)
        device.publisher.publish_diary(DiaryToday.of(news, DiarySection()))
        home.sees(lambda seen: state_of("today_walking")(seen) == "1.5", "the total")
        seen = home.look()
        (own,) = (name for name in seen if name.startswith("today_gro"))
        assert seen[own]["state"] == "10.0"
        assert seen["not_worn_today"]["state"] == "0.0"
        assert seen["nudge"]["state"] == "on"
        told = seen["today_walking"]["attributes"]
        assert told["device_class"] == "duration"
        assert told["state_class"] == "total"
        assert told["unit_of_measurement"] == "min"
        assert told["last_reset"] == "2026-05-01T00:00:00+00:00"
        assert not home.complaints


def test_buttons_and_the_mode_command_it(broker: Broker, home: Home) -> None:
    with Device(configured(broker)) as device:
        room = device.room
        home.sees(lambda seen: state_of("mode")(seen) == "idle", "the device is found")
        strange = next(name for name in home.look() if name.startswith("record_gro"))
        presses = [("record_walking", Record(label="walking")), ("stop", Stop()),
                   (strange, Record(label=STRANGE)), ("undo", Undo()),
                   ("train", Train()), ("evaluate", Evaluate())]  # fmt: skip
        for name, command in presses:
            home.call("button.press", name)
            wait_until(lambda c=command: c in room.commands, f"{command} is done")

        chosen = [
            ("idle", f"record {STRANGE}", Record(label=STRANGE)),
            ("idle", "test walking", Record(label="walking", test=True)),
            ("record walking", "idle", Stop()),
            ("training", "paused", Pause()),
        ]
        states = {"idle": "idle", "record walking": "recording", "training": "training"}
        for now, option, command in chosen:
            room.commands.clear()
            room.become(state=states[now], label="walking" if "record" in now else None)
            room.happens("notice")
            home.sees(lambda seen, n=now: state_of("mode")(seen) == n, f"it shows {now}")
            home.call("select.select_option", "mode", option=option)
            wait_until(lambda c=command: c in room.commands, f"{command} is done")


def test_new_labels_come_and_go(broker: Broker, home: Home) -> None:
    with Device(configured(broker)) as device:
        home.sees(lambda seen: "mode" in seen, "the device is found")
        device.judge(verdict({"walking": 0.1, "rowing": 0.9}))
        home.sees(lambda seen: "rowing" in seen["personal_activity"]["options"], "a new option")
        device.judge(verdict({"walking": 0.1, "rowing": 0.9}))
        home.sees(lambda seen: state_of("personal_activity")(seen) == "rowing", "rowing")
        device.room.become(labels=(LabelCount(label="rowing"),))
        device.room.happens("notice")
        home.sees(lambda seen: "record_rowing" in seen, "a new button")
        device.room.become(labels=())
        device.room.happens("notice")
        home.sees(lambda seen: "record_rowing" not in seen, "the button is gone")


def test_a_label_that_went_while_the_device_was_off_loses_its_button(
    broker: Broker, home: Home
) -> None:
    with Device(configured(broker, learning__labels=("walking", "rowing"))):
        home.sees(lambda seen: "record_rowing" in seen, "the device is found")
    with Device(configured(broker, learning__labels=("walking",))):
        home.sees(lambda seen: "record_rowing" not in seen, "the button is gone")
        assert "record_walking" in home.look()


def test_under_another_name_the_old_device_is_gone(broker: Broker, home: Home) -> None:
    with Device(configured(broker)):
        home.sees(lambda seen: "mode" in seen, "the device is found")
    with Device(configured(broker, device__id="leg")):
        home.sees(lambda seen: "mode" not in seen, "the old device is gone")
        assert [one["name"] for one in home.devices] == ["harpi leg"]


def test_switched_off_the_device_is_gone(broker: Broker, home: Home) -> None:
    with Device(configured(broker)):
        home.sees(lambda seen: "mode" in seen, "the device is found")
    with Device(configured(broker, mqtt__discovery__enabled=False)):
        home.sees(lambda seen: not seen, "nothing is left")

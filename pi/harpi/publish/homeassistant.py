"""What Home Assistant is told about a device, when, and how it is taken back.

One retained message describes the device and all its entities, or a few where the broker says
that it takes no larger ones: the device discovery of Home Assistant 2024.11 and later. The
entities read `/state`, `/health` and `/session`, and send to `/set`, as everybody else may;
nothing is made for Home Assistant alone.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from harpi import __version__
from harpi.commands import Event, SessionApi, Situation
from harpi.config.schema import Config
from harpi.files import decode_json, make_directory, private_mode, write_atomically
from harpi.names import ANSWER, MODELS, TABLE
from harpi.publish.commands import Allowance
from harpi.publish.publisher import MqttPublisher
from harpi.supervisor import Supervisor
from harpi.types import Verdict

UNTRAINED: Final = "untrained"
"""What the sensor of a model shows that is not trained yet."""


SHORTEST_EXPIRY: Final = 15
"""Seconds after which an answer that is not renewed is shown as unavailable, at least."""


_NOT_WORN: Final = "not worn"
"""What the activity shows while no body carries the sensor."""


_PLAIN_BUTTONS: Final = {
    "stop": "mdi:stop",
    "train": "mdi:school",
    "undo": "mdi:undo",
    "evaluate": "mdi:clipboard-check-outline",
}
"""Commands without fields that have a button, and its icon."""


# `None` is how a template tells Home Assistant that a value is unknown.
_ANSWER: Final = (
    "{{% set m = value_json.{model} %}}"
    "{{{{ 'untrained' if not m.trained else 'None' if m.unknown else m.answer }}}}"
)


_ACTIVITY: Final = (
    "{% set m = value_json.activity %}"
    "{{ 'not worn' if value_json.worn is false else 'untrained' if not m.trained"
    " else 'None' if m.unknown else m.answer }}"
)


_MODE: Final = (
    "{% set s = value_json.state %}"
    "{{ 'record ' ~ value_json.label if s == 'recording'"
    " else 'test ' ~ value_json.label if s == 'testing' else s }}"
)


_SET_MODE: Final = (
    "{% set now = this.state %}"
    "{% if value == 'idle' %}"
    "{{ {'command': 'cancel' if now in ('training', 'paused') else 'stop'} | to_json }}"
    "{% elif value == 'training' %}"
    "{{ {'command': 'resume' if now == 'paused' else 'train'} | to_json }}"
    "{% elif value == 'paused' %}"
    "{{ {'command': 'pause'} | to_json }}"
    "{% else %}"
    "{{ {'command': 'record', 'label': value.split(' ', 1)[1],"
    " 'test': value.startswith('test ')} | to_json }}"
    "{% endif %}"
)


_SHORT: Final = {
    "command_template": "cmd_tpl",
    "command_topic": "cmd_t",
    "device_class": "dev_cla",
    "entity_category": "ent_cat",
    "expire_after": "exp_aft",
    "icon": "ic",
    "last_reset_value_template": "lrst_val_tpl",
    "options": "ops",
    "payload_press": "pl_prs",
    "state_class": "stat_cla",
    "state_topic": "stat_t",
    "suggested_display_precision": "sug_dsp_prc",
    "unique_id": "uniq_id",
    "unit_of_measurement": "unit_of_meas",
    "value_template": "val_tpl",
}
"""Home Assistant's own abbreviations (its documentation of MQTT discovery)."""


DIARY_EXPIRY: Final = 300
"""Seconds after which totals that are not renewed are shown as unavailable."""


BIRTHS_PER_MINUTE: Final = 6
"""Starts of Home Assistant after which the device is announced; anybody may send them."""


PART_ROOM: Final = 256
"""Bytes of a packet beside the payload: its topic, header and properties."""


Component = dict[str, Any]


def discovery_topic(config: Config, part: int = 1) -> str:
    """Give the topic at which Home Assistant looks for this device, or for a part of it."""
    # Home Assistant allows letters, digits, `_` and `-` here.
    name = config.device.name.replace(".", "_")
    return f"{config.mqtt.discovery.prefix}/device/harpi-{name}{_of_part(part)}/config"


def _of_part(part: int) -> str:
    return "" if part == 1 else f"-part{part}"


def discovery_payloads(
    config: Config,
    answers: Mapping[str, Sequence[str]],
    activities: Sequence[str],
    gone: Sequence[str] = (),
    *,
    largest: int | None = None,
) -> list[bytes]:
    """Describe the device: in one message, or in several where a broker takes no large ones.

    Home Assistant puts together what has the same identifier. Names are as short as it knows
    them: many brokers have limits.

    Args:
        config: all settings.
        answers: the labels that each model can answer with.
        activities: the labels that can be recorded.
        gone: labels for which there was a button that is to be taken away.
        largest: bytes of the largest payload that can be sent; None for any.
    """
    base = f"{config.mqtt.prefix}/{config.device.name}"
    components = {
        **_models(config, answers),
        **_health(config),
        **_diary(config, activities),
        **_buttons(base, activities),
        "mode": _mode(base, activities),
        "correct": _correct(base, activities),
    }
    for name, component in components.items():
        component["unique_id"] = f"harpi_{config.device.name}_{name}"
    taken_back: dict[str, Component] = {_record(label): {"p": "button"} for label in gone}
    if config.diary.enabled:
        taken_back |= {_named("today", label): {"p": "sensor"} for label in gone}
    about = {
        "dev": {
            "ids": [f"harpi_{config.device.name}"],
            "name": f"harpi {config.device.name}",
            "mf": "harpi",
            "mdl": "Activity recogniser with an MPU-6050",
            "sw": __version__,
        },
        "o": {"name": "harpi", "sw": __version__},
        "avty_t": f"{base}/status",
    }
    parts: list[dict[str, Component]] = [{}]
    empty = len(msgspec.json.encode({**about, "cmps": taken_back}))
    room = math.inf if largest is None else largest - empty
    left = room
    for name, component in components.items():
        short = {_SHORT.get(key, key): value for key, value in component.items()}
        size = len(msgspec.json.encode({name: short}))
        if parts[-1] and size > left:
            parts.append({})
            left = room
        parts[-1][name] = short
        left -= size
    return [msgspec.json.encode({**about, "cmps": {**part, **taken_back}}) for part in parts]


def _models(config: Config, answers: Mapping[str, Sequence[str]]) -> dict[str, Component]:
    hop = config.signal.hop / config.signal.rate
    of_state: Component = {
        "p": "sensor",
        "state_topic": f"{config.mqtt.prefix}/{config.device.name}/state",
        "expire_after": max(SHORTEST_EXPIRY, math.ceil(10 * hop)),
    }
    found: dict[str, Component] = {
        "activity": {
            **of_state,
            "name": "Activity",
            "device_class": "enum",
            "options": list(dict.fromkeys([*answers.get(ANSWER, ()), UNTRAINED, _NOT_WORN])),
            "value_template": _ACTIVITY,
            "icon": "mdi:run",
        },
        "activity_confidence": {
            **of_state,
            "name": "Confidence",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "value_template": "{{ (value_json.activity.confidence * 100) | round(1) }}",
            "icon": "mdi:percent",
        },
    }
    for model in MODELS:
        found[f"{model}_activity"] = {
            **of_state,
            "name": f"{TABLE[model].title} activity",
            "device_class": "enum",
            "options": list(dict.fromkeys([*answers.get(model, ()), UNTRAINED])),
            "value_template": _ANSWER.format(model=model),
            "icon": "mdi:run",
        }
        found[f"{model}_confidence"] = {
            **of_state,
            "name": f"{TABLE[model].title} confidence",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "value_template": f"{{{{ (value_json.{model}.confidence * 100) | round(1) }}}}",
            "icon": "mdi:percent",
        }
    found["worn"] = {
        **of_state,
        "p": "binary_sensor",
        "name": "Worn",
        "value_template": "{{ 'None' if value_json.worn is none"
        " else 'ON' if value_json.worn else 'OFF' }}",
        "icon": "mdi:watch",
    }
    return found


def _health(config: Config) -> dict[str, Component]:
    of_health: Component = {
        "p": "sensor",
        "state_topic": f"{config.mqtt.prefix}/{config.device.name}/health",
        "entity_category": "diagnostic",
        "expire_after": max(SHORTEST_EXPIRY, math.ceil(3 * config.mqtt.health_seconds)),
    }
    return {
        "rate": {
            **of_health,
            "name": "Sample rate",
            "device_class": "frequency",
            "unit_of_measurement": "Hz",
            "state_class": "measurement",
            "suggested_display_precision": 1,
            "value_template": "{{ value_json.sensor.rate_hz }}",
        },
        "lost": {
            **of_health,
            "name": "Lost samples",
            "unit_of_measurement": "samples",
            "state_class": "total_increasing",
            "value_template": "{{ value_json.sensor.lost }}",
            "icon": "mdi:alert-circle-outline",
        },
        "temperature": {
            **of_health,
            "name": "Chip temperature",
            "device_class": "temperature",
            "unit_of_measurement": "°C",
            "state_class": "measurement",
            "value_template": "{{ value_json.sensor.temperature_c }}",
        },
        "sensor": {
            **of_health,
            "name": "Sensor",
            "value_template": "{{ value_json.sensor.implausible[0].problem"
            " if value_json.sensor.implausible else value_json.sensor.state }}",
            "icon": "mdi:axis-arrow",
        },
        "waiting": {
            **of_health,
            "name": "Verdicts not sent yet",
            "unit_of_measurement": "verdicts",
            "state_class": "measurement",
            "value_template": "{{ value_json.mqtt.waiting }}",
            "icon": "mdi:tray-full",
        },
        "head": {
            **of_health,
            "name": "Personal head",
            "value_template": "{{ value_json.models.personal.source or 'none' }}",
            "icon": "mdi:brain",
        },
    }


def _diary(config: Config, activities: Sequence[str]) -> dict[str, Component]:
    """Describe the totals of the day: they begin anew at midnight, and may be corrected."""
    if not config.diary.enabled:
        return {}
    of_diary: Component = {
        "state_topic": f"{config.mqtt.prefix}/{config.device.name}/diary",
        "expire_after": DIARY_EXPIRY,
    }
    of_total: Component = {
        **of_diary,
        "p": "sensor",
        "device_class": "duration",
        "unit_of_measurement": "min",
        "state_class": "total",
        "last_reset_value_template": "{{ value_json.start }}",
        "suggested_display_precision": 0,
    }
    found = {
        _named("today", label): {
            **of_total,
            "name": f"{label} today",
            "value_template": "{{ (value_json.activities.get("
            f"{_quoted(label)}, {{}}).get('seconds', 0) / 60) | round(2) }}}}",
            "icon": "mdi:timer-outline",
        }
        for label in activities
    }
    for name, title in (("unknown", "Unknown"), ("not_worn", "Not worn")):
        found[f"{name}_today"] = {
            **of_total,
            "name": f"{title} today",
            "value_template": f"{{{{ (value_json.{name}.seconds / 60) | round(2) }}}}",
            "icon": "mdi:timer-off-outline",
        }
    found["nudge"] = {
        **of_diary,
        "p": "binary_sensor",
        "name": "Time for something else",
        "value_template": "{{ 'ON' if value_json.nudge else 'OFF' }}",
        "icon": "mdi:human-handsup",
    }
    return found


def _quoted(label: str) -> str:
    """Write a label as a string of a template: no braces, quotes or signs that end one."""
    return '"' + "".join(f"\\u{ord(c):04x}" if c in "{}%#\"'\\" else c for c in label) + '"'


def _buttons(base: str, activities: Sequence[str]) -> dict[str, Component]:
    found = {
        _record(label): _button(
            f"Record {label}",
            f"{base}/set/record",
            "mdi:record-circle-outline",
            msgspec.json.encode({"label": label}).decode(),
        )
        for label in activities
    }
    for name, icon in _PLAIN_BUTTONS.items():
        found[name] = _button(name.capitalize(), f"{base}/set/{name}", icon)
    return found


def _button(name: str, topic: str, icon: str, payload: str = "{}") -> Component:
    return {
        "p": "button",
        "name": name,
        "command_topic": topic,
        "payload_press": payload,
        "qos": 1,
        "icon": icon,
    }


def _mode(base: str, activities: Sequence[str]) -> Component:
    return {
        "p": "select",
        "name": "Mode",
        "state_topic": f"{base}/session",
        "value_template": _MODE,
        "command_topic": f"{base}/set",
        "command_template": _SET_MODE,
        "qos": 1,
        "options": [
            "idle",
            *(f"record {label}" for label in activities),
            *(f"test {label}" for label in activities),
            "training",
            "paused",
        ],
        "icon": "mdi:state-machine",
    }


def _correct(base: str, activities: Sequence[str]) -> Component:
    return {
        "p": "select",
        "name": "Wrong, it was",
        "command_topic": f"{base}/set/correct",
        "command_template": "{{ {'label': value} | to_json }}",
        "qos": 1,
        "options": list(activities),
        "icon": "mdi:pencil",
    }


def _record(label: str) -> str:
    """Name the button of a label."""
    return _named("record", label)


def _named(what: str, label: str) -> str:
    """Name what a label has: by the label, and by what tells it apart where needed."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", label)
    if plain != label:
        plain += f"_{zlib.crc32(label.encode()):08x}"
    return f"{what}_{plain}"


class Discovery:
    """Announces the device to Home Assistant, and again with every new label.

    What earlier runs announced and is no more is taken back: the buttons of labels that are
    gone, and all of it where it is switched off or the device has another name.

    Args:
        publisher: the link to the broker, not started yet.
        room: knows what can be recorded.
        config: all settings.
        answers: the labels that each model can answer with at first.
    """

    def __init__(
        self,
        publisher: MqttPublisher,
        room: SessionApi,
        config: Config,
        answers: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._publisher = publisher
        self._config = config
        self._topic = discovery_topic(config)
        self._lock = threading.Lock()
        self._answers = dict(answers)
        self._activities: tuple[str, ...] = ()
        self._file = AnnouncedFile(config.paths.state_folder / FILE_NAME, publisher.supervisor)
        self._births = Allowance(BIRTHS_PER_MINUTE, BIRTHS_PER_MINUTE)
        self._parts = 1
        before = self._file.read()
        enabled = config.mqtt.discovery.enabled
        if before.topic and not (enabled and before.topic == self._topic):
            for part in range(1, before.parts + 1):
                topic = before.topic.removesuffix("/config")
                publisher.publish_at(f"{topic}{_of_part(part)}/config", b"")
            before = Announced()
        self._told = before.labels
        if not enabled:
            return
        self._parts = before.parts
        self._note_activities(room.situation)
        self._announce()
        publisher.on_birth(self._greet)
        publisher.on_limit(self._announce)
        room.subscribe(self._look)

    def close(self) -> None:
        """Wait until what was announced is remembered."""
        self._file.close()

    def see(self, verdict: Verdict) -> None:
        """Look whether a model has new labels; costs next to nothing where it has not."""
        answers = {model: said.labels for model, said in verdict.opinions.items()}
        if answers != self._answers and self._config.mqtt.discovery.enabled:
            self._answers = answers
            self._announce()

    def _look(self, event: Event) -> None:
        if self._note_activities(event.situation):
            self._announce()

    def _greet(self) -> None:
        if self._births.spend():
            self._announce()

    def _note_activities(self, situation: Situation) -> bool:
        """Note what can be recorded; tell whether that is news."""
        with self._lock:
            labels = [*self._config.learning.labels]
            labels += [count.label for count in situation.labels]
            labels += [situation.label] if situation.label else []
            activities = tuple(dict.fromkeys(labels))
            if activities == self._activities:
                return False
            self._activities = activities
            told = tuple(dict.fromkeys((*self._told, *activities)))
            if told != self._told:
                self._told = told
                self._remember()
            return True

    def _remember(self) -> None:
        self._file.write(Announced(topic=self._topic, labels=self._told, parts=self._parts))

    def _announce(self) -> None:
        with self._lock:
            gone = [label for label in self._told if label not in self._activities]
            payloads = discovery_payloads(
                self._config,
                self._answers,
                self._activities,
                gone,
                largest=self._publisher.largest - PART_ROOM,
            )
            if len(payloads) > self._parts:
                self._parts = len(payloads)
                self._remember()
            payloads += [b""] * (self._parts - len(payloads))
            for part, payload in enumerate(payloads, start=1):
                self._publisher.publish_at(discovery_topic(self._config, part), payload)


FILE_NAME: Final = "homeassistant.json"
"""Name of the file within the folder `paths.state`."""


FORMAT: Final = 1


MOST: Final = 256
"""Labels that are remembered; what was told first is forgotten first."""


log = logging.getLogger(__name__)


class Announced(Struct, frozen=True):
    """What was told.

    Attributes:
        format: of the file.
        topic: of the announcement; empty where nothing was told yet.
        labels: for which there may be a button, what was told first in front.
        parts: messages that it was told in, at most.
    """

    format: int = FORMAT
    topic: str = ""
    labels: tuple[str, ...] = ()
    parts: Annotated[int, Meta(ge=1, le=64)] = 1


class AnnouncedFile:
    """The file of it. Where it cannot be used, that is said, and nothing is remembered.

    Args:
        path: the file; made, with its folder, when something is told first.
        supervisor: sees what goes wrong on its thread.
    """

    def __init__(self, path: Path, supervisor: Supervisor | None = None) -> None:
        self._supervisor = supervisor or Supervisor()
        self._path = path
        self._lock = threading.Lock()
        self._waiting: Announced | None = None
        self._thread: threading.Thread | None = None

    def read(self) -> Announced:
        """Give what was told; nothing where there is no file, or a damaged one."""
        try:
            announced = decode_json(self._path.read_bytes(), Announced)
            if announced.format > FORMAT:
                raise msgspec.ValidationError("it is of a newer harpi")
        except FileNotFoundError:
            return Announced()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s is not read: %s", self._path, error)
            return Announced()
        return announced

    def write(self, announced: Announced) -> None:
        """Remember what is told from now on; a thread waits for the disk."""
        labels = announced.labels[-MOST:]
        with self._lock:
            self._waiting = msgspec.structs.replace(announced, labels=labels)
            if self._thread is None:
                self._thread = self._supervisor.thread(self._write, "mqtt-discovery")
                self._thread.start()

    def close(self) -> None:
        """Wait until the last of it is on the disk."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _write(self) -> None:
        while True:
            with self._lock:
                announced = self._waiting
                if announced is None:
                    self._thread = None
                    return
            try:
                make_directory(self._path.parent)
                mode = private_mode(self._path.parent)
                write_atomically(self._path, msgspec.json.encode(announced), mode=mode)
            except OSError as error:
                log.warning("%s is not written: %s", self._path, error.strerror or error)
            with self._lock:
                if self._waiting is announced:
                    self._waiting = None

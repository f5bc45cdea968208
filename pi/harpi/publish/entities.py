"""What Home Assistant is told about a device: its entities, and how they read and send.

The device discovery of Home Assistant 2024.11 and later. The entities read `/state`, `/health`,
`/session` and `/diary`, and send to `/set`, as everybody else may; nothing is made for Home
Assistant alone.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from harpi import __version__
from harpi.config.schema import Config
from harpi.names import ANSWER, MODELS, TABLE

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

Component = dict[str, Any]


def discovery_topic(config: Config, part: int = 1) -> str:
    """Give the topic at which Home Assistant looks for this device, or for a part of it."""
    # Home Assistant allows letters, digits, `_` and `-` here.
    name = config.device.name.replace(".", "_")
    return f"{config.mqtt.discovery.prefix}/device/harpi-{name}{part_suffix(part)}/config"


def part_suffix(part: int) -> str:
    """Return what tells the topic of a part apart; the first has nothing."""
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

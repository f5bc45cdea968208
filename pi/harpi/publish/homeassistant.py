"""What Home Assistant is told about a device, so that it shows up there by itself.

One retained message describes the device and all its entities: the device discovery of Home
Assistant 2024.11 and later. The entities read `/state`, `/health` and `/session`, and send to
`/set`, as everybody else may; nothing is made for Home Assistant alone.
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
from harpi.types import MODELS

UNTRAINED: Final = "untrained"
"""What the sensor of a model shows that has learnt nothing yet."""

SHORTEST_EXPIRY: Final = 15
"""Seconds after which an answer that is not renewed is shown as unavailable, at least."""

_NAMES: Final = {"knn": "kNN", "generic": "Generic", "personal": "Personal"}

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

Component = dict[str, Any]


def discovery_topic(config: Config) -> str:
    """Give the topic at which Home Assistant looks for this device."""
    # Home Assistant allows letters, digits, `_` and `-` here.
    name = config.device.name.replace(".", "_")
    return f"{config.mqtt.discovery.prefix}/device/harpi-{name}/config"


def discovery_payload(
    config: Config,
    answers: Mapping[str, Sequence[str]],
    activities: Sequence[str],
    gone: Sequence[str] = (),
) -> bytes:
    """Describe the device.

    Args:
        config: all settings.
        answers: the labels that each model can answer with.
        activities: the labels that can be recorded.
        gone: labels for which there was a button that is to be taken away.
    """
    base = f"{config.mqtt.prefix}/{config.device.name}"
    components = {
        **_models(config, answers),
        **_health(config),
        **_buttons(base, activities),
        **{_record(label): {"p": "button"} for label in gone},
        "mode": _mode(base, activities),
    }
    for name, component in components.items():
        if len(component) > 1:
            component["unique_id"] = f"harpi_{config.device.name}_{name}"
    return msgspec.json.encode(
        {
            "dev": {
                "identifiers": [f"harpi_{config.device.name}"],
                "name": f"harpi {config.device.name}",
                "manufacturer": "harpi",
                "model": "Activity recogniser with an MPU-6050",
                "sw_version": __version__,
            },
            "o": {"name": "harpi", "sw_version": __version__},
            "availability_topic": f"{base}/status",
            "cmps": components,
        }
    )


def _models(config: Config, answers: Mapping[str, Sequence[str]]) -> dict[str, Component]:
    hop = config.signal.hop / config.signal.rate
    of_state: Component = {
        "p": "sensor",
        "state_topic": f"{config.mqtt.prefix}/{config.device.name}/state",
        "expire_after": max(SHORTEST_EXPIRY, math.ceil(10 * hop)),
    }
    found: dict[str, Component] = {}
    for model in MODELS:
        found[f"{model}_activity"] = {
            **of_state,
            "name": f"{_NAMES[model]} activity",
            "device_class": "enum",
            "options": list(dict.fromkeys([*answers.get(model, ()), UNTRAINED])),
            "value_template": _ANSWER.format(model=model),
            "icon": "mdi:run",
        }
        found[f"{model}_confidence"] = {
            **of_state,
            "name": f"{_NAMES[model]} confidence",
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
            "value_template": "{{ value_json.sensor.state }}",
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


def _record(label: str) -> str:
    """Name the button of a label: by the label, and by what tells it apart where needed."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", label)
    if plain != label:
        plain += f"_{zlib.crc32(label.encode()):08x}"
    return f"record_{plain}"

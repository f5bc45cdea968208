"""Which versions of MQTT are tried, in which order, and how a broker says no to one."""

from __future__ import annotations

from typing import Final

from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from harpi.publish.messages import Version

VERSIONS: Final = {
    "auto": (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311),
    "5": (MQTTProtocolVersion.MQTTv5,),
    "3.1.1": (MQTTProtocolVersion.MQTTv311,),
}
"""By the setting `mqtt.version`."""

NAMES: Final[dict[MQTTProtocolVersion, Version]] = {
    MQTTProtocolVersion.MQTTv5: "5",
    MQTTProtocolVersion.MQTTv311: "3.1.1",
}

_UNSUPPORTED: Final = 0x84
"""Reason code "unsupported protocol version" (MQTT 5.0, 3.2.2.2)."""


def is_refusal(reason: ReasonCode) -> bool:
    """Whether a broker does not speak the version; old ones may hang up without a reason."""
    return bool(reason.value == _UNSUPPORTED)

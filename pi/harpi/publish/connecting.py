"""What every connection to a broker needs: versions, credentials, and words for what fails."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from harpi.config.loading import read_secret
from harpi.config.schema import MqttSection, TlsSection
from harpi.errors import ConfigError
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

_LOGIN: Final = (0x86, 0x87)
"""Reason codes "bad user name or password" and "not authorized"; brokers use either for a
wrong password."""


def login(section: MqttSection) -> tuple[str | None, str | None]:
    """Give user name and password.

    Raises:
        ConfigError: the password file cannot be read, is empty, or everybody may read it.
    """
    if section.password_file is None:
        return section.username, None
    password = read_secret("mqtt.password_file", Path(section.password_file))
    return section.username, password


def tls_context(section: TlsSection) -> ssl.SSLContext:
    """Build the TLS side of the connection; the broker's name is always checked.

    Raises:
        ConfigError: a certificate or key cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=section.ca_file)
    except OSError as error:
        raise ConfigError(
            f"is no certificate authority: {error.strerror or error}",
            where=f"mqtt.tls.ca_file {section.ca_file}",
            remedy="Give a file of certificates in PEM form",
        ) from None
    if section.cert_file is not None:
        try:
            context.load_cert_chain(section.cert_file, section.key_file)
        except OSError as error:
            raise ConfigError(
                f"certificate and key cannot be used: {error.strerror or error}",
                where=f"mqtt.tls.cert_file {section.cert_file}",
                remedy="Give a certificate and its key in PEM form",
            ) from None
    return context


def reason_of(error: BaseException | None) -> str:
    """Say in a few words why a connection did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as harpi does"
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error)


def refusal_of(reason: ReasonCode) -> tuple[str, str]:
    """Say that a broker refuses a connection, and what to check.

    Args:
        reason: as the broker gives it; the library turns the codes of MQTT 3.1.1 into these.
    """
    what = f"refuses harpi ({reason})"
    if reason.value in _LOGIN:
        return what, "check mqtt.username and the password in mqtt.password_file"
    return what, "check mqtt.username, mqtt.password_file, mqtt.tls and mqtt.version"


def is_refusal(reason: ReasonCode) -> bool:
    """Whether a broker does not speak the version; old ones may hang up without a reason."""
    return bool(reason.value == _UNSUPPORTED)


def guess(greeting: bytes, *, tls: bool) -> str:
    """Say why a peer may have hung up before it answered as a broker does.

    Args:
        greeting: what it said instead; empty for nothing.
        tls: whether it was spoken to over TLS.
    """
    ports = "check mqtt.port (1883 is usual, 8883 with TLS)"
    if greeting.startswith(b"HTTP"):
        return f"is a web server and no MQTT broker; {ports}"
    if greeting.startswith(b"SSH-"):
        return f"is an SSH server and no MQTT broker; {ports}"
    if greeting.startswith(b"\x15\x03"):
        return f"speaks TLS; set mqtt.tls.enabled = true, and {ports}"
    if greeting:
        said = "".join(c if c.isprintable() else "." for c in greeting.decode("latin-1"))
        return f"does not speak MQTT (it says {said!r}); {ports}"
    if tls:
        return (
            "hangs up before it answers; it may ask for a certificate (mqtt.tls.cert_file), "
            "another user name and password, or another device.id"
        )
    return (
        "hangs up before it answers; if it speaks TLS there, set mqtt.tls.enabled = true, "
        f"else {ports}, and whether it asks for a user name or another device.id"
    )

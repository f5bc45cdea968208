"""What `harpi setup` switches on where it is asked to: buttons, LEDs, page, broker.

The settings go to a file of their own beside harpi.toml, which stays the person's. Passwords
and certificates are made on the machine, once, and never stand in a list of processes: they go
from file to file. The settings come last, so that a run that breaks off leaves none that names
a file which is not there yet.
"""

from __future__ import annotations

import socket
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Final

from harpi import shipped
from harpi.config.schema import Config
from harpi.errors import SetupError
from harpi.setup.credentials import (
    HARPI,
    MOSQUITTO,
    ROOT,
    BrokerUsersStep,
    CertificateStep,
    SecretStep,
    new_password,
)
from harpi.setup.ledger import read
from harpi.setup.machine import Choice, Machine, Run
from harpi.setup.steps import FileStep, Step

SETTINGS_FILE: Final = "/etc/harpi/harpi.d/20-setup.toml"
PAGE_PASSWORD: Final = "/etc/harpi/page.password"  # noqa: S105 - a file
PAGE_KEY: Final = "/etc/harpi/page.key"
PAGE_CERTIFICATE: Final = "/etc/harpi/page.crt"
BROKER_FOLDER: Final = "/etc/mosquitto"
BROKER_SETTINGS: Final = "/etc/mosquitto/conf.d/harpi.conf"
BROKER_CERTIFICATES: Final = "/etc/mosquitto/certs"
AUTHORITY: Final = "/etc/harpi/ca.crt"
"""The certificate by which clients know the broker."""

DEVICE_PASSWORD: Final = "/etc/harpi/mqtt.password"  # noqa: S105 - a file
OTHER_USERS: Final = ("homeassistant", "viewer")
"""Users of the shipped access rules besides the device itself."""

PAGE_PORT: Final = 6050
BROKER_PORT: Final = 8883

_DAYS: Final = "825"
"""Longest life of a certificate that all browsers take."""

_BROKER_DAYS: Final = "3650"
_OF_DEBIAN: Final = (
    "pid_file",
    "persistence",
    "persistence_location",
    "log_dest",
    "include_dir",
)
"""Settings in the mosquitto.conf that Debian ships."""


@dataclass(frozen=True, slots=True)
class Features:
    """What is to be on (True) or off (False); None leaves it as it is."""

    buttons: bool | None = None
    leds: bool | None = None
    page: bool | None = None
    broker: bool | None = None

    @property
    def asked(self) -> bool:
        """Whether anything is to be switched."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    def over(self, others: Features) -> Features:
        """Fill in from others what is left open here."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return Features(
            **{
                name: getattr(others, name) if value is None else value
                for name, value in own.items()
            }
        )


def feature_steps(
    machine: Machine, config: Config, features: Features, run: Run
) -> Iterator[Step]:
    """Give the steps that switch features on, or off.

    Args:
        machine: which.
        config: as it is now, for the name of the device.
        features: what is asked for.
        run: starts a program.

    Raises:
        SetupError: the broker of this machine is somebody else's.
    """
    if not features.asked:
        return
    if features.page:
        yield from _page_steps(machine, run)
    if features.broker:
        _refuse_foreign_broker(machine)
        yield from _broker_steps(machine, device_name(machine, config), run)
    make = partial(_settings, features, device_name(machine, config))
    yield FileStep(machine, SETTINGS_FILE, make, "configuration")


def feature_packages(machine: Machine, features: Features) -> Iterator[Choice]:
    """Give the packages that the features need and that are not there yet."""
    if features.page or features.broker:
        yield Choice(
            "certificates",
            (),
            "apt",
            ("openssl",),
            "",
            program=str(machine.at("/usr/bin/openssl")),
        )
    if features.page:
        yield Choice(
            "the page",
            ("starlette",),
            "pip",
            ("starlette>=1.0", "uvicorn>=0.40"),
            "The page cannot be served without it.",
        )
    if features.broker:
        yield Choice(
            "the MQTT broker",
            (),
            "apt",
            ("mosquitto",),
            "",
            program=str(machine.at("/usr/sbin/mosquitto")),
        )


def host_name(machine: Machine) -> str:
    """Give the name of a machine in its network."""
    if machine.live:
        return socket.gethostname().partition(".")[0]
    return (read(machine.at("/etc/hostname")) or b"").decode(errors="replace").strip() or "pi"


def password_of(user: str) -> str:
    """Give the file with the password of one of `OTHER_USERS`."""
    return f"/etc/harpi/{user}.password"


def device_name(machine: Machine, config: Config) -> str:
    """Give the name of the device, which is its user name at the broker."""
    return config.device.name if machine.live else config.device.id or host_name(machine)


# --- the page ---------------------------------------------------------------------------------


def _page_steps(machine: Machine, run: Run) -> Iterator[Step]:
    yield SecretStep(machine, PAGE_PASSWORD, new_password, HARPI, 0o640)
    files = {PAGE_KEY: (HARPI, 0o640), PAGE_CERTIFICATE: (ROOT, 0o644)}
    yield CertificateStep(machine, files, partial(_page_certificate, machine, run))


def _page_certificate(machine: Machine, run: Run) -> Mapping[str, bytes]:
    name = host_name(machine)
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder) / "key", Path(folder) / "certificate"
        alternatives = f"subjectAltName=DNS:{name},DNS:{name}.local,DNS:localhost"
        run(
            (
                *("openssl", "req", "-x509", *_NEW_KEY, "-days", _DAYS),
                *("-subj", f"/CN={name}", "-addext", alternatives),
                *("-keyout", str(key), "-out", str(certificate)),
            )
        )
        return {PAGE_KEY: key.read_bytes(), PAGE_CERTIFICATE: certificate.read_bytes()}


_NEW_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


# --- the broker -------------------------------------------------------------------------------


def _broker_steps(machine: Machine, device: str, run: Run) -> Iterator[Step]:
    """Passwords, certificates, rules: what docs/mqtt.md does by hand."""
    users = {device: DEVICE_PASSWORD}
    users |= {name: password_of(name) for name in OTHER_USERS}
    for path in users.values():
        yield SecretStep(machine, path, new_password, HARPI, 0o640)
    yield BrokerUsersStep(machine, users, run)
    certificates = {
        f"{BROKER_CERTIFICATES}/broker.key": (MOSQUITTO, 0o600),
        f"{BROKER_CERTIFICATES}/broker.crt": (ROOT, 0o644),
        f"{BROKER_CERTIFICATES}/ca.crt": (ROOT, 0o644),
    }
    yield CertificateStep(machine, certificates, partial(_broker_certificates, machine, run))
    authority = machine.at(f"{BROKER_CERTIFICATES}/ca.crt")
    yield FileStep(machine, AUTHORITY, lambda _: read(authority) or b"", "configuration")
    for path, source in (
        ("/etc/mosquitto/harpi.acl", "firmware_config/mosquitto/harpi.acl"),
        (BROKER_SETTINGS, "firmware_config/mosquitto/passwords.conf"),
    ):
        content = shipped.path(source).read_bytes()
        yield FileStep(machine, path, partial(_always, content), "configuration")


def _always(content: bytes, _present: bytes | None) -> bytes:
    return content


def _broker_certificates(machine: Machine, run: Run) -> Mapping[str, bytes]:
    """Make a certificate by an authority whose key nobody keeps."""
    name = host_name(machine)
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        (there / "names").write_text(
            f"subjectAltName=DNS:{name},DNS:{name}.local,DNS:localhost\n", encoding="utf-8"
        )
        authority = ("-CA", str(there / "ca.crt"), "-CAkey", str(there / "ca.key"))
        run(
            (
                *("openssl", "req", "-x509", *_NEW_KEY, "-days", _BROKER_DAYS),
                *("-subj", f"/CN=broker of {name}", "-addext", "keyUsage=critical,keyCertSign"),
                *("-keyout", str(there / "ca.key"), "-out", str(there / "ca.crt")),
            )
        )
        run(
            (
                *("openssl", "req", *_NEW_KEY, "-subj", f"/CN={name}"),
                *("-keyout", str(there / "broker.key"), "-out", str(there / "broker.csr")),
            )
        )
        run(
            (
                *("openssl", "x509", "-req", "-in", str(there / "broker.csr"), *authority),
                *("-CAcreateserial", "-days", _BROKER_DAYS, "-extfile", str(there / "names")),
                *("-out", str(there / "broker.crt")),
            )
        )
        return {
            f"{BROKER_CERTIFICATES}/{file}": (there / file).read_bytes()
            for file in ("broker.key", "broker.crt", "ca.crt")
        }


def _refuse_foreign_broker(machine: Machine) -> None:
    """Refuse to change a mosquitto that somebody has configured.

    Raises:
        SetupError: it is.
    """
    if not machine.live and not machine.at("/usr/sbin/mosquitto").exists():
        raise SetupError(
            "mosquitto is not installed in this system",
            where=str(machine.root),
            remedy="Install it there first, or call this on the Pi itself",
        )
    folder = machine.at(BROKER_FOLDER)
    for path in (folder / "mosquitto.conf", *sorted((folder / "conf.d").glob("*.conf"))):
        if path == machine.at(BROKER_SETTINGS):
            continue
        lines = (read(path) or b"").decode(errors="replace").splitlines()
        for line in lines:
            words = line.split()
            if words and not words[0].startswith("#") and words[0] not in _OF_DEBIAN:
                raise SetupError(
                    f"mosquitto has settings of its own here ({words[0]})",
                    where=str(path),
                    remedy="Add harpi's users and rules to it by hand (docs/mqtt.md), then set "
                    "mqtt.username and mqtt.password_file",
                )


# --- the settings -----------------------------------------------------------------------------

_HEAD: Final = """\
# Written by `sudo harpi setup`, which also changes it: --buttons, --no-buttons and so on. What
# stands here goes before harpi.toml.
"""


def _settings(features: Features, device: str, present: bytes | None) -> bytes:
    """Write the settings of the features that are on or off, also from earlier calls."""
    wanted = features.over(_features_in(present or b""))
    parts = [_HEAD]
    for name in ("buttons", "leds"):
        on = getattr(wanted, name)
        if on is not None:
            parts.append(f"[{name}]\nenabled = {str(on).lower()}\n")
    if wanted.page:
        parts.append(
            f'[web]\nenabled = true\nhost = "0.0.0.0"\npassword_file = "{PAGE_PASSWORD}"\n'
            f'cert_file = "{PAGE_CERTIFICATE}"\nkey_file = "{PAGE_KEY}"\n'
        )
    elif wanted.page is not None:
        parts.append("[web]\nenabled = false\n")
    if wanted.broker:
        parts.append(
            f'[mqtt]\nenabled = true\nhost = "localhost"\nport = {BROKER_PORT}\n'
            f'username = "{device}"\npassword_file = "{DEVICE_PASSWORD}"\n'
        )
        parts.append(f'[mqtt.tls]\nenabled = true\nca_file = "{AUTHORITY}"\n')
    elif wanted.broker is not None:
        parts.append("[mqtt]\nenabled = false\n")
    return "\n".join(parts).encode()


def _features_in(content: bytes) -> Features:
    """Read back what `_settings` has written."""
    try:
        tables: dict[str, Any] = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return Features()
    sections = {"buttons": "buttons", "leds": "leds", "page": "web", "broker": "mqtt"}
    return Features(
        **{
            name: bool(tables[section].get("enabled"))
            for name, section in sections.items()
            if isinstance(tables.get(section), dict)
        }
    )

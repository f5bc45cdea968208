"""Settings that are fine alone and impossible together."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harpi.config.schema import Config
from harpi.errors import ConfigError, UsageError
from harpi.labels import check_label

CHIP_RATES: Final = tuple(rate for rate in range(25, 1001) if 1000 % rate == 0)
"""Rates that the chip's divider can make of its 1 kHz."""

RESERVED_PINS: Final = {
    0: "identification of add-on boards",
    1: "identification of add-on boards",
    2: "I2C data",
    3: "I2C clock",
    14: "UART transmit",
    15: "UART receive",
}
"""GPIO lines that buttons and lights must keep off, and what needs them."""

SLOWEST_WITHOUT_FILTER: Final = 8000 / 256
"""With `sensor.dlpf = 0` the chip divides 8 kHz by at most 256 (register map, SMPLRT_DIV)."""


def problems(
    config: Config, origins: Mapping[str, str], rejected: Collection[str] = ()
) -> list[ConfigError]:
    """Find every combination of settings that cannot work.

    Args:
        config: the settings, each valid for itself.
        origins: where each setting was given, for the messages.
        rejected: settings that stand at their defaults only because what was given was
            refused already; nothing is said about combinations with them.
    """
    return [
        ConfigError(text, where=_where(keys, origins), remedy=remedy)
        for keys, text, remedy in (
            *_rates(config),
            *_window(config),
            *_pins(config),
            *_labels(config),
            *_limits(config),
            *_broker(config),
            *_page(config),
        )
        if not set(keys) & set(rejected)
    ]


def missing_files(config: Config, origins: Mapping[str, str]) -> list[ConfigError]:
    """Find the files that the configuration names and that cannot be read."""
    named = {
        "models.base": config.models.base,
        "models.knn_reference": config.models.knn_reference,
        "mqtt.password_file": config.mqtt.password_file,
        "mqtt.tls.ca_file": config.mqtt.tls.ca_file,
        "mqtt.tls.cert_file": config.mqtt.tls.cert_file,
        "mqtt.tls.key_file": config.mqtt.tls.key_file,
        "web.password_file": config.web.password_file,
        "web.cert_file": config.web.cert_file,
        "web.key_file": config.web.key_file,
    }
    found = []
    for key, name in named.items():
        if name is None:
            continue
        try:
            with Path(name).open("rb"):
                pass
        except OSError as error:
            found.append(
                ConfigError(
                    f"{key}: {name} cannot be read: {error.strerror}",
                    where=_where((key,), origins),
                )
            )
    return found


_Finding = tuple[tuple[str, ...], str, str]

_ENCRYPT: Final = (
    "Make a certificate for web.cert_file and web.key_file (docs/page.md), or set "
    "web.unencrypted = true where you trust everybody in the network with the password"
)


def _where(keys: tuple[str, ...], origins: Mapping[str, str]) -> str:
    places = dict.fromkeys(origins[key] for key in keys if key in origins)
    return ", ".join(places)


def _rates(config: Config) -> Iterator[_Finding]:
    sensor, signal = config.sensor, config.signal
    if sensor.rate not in CHIP_RATES:
        yield (
            ("sensor.rate",),
            f"sensor.rate cannot be {sensor.rate}: the chip divides 1000 by a whole number",
            f"Allowed: {', '.join(map(str, CHIP_RATES))}",
        )
    if signal.rate > sensor.rate:
        yield (
            ("signal.rate", "sensor.rate"),
            f"signal.rate {signal.rate:g} is above sensor.rate {sensor.rate}",
            "Let the sensor be at least as fast as the models",
        )
    if sensor.dlpf == 0 and sensor.rate < SLOWEST_WITHOUT_FILTER:
        yield (
            ("sensor.dlpf", "sensor.rate"),
            f"sensor.dlpf 0 cannot go with sensor.rate {sensor.rate}",
            f"Allowed: a rate of at least {math.ceil(SLOWEST_WITHOUT_FILTER)}, or dlpf 1 to 6",
        )


def _window(config: Config) -> Iterator[_Finding]:
    signal = config.signal
    seconds = signal.length / signal.rate
    if seconds > signal.ring_seconds:
        yield (
            ("signal.length", "signal.rate", "signal.ring_seconds"),
            (
                f"a window of {signal.length} samples at {signal.rate:g} Hz lasts {seconds:g} "
                f"s, longer than the ring of {signal.ring_seconds:g} s"
            ),
            f"Set signal.ring_seconds to at least {math.ceil(seconds)}, or a shorter window",
        )


def _pins(config: Config) -> Iterator[_Finding]:
    roles: list[tuple[str, str, int]] = []
    if config.buttons.enabled:
        buttons = config.buttons
        roles += [
            ("buttons.labels", f"button {n}", pin)
            for n, pin in enumerate(buttons.labels, start=1)
        ]
        roles += _named_pins("buttons", train=buttons.train, undo=buttons.undo)
    if config.leds.enabled:
        leds = config.leds
        roles += _named_pins(
            "leds", recording=leds.recording, training=leds.training, status=leds.status
        )
    users: dict[int, tuple[str, str]] = {}
    for key, role, pin in roles:
        if pin in users:
            other_key, other = users[pin]
            yield (
                (key, other_key),
                f"{other} ({other_key}) and {role} ({key}) are both on GPIO{pin}",
                "Give each its own pin",
            )
        elif pin in RESERVED_PINS:
            yield (
                (key,),
                f"{role} ({key}) is on GPIO{pin}, which is needed for {RESERVED_PINS[pin]}",
                "Choose another pin, for example from 4 to 13 or 16 to 27",
            )
        users.setdefault(pin, (key, role))


def _named_pins(section: str, **pins: int | None) -> list[tuple[str, str, int]]:
    return [(f"{section}.{role}", role, pin) for role, pin in pins.items() if pin is not None]


def _labels(config: Config) -> Iterator[_Finding]:
    labels = config.learning.labels
    for label in labels:
        try:
            if (tidy := check_label(label)) != label:
                yield ("learning.labels",), f"{label!r} has too many blanks", f"Write {tidy!r}"
        except UsageError as error:
            yield ("learning.labels",), error.problem, error.remedy or "Choose another name"
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        yield (
            ("learning.labels",),
            f"learning.labels has {', '.join(twice)} more than once",
            "Name each activity once",
        )
    if config.buttons.enabled and len(labels) > len(config.buttons.labels):
        yield (
            ("learning.labels", "buttons.labels"),
            (
                f"learning.labels has {len(labels)} activities, "
                f"but buttons.labels only {len(config.buttons.labels)} pins"
            ),
            "Name one pin for each activity",
        )


def _limits(config: Config) -> Iterator[_Finding]:
    store, knn, buttons = config.store, config.knn, config.buttons
    if store.warn_mb > store.limit_mb:
        yield (
            ("store.warn_mb", "store.limit_mb"),
            f"store.warn_mb {store.warn_mb} is above store.limit_mb {store.limit_mb}",
            "Warn before the limit is reached",
        )
    if knn.k > knn.capacity:
        yield (
            ("knn.k", "knn.capacity"),
            f"knn.k {knn.k} is above knn.capacity {knn.capacity}",
            "Remember at least k windows",
        )
    if buttons.long_press_seconds <= buttons.debounce_seconds:
        yield (
            ("buttons.long_press_seconds", "buttons.debounce_seconds"),
            (
                f"buttons.long_press_seconds {buttons.long_press_seconds:g} is not longer than "
                f"buttons.debounce_seconds {buttons.debounce_seconds:g}"
            ),
            "A usual long press is 1.5 s, a usual debounce 0.03 s",
        )


def _broker(config: Config) -> Iterator[_Finding]:
    mqtt, tls = config.mqtt, config.mqtt.tls
    if mqtt.password_file is not None and mqtt.username is None:
        yield (
            ("mqtt.password_file",),
            "mqtt.password_file is given without mqtt.username",
            "MQTT has no password without a user name",
        )
    if (tls.cert_file is None) != (tls.key_file is None):
        yield (
            ("mqtt.tls.cert_file", "mqtt.tls.key_file"),
            "mqtt.tls.cert_file and mqtt.tls.key_file belong together",
            "Give both or none",
        )
    if not tls.enabled and (tls.ca_file is not None or tls.cert_file is not None):
        yield (
            ("mqtt.tls.ca_file", "mqtt.tls.cert_file"),
            "certificates are given, but mqtt.tls.enabled is false",
            "Set mqtt.tls.enabled = true, or the connection is not encrypted",
        )
    yield from _host("mqtt.host", mqtt.host)


_NO_NAME: Final = re.compile(r"[\s/@?#\[\]\x00-\x1f\x7f\ufeff]|:")


def _host(key: str, name: str) -> Iterator[_Finding]:
    try:
        ipaddress.ip_address(name.partition("%")[0])
        return
    except ValueError:
        pass
    if _NO_NAME.search(name):
        bare, port = _split_address(name)
        section = key.partition(".")[0]
        example = f'{key} = "{bare or "broker.local"}"'
        example += f", {section}.port = {port}" if port else ""
        tls = f", {section}.tls.enabled = true" if name.lower().startswith(_WITH_TLS) else ""
        yield (
            (key,),
            f"{key} {name!r} is no host name: it has no scheme, port, path or blank in it",
            f"Write {example}{tls}",
        )
        return
    try:
        name.encode("idna")
    except UnicodeError:
        yield (key,), f"{key} {name!r} is no host name", "Give a name or address"


_WITH_TLS: Final = ("mqtts:", "ssl:", "tls:", "wss:", "https:")


def _split_address(text: str) -> tuple[str, int | None]:
    """Find the host and the port in what may be an address of the web."""
    plain = re.sub(r"[\s\ufeff]", "", text)
    try:
        parts = urlsplit(plain if "://" in plain else f"//{plain}")
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def _page(config: Config) -> Iterator[_Finding]:
    web = config.web
    yield from _host("web.host", web.host)
    if not is_loopback(web.host) and web.password_file is None:
        yield (
            ("web.host", "web.password_file"),
            f"web.host {web.host} can be reached from other machines, and there is no password",
            'Set web.password_file, or web.host = "127.0.0.1"',
        )
    elif not is_loopback(web.host) and web.cert_file is None and not web.unencrypted:
        yield (
            ("web.host", "web.cert_file"),
            f"web.host {web.host} can be reached from other machines, but nothing is encrypted",
            _ENCRYPT,
        )
    if (web.cert_file is None) != (web.key_file is None):
        yield (
            ("web.cert_file", "web.key_file"),
            "web.cert_file and web.key_file belong together",
            "Give both or none",
        )


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches what is served on an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Every setting of harpi: its name, type, default, allowed values and meaning.

A section is a frozen `msgspec.Struct`; unknown keys are refused. The packaged
`defaults.toml` is these defaults written out for people, and a test holds the two equal.
Limits that concern one key stand here; those between keys stand in `checks.py`.

The types of `schema.py` are the only source: the words of an error message and the form in
which a value is shown are derived from them.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, field

SYSTEM_STATE: Final = Path("/var/lib/harpi")

SYSTEM_RUNTIME: Final = Path("/run/harpi")

Pin = Annotated[int, Meta(ge=0, le=27, description="GPIO line, BCM number")]

Positive = Annotated[float, Meta(gt=0)]

NotNegative = Annotated[float, Meta(ge=0)]

Share = Annotated[float, Meta(ge=0, le=1)]

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]

HostName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]

Topic = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00+#/][^\x00+#]*$")]

Label = Annotated[str, Meta(min_length=1, max_length=48, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections: immutable, and strict about what it is given."""


class DeviceSection(Section, frozen=True):
    """Who and where this device is."""

    id: Name | None = None
    """Name in MQTT topics; the host name where not given."""
    position: Label = "unspecified"
    """Where on the body it is worn now, e.g. `right_arm`."""

    @property
    def name(self) -> str:
        """The `id`, or the host name with what a topic cannot hold replaced."""
        if self.id is not None:
            return self.id
        host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname().partition(".")[0])
        return host.lstrip("_.-")[:63] or "harpi"


class SensorSection(Section, frozen=True):
    """The chip, its bus and its registers."""

    bus: Annotated[int, Meta(ge=0, le=255)] = 1
    """Number N of /dev/i2c-N."""
    address: Literal[0x68, 0x69] = 0x68
    """0x68 with AD0 to ground, 0x69 with AD0 high."""
    rate: Annotated[int, Meta(ge=25, le=1000)] = 50
    """Samples per second that the chip takes; 1000 / rate must be a whole number."""
    accel_range: Literal[2, 4, 8, 16] = 8
    """Full scale of the accelerometer, g."""
    gyro_range: Literal[250, 500, 1000, 2000] = 1000
    """Full scale of the gyroscope, deg/s."""
    dlpf: Annotated[int, Meta(ge=0, le=6)] | None = None
    """Low-pass filter setting of the chip; where not given, the widest below rate / 2."""
    batch: Annotated[int, Meta(ge=1, le=64)] | None = None
    """Samples that are fetched at once; where not given, one hop of the window or what
    fits well in the FIFO, whichever is less."""
    check_seconds: Positive = 5.0
    """How often the chip's configuration and temperature are read back."""
    rest_minutes: Annotated[float, Meta(ge=0.5, le=1440)] | None = None
    """Time without any motion after which the chip sleeps until something moves; where not
    given, it never does."""


class SignalSection(Section, frozen=True):
    """The windows that the recognisers see."""

    rate: Annotated[float, Meta(ge=5, le=200)] = 25.0
    """Samples per second of a window; where not given, those of `models.base`."""
    length: Annotated[int, Meta(ge=8, le=1024)] = 64
    """Samples in a window; where not given, those of `models.base`."""
    hop: Annotated[int, Meta(ge=1, le=1024)] = 16
    """Samples from the start of one window to the start of the next."""
    ring_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """Signal that is kept in memory."""


class ModelsSection(Section, frozen=True):
    """The files that the recognisers are made from."""

    base: str | None = None
    """The base model (.tflite); where not given, the one that ships with harpi."""
    knn_reference: str | None = None
    """The kNN's reference (.safetensors); where not given, the one that ships with harpi."""
    unknown_rate: Share = 0.05
    """Share of familiar windows that may be called unknown by mistake."""
    smooth_windows: Annotated[int, Meta(ge=1, le=100)] = 1
    """Consecutive windows over which an answer is the mean; 1 takes each by itself."""


class KnnSection(Section, frozen=True):
    """The nearest neighbours."""

    k: Annotated[int, Meta(ge=1, le=99)] = 5
    metric: Literal["euclidean", "manhattan", "chebyshev", "cosine"] = "manhattan"
    own_weight: Positive = 4.0
    """How much more a window of the wearer weighs than one of the shipped reference."""
    capacity: Annotated[int, Meta(ge=16, le=100_000)] = 4000
    """Windows of the wearer that are remembered."""


class LearningSection(Section, frozen=True):
    """What is learnt from a take, and how the head is trained."""

    labels: tuple[Label, ...] = ("walking", "sitting", "standing", "running")
    """The activities that the buttons stand for, in their order."""
    margin_seconds: NotNegative = 0.6
    """Signal next to the press of a button that is not learnt."""
    minimum_windows: Annotated[int, Meta(ge=1, le=10_000)] = 5
    """Windows per label that training asks for."""
    head: Literal["auto", "closed_form", "gradient"] = "auto"
    """How the personal head is fitted; `auto` is the closed form where the base has one."""
    optimizer: Literal["from_model"] = "from_model"
    """The optimiser is part of the base model file."""
    learning_rate: Positive = 0.01
    epochs: Annotated[int, Meta(ge=1, le=100_000)] = 200
    batch_size: Annotated[int, Meta(ge=1, le=4096)] = 32
    patience: Annotated[int, Meta(ge=1)] = 20
    """Epochs without a better validation loss before training stops early."""
    augment_copies: Annotated[int, Meta(ge=0, le=64)] = 6
    """Slightly turned copies of every window that are learnt too."""
    augment_degrees: Annotated[float, Meta(ge=0, le=180)] = 20.0
    """Standard deviation of those turns."""
    seed: Annotated[int, Meta(ge=0)] = 1


class StoreSection(Section, frozen=True):
    """The takes on disk."""

    limit_mb: Annotated[int, Meta(ge=1)] = 2048
    """Size at which recording is refused."""
    warn_mb: Annotated[int, Meta(ge=1)] = 1536
    """Size from which a warning is given."""
    keep_free_mb: Annotated[int, Meta(ge=0)] = 200
    """Free space on the disk that harpi leaves to others."""


class DiarySection(Section, frozen=True):
    """The diary of what the wearer did, and what the wearer wants to be told."""

    enabled: bool = True
    limit_mb: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Size at which the oldest bouts are deleted; a year takes about 10 MB."""
    signal_minutes: Annotated[float, Meta(ge=0, le=240)] = 60.0
    """So long the signal is kept in memory, so that a bout that is corrected becomes a take, as
    far as 8 MB reach; 0 keeps none."""
    nudge_activities: tuple[Label, ...] = ("sitting",)
    """What the wearer does not want to do for too long."""
    nudge_minutes: Annotated[float, Meta(ge=1, le=1440)] | None = None
    """After so many minutes of it, harpi says so; where not given, it never does."""
    goal_activities: tuple[Label, ...] = ("walking", "running")
    """What the wearer wants to do every day."""
    goal_minutes: Annotated[float, Meta(ge=1, le=1440)] | None = None
    """Of these together; where not given, there is no goal."""


class ButtonsSection(Section, frozen=True):
    """The buttons, by their role; a pin is a BCM number, the button connects it to ground."""

    enabled: bool = False
    labels: tuple[Pin, ...] = (5, 6, 13, 19)
    """One pin for each of `learning.labels`, in their order."""
    train: Pin | None = 26
    undo: Pin | None = 12
    mode: Literal["toggle", "hold"] = "toggle"
    """`toggle`: press to start, press to stop; `hold`: record while pressed."""
    debounce_seconds: Annotated[float, Meta(gt=0, le=1)] = 0.03
    long_press_seconds: Annotated[float, Meta(gt=0, le=30)] = 1.5


class LedsSection(Section, frozen=True):
    """The lights, by their role; active high, through a resistor to ground."""

    enabled: bool = False
    recording: Pin | None = 16
    training: Pin | None = 20
    status: Pin | None = 21


class TlsSection(Section, frozen=True):
    """Encryption towards the broker."""

    enabled: bool = False
    ca_file: str | None = None
    """Certificate authority; where not given, those of the system."""
    cert_file: str | None = None
    key_file: str | None = None


class HistorySection(Section, frozen=True):
    """Numbered verdicts and results on `/history`; they wait while the broker is away."""

    enabled: bool = True
    limit_mb: Annotated[int, Meta(ge=1, le=1000)] = 16
    """Size of what may wait; 16 MB are about ten hours of verdicts."""
    when_full: Literal["drop_oldest", "drop_newest"] = "drop_oldest"
    write_seconds: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    """How often what waits is written to the disk; twice that is lost at most when the power
    fails."""
    settle_seconds: Annotated[float, Meta(ge=0, le=600)] = 5.0
    """After a broken connection, time for the subscribers to come back, too."""
    per_second: Annotated[float, Meta(ge=1, le=10_000)] = 200.0
    """How fast at most what waited is sent: brokers drop what a subscriber cannot take."""


class CommandsSection(Section, frozen=True):
    """Commands on `/set/<command>`."""

    enabled: bool = True
    per_minute: Annotated[float, Meta(gt=0, le=6000)] = 60.0
    """Commands that are done in the long run."""
    burst: Annotated[int, Meta(ge=1, le=1000)] = 10
    """Commands that are done at once after a rest."""


class DiscoverySection(Section, frozen=True):
    """How Home Assistant finds the device."""

    enabled: bool = True
    prefix: Topic = "homeassistant"
    """First part of the topics where Home Assistant looks for devices."""
    birth_topic: Topic = "homeassistant/status"
    """Where Home Assistant says that it has started."""


class MqttSection(Section, frozen=True):
    """The broker that results go to."""

    enabled: bool = True
    host: Annotated[str, Meta(min_length=1)] = "localhost"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    prefix: Topic = "harpi"
    """First part of every topic."""
    username: str | None = None
    password_file: str | None = None
    """File whose first line is the password; readable by harpi alone."""
    version: Literal["auto", "5", "3.1.1"] = "auto"
    """Version of MQTT; `auto` takes 5 where the broker speaks it."""
    health_seconds: Positive = 10.0
    """How often `/health` is published."""
    tls: TlsSection = field(default_factory=TlsSection)
    history: HistorySection = field(default_factory=HistorySection)
    commands: CommandsSection = field(default_factory=CommandsSection)
    discovery: DiscoverySection = field(default_factory=DiscoverySection)


class WebSection(Section, frozen=True):
    """The page: what harpi sees and learns, in a browser."""

    enabled: bool = False
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """Address to serve on; `0.0.0.0` for all, which needs `password_file` and a certificate."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 6050
    password_file: str | None = None
    """File whose first line is the password; readable by harpi alone."""
    names: tuple[HostName, ...] = ()
    """Names of this device in a browser, besides `localhost`, the host name and addresses."""
    cert_file: str | None = None
    """Certificate, to serve the page encrypted; with `key_file`."""
    key_file: str | None = None
    unencrypted: bool = False
    """Serve other machines without a certificate: whoever shares the network may read the
    password and everything else."""


class SocketSection(Section, frozen=True):
    """The local socket through which `harpi record` and its kind reach the daemon."""

    enabled: bool = True
    group: str | None = None
    """Group that may use it besides the owner."""
    timeout_seconds: Positive = 5.0


class PathsSection(Section, frozen=True):
    """Where harpi keeps its files."""

    state: Annotated[str, Meta(min_length=1)] | None = None
    """Takes, heads and what was learnt; see `state_folder`."""
    runtime: Annotated[str, Meta(min_length=1)] | None = None
    """What need not survive a reboot: the socket; see `runtime_folder`."""

    @property
    def state_folder(self) -> Path:
        """Where the state is kept: `state`, where it is given.

        Else /var/lib/harpi, on a machine that was set up for harpi and for root; else
        harpi's folder among the state of the user.
        """
        if self.state is not None:
            return Path(self.state)
        if _set_up_for_harpi():
            return SYSTEM_STATE
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "harpi"

    @property
    def runtime_folder(self) -> Path:
        """Where the socket is: in `runtime`, where it is given.

        Else in /run/harpi, on a machine that was set up for harpi and for root; else in
        harpi's folder among the run-time files of the user.
        """
        if self.runtime is not None:
            return Path(self.runtime)
        if _set_up_for_harpi():
            return SYSTEM_RUNTIME
        own = os.environ.get("XDG_RUNTIME_DIR")
        return Path(own) / "harpi" if own else self.state_folder / "run"


def _set_up_for_harpi() -> bool:
    # The real user: root may act as the owner of the state (harpi.privileges).
    return 0 in (os.getuid(), os.geteuid()) or SYSTEM_STATE.exists()


class LogSection(Section, frozen=True):
    """What is written to the terminal or the journal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "journal", "json"] = "auto"


class Config(Section, frozen=True):
    """All settings of one device."""

    device: DeviceSection = field(default_factory=DeviceSection)
    sensor: SensorSection = field(default_factory=SensorSection)
    signal: SignalSection = field(default_factory=SignalSection)
    models: ModelsSection = field(default_factory=ModelsSection)
    knn: KnnSection = field(default_factory=KnnSection)
    learning: LearningSection = field(default_factory=LearningSection)
    store: StoreSection = field(default_factory=StoreSection)
    diary: DiarySection = field(default_factory=DiarySection)
    buttons: ButtonsSection = field(default_factory=ButtonsSection)
    leds: LedsSection = field(default_factory=LedsSection)
    mqtt: MqttSection = field(default_factory=MqttSection)
    web: WebSection = field(default_factory=WebSection)
    socket: SocketSection = field(default_factory=SocketSection)
    paths: PathsSection = field(default_factory=PathsSection)
    log: LogSection = field(default_factory=LogSection)


NOTHING: Final = "none"
"""How a file says that an optional setting is not used: TOML has no null."""

Kind: TypeAlias = Any
"""A type annotation of a setting."""


@cache
def settings(section: type[Section], prefix: str = "") -> Mapping[str, Kind]:
    """Give every dotted key of a section, then of the sections in it, with its kind."""
    own: dict[str, Kind] = {}
    nested: dict[str, Kind] = {}
    for entry in msgspec.structs.fields(section):
        name = f"{prefix}{entry.name}"
        if isinstance(entry.type, type) and issubclass(entry.type, Section):
            nested |= settings(entry.type, f"{name}.")
        else:
            own[name] = entry.type
    return MappingProxyType(own | nested)


def convert(kind: Kind, value: object) -> object:
    """Turn a raw value into what the setting holds.

    Raises:
        ValueError: the value is not of this kind; `describe` says what would be.
    """
    if value == NOTHING and optional(kind):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("no name of a file or of anything else")
    return msgspec.convert(value, kind)


def optional(kind: Kind) -> bool:
    """Whether the setting may be left unused."""
    return type(None) in _alternatives(kind)


def describe(kind: Kind) -> str:
    """Say in words which values a setting may have."""
    words = [_words(choice) for choice in _alternatives(kind) if choice is not type(None)]
    if optional(kind):
        words.append(f'"{NOTHING}"')
    return " or ".join(words)


def to_toml(key: str, value: object) -> str:
    """Write a value as TOML; the I2C address in hexadecimal, as everybody reads it."""
    if value is None:
        return f'"{NOTHING}"'
    if key == "sensor.address" and isinstance(value, int):
        return f"{value:#x}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(to_toml(key, item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} = {to_toml(key, v)}" for k, v in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return str(value)


def _origin(kind: Kind) -> object:
    return get_origin(kind)


def _alternatives(kind: Kind) -> tuple[Kind, ...]:
    return get_args(kind) if _origin(kind) in (Union, types.UnionType) else (kind,)


def _words(kind: Kind) -> str:
    meta = msgspec.Meta()
    if _origin(kind) is Annotated:
        kind, meta = get_args(kind)
    if _origin(kind) is Literal:
        choices = get_args(kind)
        if choices == (0x68, 0x69):
            return "0x68 or 0x69"
        return "one of " + ", ".join(json.dumps(choice) for choice in choices)
    if _origin(kind) is tuple:
        return f"a list, each {_words(get_args(kind)[0])}"
    if kind is bool:
        return "true or false"
    if kind is str:
        return _text(meta)
    return _number("a whole number" if kind is int else "a number", meta)


def _number(noun: str, meta: msgspec.Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f"{noun} from {meta.ge:g} to {meta.le:g}"
    parts = [
        f"{word} {limit:g}"
        for word, limit in (
            ("above", meta.gt),
            ("from", meta.ge),
            ("below", meta.lt),
            ("up to", meta.le),
        )
        if limit is not None
    ]
    return " ".join([noun, *parts])


def _text(meta: msgspec.Meta) -> str:
    words = "text in quotes"
    if meta.max_length is not None:
        words += f" of 1 to {meta.max_length} characters"
    if meta.pattern is not None:
        words += f" matching {meta.pattern}"
    return words

"""Views of what devices say: a picture on a terminal, lines for people, lines for machines."""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Final, Protocol, TextIO

import msgspec

from harpi.publish.messages import Health, Opinion, State
from harpi.publish.subscriber import Heard, LinkChanged

SILENCE_SECONDS: Final = 3.0
"""Silence after which it is said that no device is heard."""

_MODELS: Final = {"knn": "kNN", "generic": "generic", "personal": "personal"}
_BAR: Final = 20
_ERASE_LINE: Final = "\x1b[K"


@dataclass(slots=True)
class Device:
    """What is known of a device: the last of each thing it said."""

    name: str
    status: str = "?"
    state: State | None = None
    health: Health | None = None


class Source(Protocol):
    """Where it is heard from; a `Subscriber` is one."""

    def next(self, seconds: float) -> Heard | LinkChanged | None:
        """Give what was heard next, or None after `seconds` of silence."""
        ...


class View(Protocol):
    """One way to show what devices say."""

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Show that `device` has said `name`."""
        ...

    def tell(self, text: str) -> None:
        """Say something about the link."""
        ...


def follow(source: Source, view: View, *, topic: str, verdicts: int | None = None) -> None:
    """Show what is heard until `verdicts` states were shown, or for ever."""
    devices: dict[str, Device] = {}
    shown = 0
    deadline = time.monotonic() + SILENCE_SECONDS
    while verdicts is None or shown < verdicts:
        event = source.next(0.2)
        if event is None:
            if not devices and time.monotonic() > deadline:
                view.tell(f"nothing is said under {topic} yet; is the daemon running?")
                deadline = float("inf")
        elif isinstance(event, LinkChanged):
            if devices:
                view.tell("the broker is back" if event.connected else "the broker is away")
        elif (device := _learn(devices, event, view)) is not None:
            view.show(device, event.name, event.payload)
            shown += event.name == "state"


def _learn(devices: dict[str, Device], heard: Heard, view: View) -> Device | None:
    """Note what a device said; None where it is not for us or makes no sense."""
    if heard.name not in ("status", "state", "health"):
        return None
    device = devices.setdefault(heard.device, Device(heard.device))
    try:
        if heard.name == "status":
            device.status = heard.payload.decode(errors="replace")
        elif heard.name == "state":
            device.state = msgspec.json.decode(heard.payload, type=State)
        else:
            device.health = msgspec.json.decode(heard.payload, type=Health)
    except msgspec.DecodeError as error:
        view.tell(f"{heard.device}/{heard.name} is not as harpi says it: {error}")
        return None
    return device


class JsonLines:
    """One JSON object for each thing said: the device, and what it said by its name."""

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Print the message as it came."""
        said = payload.decode() if name == "status" else json.loads(payload)
        print(json.dumps({"device": device.name, name: said}), flush=True)

    def tell(self, text: str) -> None:
        """Say it beside the output."""
        print(f"harpi: {text}", file=sys.stderr)


class PlainLines:
    """One line for each verdict, and for each change of a status."""

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Print a line for a verdict or a status."""
        if name == "status":
            print(f"{device.name} is {device.status}", flush=True)
        elif name == "state" and device.state is not None:
            answers = " ".join(
                f"{model}={_answer(opinion, untrained='-')}"
                + (f":{opinion.confidence:.2f}" if opinion.trained else "")
                for model, opinion in _opinions(device.state).items()
            )
            moment = device.state.end.strftime("%Y-%m-%dT%H:%M:%SZ")
            print(f"{moment} {device.name} {answers}", flush=True)

    def tell(self, text: str) -> None:
        """Say it beside the output."""
        print(f"harpi: {text}", file=sys.stderr)


class Screen:
    """A picture of all devices that is redrawn in place.

    Args:
        stream: the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._devices: dict[str, Device] = {}
        self._note = ""
        self._height = 0

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Redraw with what is new."""
        self._devices[device.name] = device
        self._draw()

    def tell(self, text: str) -> None:
        """Redraw with the text below."""
        self._note = "" if text == "the broker is back" else text
        self._draw()

    def _draw(self) -> None:
        width = shutil.get_terminal_size().columns
        lines = [line for device in self._devices.values() for line in picture(device)]
        if self._note:
            lines.append(self._note)
        up = f"\x1b[{self._height}A" if self._height else ""
        body = "".join(f"{line[: width - 1]}{_ERASE_LINE}\n" for line in lines)
        self._stream.write(f"{up}\r{body}\x1b[J")
        self._stream.flush()
        self._height = len(lines)


def picture(device: Device) -> list[str]:
    """Draw one device: a headline, and a line with a bar for each model."""
    headline = f"{device.name}  {device.status}"
    if device.state is not None:
        moment = device.state.end.astimezone().strftime("%H:%M:%S")
        headline += f"  {moment}  window {device.state.sequence}"
    if device.health is not None:
        sensor = device.health.sensor
        headline += f"  {sensor.chip} {sensor.state}, {sensor.rate_hz:.1f} samples/s"
        headline += f", {sensor.lost} lost"
    if device.state is None:
        return [headline, "  no verdict yet"]
    return [
        headline,
        *(_row(model, opinion) for model, opinion in _opinions(device.state).items()),
    ]


def _row(model: str, opinion: Opinion) -> str:
    answer = _answer(opinion, untrained="not trained yet")
    if not opinion.trained:
        return f"  {_MODELS[model]:<9} {answer}"
    bar = "█" * round(opinion.confidence * _BAR)
    return (
        f"  {_MODELS[model]:<9} {answer:<16} {opinion.confidence:>4.0%}  "
        f"{bar:<{_BAR}} {opinion.latency_ms:>6.1f} ms"
    )


def _answer(opinion: Opinion, *, untrained: str) -> str:
    if not opinion.trained:
        return untrained
    return "unknown" if opinion.answer is None else opinion.answer


def _opinions(state: State) -> dict[str, Opinion]:
    return {"knn": state.knn, "generic": state.generic, "personal": state.personal}

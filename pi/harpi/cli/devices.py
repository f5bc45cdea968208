"""What devices say, followed: what is known of each, and views of it as lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from harpi.cli.terminal import StopFlag, clean
from harpi.commands import Event, Situation
from harpi.files import decode_json
from harpi.names import MODELS
from harpi.publish.messages import Health, Opinion, State
from harpi.publish.subscriber import Heard, LinkChanged

SILENCE_SECONDS: Final = 3.0
"""Silence after which it is said that no device is heard."""

PATIENCE: Final = 0.2
"""Longest wait for what is heard next; as often a view may look at the time."""

BROKER_AWAY: Final = "the broker is away; trying again until it is back"

BROKER_BACK: Final = "the broker is back"


@dataclass(slots=True)
class Device:
    """What is known of a device: the last of each thing it said.

    Attributes:
        name: second part of its topics.
        status: `online` or `offline`.
        state: its last verdict.
        health: how it does.
        session: how its session stands.
        event: what happened last in its session.
        heard: monotonic seconds of the last verdict.
    """

    name: str
    status: str = "?"
    state: State | None = None
    health: Health | None = None
    session: Situation | None = None
    event: Event | None = None
    heard: float = 0.0


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

    def tick(self) -> None:
        """Take note that time goes on; called some times a second while nothing is heard."""
        ...


def follow(
    source: Source,
    view: View,
    ending: StopFlag,
    *,
    topic: str,
    verdicts: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Show what is heard until `verdicts` states were shown, or it is told to end.

    Args:
        source: where it is heard from.
        view: how it is shown.
        ending: tells when to end.
        topic: what is listened to, for people.
        verdicts: end after so many.
        clock: monotonic seconds.
    """
    devices: dict[str, Device] = {}
    shown = 0
    deadline = clock() + SILENCE_SECONDS
    while not ending.asked and (verdicts is None or shown < verdicts):
        event = source.next(PATIENCE)
        if event is None:
            if not devices and clock() > deadline:
                view.tell(f"nothing is said under {topic} yet; is the daemon running?")
                deadline = float("inf")
            view.tick()
        elif isinstance(event, LinkChanged):
            if not event.connected:
                view.tell(BROKER_AWAY)
            elif devices:
                view.tell(BROKER_BACK)
        elif (device := _learn(devices, event, view)) is not None:
            if event.name == "state":
                device.heard = clock()
                shown += 1
            view.show(device, event.name, event.payload)


def _learn(devices: dict[str, Device], heard: Heard, view: View) -> Device | None:
    """Note what a device said; None where it is not for us or makes no sense."""
    if heard.name not in ("status", "state", "health", "session", "event"):
        return None
    known = devices.get(heard.device)
    device = known or Device(clean(heard.device))
    try:
        if heard.name != "status":  # what a newer harpi adds has to be sound, too
            decode_json(heard.payload, object)
        if heard.name == "status":
            device.status = clean(heard.payload.decode(errors="replace"))
        elif heard.name == "state":
            device.state = decode_json(heard.payload, State)
        elif heard.name == "health":
            device.health = decode_json(heard.payload, Health)
        elif heard.name == "session":
            device.session = decode_json(heard.payload, Situation)
        else:
            device.event = decode_json(heard.payload, Event)
    except msgspec.DecodeError as error:
        view.tell(f"{device.name}/{heard.name} is not a message of harpi: {clean(str(error))}")
        return None
    devices[heard.device] = device
    return device


class JsonLines:
    """One JSON object for each thing said: the device, and what it said by its name."""

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Print the message as it came."""
        said = device.status if name == "status" else decode_json(payload, object)
        print(json.dumps({"device": device.name, name: said}), flush=True)

    def tell(self, text: str) -> None:
        """Say it beside the output."""
        print(f"harpi: {text}", file=sys.stderr)

    def tick(self) -> None:
        """Nothing to do: a line stays as it is."""


class PlainLines:
    """One line for each verdict, change of a status, and thing that happened."""

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Print a line; figures of health and the progress of training have none."""
        if name == "status":
            print(f"{device.name} is {device.status}", flush=True)
        elif name == "state" and device.state is not None:
            answers = " ".join(
                f"{model}={answer_of(opinion, untrained='-')}"
                + (f":{opinion.confidence:.2f}" if opinion.trained else "")
                for model, opinion in opinions(device.state).items()
            )
            moment = device.state.end.strftime("%Y-%m-%dT%H:%M:%SZ")
            activity = f"activity={activity_of(device.state)}"
            if (together := device.state.activity).trained:
                activity += f":{together.confidence:.2f}"
            print(f"{moment} {device.name} {activity} {answers}", flush=True)
        elif name == "event" and device.event is not None and device.event.kind != "progress":
            print(f"{device.name}: {clean(device.event.message)}", flush=True)

    def tell(self, text: str) -> None:
        """Say it beside the output."""
        print(f"harpi: {text}", file=sys.stderr)

    def tick(self) -> None:
        """Nothing to do: a line stays as it is."""


def answer_of(opinion: Opinion, *, untrained: str) -> str:
    """Say what a model answers."""
    if not opinion.trained:
        return untrained
    return "unknown" if opinion.answer is None else clean(opinion.answer)


def opinions(state: State) -> dict[str, Opinion]:
    """Give what the models say, in the order in which people are shown them."""
    return {model: getattr(state, model) for model in MODELS}


def activity_of(state: State) -> str:
    """Say what the wearer does."""
    if state.worn is False:
        return "not worn"
    return answer_of(state.activity, untrained="-")

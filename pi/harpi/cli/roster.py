"""Who is on a broker, gathered from what every device says of itself."""

from __future__ import annotations

import json as json_module
import time
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harpi.cli.devices import BROKER_AWAY
from harpi.cli.terminal import StopFlag, clean, since
from harpi.files import decode_json
from harpi.publish.messages import OFFLINE, ONLINE, Health
from harpi.publish.subscriber import Heard, LinkChanged

TOPICS: Final = ("status", "health")
"""What is heard of every device, in one subscription."""

CAPACITY: Final = 10_000
"""Messages that may wait to be looked at: all retained ones of a large fleet come at once."""

QUIET_SECONDS: Final = 0.5
"""Silence after which all that is retained has been heard."""

LONGEST_SECONDS: Final = 5.0
"""How long a list is gathered at most: a large fleet is never silent."""

REDRAW_SECONDS: Final = 0.5

_BESIDE_ROWS: Final = 3
"""Lines of the list on a terminal beside its rows: heading, sum and note."""

PATIENCE: Final = 0.2
"""Longest wait for what is heard next; as often it is looked whether to end."""


class Source(Protocol):
    """Where it is heard from; a `Subscriber` is one."""

    def next(self, seconds: float) -> Heard | LinkChanged | None:
        """Give what was heard next, or None after `seconds` of silence."""
        ...


class Member(Struct, kw_only=True):
    """One device, as it was last heard."""

    device: str
    status: str = "unknown"
    health: Health | None = None

    def fields(self) -> dict[str, Any]:
        """Give everything for machines; null where the device has not said it."""
        return {"device": self.device, "status": self.status, **self._of_health()}

    def _of_health(self) -> dict[str, Any]:
        health = self.health
        if health is None:
            return {"version": None, "heard": None}
        personal = health.models.get("personal")
        return {
            "version": health.version,
            "heard": health.time.isoformat(),
            "uptime_s": health.uptime_s,
            "sensor": health.sensor.state,
            "rate_hz": health.sensor.rate_hz,
            "lost": health.sensor.lost,
            "temperature_c": health.sensor.temperature_c,
            "windows": health.recognition.windows,
            "waiting": health.mqtt.waiting,
            "given_up": health.mqtt.given_up,
            "mqtt": health.mqtt.version,
            "head": personal.source if personal else None,
        }

    def line(self) -> str:
        """Tell it in one line."""
        cells = [clean(self.device), self.status, *self._cells()]
        return "  ".join(cell for cell in cells if cell)

    def row(self) -> tuple[str, ...]:
        """Give the cells of the table."""
        return (clean(self.device), self.status, *(cell or "-" for cell in self._cells()))

    def _cells(self) -> tuple[str, ...]:
        health = self.health
        if health is None:
            return ("",) * 6
        temperature = health.sensor.temperature_c
        age = (datetime.now(UTC) - health.time).total_seconds()
        return (
            clean(health.version),
            f"{clean(health.sensor.state)} {health.sensor.rate_hz:.1f} Hz",
            f"{health.sensor.lost} lost",
            "" if temperature is None else f"{temperature:.1f} °C",
            f"{health.mqtt.waiting} waiting" if health.mqtt.waiting else "",
            f"{since(max(0.0, age))} ago",
        )


class Roster:
    """All devices, by their names.

    Attributes:
        members: by name.
    """

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}

    def note(self, heard: Heard) -> Member | None:
        """Take something in; give the device, or None where it makes no sense."""
        if heard.name == "status":
            if heard.payload not in (ONLINE, OFFLINE):
                return None
            member = self._member(heard.device)
            member.status = heard.payload.decode()
            return member
        try:
            health = decode_json(heard.payload, Health)
        except msgspec.DecodeError:
            return None
        member = self._member(heard.device)
        member.health = health
        return member

    def _member(self, device: str) -> Member:
        return self.members.setdefault(device, Member(device=device))

    def sorted(self) -> list[Member]:
        """Give them in the order of their names."""
        return [self.members[name] for name in sorted(self.members)]

    def table(self, rows: int | None = None) -> Table:
        """Draw them, a row each, at most `rows`, with a sum."""
        online = sum(member.status == "online" for member in self.members.values())
        caption = f"{online} of {len(self.members)} devices are online"
        shown = self.sorted()[:rows]
        if more := len(self.members) - len(shown):
            caption += f"; {more} more than fit"
        table = Table(
            caption=caption,
            caption_justify="left",
            box=None,
            pad_edge=False,
        )
        for name in (
            "device",
            "status",
            "version",
            "sensor",
            "lost",
            "chip",
            "outbox",
            "heard",
        ):
            table.add_column(name, no_wrap=True)
        for member in shown:
            style = "" if member.status == "online" else "dim"
            table.add_row(*member.row(), style=style)
        return table


def gather(source: Source, roster: Roster, ending: StopFlag) -> None:
    """Hear what is retained of all devices, until it is quiet or told to end."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not ending.asked and time.monotonic() < deadline:
        event = source.next(QUIET_SECONDS)
        if event is None:
            return
        if isinstance(event, Heard):
            roster.note(event)


def follow(source: Source, roster: Roster, ending: StopFlag, *, json: bool) -> None:
    """Print a line for each change, until told to end."""
    while not ending.asked:
        event = source.next(PATIENCE)
        if isinstance(event, Heard) and (member := roster.note(event)) is not None:
            text = json_module.dumps(member.fields()) if json else member.line()
            print(text, flush=True)


def show(source: Source, roster: Roster, ending: StopFlag, console: Console) -> None:
    """Show all devices in a list that is redrawn, until told to end; the last one stays."""
    note = "listening ..."
    with Live(console=console, auto_refresh=False, screen=True) as view:
        drawn = float("-inf")
        while not ending.asked:
            event = source.next(PATIENCE)
            if isinstance(event, LinkChanged):
                note = "Ctrl-C ends" if event.connected else BROKER_AWAY
            elif event is not None:
                roster.note(event)
            if time.monotonic() - drawn >= REDRAW_SECONDS:
                drawn = time.monotonic()
                table = roster.table(max(1, console.height - _BESIDE_ROWS))
                view.update(Group(table, Text(note, "dim")), refresh=True)
    print_list(roster, console, json=False)


def print_list(roster: Roster, console: Console, *, json: bool) -> None:
    """Print all devices."""
    if json:
        print(json_module.dumps([member.fields() for member in roster.sorted()], indent=2))
    elif roster.members:
        console.print(roster.table())

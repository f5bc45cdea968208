"""Numbered messages that wait: added, sent, acknowledged, and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from harpi.config.schema import HistorySection
from harpi.publish.history import Entry, History
from harpi.publish.messages import compose_gap


def history(path: Path | None = None, **section: Any) -> History:
    one = History(msgspec.convert(section, HistorySection), path, compose_gap)
    one.open()
    return one


def compose(size: int = 0) -> Any:
    def write(stream: str, number: int) -> bytes:
        said = {"stream": stream, "sequence": number, "kind": "verdict"}
        return json.dumps({**said, "padding": "x" * size}).encode()

    return write


def add(one: History, count: int, size: int = 0) -> None:
    for _ in range(count):
        one.add(compose(size))


def send(one: History, most: int = 10**9) -> list[Entry]:
    """Send what is due, and let the broker acknowledge it."""
    sent = []
    while len(sent) < most and (entry := one.take()) is not None:
        one.acknowledge(entry)
        sent.append(entry)
    return sent


def heard(entries: list[Entry]) -> list[tuple[int, int]]:
    return [(entry.first, entry.number) for entry in entries]


def each(*numbers: int) -> list[tuple[int, int]]:
    return [(number, number) for number in numbers]

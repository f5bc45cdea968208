"""What the page shows and commands; the daemon has it all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harpi.commands import Room
from harpi.errors import StoreError
from harpi.learning.heads import HeadShelf
from harpi.learning.store import Store
from harpi.publish.condition import Condition
from harpi.recognition.model_file import ModelFile
from harpi.signal.ring import Ring
from harpi.timebase import Timebase


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the page has everything from.

    Attributes:
        room: where commands go, and events come from.
        ring: the signal of the last seconds.
        store: the takes; or why there is no store.
        condition: tells how the device does; may be called by any thread.
        evaluations: the log of evaluations, whether or not it exists.
        shelf: the heads that were kept.
        base: the model that they have to belong to.
        timebase: the clock of the samples.
    """

    room: Room
    ring: Ring
    store: Store | StoreError
    condition: Callable[[], Condition]
    evaluations: Path
    shelf: HeadShelf
    base: ModelFile
    timebase: Timebase

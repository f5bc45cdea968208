"""A take: one labelled stretch of signal, and what is known of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Final, Literal, get_args

from harpi.errors import UsageError

Split = Literal["train", "test"]
"""What a take is for. It is chosen when the take begins and never changes."""

State = Literal["recording", "importing", "kept"]
"""`recording` and `importing` takes are still being written; all others are `kept`."""

Flag = Literal["too_short", "inconsistent", "interrupted"]
"""What is doubtful about a take.

`too_short`: too few windows to learn from. `inconsistent`: its motion does not agree with
itself, half sitting and half walking. `interrupted`: harpi ended while it was recorded; what
had reached the disk by then is whole.
"""

SPLITS: Final[tuple[Split, ...]] = get_args(Split)
FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)

LONGEST_NAME: Final = 48
"""Characters of the longest label or position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What is known of a take besides its samples.

    The first group is given by whoever records it, the second by the store.

    Attributes:
        label: the activity, 1 to 48 printable characters.
        session: number of the mounting of the strap that it belongs to.
        split: `train` or `test`.
        position: where on the body the sensor was, e.g. `right_arm`.
        start: UTC time of the first sample.
        rate: nominal samples per second of the chip.
        device: name of the device that recorded it.
        flags: what is doubtful about it.
        note: anything a person wants to remember.
        id: number in the store; never used again, even after a purge. 0 before it is stored.
        state: whether it is still being written.
        count: recorded samples.
        seconds: from the first sample to the end of the last one, gaps included.
        gaps: how often samples are missing within it.
        keep_from: signal before this second is not used.
        keep_to: signal from this second on is not used; None keeps it to the end.
        digest: SHA-256 of its samples, float32 ``[count, 6]`` little-endian; empty while it
            is being written.
        deleted: UTC time at which it was deleted, None if it was not.

    Raises:
        UsageError: a value that cannot be, said in words.
    """

    label: str
    session: int
    split: Split = "train"
    position: str = "unspecified"
    start: datetime
    rate: float
    device: str = ""
    flags: tuple[Flag, ...] = ()
    note: str = ""

    id: int = 0
    state: State = "recording"
    count: int = 0
    seconds: float = 0.0
    gaps: int = 0
    keep_from: float = 0.0
    keep_to: float | None = None
    digest: str = ""
    deleted: datetime | None = None

    def __post_init__(self) -> None:
        for name, text in (("label", self.label), ("position", self.position)):
            if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
                raise UsageError(
                    f"a {name} has 1 to {LONGEST_NAME} printable characters, got {text!r}"
                )
        if not (self.device + self.note).isprintable():
            raise UsageError(
                f"a device and a note are printable text, got {self.device!r}, {self.note!r}"
            )
        if self.split not in SPLITS:
            raise UsageError(f"a split is one of {', '.join(SPLITS)}, got {self.split!r}")
        if self.start.tzinfo is None:
            raise UsageError("the start of a take carries its time zone")
        if not MINYEAR < self.start.year < MAXYEAR:  # so that it has a time in UTC
            raise UsageError(f"a take does not start in the year {self.start.year}")
        if not 0 < self.rate < math.inf:
            raise UsageError(f"the rate of a take is above 0 Hz, got {self.rate:g}")
        if unknown := set(self.flags) - set(FLAGS):
            raise UsageError(f"a flag is one of {', '.join(FLAGS)}, got {sorted(unknown)}")
        if not 0 <= self.keep_from < (math.inf if self.keep_to is None else self.keep_to):
            raise UsageError(
                f"the used part of a take ends after its start, got {self.keep_from:g} s to "
                f"{self.keep_to} s"
            )

    @property
    def trimmed(self) -> bool:
        """Whether only a part of it is used."""
        return self.keep_from > 0 or self.keep_to is not None

    @property
    def used_seconds(self) -> float:
        """Length of the part that is used, in seconds."""
        end = self.seconds if self.keep_to is None else min(self.keep_to, self.seconds)
        return max(0.0, end - self.keep_from)

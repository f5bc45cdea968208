"""What was fed so far, and what came of it; committed, and shown in docs/fuzzing.md."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[4]
FILE: Final = Path(__file__).with_name("record.json")
TALLY: Final = struct.Struct("<Qdq")
"""Inputs, seconds of the slowest, and bytes by which the memory grew: what a worker writes."""

FOUND: Final = ROOT / "tests/data/corpus"
"""A folder for each target, with the smallest input for everything that was found."""


@dataclass
class Tally:
    """What was fed to one target, in all campaigns.

    Attributes:
        inputs: how many.
        corpus: inputs that each reach something which the others do not.
        slowest: seconds of the slowest input.
        memory: bytes by which the memory of a process grew at most.
    """

    inputs: int = 0
    corpus: int = 0
    slowest: float = 0.0
    memory: int = 0

    @classmethod
    def unpack(cls, content: bytes) -> Tally:
        """Read what a worker wrote."""
        inputs, slowest, memory = TALLY.unpack(content)
        return cls(inputs=inputs, slowest=slowest, memory=memory)

    def add(self, other: Tally) -> None:
        """Add what one more campaign fed."""
        self.inputs += other.inputs
        self.corpus = max(self.corpus, other.corpus)
        self.slowest = round(max(self.slowest, other.slowest), 4)
        self.memory = max(self.memory, other.memory)


@dataclass
class Record:
    """All tallies, by the name of the target, and what they were taken with."""

    versions: dict[str, str] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Record:
        """Read the record; an empty one where there is none."""
        if not FILE.exists():
            return cls()
        known = json.loads(FILE.read_text(encoding="utf-8"))
        tallies = {name: Tally(**tally) for name, tally in known["tallies"].items()}
        return cls(known["versions"], tallies)

    def write(self) -> None:
        """Write the record."""
        FILE.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


_IN_MEMORY: Final = Path("/dev/shm")


def roomy() -> Path | None:
    """Give a folder in memory, where files cost no disk; None where there is none."""
    return _IN_MEMORY if _IN_MEMORY.is_dir() else None


def found(name: str) -> list[Path]:
    """Give the inputs that once hurt a target."""
    return sorted((FOUND / name).glob("*"))

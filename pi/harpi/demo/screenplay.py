"""What happens in the demo: a real recording, cut into scenes that a wearer could live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from harpi.errors import RecordingError
from harpi.recording import Recording
from harpi.types import FloatArray

GAP_SECONDS: Final = 0.5
"""Signal between what is taught and what is tested that is not played."""

OCCURRENCES: Final = 2
"""How often the wearer teaches each activity."""

LESSON: Final = "lesson"

SCENES: Final = (
    ("as recorded", "A stranger wears the strap; nobody has taught harpi anything.", False),
    ("strap turned", "The same motion again, but the strap was put on differently.", True),
    (LESSON, "The wearer presses a button at each activity, then Train.", True),
    ("after the lesson", "The turned strap once more; none of this was learnt from.", True),
)
"""Name, caption, and whether the strap is turned."""


@dataclass(frozen=True, slots=True)
class Part:
    """One activity within a scene; times in seconds from the start of the play."""

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of the play with one purpose.

    Attributes:
        name: what it is called in tables.
        caption: what the spectator is told.
        turned: the strap sits differently from how the person recorded it.
        teaching: the wearer presses the button of every activity, and then trains.
        parts: the activities, one after the other.
    """

    name: str
    caption: str
    turned: bool
    teaching: bool
    parts: tuple[Part, ...]

    @property
    def start(self) -> float:
        """Seconds from the start of the play."""
        return self.parts[0].start

    @property
    def end(self) -> float:
        """Seconds from the start of the play."""
        return self.parts[-1].end


@dataclass(frozen=True, slots=True)
class Screenplay:
    """The scenes, and the recording that makes the chip live through them."""

    recording: Recording
    labels: tuple[str, ...]
    scenes: tuple[Scene, ...]

    def activity(self, start: float, end: float) -> tuple[Scene, str] | None:
        """Say in which scene, and at what, the wearer was for the whole of an interval."""
        for scene in self.scenes:
            for part in scene.parts:
                if part.start <= start and end <= part.end:
                    return scene, part.label
        return None


def write_screenplay(
    source: Recording, *, teach_seconds: float, test_seconds: float
) -> Screenplay:
    """Cut a recording of one person into the four scenes of the demo.

    All of it comes from one sitting, so that the lesson tells what the lesson is worth, and
    not how the strap was moved between two. Of each activity's first occurrences the
    beginning is taught, and what follows after a gap is tested: no sample stands on both
    sides. The three tests play the very same signal.

    Raises:
        RecordingError: its activities do not occur often or long enough.
    """
    occurrences = {label: _occurrences(source, label) for label in source.labels}
    teach, gap, test = (
        round(seconds * source.rate) for seconds in (teach_seconds, GAP_SECONDS, test_seconds)
    )
    length = teach + gap + test
    lessons: list[tuple[str, FloatArray]] = []
    tests: list[tuple[str, FloatArray]] = []
    for label, stretches in occurrences.items():
        usable = [stretch for stretch in stretches if len(stretch) >= length][:OCCURRENCES]
        if len(usable) < OCCURRENCES:
            raise RecordingError(
                f"the demo needs {OCCURRENCES} times {length / source.rate:g} s of {label} "
                "in one sitting, and the recording has less",
                remedy="Leave --recording out to play the one that ships with harpi",
            )
        for stretch in usable:
            lessons.append((label, stretch[:teach]))
            tests.append((label, stretch[teach + gap : length]))
    pieces: list[FloatArray] = []
    scenes = []
    for name, caption, turned in SCENES:
        parts = []
        for label, piece in lessons if name == LESSON else tests:
            start = sum(map(len, pieces)) / source.rate
            pieces.append(piece)
            parts.append(Part(label, start, start + len(piece) / source.rate))
        scenes.append(Scene(name, caption, turned, name == LESSON, tuple(parts)))
    play = Recording(values=np.concatenate(pieces), rate=source.rate)
    return Screenplay(play, source.labels, tuple(scenes))


def _occurrences(source: Recording, label: str) -> list[FloatArray]:
    """Give every stretch of an activity in the last sitting, in order."""
    mine = source.label == source.labels.index(label)
    mine &= source.segment == source.segment[-1]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mine, [False]])))
    return [source.values[begin:end] for begin, end in edges.reshape(-1, 2)]

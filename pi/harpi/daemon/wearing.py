"""How the sensor is worn: whether at all, and whether as in the takes."""

from __future__ import annotations

from typing import Final

from harpi.imu.health import SensorState
from harpi.signal.posture import STRANGE_SECONDS, PostureWatch
from harpi.signal.worn import STILL_SECONDS, WornWatch
from harpi.types import Window

NOT_WORN: Final = (
    f"The sensor has lain stiller than any body does, for more than {STILL_SECONDS:.0f} s: it "
    "is not worn, and what the models say is of no use."
)

ASLEEP: Final = (
    "The sensor sleeps, because nothing has moved for minutes (sensor.rest_minutes). It wakes "
    "as soon as it is moved."
)

STRANGE: Final = (
    f"For {STRANGE_SECONDS:.0f} s the sensor has been held as in none of your takes. Is the "
    "strap on otherwise? Then put it back, or record every activity once more as it is worn "
    "now. Or is this an activity that harpi was never taught? Then record it."
)


class Wearing:
    """Looks at every window; `see` belongs to the thread of the recognition.

    Attributes:
        posture: knows how the sensor was held in the takes.
        worn: whether the sensor was worn at the end of the last window; None before one.
    """

    def __init__(self) -> None:
        self.posture = PostureWatch()
        self.worn: bool | None = None
        self._worn = WornWatch()
        self._strange = False

    def see(self, window: Window) -> bool:
        """Take the next window; tell whether the sensor is worn."""
        worn = self.worn = self._worn.worn(window)
        strange = self.posture.strange(window)
        self._strange = worn and strange
        return worn

    def hints(self, state: SensorState, *, learnt: bool) -> tuple[str, ...]:
        """Say what is doubtful about it and what to do, in sentences.

        Args:
            state: of the sensor; without samples nobody knows how it is worn.
            learnt: the personal model has learnt something that a turned strap could spoil.
        """
        if state == "asleep":
            return (ASLEEP,)
        if state != "running":
            return ()
        if self.worn is False:
            return (NOT_WORN,)
        return (STRANGE,) if learnt and self._strange else ()

"""Debouncing: from the chatter of a contact to presses, whatever the kernel loses.

A contact that closes opens and closes again for some milliseconds. Edges come with their
times and the level that was read at them; but edges can be dropped, so the level is read
again on a timer, too, and a reading that contradicts the last edge counts as an edge.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A button went down or up.

    Attributes:
        pressed: whether it is down now.
        time: monotonic seconds of the first edge that led to it.
    """

    pressed: bool
    time: float


class Debouncer:
    """The contact of one button.

    A level counts once it has stood for `seconds`; the change then has the time of the
    first edge away from the level before. A pulse that is shorter than that is nothing.

    Args:
        seconds: how long a contact may chatter.
        pressed: level at the start; a button that is held down then is not a press.
    """

    def __init__(self, seconds: float, *, pressed: bool = False) -> None:
        self._seconds = seconds
        self._stable = pressed
        self._level = pressed
        self._since = float("-inf")
        self._left: float | None = None

    @property
    def pressed(self) -> bool:
        """Whether the button is down."""
        return self._stable

    @property
    def due(self) -> float | None:
        """Monotonic time at which the level should be read again; None where it stands."""
        return None if self._left is None else self._since + self._seconds

    def read(self, time: float, pressed: bool) -> Change | None:
        """Take note of a level that was read on the timer.

        Args:
            time: monotonic seconds, not before that of the last reading.
            pressed: whether the contact is closed.

        Returns:
            The change that is certain by now, if there is one.
        """
        return self._note(time, pressed, edge=False)

    def edge(self, time: float, pressed: bool) -> Change | None:
        """Take note of an edge: the contact moved, even where the level is as before."""
        return self._note(time, pressed, edge=True)

    def _note(self, time: float, pressed: bool, *, edge: bool) -> Change | None:
        change = self._settle(time)
        if pressed != self._level:
            self._level = pressed
            self._since = time
            if self._left is None:
                self._left = time
        elif edge and self._left is not None:
            self._since = time
        return change

    def _settle(self, time: float) -> Change | None:
        """Let the level count that has stood long enough."""
        if self._left is None or time < self._since + self._seconds:
            return None
        left, self._left = self._left, None
        if self._level == self._stable:
            return None
        self._stable = self._level
        return Change(self._stable, left)

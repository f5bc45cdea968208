"""A chip that answers but no longer measures: the same values, to the last bit."""

from __future__ import annotations

from harpi.types import FloatArray


class FreezeWatch:
    """Notices a run of identical samples, which the noise of a working chip forbids.

    It says so once; then the values must have changed before it does again. So a chip that
    a reset does not bring back is not reset for ever.

    Args:
        limit: identical samples in a row that are too many.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._last: FloatArray | None = None
        self._identical = 0
        self._said = False

    def restart(self) -> None:
        """Begin a new run; what comes next is not compared with what was before."""
        self._last = None
        self._identical = 0

    def is_frozen(self, values: FloatArray) -> bool:
        """Take in the next samples, ``[n, 6]``; say whether too many were identical."""
        if self._last is not None:
            changed = (values != self._last).any(axis=1)
        else:
            changed = (values[1:] != values[0]).any(axis=1)
        self._last = values[-1]
        if changed.any():
            self._identical = 0
            self._said = False
            return False
        self._identical += len(values)
        if self._identical < self._limit or self._said:
            return False
        self._said = True
        return True

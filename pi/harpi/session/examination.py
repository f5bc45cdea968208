"""The session's hand on the examiner: begins evaluations, and knows whether one goes on."""

from __future__ import annotations

from collections.abc import Callable

from harpi.errors import CommandRefused
from harpi.session.ports import Examiner


class Examination:
    """The evaluation that goes on, where one does.

    Args:
        examiner: who tests the models.
        on_end: is told, in another thread, that it has ended, and what went wrong or None.

    Attributes:
        going_on: one goes on.
        cancelled: it was broken off.
    """

    def __init__(self, examiner: Examiner, on_end: Callable[[str | None], None]) -> None:
        self._examiner = examiner
        self._on_end = on_end
        self.going_on = False
        self.cancelled = False

    def begin(self, tests: int) -> None:
        """Begin to test the models.

        Args:
            tests: how many test takes there are.

        Raises:
            HarpiError: one goes on already, or it cannot begin.
        """
        if self.going_on:
            raise CommandRefused(
                "an evaluation goes on already", remedy="Wait until it is done"
            )
        if not tests:
            raise CommandRefused(
                "there are no test takes", remedy="Record some with `harpi record LABEL --test`"
            )
        self._examiner.begin(self._on_end)
        self.going_on, self.cancelled = True, False

    def cancel(self) -> None:
        """Break it off; it goes on until the examiner says that it has ended."""
        self.cancelled = True
        self._examiner.cancel()

    def end(self) -> None:
        """Note that it has ended."""
        self.going_on = False

"""What the session needs of whatever learns and tests; nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from harpi.commands import Evaluated, Progress
from harpi.diary.bouts import Bout
from harpi.learning.trainer import Outcome


class Learner(Protocol):
    """What learns from the takes; see `harpi.learning.learner.Learner`.

    No method waits for a training that goes on, and none is called by two threads at once.
    """

    def train(
        self,
        labels: tuple[str, ...],
        *,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        """Begin to learn these labels in a thread of its own.

        `on_end` is called exactly once, after which it may be called anew.

        Raises:
            HarpiError: training cannot begin; `on_end` is not called.
        """
        ...

    def pause(self) -> None:
        """Let training rest."""
        ...

    def resume(self) -> None:
        """Go on with it."""
        ...

    def cancel(self) -> None:
        """Break it off soon; the head in use stays."""
        ...

    def forget(self, label: str | None) -> None:
        """Forget a label, or everything that was recorded and trained.

        Raises:
            HarpiError: what is on the disk cannot be changed.
        """
        ...

    def use(self, number: int | None) -> int:
        """Predict with a kept head from now on, or with the one before; give its number.

        Raises:
            HarpiError: there is no such head, or it cannot be used.
        """
        ...

    def discard(self, number: int) -> None:
        """Delete a kept head for good.

        Raises:
            HarpiError: there is no such head, or it is in use.
        """
        ...

    def learnt(self) -> frozenset[int]:
        """Give the numbers of the takes that the head in use has learnt; none without one."""
        ...

    def takes_changed(self) -> None:
        """Bring in line what follows the takes without training (the kNN); returns at once."""
        ...


class DiaryKeeper(Protocol):
    """What keeps the diary; see `harpi.diary.keeper.Keeper`."""

    def correct(self, number: int, activity: str) -> Bout:
        """Set what the wearer did in a bout that has ended; return it as it was.

        Raises:
            DiaryError: there is no such bout, it goes on, or the diary cannot be written.
        """
        ...

    def moments(self, bout: Bout) -> tuple[float, float] | None:
        """Return the monotonic times of a bout of this run of the daemon; None of no other."""
        ...

    def delete_day(self, day: date) -> int:
        """Delete a local day; return how many bouts that were.

        Raises:
            DiaryError: the diary cannot be written.
        """
        ...


class Examiner(Protocol):
    """What tests the models; see `harpi.daemon.examiner.Examiner`.

    No method waits for an evaluation that goes on.
    """

    def begin(self, on_end: Callable[[str | None], None]) -> None:
        """Begin to test the models on the test takes, out of the way of everything else.

        `on_end` is called exactly once, in another thread, with what went wrong, or None.
        What came of the evaluation is then among the `news`.

        Raises:
            HarpiError: it cannot begin; `on_end` is not called.
        """
        ...

    def cancel(self) -> None:
        """Break it off; harmless where none goes on."""
        ...

    def news(self) -> Sequence[Evaluated]:
        """Give the evaluations that were logged since the last time, whoever made them.

        Raises:
            StoreError: the log cannot be read.
        """
        ...

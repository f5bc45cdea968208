"""The session's hand on the learner: begins training, lets it rest, and knows how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from harpi.commands import Progress
from harpi.errors import HarpiError
from harpi.learning.outcome import Outcome
from harpi.session.ports import Learner


class Training:
    """The training that goes on, where one does.

    Args:
        learner: who learns.
        on_progress: is told how far it is, on the learner's thread.
        on_end: is told how it ended, likewise.

    Attributes:
        state: `paused` is training at rest; None where nothing is trained.
        progress: how far it is; None before the first step.
    """

    def __init__(
        self,
        learner: Learner,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        self._learner = learner
        self._on_progress = on_progress
        self._on_end = on_end
        self.state: Literal["training", "paused"] | None = None
        self.progress: Progress | None = None

    def begin(self, labels: tuple[str, ...]) -> None:
        """Begin to learn these labels.

        Raises:
            HarpiError: training cannot begin.
        """
        self.state = "training"
        try:
            self._learner.train(labels, on_progress=self._on_progress, on_end=self._on_end)
        except HarpiError:
            self.state = None
            raise

    def pause(self) -> None:
        """Let it rest."""
        self._learner.pause()
        self.state = "paused"

    def resume(self) -> None:
        """Go on with it."""
        self._learner.resume()
        self.state = "training"

    def cancel(self) -> None:
        """Break it off; it goes on until the learner says how it ended."""
        self._learner.cancel()

    def note(self, progress: Progress) -> bool:
        """Note how far it is; False where it has ended meanwhile."""
        if self.state is None:
            return False
        self.progress = progress
        return True

    def end(self) -> None:
        """Note that it has ended."""
        self.state, self.progress = None, None

    def use(self, head: int | None) -> int:
        """Predict with a kept head from now on, or with the one before; give its number.

        Raises:
            HarpiError: there is no such head, or it cannot be used.
        """
        return self._learner.use(head)

    def discard(self, head: int) -> None:
        """Delete a kept head for good.

        Raises:
            HarpiError: there is no such head, or it is in use.
        """
        self._learner.discard(head)

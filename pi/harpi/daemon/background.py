"""Work that is done while something else is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """A function that runs on a thread of its own, from now on.

    Args:
        function: what to do.
    """

    def __init__(self, function: Callable[[], Result]) -> None:
        self._function = function
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="preparing", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the end, good or bad."""
        self._thread.join()

    def result(self) -> Result:
        """Wait for the end; give the result, or raise what the function raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            self._error = error

"""Evaluations that the daemon was asked for, each in a process of its own.

An evaluation computes for seconds to minutes. In a process of low priority it can neither
hold up the sampling nor take the daemon with it when memory is short, and what it does is
what `harpi evaluate` does, to the log included.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from harpi import child
from harpi.commands import Evaluated
from harpi.config.schema import Config
from harpi.errors import StoreError
from harpi.evaluation.report import summary_of
from harpi.evaluation.runs import FILE_NAME, RunLog
from harpi.supervisor import Supervisor


class Examiner:
    """Tests the models of a device on its test takes; one evaluation at a time.

    Args:
        config: of the daemon; the evaluation works with the same, whatever file or option
            each setting is from.
        supervisor: sees what goes wrong on the thread that waits for it.
    """

    def __init__(self, config: Config, supervisor: Supervisor | None = None) -> None:
        self._supervisor = supervisor or Supervisor()
        self._config = config
        self._log = RunLog(config.paths.state_folder / FILE_NAME)
        self._place = 0
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Take the runs that are in the log as known; where it cannot be read, none is."""
        with contextlib.suppress(StoreError):
            self.news()

    def close(self) -> None:
        """Break off what goes on, and wait for its end."""
        self.cancel()
        if self._thread is not None:
            self._thread.join()

    def begin(self, on_end: Callable[[str | None], None]) -> None:
        """Begin an evaluation; see `harpi.session.ports.Examiner`.

        Raises:
            StoreError: there is no room for its configuration, or it cannot be started.
        """
        with contextlib.ExitStack() as undo:
            try:
                folder = undo.enter_context(TemporaryDirectory(prefix="harpi-evaluate-"))
                # It finds no daemon to tell of its result: this one looks into the log.
                paths = msgspec.structs.replace(self._config.paths, runtime=folder)
                config = msgspec.structs.replace(self._config, paths=paths)
                process = child.start(["evaluate", "--json"], config, Path(folder))
            except OSError as error:
                raise StoreError(
                    f"the evaluation cannot be started ({error.strerror or error})",
                    remedy="Check the room on the disk and the memory, and that the folder for "
                    "temporary files (TMPDIR, else /tmp) can be written; then try again",
                ) from error
            kept = undo.pop_all()
        self._process = process
        self._thread = self._supervisor.thread(
            partial(self._await, process, kept, on_end), "harpi-examiner", once=True
        )
        self._thread.start()

    def cancel(self) -> None:
        """Break off the evaluation that goes on; harmless where none does."""
        if self._process is not None:
            self._process.terminate()

    def news(self) -> list[Evaluated]:
        """Give the runs that were logged since the last time, by this or by anybody else.

        Raises:
            StoreError: the log cannot be read.
        """
        log, self._place = self._log.after(self._place)
        return [summary_of(report) for report in log.reports]

    @staticmethod
    def _await(
        process: subprocess.Popen[str],
        folder: contextlib.ExitStack,
        on_end: Callable[[str | None], None],
    ) -> None:
        failure: str | None = (
            "The evaluation failed because of a fault in harpi; the log says why."
        )
        try:
            with folder:
                _, said = process.communicate()
            failure = None
            if process.returncode != 0:
                failure = child.reason_in(said) or (
                    "The evaluation ended without a result; the log may say why."
                )
        finally:
            on_end(failure)

"""One step of making something: a command with a limit of time, whose failure is told."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deb.targets import BuildError

TAIL = 15
"""Lines of output that are shown of a step that fails."""


def step(
    what: str,
    words: Sequence[str | Path],
    *,
    seconds: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and give what it prints.

    Args:
        what: it does, for the message where it fails, e.g. "pip gets the wheels".
        words: the command.
        seconds: after which it is killed, with all that it started.
        folder: in which it runs.
        environment: instead of that of this process.

    Raises:
        BuildError: it cannot be started, failed, or did not end; with the end of what it said.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the words are those of this repository
            [str(word) for word in words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
        )
    except OSError as error:
        raise BuildError(f"{what}: {words[0]} cannot be started: {error.strerror}.") from error
    try:
        said, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        end_group(process)
        said, errors = process.communicate()
        raise BuildError(
            f"{what}: it did not end within {seconds:g} s.{tail(errors or said)}"
        ) from None
    except BaseException:
        end_group(process)
        raise
    if process.returncode:
        raise BuildError(
            f"{what}: it failed with exit code {process.returncode}.{tail(errors or said)}"
        )
    return said


def end_group(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a group, and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tail(said: str) -> str:
    """Give the last lines of what was said, each on a line of its own."""
    return "".join(f"\n  | {line}" for line in said.splitlines()[-TAIL:])

"""One program at a time changes what a state folder holds.

The lock lies in the state folder itself: two daemons with run-time folders of their own, as two
sessions of one user have, would otherwise give the same numbers to their takes and messages.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from harpi.errors import AlreadyRunning
from harpi.files import FileLock, make_directory

LOCK_FILE: Final = "state.lock"
"""Name of the lock within the state folder."""
_LOOK_AGAIN: Final = 0.05
"""Seconds between two looks at a lock that another program has."""


class StateClaim:
    """The right to change what a state folder holds, from now until `release`.

    Whoever changes takes, heads or the log of messages without asking a daemon holds it
    meanwhile. The kernel frees it when its holder ends, however it ends. Where the lock cannot
    be made, because the folder cannot be written or its file system knows no locks, the claim
    is taken as granted: whatever cannot be written is said where it is written.

    Args:
        folder: the state folder; made where it does not exist.
        patience: seconds to wait for another program, which may have one short change to make.

    Raises:
        AlreadyRunning: another program has it.
    """

    def __init__(self, folder: Path, *, patience: float = 0.0) -> None:
        self._lock = FileLock(folder / LOCK_FILE)
        end = time.monotonic() + patience
        while not self._acquired(folder):
            if time.monotonic() >= end:
                holder = holder_of(folder)
                raise AlreadyRunning(
                    f"another harpi uses this state folder{holder and f' ({holder})'}",
                    where=str(folder),
                    remedy="End it first: 'sudo systemctl stop harpi', or what runs in another "
                    "terminal; or give this one a folder of its own by paths.state",
                )
            time.sleep(_LOOK_AGAIN)

    def _acquired(self, folder: Path) -> bool:
        try:
            make_directory(folder)
            return self._lock.acquire()
        except OSError:
            return True

    def release(self) -> None:
        """Give the folder back; releasing twice is harmless."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def holder_of(folder: Path, proc: Path = Path("/proc")) -> str:
    """Name the process that has a state folder, as far as this user may see it.

    Args:
        folder: the state folder.
        proc: where the kernel tells of its locks (proc_locks(5)).

    Returns:
        Its number and command line; empty where that cannot be told.
    """
    with suppress(OSError, ValueError, IndexError):
        found = (folder / LOCK_FILE).stat()
        wanted = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        for line in (proc / "locks").read_text(encoding="ascii").splitlines():
            # 1: FLOCK  ADVISORY  WRITE 1234 b3:02:5678 0 EOF
            _, kind, _, _, process, file, *_ = line.split()
            if kind == "FLOCK" and file == wanted:
                words = (proc / process / "cmdline").read_bytes().split(b"\0")
                return f"process {process}: {b' '.join(words).decode(errors='replace').strip()}"
    return ""

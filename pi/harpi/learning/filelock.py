"""A lock between processes that a dead process cannot keep."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """An exclusive flock on a small file of its own.

    The kernel frees it when its holder ends, however it ends; so whoever gets it knows that
    what the last holder left half done will not be continued.

    Args:
        path: the file; made where it does not exist, never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free, without waiting; return whether it was.

        Raises:
            OSError: the file cannot be opened.
        """
        if self._descriptor is not None:
            return False
        # Reading suffices for a flock: a lock file that root made stays usable by others.
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; without holding it, do nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

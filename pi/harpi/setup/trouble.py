"""What the file system refuses, in words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harpi.errors import SetupError

_REMEDIES: Final = {
    errno.EACCES: "Call this with sudo",
    errno.EPERM: "Call this with sudo",
    errno.EROFS: "Mount it so that it can be written; with the overlay file system of "
    "raspi-config, switch that off first",
    errno.ENOSPC: "Make room on the disk, then call this again; it goes on from here",
}


@contextmanager
def in_words(where: str) -> Iterator[None]:
    """Turn errors of the system into those of harpi.

    Args:
        where: what is being worked on, for errors that name no file.

    Raises:
        SetupError: the system refused something.
    """
    try:
        yield
    except SetupError:
        raise
    except OSError as error:
        raise SetupError(
            f"the system refuses: {error.strerror or error}",
            where=str(error.filename or where),
            remedy=_REMEDIES.get(
                error.errno or 0, "Put that right, then call this again; it goes on from here"
            ),
        ) from error

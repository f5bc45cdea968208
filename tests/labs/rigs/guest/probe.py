"""Tries what harpi's service may do and what it may not; prints JSON.

It runs inside a copy of the unit, as the service's user, behind all its walls.
"""

from __future__ import annotations

import errno
import grp
import json
import mmap
import os
import pwd
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

READ_WRITE_EXECUTE: Final = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC


def opens(path: str) -> None:
    os.close(os.open(path, os.O_RDWR))


def creates(folder: str) -> None:
    path = Path(folder) / "probe"
    path.touch()
    path.unlink()


def lists(folder: str) -> None:
    list(Path(folder).iterdir())


def outcome(attempt: Callable[[str], None], on: str) -> str:
    """Say "ok", or the name of the errno."""
    try:
        attempt(on)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def main() -> None:
    print(
        json.dumps(
            {
                "user": pwd.getpwuid(os.geteuid()).pw_name,
                "groups": sorted(grp.getgrgid(group).gr_name for group in os.getgroups()),
                "i2c": outcome(opens, "/dev/i2c-1"),
                "pins": outcome(opens, "/dev/gpiochip0"),
                "other device": outcome(opens, "/dev/i2c-answered"),
                "state": outcome(creates, "/var/lib/harpi"),
                "runtime": outcome(creates, "/run/harpi"),
                "configuration": outcome(creates, "/etc/harpi"),
                "program": outcome(creates, "/opt/harpi/bin"),
                "state of others": outcome(creates, "/var/lib/open"),
                "home": outcome(lists, "/root"),
                "executable memory": outcome(
                    lambda _: mmap.mmap(-1, 4096, prot=READ_WRITE_EXECUTE).close(), ""
                ),
                "raw network": outcome(
                    lambda _: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(), ""
                ),
            }
        )
    )


if __name__ == "__main__":
    main()

"""Users and groups: the lines of passwd(5), group(5) and their shadows."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harpi.setup.ledger import read
from harpi.setup.machine import Machine

LOCK: Final = "/etc/.pwd.lock"
FILES: Final = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
TOUCHED: Final = (LOCK, *FILES, *(f"{name}-" for name in FILES))
"""What systemd-sysusers changes: the files, their former selves, and the lock."""

Lines = list[list[str]]


@contextmanager
def locked(machine: Machine) -> Iterator[None]:
    """Keep other programs from changing users and groups meanwhile (lckpwdf(3))."""
    with machine.at(LOCK).open("ab") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


def names(machine: Machine, file: str) -> set[str]:
    """Give the names of all users, or groups, in one of `FILES`."""
    content = read(machine.at(file)) or b""
    return {line.partition(b":")[0].decode(errors="replace") for line in content.splitlines()}


def members(machine: Machine, group: str) -> set[str]:
    """Give the names of those who are listed as members of a group."""
    for line in (read(machine.at("/etc/group")) or b"").splitlines():
        name, *_, listed = line.split(b":")
        if name == group.encode():
            return {member.decode(errors="replace") for member in listed.split(b",") if member}
    return set()


def without(content: bytes, file: str, users: set[str], groups: set[str]) -> bytes:
    """Take users and groups out of a file, and the users out of the groups that stay.

    Args:
        content: of the file.
        file: which of `FILES` it is; decides what its lines mean.
        users: their names.
        groups: their names.
    """
    gone = groups if "group" in file or "gshadow" in file else users
    kept = []
    for line in content.splitlines(keepends=True):
        name = line.partition(b":")[0].decode(errors="replace")
        if name in gone:
            continue
        if gone is groups:
            for user in users:
                line = without_member(line, user)
        kept.append(line)
    return b"".join(kept)


def with_member(content: bytes, user: str, group: str) -> bytes:
    """Put a user into a group, in the lines of group or gshadow; once is enough."""
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines):
        body = line.rstrip(b"\n")
        listed = body.rpartition(b":")[2].split(b",")
        if body.partition(b":")[0] == group.encode() and user.encode() not in listed:
            joint = b"" if body.endswith(b":") else b","
            lines[number] = body + joint + user.encode() + line[len(body) :]
    return b"".join(lines)


def without_member(line: bytes, user: str) -> bytes:
    """Take a user out of the members at the end of a line of group or gshadow."""
    body = line.rstrip(b"\n")
    head, colon, listed = body.rpartition(b":")
    kept = [member for member in listed.split(b",") if member != user.encode()]
    return head + colon + b",".join(kept) + line[len(body) :]

"""The steps of a setup: each looks at the machine and brings one thing to what it should be.

A step can be looked at without changing anything, and applied again without harm. Before it
changes a path it tells the ledger, and a file is replaced in one move; so a run that breaks
off at any moment leaves nothing that the next one cannot go on from.
"""

from __future__ import annotations

import difflib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from harpi.errors import SetupError
from harpi.files import sync_directory, write_atomically
from harpi.setup.ledger import Kind, Ledger, read
from harpi.setup.machine import Machine, Run

LONGEST_DIFF: Final = 80
"""Lines of a difference that are shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a step would do.

    Attributes:
        verb: `create`, `change`, `add` or `install`.
        what: a path, or what else it is about.
        diff: lines of the difference; empty where there is nothing to show.
    """

    verb: str
    what: str
    diff: tuple[str, ...] = ()


class Step(Protocol):
    """One thing to bring about."""

    def look(self) -> Change | None:
        """Say what is to be done; None where all is as it should be."""
        ...

    def apply(self, ledger: Ledger) -> None:
        """Do it.

        Raises:
            SetupError: it cannot be done.
            OSError: likewise, as the system says it.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileStep:
    """A file with a content.

    Attributes:
        machine: where.
        path: of the file.
        make: gives the content, from what is there; None stands for no file.
        kind: how it is taken back.
        once: a file that is there is left as it is.
    """

    machine: Machine
    path: str
    make: Callable[[bytes | None], bytes]
    kind: Kind = "file"
    once: bool = False

    def look(self) -> Change | None:
        """Compare; see `Step`."""
        present = read(self.machine.at(self.path))
        if present is not None and self.once:
            return None
        wanted = self.make(present)
        if present == wanted:
            return None
        verb = "create" if present is None else "change"
        return Change(verb, self.path, difference(self.path, present, wanted))

    def apply(self, ledger: Ledger) -> None:
        """Write the file, its owner and permissions as they were; see `Step`."""
        place = self.machine.at(self.path)
        wanted = self.make(read(place))
        make_folder(self.machine, str(Path(self.path).parent), ledger)
        ledger.about_to_write(self.path, self.kind, wanted)
        # A boot partition (vfat) takes no other permissions than it gives to all files.
        mode = place.stat().st_mode & 0o7777 if place.exists() else 0o644
        write_atomically(place, wanted, mode=mode)


@dataclass(frozen=True, slots=True)
class FolderStep:
    """A folder."""

    machine: Machine
    path: str

    def look(self) -> Change | None:
        """See `Step`."""
        there = self.machine.at(self.path).is_dir()
        return None if there else Change("create", f"{self.path}/")

    def apply(self, ledger: Ledger) -> None:
        """See `Step`."""
        make_folder(self.machine, self.path, ledger)


@dataclass(frozen=True, slots=True)
class LinkStep:
    """A symbolic link.

    Attributes:
        machine: where.
        path: of the link.
        target: where it points.
    """

    machine: Machine
    path: str
    target: str

    def look(self) -> Change | None:
        """See `Step`.

        Raises:
            SetupError: there is something else in its place.
        """
        place = self.machine.at(self.path)
        if place.is_symlink():
            if str(place.readlink()) == self.target:
                return None
            return Change("change", f"{self.path} -> {self.target}")
        if place.exists():
            raise SetupError(
                "there is another file where a link is to be",
                where=self.path,
                remedy="Move it away, then call this again",
            )
        return Change("create", f"{self.path} -> {self.target}")

    def apply(self, ledger: Ledger) -> None:
        """Make the link, or turn it, in one move; see `Step`."""
        place = self.machine.at(self.path)
        make_folder(self.machine, str(Path(self.path).parent), ledger)
        ledger.about_to_link(self.path, self.target)
        fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        fresh.symlink_to(self.target)
        fresh.replace(place)
        sync_directory(place.parent)


@dataclass(frozen=True, slots=True)
class AccountsStep:
    """The daemon's user and the groups of its devices, by systemd-sysusers.

    Attributes:
        machine: where.
        description: in the form of sysusers.d(5).
        run: starts a program.
    """

    machine: Machine
    description: str
    run: Run

    def look(self) -> Change | None:
        """See `Step`."""
        users, groups, members = self._missing()
        if not (users or groups or members):
            return None
        parts = [f"user {name}" for name in users]
        parts += [f"group {name}" for name in groups]
        parts += [f"{user} in group {group}" for user, group in members]
        return Change("add", ", ".join(parts))

    def apply(self, ledger: Ledger) -> None:
        """See `Step`."""
        users, groups, members = self._missing()
        for path in TOUCHED:
            ledger.about_to_run(path, becomes=read(self.machine.at(path.removesuffix("-"))))
        # Each user has a group of its own name.
        ledger.about_to_add(users=users, groups=[*groups, *users])
        for member in members:
            ledger.about_to_add(member=member)
        self.run(
            ("systemd-sysusers", f"--root={self.machine.root}", "-"), text=self.description
        )
        for path in TOUCHED:
            ledger.has_run(path)

    def _missing(self) -> tuple[list[str], list[str], list[tuple[str, str]]]:
        """Users, groups and memberships that are described and not there."""
        lines = [line.split() for line in self.description.splitlines()]
        wanted = [words for words in lines if words and not words[0].startswith("#")]
        users = names(self.machine, "/etc/passwd")
        groups = names(self.machine, "/etc/group")
        return (
            [words[1] for words in wanted if words[0] == "u" and words[1] not in users],
            [words[1] for words in wanted if words[0] == "g" and words[1] not in groups],
            [
                (words[1], words[2])
                for words in wanted
                if words[0] == "m" and words[1] not in members(self.machine, words[2])
            ],
        )


@dataclass(frozen=True, slots=True)
class MemberStep:
    """A person who may command the daemon, as a member of its group."""

    machine: Machine
    user: str
    group: str

    def look(self) -> Change | None:
        """See `Step`."""
        if self.user in members(self.machine, self.group):
            return None
        return Change("add", f"{self.user} in group {self.group}")

    def apply(self, ledger: Ledger) -> None:
        """See `Step`."""
        ledger.about_to_add(member=(self.user, self.group))
        ledger.about_to_run(LOCK, becomes=None)
        with locked(self.machine):
            # In this order: `look` goes by the second, so that is the last to be true.
            for path in ("/etc/gshadow", "/etc/group"):
                place = self.machine.at(path)
                present = read(place)
                if present is None:
                    continue
                wanted = with_member(present, self.user, self.group)
                ledger.about_to_write(path, "accounts", wanted)
                replace_content(place, wanted)


def make_folder(machine: Machine, path: str, ledger: Ledger) -> None:
    """Make a folder and those above it, each of them noted."""
    missing = []
    folder = Path(path)
    while not machine.at(str(folder)).exists():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        ledger.about_to_make(str(folder))
        place = machine.at(str(folder))
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
        sync_directory(place.parent)


def replace_content(place: Path, content: bytes) -> None:
    """Replace a file that is there; its owner and permissions stay."""
    state = place.stat()
    write_atomically(place, content, mode=state.st_mode & 0o7777)
    now = place.stat()
    if (now.st_uid, now.st_gid) != (state.st_uid, state.st_gid):
        os.chown(place, state.st_uid, state.st_gid)


def difference(path: str, present: bytes | None, wanted: bytes) -> tuple[str, ...]:
    """Give the lines in which two contents of a file differ, as `diff -u` does."""
    before, after = (
        content.decode("utf-8", errors="replace").splitlines()
        for content in (present or b"", wanted)
    )
    names = ("/dev/null" if present is None else path, path)
    lines: Sequence[str] = list(difflib.unified_diff(before, after, *names, lineterm=""))
    if len(lines) > LONGEST_DIFF:
        more = f"... {len(lines) - LONGEST_DIFF} more lines"
        lines = [*lines[:LONGEST_DIFF], more]
    return tuple(lines)


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

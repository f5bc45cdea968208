"""Passwords and certificates that a setup makes: once, on the machine, for some eyes only.

A password goes from file to file: as an argument of a program every user of the machine could
read it.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi.errors import SetupError
from harpi.files import write_atomically
from harpi.setup.ledger import Ledger, read
from harpi.setup.machine import Machine, Run
from harpi.setup.steps import Change, make_folder

BROKER_USERS: Final = "/etc/mosquitto/harpi.passwords"

ROOT: Final = ("root", "root")
HARPI: Final = ("root", "harpi")
MOSQUITTO: Final = ("mosquitto", "mosquitto")
"""Owners of files: user and group."""

_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"

Owner = tuple[str, str]
"""Names of a user and a group of the machine."""


@dataclass(frozen=True, slots=True)
class SecretStep:
    """A file that is made once, and that only some may read.

    Attributes:
        machine: where.
        path: of the file.
        make: gives its content, where there is none yet.
        owner: of the file.
        mode: its permissions.
    """

    machine: Machine
    path: str
    make: Callable[[], bytes]
    owner: Owner
    mode: int

    def look(self) -> Change | None:
        """See `Step`."""
        place = self.machine.at(self.path)
        if not place.exists():
            return Change("create", self.path)
        if _is_owned(self.machine, place, self.owner, self.mode):
            return None
        return Change("change", f"{self.path}, its owner")

    def apply(self, ledger: Ledger) -> None:
        """See `Step`."""
        if not self.machine.at(self.path).exists():
            _write(self.machine, self.path, self.make(), ledger)
        _give(self.machine, self.machine.at(self.path), self.owner, self.mode)


@dataclass(frozen=True, slots=True)
class CertificateStep:
    """A certificate and its key, which belong together: where one is missing, all are made.

    Attributes:
        machine: where.
        files: owner and permissions of each, by its path.
        make: gives the contents, by path.
    """

    machine: Machine
    files: Mapping[str, tuple[Owner, int]]
    make: Callable[[], Mapping[str, bytes]]

    def look(self) -> Change | None:
        """See `Step`."""
        missing = [path for path in self.files if not self.machine.at(path).exists()]
        if missing:
            return Change("create", ", ".join(self.files))
        if all(
            _is_owned(self.machine, self.machine.at(path), *how)
            for path, how in self.files.items()
        ):
            return None
        return Change("change", f"{', '.join(self.files)}, their owners")

    def apply(self, ledger: Ledger) -> None:
        """See `Step`."""
        if any(not self.machine.at(path).exists() for path in self.files):
            for path, content in self.make().items():
                _write(self.machine, path, content, ledger)
        for path, how in self.files.items():
            _give(self.machine, self.machine.at(path), *how)


@dataclass(frozen=True, slots=True)
class OwnedFolderStep:
    """A folder of somebody's own.

    Attributes:
        machine: where.
        path: of the folder.
        owner: its user and group.
        mode: its permissions.
    """

    machine: Machine
    path: str
    owner: Owner
    mode: int

    def look(self) -> Change | None:
        """See `Step`."""
        place = self.machine.at(self.path)
        if not place.is_dir():
            return Change("create", f"{self.path}/")
        if not _is_owned(self.machine, place, self.owner, self.mode):
            return Change("change", f"{self.path}/")
        return None

    def apply(self, ledger: Ledger) -> None:
        """See `Step`."""
        make_folder(self.machine, self.path, ledger)
        _give(self.machine, self.machine.at(self.path), self.owner, self.mode)


@dataclass(frozen=True, slots=True)
class BrokerUsersStep:
    """The users of mosquitto, with their passwords as it keeps them.

    Attributes:
        machine: where.
        users: file with the password of each, by name.
        run: starts a program.
    """

    machine: Machine
    users: Mapping[str, str]
    run: Run

    def look(self) -> Change | None:
        """See `Step`."""
        place = self.machine.at(BROKER_USERS)
        if not place.exists():
            return Change("create", BROKER_USERS)
        if self._outdated() or not _is_owned(self.machine, place, MOSQUITTO, 0o600):
            return Change("change", BROKER_USERS)
        return None

    def apply(self, ledger: Ledger) -> None:
        """See `Step`."""
        place = self.machine.at(BROKER_USERS)
        if outdated := self._outdated():
            lines = (read(place) or b"").splitlines()
            kept = [x for x in lines if x.partition(b":")[0].decode() not in outdated]
            content = b"".join(x + b"\n" for x in (*kept, *self._hashed(outdated)))
            _write(self.machine, BROKER_USERS, content, ledger)
        _give(self.machine, place, MOSQUITTO, 0o600)

    def _outdated(self) -> list[str]:
        """Name the users that are missing, or whose password was written since."""
        place = self.machine.at(BROKER_USERS)
        if not place.exists():
            return list(self.users)
        known = {line.partition(b":")[0].decode() for line in place.read_bytes().splitlines()}
        written = place.stat().st_mtime_ns
        return [
            name
            for name, path in self.users.items()
            if name not in known
            or not (file := self.machine.at(path)).exists()
            or file.stat().st_mtime_ns > written
        ]

    def _hashed(self, names: list[str]) -> list[bytes]:
        """Let mosquitto's own program turn passwords into what it keeps, in a file.

        As an argument every user of the machine could read them.
        """
        with tempfile.TemporaryDirectory() as folder:  # for root alone
            file = Path(folder) / "users"
            file.touch(mode=0o600)
            with file.open("wb") as plain:
                for name in names:
                    password = (read(self.machine.at(self.users[name])) or b"").splitlines()[:1]
                    plain.write(name.encode() + b":" + b"".join(password) + b"\n")
            self.run(("mosquitto_passwd", "-U", str(file)))
            return file.read_bytes().splitlines()


def new_password() -> bytes:
    """Make a password that can be read aloud and typed, of 59 bits."""
    letters = [secrets.choice(_LETTERS) for _ in range(12)]
    groups = ("".join(letters[i : i + 4]) for i in range(0, 12, 4))
    return "-".join(groups).encode() + b"\n"


def _write(machine: Machine, path: str, content: bytes, ledger: Ledger) -> None:
    """Write a file that is root's alone until it is given away."""
    make_folder(machine, str(Path(path).parent), ledger)
    ledger.about_to_write(path, "configuration", content)
    write_atomically(machine.at(path), content, mode=0o600)


def _is_owned(machine: Machine, place: Path, owner: Owner, mode: int) -> bool:
    state = place.stat()
    if state.st_mode & 0o7777 != mode:
        return False
    return os.geteuid() != 0 or (state.st_uid, state.st_gid) == _numbers(machine, owner)


def _give(machine: Machine, place: Path, owner: Owner, mode: int) -> None:
    """Give a file to its owner; only root can, and nobody else sets a machine up."""
    if os.geteuid() == 0:
        os.chown(place, *_numbers(machine, owner))
    place.chmod(mode)


def _numbers(machine: Machine, owner: Owner) -> tuple[int, int]:
    """Give the numbers of a user and a group of the machine.

    Raises:
        SetupError: there is no such user or group.
    """
    found = []
    for name, file in zip(owner, ("/etc/passwd", "/etc/group"), strict=True):
        lines = (read(machine.at(file)) or b"").splitlines()
        number = next(
            (line.split(b":")[2] for line in lines if line.split(b":")[0] == name.encode()),
            None,
        )
        if number is None:
            raise SetupError(
                f"there is no {'user' if file == '/etc/passwd' else 'group'} {name}",
                where=str(machine.at(file)),
                remedy="Install the package it belongs to, then call this again",
            )
        found.append(int(number))
    return found[0], found[1]

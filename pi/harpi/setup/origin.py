"""Where this harpi came from: a package of the system, or an environment of its own."""

from __future__ import annotations

import stat
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import harpi
from harpi.errors import SetupError
from harpi.setup.machine import Machine

PACKAGE_FOLDER: Final = "/usr/lib/harpi"
PACKAGE_PROGRAM: Final = "/usr/bin/harpi"
ENVIRONMENT_PROGRAM: Final = "/opt/harpi/bin/harpi"

_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108
"""What the service cannot see (ProtectHome= and PrivateTmp=)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who brought harpi to a machine.

    Attributes:
        program: what the service starts.
        packaged: a package of the system brought unit, user and rules with it.
    """

    program: str
    packaged: bool


def find(machine: Machine, program: str | None = None) -> Origin:
    """Find out where the harpi came from that is to be set up.

    Args:
        machine: where it is.
        program: what the service shall start; found where not given.

    Raises:
        SetupError: it is not there, or where the service cannot see it.
    """
    if program is None:
        program = _own_program() if machine.live else _program_in(machine)
    if program == PACKAGE_PROGRAM and machine.at(PACKAGE_FOLDER).is_dir():
        return Origin(program, packaged=True)
    place = machine.at(program)
    if not place.is_file():
        raise SetupError(
            "there is no such program, which the service is to start",
            where=str(place),
            remedy="Install harpi there first (docs/install.md), or say --program PATH",
        )
    seen = [place, place.resolve()]
    if machine.live:
        seen += [Path(sys.base_prefix).resolve(), Path(harpi.__file__).resolve()]
    for path in seen:
        _check(path, machine)
    return Origin(program, packaged=False)


def _own_program() -> str:
    """Give the program `harpi` of this Python."""
    if Path(harpi.__file__).is_relative_to(PACKAGE_FOLDER):
        return PACKAGE_PROGRAM
    return str(Path(sysconfig.get_path("scripts")) / "harpi")


def _program_in(machine: Machine) -> str:
    """Give the program of a machine whose root is a folder."""
    there = machine.at(PACKAGE_PROGRAM).exists() and machine.at(PACKAGE_FOLDER).is_dir()
    return PACKAGE_PROGRAM if there else ENVIRONMENT_PROGRAM


def _check(path: Path, machine: Machine) -> None:
    """Make sure that the service can read a file.

    Raises:
        SetupError: it cannot.
    """
    if not path.is_relative_to(machine.root):
        return  # a link that leads out of a folder will lead elsewhere on the machine
    own = Path("/") / path.relative_to(machine.root)
    remedy = "Install harpi in /opt/harpi (docs/install.md), and call `harpi setup` from there"
    if any(own.is_relative_to(hidden) for hidden in _HIDDEN):
        raise SetupError(
            "the service may not look into people's folders, and harpi is in one",
            where=str(own),
            remedy=remedy,
        )
    for folder in [path, *path.parents]:
        if folder.is_relative_to(machine.root) and not folder.stat().st_mode & stat.S_IXOTH:
            if folder.is_file() and folder.stat().st_mode & stat.S_IROTH:
                continue
            raise SetupError(
                "others may not read it, so the service's user cannot start harpi",
                where=str(folder),
                remedy=f"sudo chmod o+rX {folder}",
            )

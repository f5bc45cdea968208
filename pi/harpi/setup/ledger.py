"""What every file was before `harpi setup` touched it, so that all can be taken back.

The ledger and the copies lie in /var/lib/harpi-setup, which belongs to root alone: the
daemon's own folder is no place for what root will believe later. Whatever is about to
change is written down first, so that the power may go at any moment: a second run goes on
from there, and `--remove` finds everything that the first one touched.
"""

from __future__ import annotations

import glob
import hashlib
import shutil
from pathlib import Path
from typing import Final, Literal

import msgspec

from harpi import __version__
from harpi.errors import SetupError
from harpi.files import decode_json, write_atomically
from harpi.setup.machine import Machine

FOLDER: Final = "/var/lib/harpi-setup"
FORMAT: Final = 1

Kind = Literal["file", "configuration", "block", "accounts", "link", "folder"]
"""How a path is taken back: see `harpi.setup.applying`."""


class Before(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a path was.

    Attributes:
        copy: name of the copy of its content, in the ledger's folder.
        target: of a symbolic link.
        mode: its permissions.
        owner: numbers of its user and group.
    """

    copy: str | None = None
    target: str | None = None
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)


class Entry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A path that setup touches.

    Attributes:
        path: as it is called on the machine, also where its root is a folder.
        kind: how it is taken back.
        before: what it was; None where there was nothing.
        ours: digests of all contents, or targets of links, that setup gave it.
    """

    path: str
    kind: Kind
    before: Before | None = None
    ours: list[str] = []


class _Content(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    format: int = FORMAT
    harpi: str = __version__
    program: str = ""
    unfinished: bool = False
    rebooted_after: str | None = None
    entries: list[Entry] = []
    users: list[str] = []
    groups: list[str] = []
    members: list[tuple[str, str]] = []
    packages: list[str] = []


class Ledger:
    """The ledger of one machine.

    Args:
        machine: whose.

    Raises:
        SetupError: there is one that cannot be read.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._folder = machine.at(FOLDER)
        self._file = self._folder / "ledger.json"
        self._content = self._read()

    @property
    def exists(self) -> bool:
        """Whether something was set up, or begun to be."""
        return self._file.exists()

    @property
    def program(self) -> str:
        """The program that was set up last; empty without one."""
        return self._content.program

    @property
    def unfinished(self) -> bool:
        """Whether a run broke off."""
        return self._content.unfinished

    @property
    def rebooted_after(self) -> str | None:
        """Name of the time since boot in which config.txt was changed last."""
        return self._content.rebooted_after

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All paths, in the order in which they were touched."""
        return tuple(self._content.entries)

    @property
    def users(self) -> tuple[str, ...]:
        """Users that setup made."""
        return tuple(self._content.users)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that setup made."""
        return tuple(self._content.groups)

    @property
    def members(self) -> tuple[tuple[str, str], ...]:
        """Users that setup made members of a group, each with the group."""
        return tuple(self._content.members)

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that setup had apt install."""
        return tuple(self._content.packages)

    # --- while it is set up -------------------------------------------------------------

    def begin(self, program: str) -> None:
        """Write down that a run begins, with the program that it sets up."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._content.program = program
        self._content.harpi = __version__
        self._content.unfinished = True
        self._save()

    def finish(self) -> None:
        """Write down that the run came to its end."""
        self._content.unfinished = False
        self._save()

    def about_to_write(self, path: str, kind: Kind, content: bytes) -> None:
        """Write down what a path was, and what it is about to become."""
        self._note(path, kind, digest_of(content))

    def about_to_link(self, path: str, target: str) -> None:
        """Write down what a path was, and where it is about to point."""
        self._note(path, "link", target)

    def about_to_make(self, path: str) -> None:
        """Write down that a folder is about to be made."""
        self._note(path, "folder")

    def about_to_run(self, path: str, becomes: bytes | None) -> None:
        """Write down what a path was that another program is about to change.

        Args:
            path: of the file.
            becomes: a content that the program may give it; None where that is unknown.
        """
        self._note(path, "accounts", None if becomes is None else digest_of(becomes))

    def has_run(self, path: str) -> None:
        """Write down what another program made of a path."""
        content = read(self._machine.at(path))
        if content is not None:
            self._note(path, "accounts", digest_of(content))

    def about_to_add(
        self,
        *,
        users: list[str] | None = None,
        groups: list[str] | None = None,
        member: tuple[str, str] | None = None,
        packages: list[str] | None = None,
    ) -> None:
        """Write down what is about to be there that was not."""
        content = self._content
        content.users += [name for name in users or [] if name not in content.users]
        content.groups += [name for name in groups or [] if name not in content.groups]
        if member is not None and member not in content.members:
            content.members.append(member)
        content.packages += [name for name in packages or [] if name not in content.packages]
        self._save()

    def needs_reboot_after(self, boot: str) -> None:
        """Write down in which time since boot config.txt changes."""
        self._content.rebooted_after = boot
        self._save()

    # --- while it is taken back ---------------------------------------------------------

    def content_before(self, entry: Entry) -> bytes | None:
        """Give what a file held before; None where there was no file.

        Raises:
            SetupError: the copy is lost.
        """
        if entry.before is None or entry.before.copy is None:
            return None
        content = read(self._folder / entry.before.copy)
        if content is None:
            raise SetupError(
                "the copy of a file that is to be taken back is lost",
                where=str(self._folder / entry.before.copy),
                remedy=f"Restore {entry.path} by hand, delete the ledger's folder, then "
                "call this again",
            )
        return content

    def forget(self, entry: Entry) -> None:
        """Strike a path out: it is as it was."""
        self._content.entries.remove(entry)
        self._save()

    def forget_accounts(self, users: set[str], groups: set[str]) -> None:
        """Strike out users and groups that are gone, and who was made a member of them."""
        content = self._content
        content.users = [name for name in content.users if name not in users]
        content.groups = [name for name in content.groups if name not in groups]
        content.members = []
        self._save()

    def forget_packages(self) -> None:
        """Strike out the packages: they are removed."""
        self._content.packages = []
        self._save()

    def sweep(self) -> None:
        """Delete what a run that broke off left beside the files that it was replacing."""
        for entry in self._content.entries:
            place = self._machine.at(entry.path)
            # As `write_atomically` names them.
            for left in place.parent.glob(f".{glob.escape(place.name)}.????????"):
                left.unlink()

    def close(self) -> None:
        """Delete the ledger; nothing is left of the setup."""
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- on the disk --------------------------------------------------------------------

    def _note(self, path: str, kind: Kind, mark: str | None = None) -> None:
        """Write a path down, with a copy of what it was before the first touch.

        Args:
            path: to be touched.
            kind: how it is taken back.
            mark: digest or target that setup gives it.
        """
        known = next((entry for entry in self._content.entries if entry.path == path), None)
        entry = known or Entry(path=path, kind=kind, before=self._before(path))
        if known is None:
            self._content.entries.append(entry)
        elif mark is None or mark in entry.ours:
            return
        if mark is not None:
            entry.ours = [*entry.ours, mark]
        self._save()

    def _before(self, path: str) -> Before | None:
        place = self._machine.at(path)
        if place.is_symlink():
            return Before(target=str(place.readlink()))
        content = read(place)
        if content is None:
            return None
        state = place.stat()
        copy = f"{len(list(self._folder.glob('copy-*')))}-{place.name}"
        write_atomically(self._folder / f"copy-{copy}", content, mode=0o600)
        owner = (state.st_uid, state.st_gid)
        return Before(copy=f"copy-{copy}", mode=state.st_mode & 0o7777, owner=owner)

    def _read(self) -> _Content:
        try:
            content = self._file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return _Content()
        except OSError as error:
            raise SetupError(
                f"the ledger of an earlier setup cannot be read: {error.strerror}",
                where=str(self._file),
                remedy="Call this with sudo",
            ) from error
        try:
            known = decode_json(content, _Content)
        except msgspec.DecodeError as error:
            raise SetupError(
                f"the ledger of an earlier setup is damaged: {error}",
                where=str(self._file),
                remedy="The copies of what was there before lie beside it; bring them back by "
                "hand, then delete the folder",
            ) from error
        if known.format != FORMAT:
            raise SetupError(
                f"the ledger of an earlier setup has format {known.format}, this harpi knows "
                f"{FORMAT}",
                where=str(self._file),
                remedy=f"Use harpi {known.harpi}, which wrote it",
            )
        return known

    def _save(self) -> None:
        write_atomically(self._file, msgspec.json.encode(self._content), mode=0o600)


def read(path: Path) -> bytes | None:
    """Give what a file holds; None where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def digest_of(content: bytes) -> str:
    """Give the digest by which the ledger knows a content."""
    return hashlib.sha256(content).hexdigest()

"""Root touches the folders of another user only as that user.

Whoever owns a folder decides where the names in it lead. A program of root that wrote there
could be led by a link to any file of the system. So a command that root calls works as the
owner of the folders that it is about; only the files that were named on its command line are
read and written as whoever called it.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

_Item = TypeVar("_Item")


class Identity(NamedTuple):
    """A user with the groups that count."""

    user: int
    group: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, user: int, group: int) -> Identity:
        """Give a user with all groups that it is a member of."""
        try:
            known = pwd.getpwuid(user)
        except KeyError:
            return cls(user, group, (group,))
        groups = tuple(os.getgrouplist(known.pw_name, known.pw_gid))
        return cls(user, known.pw_gid, groups)


_ROOT: Final = 0

# What this process may become again; None for both where it never was root for another.
_caller: Identity | None = None
_owner: Identity | None = None


def owner_of(*folders: Path) -> Identity | None:
    """Give who is in charge of the first of these folders that is not root's alone.

    A folder is another's as soon as one above it is, or a link on the way to it.

    Args:
        folders: which need not exist.
    """
    for folder in folders:
        path = Path(os.path.abspath(folder))  # noqa: PTH100 - follows no link
        for place in (*reversed(path.parents), path):
            try:
                found = place.lstat()
            except OSError:
                break
            if found.st_uid != _ROOT:
                return Identity.of(found.st_uid, found.st_gid)
            if stat.S_ISLNK(found.st_mode):  # root's own: where it leads counts
                target = owner_of(place.parent / place.readlink())
                if target is not None:
                    return target
    return None


def act_as_owner(*folders: Path) -> None:
    """Go on as the owner of these folders, where root calls and they are another's."""
    global _caller, _owner
    if os.geteuid() != _ROOT or (owner := owner_of(*folders)) is None:
        return
    _caller = Identity(_ROOT, os.getegid(), tuple(os.getgroups()))
    _owner = owner
    _become(owner)


def become_owner_for_good(*folders: Path) -> None:
    """Go on as the owner of these folders, with no way back: for a daemon."""
    if os.geteuid() != _ROOT or (owner := owner_of(*folders)) is None:
        return
    os.setgroups(owner.groups)
    os.setresgid(owner.group, owner.group, owner.group)
    os.setresuid(owner.user, owner.user, owner.user)


@contextmanager
def as_caller() -> Iterator[None]:
    """Be whoever called, for the files that were named on the command line."""
    with _as(_caller, _owner):
        yield


@contextmanager
def as_owner() -> Iterator[None]:
    """Be the owner of the folders again, within `as_caller`."""
    with _as(_owner, _caller):
        yield


def each_as_caller(items: Iterable[_Item]) -> Iterator[_Item]:
    """Let whatever makes these items do so as whoever called."""
    iterator = iter(items)
    while True:
        with as_caller():
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item


@contextmanager
def _as(one: Identity | None, other: Identity | None) -> Iterator[None]:
    if one is None or other is None or os.geteuid() == one.user:
        yield
        return
    _become(one)
    try:
        yield
    finally:
        _become(other)


def _become(one: Identity) -> None:
    os.seteuid(_ROOT)
    os.setgroups(one.groups)
    os.setegid(one.group)
    os.seteuid(one.user)


def may_command(user: int, group: str | None) -> bool:
    """Whether a user of this computer may command harpi: its own, root, and a group's members.

    Args:
        user: number of the user.
        group: `socket.group`; None for no others.
    """
    if user in (_ROOT, os.geteuid()):
        return True
    try:
        known = pwd.getpwuid(user)
        wanted = None if group is None else grp.getgrnam(group).gr_gid
    except KeyError:
        return False
    return wanted in os.getgrouplist(known.pw_name, known.pw_gid)

"""Carrying a plan out, and taking a setup back.

What a person changed since is not thrown away: their configuration stays where it is, any
other file is kept beside its place, with `.changed` at the end of its name. Takes and heads
in /var/lib/harpi stay, too, and with them the user that they belong to, unless all is to go.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi.errors import SetupError
from harpi.files import sync_directory, write_atomically
from harpi.setup import boot, steps
from harpi.setup.features import BROKER_FOLDER, BROKER_SETTINGS
from harpi.setup.ledger import FOLDER, Entry, Ledger, digest_of, read
from harpi.setup.machine import Choice, Machine, Run, boot_id, in_words
from harpi.setup.plan import TMPFILES, UNIT, Origin, Plan
from harpi.setup.steps import Change, FileStep, replace_content

Say = Callable[[str], None]
"""Tells a person a line."""

UDEV_SUBSYSTEMS: Final = ("i2c-dev", "gpio")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        changed: something is not as it was.
        reboot: the boot configuration takes effect at the next boot only.
        notes: what a person should know; sentences.
        made: files that were made, by their paths on the machine.
    """

    changed: bool
    reboot: bool
    notes: tuple[str, ...]
    made: tuple[str, ...] = ()


def set_up(
    machine: Machine,
    origin: Origin,
    plan: Plan,
    run: Run,
    say: Say,
    *,
    python: str,
) -> Outcome:
    """Do what is to be done.

    Args:
        machine: on which.
        origin: where its harpi comes from.
        plan: for it.
        run: starts a program.
        say: tells of each change.
        python: the Python that wanted packages are installed for.

    Raises:
        SetupError: something cannot be done; calling it again goes on from there.
    """
    ledger = Ledger(machine)
    ledger.sweep()
    changes = pending(plan)
    resumed = ledger.unfinished
    notes = list(plan.notes)
    installable = any(choice.packages for choice in plan.wanted)
    if changes or installable or resumed:
        with in_words(FOLDER):
            ledger.begin(origin.program)
    notes += [
        note
        for choice in plan.wanted
        if (note := _install(choice, ledger, run, say, python)) is not None
    ]
    done: list[Change] = []
    for step in plan.steps:
        change = step.look()  # once more: earlier steps may have done it
        if change is None:
            continue
        say(line(change))
        with in_words(change.what):
            if isinstance(step, FileStep) and step.kind == "block" and machine.live:
                ledger.needs_reboot_after(boot_id())
            step.apply(ledger)
        done.append(change)
    if machine.managed:
        broker = resumed and machine.at(BROKER_SETTINGS).exists()
        if broker or any(BROKER_FOLDER in change.what for change in done):
            run(("systemctl", "restart", "mosquitto.service"))
        _bring_up(run, packaged=origin.packaged, anew=bool(done) or resumed)
    if ledger.unfinished:
        ledger.finish()
    reboot = machine.live and ledger.rebooted_after == boot_id()
    made = [path for one in done if one.verb == "create" for path in one.what.split(", ")]
    return Outcome(bool(done), reboot, tuple(notes), tuple(made))


def pending(plan: Plan) -> list[Change]:
    """Say what a plan would change.

    Raises:
        SetupError: that cannot be found out, or not be done.
    """
    changes = []
    for step in plan.steps:
        with in_words("the files of the system"):
            change = step.look()
        if change is not None:
            changes.append(change)
    return changes


def line(change: Change) -> str:
    """Tell a change in one line."""
    return f"{change.verb:<8}{change.what}"


def _install(choice: Choice, ledger: Ledger, run: Run, say: Say, python: str) -> str | None:
    """Install a package; give what harpi does without it where that cannot be."""
    if not choice.packages:
        return choice.otherwise
    say(f"{'install':<8}{', '.join(choice.packages)} ({choice.purpose})")
    if choice.source == "apt":
        ledger.about_to_add(packages=list(choice.packages))
    try:
        _run_installer(choice, run, python)
    except SetupError as error:
        if not choice.otherwise:
            raise
        return f"{error} {choice.otherwise}"
    importlib.invalidate_caches()
    if choice.source == "apt" and not choice.there:
        return (
            "This harpi does not see the packages of the system, so it cannot use "
            f"{', '.join(choice.packages)}. Make its environment with --system-site-packages "
            f"(docs/install.md). {choice.otherwise}"
        )
    return None


def _run_installer(choice: Choice, run: Run, python: str) -> None:
    """Install a package; apt is told to look for newer lists where it finds none of it.

    Raises:
        SetupError: it cannot be installed.
    """
    command = choice.command(python)
    if choice.source == "apt" and not run(command, may_fail=True):
        run(("apt-get", "update"), may_fail=True)
    elif choice.source == "apt":
        return
    run(command)


def _bring_up(run: Run, *, packaged: bool, anew: bool) -> None:
    """Make systemd and udev see what has changed, and start the service."""
    if not anew and run(("systemctl", "is-active", "--quiet", UNIT), may_fail=True):
        return
    if not packaged:
        run(("systemctl", "daemon-reload"))
        run(("systemd-tmpfiles", "--create", TMPFILES))
        run(("udevadm", "control", "--reload"), may_fail=True)
    run(("modprobe", "i2c-dev"), may_fail=True)  # there may be no bus before the next boot
    matches = [f"--subsystem-match={name}" for name in UDEV_SUBSYSTEMS]
    run(("udevadm", "trigger", "--action=change", *matches), may_fail=True)
    run(("systemctl", "restart", UNIT))


STATE: Final = "/var/lib/harpi"

RUNTIME: Final = "/run/harpi"


def remove(machine: Machine, run: Run, say: Say, *, purge: bool = False) -> list[str]:
    """Take back what `harpi setup` did to a machine.

    Args:
        machine: which.
        run: starts a program.
        say: tells of each change.
        purge: take takes, heads and changed configuration away, too.

    Returns:
        What a person should know; sentences.

    Raises:
        SetupError: something cannot be taken back; calling it again goes on from there.
    """
    ledger = Ledger(machine)
    if not ledger.exists:
        ledger.close()
        return ["`harpi setup` has changed nothing on this machine."]
    ledger.sweep()
    if machine.managed:
        run(("systemctl", "stop", UNIT), may_fail=True)
    stays = ""
    if ledger.packages:
        say(f"remove  {', '.join(ledger.packages)}")
        # apt cannot while it is itself removing the package of harpi.
        if not run(("apt-get", "remove", "--yes", *ledger.packages), may_fail=True):
            names = " ".join(ledger.packages)
            stays = f"{names} could not be removed: sudo apt remove {names}."
        ledger.forget_packages()
    had_broker = any(entry.path.startswith(BROKER_FOLDER) for entry in ledger.entries)
    rebooted = any(entry.kind == "block" for entry in ledger.entries)
    notes = _take_away_data(machine, say, purge=purge)
    if not machine.at(STATE).exists():
        _take_back_accounts(machine, ledger, say)
    for entry in reversed(ledger.entries):
        if entry.kind == "accounts":
            continue
        with in_words(entry.path):
            kept = _take_back(entry, machine, ledger, say, purge=purge)
        if kept is None:
            ledger.forget(entry)
        elif kept:
            notes.append(kept)
    # A folder that is not empty is one of other people, too, unless something of harpi stays.
    if all(entry.kind == "folder" for entry in ledger.entries):
        ledger.close()
    if machine.managed:
        run(("systemctl", "daemon-reload"))
        run(("udevadm", "control", "--reload"), may_fail=True)
        if had_broker:
            run(("systemctl", "try-restart", "mosquitto.service"), may_fail=True)
    if stays:
        notes.append(stays)
    if rebooted and machine.live:
        notes.append("The boot configuration takes effect at the next boot: sudo reboot.")
    return notes


def _take_away_data(machine: Machine, say: Say, *, purge: bool) -> list[str]:
    """Delete the folders of the daemon where they are empty, or shall go."""
    runtime, state = machine.at(RUNTIME), machine.at(STATE)
    shutil.rmtree(runtime, ignore_errors=True)
    if not state.exists():
        return []
    if purge or not any(state.iterdir()):
        say(f"remove  {STATE}/")
        shutil.rmtree(state)
        sync_directory(state.parent)
        return []
    return [
        (
            f"Takes and heads are still in {STATE}, and the user harpi that they belong to is "
            "kept; `harpi setup --remove --purge` takes both away."
        )
    ]


def _take_back_accounts(machine: Machine, ledger: Ledger, say: Say) -> None:
    """Take users, groups and members out; where nobody else changed them, to the byte."""
    users, groups, members = set(ledger.users), set(ledger.groups), ledger.members
    entries = [entry for entry in ledger.entries if entry.kind == "accounts"]
    if not entries:
        return
    if users or groups or members:
        gone = [f"user {name}" for name in sorted(users)]
        gone += [f"group {name}" for name in sorted(groups)]
        say(f"remove  {', '.join(gone) or 'members of groups'}")
    with in_words("/etc/passwd"), steps.locked(machine):
        for entry in entries:
            place = machine.at(entry.path)
            present = read(place)
            if present is None or entry.path == steps.LOCK:
                continue
            if digest_of(present) in entry.ours:
                _restore(entry, machine, ledger)
            elif entry.path in steps.FILES:
                kept = steps.without(present, entry.path, users, groups)
                for user, group in members:
                    kept = _without_member(kept, entry.path, user, group)
                if kept != present:
                    replace_content(place, kept)
    ledger.forget_accounts(users, groups)
    # The lock comes last: going this way again would make it anew.
    for entry in sorted(entries, key=lambda entry: entry.path == steps.LOCK):
        if entry.path == steps.LOCK and entry.before is None:
            machine.at(entry.path).unlink(missing_ok=True)
        ledger.forget(entry)


def _without_member(content: bytes, file: str, user: str, group: str) -> bytes:
    if "group" not in file and "gshadow" not in file:
        return content
    return b"".join(
        steps.without_member(line, user) if line.partition(b":")[0] == group.encode() else line
        for line in content.splitlines(keepends=True)
    )


def _take_back(
    entry: Entry, machine: Machine, ledger: Ledger, say: Say, *, purge: bool
) -> str | None:
    """Make a path what it was.

    Returns:
        None where it is; else that it is kept, as a sentence, empty where nobody minds.
    """
    place = machine.at(entry.path)
    if entry.kind == "folder":
        if place.is_dir():
            if any(place.iterdir()):
                return ""
            place.rmdir()
            sync_directory(place.parent)
        return None
    if entry.kind == "link":
        if place.is_symlink() and str(place.readlink()) in entry.ours:
            say(f"remove  {entry.path}")
            _restore(entry, machine, ledger)
        return None
    present = read(place)
    if present is None or present == ledger.content_before(entry):
        return None
    untouched = digest_of(present) in entry.ours
    if entry.kind == "block":
        say(f"change  {entry.path}")
        if untouched:
            _restore(entry, machine, ledger)
        else:
            replace_content(place, boot.without_block(present))
        return None
    if not untouched and not purge:
        if entry.kind == "configuration":
            return f"{entry.path} was changed since and is kept; --purge takes it away."
        kept = place.with_name(f"{place.name}.changed")
        write_atomically(kept, present, mode=place.stat().st_mode & 0o7777)
        say(f"keep    {entry.path}.changed")
    say(f"{'remove' if entry.before is None else 'change':<8}{entry.path}")
    _restore(entry, machine, ledger)
    return None


def _restore(entry: Entry, machine: Machine, ledger: Ledger) -> None:
    """Put back what was there, with its owner and permissions."""
    place = machine.at(entry.path)
    before = entry.before
    if before is None:
        place.unlink(missing_ok=True)
    elif before.target is not None:
        place.unlink(missing_ok=True)
        place.symlink_to(before.target)
    else:
        content = ledger.content_before(entry) or b""
        write_atomically(place, content, mode=before.mode)
        state = Path(place).stat()
        if (state.st_uid, state.st_gid) != before.owner:
            os.chown(place, *before.owner)
    sync_directory(place.parent)

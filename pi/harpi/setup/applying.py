"""Carrying a plan out, and bringing the service up."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harpi.errors import SetupError
from harpi.setup import packages
from harpi.setup.commands import Run
from harpi.setup.ledger import FOLDER, Ledger
from harpi.setup.machine import Machine, boot_id
from harpi.setup.origin import Origin
from harpi.setup.plan import TMPFILES, UNIT, Plan
from harpi.setup.steps import Change, FileStep
from harpi.setup.trouble import in_words

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
    """

    changed: bool
    reboot: bool
    notes: tuple[str, ...]


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
    done = []
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
        _bring_up(run, packaged=origin.packaged, anew=bool(done) or resumed)
    if ledger.unfinished:
        ledger.finish()
    reboot = machine.live and ledger.rebooted_after == boot_id()
    return Outcome(bool(done), reboot, tuple(notes))


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


def _install(
    choice: packages.Choice, ledger: Ledger, run: Run, say: Say, python: str
) -> str | None:
    """Install a package; give what harpi does without it where that cannot be."""
    if not choice.packages:
        return choice.otherwise
    say(f"{'install':<8}{', '.join(choice.packages)} ({choice.purpose})")
    if choice.source == "apt":
        ledger.about_to_add(packages=list(choice.packages))
    try:
        run(choice.command(python))
    except SetupError as error:
        return f"{error} {choice.otherwise}"
    importlib.invalidate_caches()
    if choice.source == "apt" and not choice.there:
        return (
            "This harpi does not see the packages of the system, so it cannot use "
            f"{', '.join(choice.packages)}. Make its environment with --system-site-packages "
            f"(docs/install.md). {choice.otherwise}"
        )
    return None


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

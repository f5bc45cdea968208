"""`harpi setup`: make a Pi ready for harpi, and back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harpi.errors import SetupError, UsageError

if TYPE_CHECKING:
    from harpi.config.schema import Config
    from harpi.setup.features import Features
    from harpi.setup.machine import Machine
    from harpi.setup.plan import Origin, Plan


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(setup)


def setup(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be done, and change nothing."),
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Undo everything that `harpi setup` has done.")
    ] = False,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="With --remove: delete takes, heads and settings, too."),
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Set the sensor up for where it is worn: arm, leg or high_impact.",
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="User who may command the daemon; by default the one who called sudo.",
        ),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Program that the service starts; by default this harpi."
        ),
    ] = None,
    buttons: Annotated[
        bool | None,
        typer.Option(
            "--buttons/--no-buttons", help="Use buttons, wired as `harpi pinout` shows."
        ),
    ] = None,
    leds: Annotated[
        bool | None,
        typer.Option("--leds/--no-leds", help="Use LEDs, wired as `harpi pinout` shows."),
    ] = None,
    page: Annotated[
        bool | None,
        typer.Option(
            "--page/--no-page",
            help="Serve the page to phones and computers in the network, with a password and "
            "a certificate that are made here.",
        ),
    ] = None,
    broker: Annotated[
        bool | None,
        typer.Option(
            "--broker/--no-broker",
            help="Install an MQTT broker (mosquitto) here, with passwords, a certificate and "
            "access rules; without: use no broker.",
        ),
    ] = None,
    any_board: Annotated[
        bool,
        typer.Option(
            "--any-board", help="Install the service also on a board that is not a Pi."
        ),
    ] = False,
    root: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            resolve_path=True,
            help="Set up the system whose root is in a folder, for example an image.",
        ),
    ] = Path("/"),
) -> None:
    """Make a Raspberry Pi ready: boot settings, user, service.

    On a terminal it asks about buttons, LEDs, the page and a broker, unless an option says it.
    It can be called again at any time, also after it was interrupted, and does what is missing.
    Everything that it touches is written down in /var/lib/harpi-setup, with a copy of what
    was there before, and can be taken back.

    Example: sudo harpi setup

    Example: sudo harpi setup --buttons --leds --page --broker

    Example: harpi setup --dry-run

    Example: sudo harpi setup --remove
    """
    if purge and not remove:
        raise UsageError("it goes with --remove only", where="--purge")
    from harpi.setup.machine import detect

    machine = detect(root)
    if machine.live and os.geteuid() != 0 and not dry_run:
        raise SetupError(
            "only root may change the system",
            where="harpi setup",
            remedy="Call it with sudo; --dry-run shows without sudo what it would do",
        )
    if remove:
        _remove(machine, dry_run=dry_run, purge=purge)
        return
    typer.echo(f"{machine}")
    if not machine.is_pi and not any_board:
        _no_pi(machine, dry_run=dry_run)
        return
    from harpi.setup.features import Features
    from harpi.setup.machine import run
    from harpi.setup.plan import configuration, find, make_plan

    origin = find(machine, program)
    features = Features(buttons=buttons, leds=leds, page=page, broker=broker)
    if not (features.asked or dry_run) and _at_a_terminal():
        features = _ask(configuration(machine))
    caller = os.environ.get("SUDO_USER") if machine.live else None
    if caller == "root":
        caller = None
    plan = make_plan(
        machine, origin, run, user=user or caller, profile=profile, features=features
    )
    if dry_run:
        _show(plan)
    else:
        _tell_access(machine, _set_up(machine, origin, plan))


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(config: Config) -> Features:
    """Ask about everything that is off and that this machine could have."""
    from harpi.setup.features import Features

    def wanted(question: str, *, on: bool) -> bool | None:
        return (typer.confirm(question, default=False) or None) if not on else None

    typer.echo("Each of these can be changed later; see `harpi setup --help`.")
    local = config.mqtt.host == "localhost" and config.mqtt.username is None
    return Features(
        buttons=wanted(
            "Are buttons wired, as `harpi pinout` shows them?", on=config.buttons.enabled
        ),
        leds=wanted("Are LEDs wired?", on=config.leds.enabled),
        page=wanted("Serve the page to phones in this network?", on=config.web.enabled),
        broker=wanted(
            "Install an MQTT broker here, for example for Home Assistant?", on=not local
        ),
    )


def _no_pi(machine: Machine, *, dry_run: bool) -> None:
    """Say that there is nothing to do on this machine.

    Raises:
        SetupError: somebody wanted it done.
    """
    remedy = "With --any-board it installs the service anyway, without boot configuration"
    if not dry_run:
        raise SetupError("this is not a Raspberry Pi", where=machine.system, remedy=remedy)
    typer.echo(f"This is not a Raspberry Pi: nothing would be changed. {remedy}.")


def _show(plan: Plan) -> None:
    """Print what a plan would do, with the differences in the files."""
    from harpi.setup.applying import line, pending

    changes = pending(plan)
    for choice in plan.wanted:
        if choice.packages:
            typer.echo(f"install {', '.join(choice.packages)} ({choice.purpose})")
    for change in changes:
        typer.echo(line(change))
        for text in change.diff:
            typer.echo(f"    {text}")
    notes = [choice.otherwise for choice in plan.wanted if not choice.packages]
    _tell([*notes, *plan.notes])
    typer.echo("Nothing was changed." if changes else "Everything is as it should be.")


def _set_up(machine: Machine, origin: Origin, plan: Plan) -> tuple[str, ...]:
    """Carry out a plan; give the files that were made."""
    from harpi.setup.applying import set_up
    from harpi.setup.machine import run

    outcome = set_up(machine, origin, plan, run, typer.echo, python=sys.executable)
    _tell(outcome.notes)
    if outcome.reboot:
        typer.echo("The boot configuration takes effect at the next boot: sudo reboot")
    elif not outcome.changed:
        typer.echo("Everything is as it should be.")
    elif machine.managed:
        typer.echo("harpi is running; `harpi status` shows how it is.")
    else:
        typer.echo("harpi starts when this system boots.")
    return outcome.made


def _tell_access(machine: Machine, made: tuple[str, ...]) -> None:
    """Say where page and broker are, and the passwords that were made just now.

    A password goes to a terminal only: others may read what is written to a file or a log.
    """
    from harpi.setup import features
    from harpi.setup.credentials import BROKER_USERS

    def password(path: str) -> str:
        if path in made and sys.stdout.isatty():
            return f"{machine.at(path).read_text(encoding='utf-8').strip()}  (kept in {path})"
        return f"in {path}"

    name = f"{features.host_name(machine)}.local"
    if features.PAGE_PASSWORD in made:
        typer.echo(f"The page: https://{name}:{features.PAGE_PORT}/")
        typer.echo(f"  password: {password(features.PAGE_PASSWORD)}")
        typer.echo("  The browser asks once whether to trust the certificate, made on this Pi.")
    if BROKER_USERS in made:
        typer.echo(f"The broker: {name}, port {features.BROKER_PORT}, encrypted")
        typer.echo(f"  its certificate, for other devices: {features.AUTHORITY}")
        for user in features.OTHER_USERS:
            typer.echo(f"  user {user}, password: {password(features.password_of(user))}")


def _remove(machine: Machine, *, dry_run: bool, purge: bool) -> None:
    from harpi.setup.applying import remove
    from harpi.setup.ledger import Ledger
    from harpi.setup.machine import run

    if dry_run:
        entries = Ledger(machine).entries
        for entry in reversed(entries):
            typer.echo(f"{'remove' if entry.before is None else 'restore':<8}{entry.path}")
        typer.echo(
            "Nothing was changed." if entries else "`harpi setup` has changed nothing here."
        )
        return
    _tell(remove(machine, run, typer.echo, purge=purge))


def _tell(notes: tuple[str, ...] | list[str]) -> None:
    for note in notes:
        typer.echo(f"- {note}")

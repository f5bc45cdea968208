"""What a machine needs for harpi: the steps, in their order, and what a person should know."""

from __future__ import annotations

import re
import stat
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import harpi
from harpi import shipped
from harpi.config.loading import load
from harpi.config.schema import Config
from harpi.errors import SetupError
from harpi.setup import boot
from harpi.setup.credentials import OwnedFolderStep
from harpi.setup.features import Features, feature_packages, feature_steps
from harpi.setup.ledger import Ledger, read
from harpi.setup.machine import BOOT_FILES, Choice, Machine, Run, pins_library, runtime
from harpi.setup.steps import (
    AccountsStep,
    FileStep,
    FolderStep,
    LinkStep,
    MemberStep,
    Step,
    names,
)

NO_FEATURES: Final = Features()

GROUP: Final = "harpi"

UNIT: Final = "harpi.service"

UNIT_FILE: Final = f"/etc/systemd/system/{UNIT}"

STATE: Final = "/var/lib/harpi"
"""Where the service may write without more ado."""

STATE_DROP_IN: Final = f"/etc/systemd/system/{UNIT}.d/10-state.conf"

ENABLED: Final = f"/etc/systemd/system/multi-user.target.wants/{UNIT}"

CONFIG_FILE: Final = "/etc/harpi/harpi.toml"

CONFIG_FOLDER: Final = "/etc/harpi/harpi.d"

PROFILE_FILE: Final = f"{CONFIG_FOLDER}/10-profile.toml"

LINK: Final = "/usr/local/bin/harpi"

TMPFILES: Final = "/etc/tmpfiles.d/harpi.conf"

COPIED: Final = {
    "/etc/sysusers.d/harpi.conf": "systemd/harpi.sysusers",
    TMPFILES: "systemd/harpi.tmpfiles",
    "/etc/udev/rules.d/60-harpi.rules": "firmware_config/60-harpi.rules",
    "/etc/modules-load.d/harpi.conf": "firmware_config/modules-load.conf",
}
"""Files that go to the machine as they ship."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        steps: in their order.
        wanted: packages of others that would help, in the order in which they are asked for.
        notes: what a person should know; sentences.
    """

    steps: tuple[Step, ...]
    wanted: tuple[Choice, ...]
    notes: tuple[str, ...]


def make_plan(
    machine: Machine,
    origin: Origin,
    run: Run,
    *,
    user: str | None = None,
    profile: str | None = None,
    features: Features = NO_FEATURES,
) -> Plan:
    """Put together what a machine needs.

    Args:
        machine: what it is.
        origin: where its harpi comes from.
        run: starts a program.
        user: a person who shall be able to command the daemon.
        profile: of the sensor, by its name in `firmware_config/profiles`; None leaves it.
        features: what is to be switched on or off.

    Raises:
        SetupError: there is no such user or profile, a setup of another kind is in place, or
            the broker of this machine is somebody else's.
        ConfigError: the machine's configuration cannot be used.
    """
    config = configuration(machine)
    steps: list[Step] = []
    if origin.packaged:
        _refuse_another_setup(machine)
    else:
        steps += _service(machine, origin, run)
    if profile is not None:
        content = shipped.path(_profile(profile)).read_bytes()
        steps.append(
            FileStep(machine, PROFILE_FILE, partial(_always, content), "configuration")
        )
    steps += _state(machine, config)
    if machine.boot_file is not None:
        steps.append(_boot(machine, machine.boot_file, config))
    if user is not None:
        if user not in names(machine, "/etc/passwd"):
            raise SetupError("there is no such user", where=user, remedy="Say --user NAME")
        steps.append(MemberStep(machine, user, GROUP))
    steps += feature_steps(machine, config, features, run)
    wanted: list[Choice] = []
    if machine.live:
        wanted += () if origin.packaged else (runtime(machine), pins_library(machine))
        wanted += feature_packages(machine, features)
    lacking = tuple(choice for choice in wanted if not choice.there)
    return Plan(tuple(steps), lacking, tuple(_notes(machine, config, features)))


def unit_text(program: str) -> str:
    """Give the unit that starts a program."""
    text = shipped.path(f"systemd/{UNIT}").read_text(encoding="utf-8")
    return re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={program}", text)


def _service(machine: Machine, origin: Origin, run: Run) -> Iterator[Step]:
    """Files and accounts that a package of the system would bring with it."""
    description = shipped.path("systemd/harpi.sysusers").read_text(encoding="utf-8")
    yield _copy(machine, "/etc/sysusers.d/harpi.conf", "systemd/harpi.sysusers")
    yield AccountsStep(machine, description, run)
    for path, source in COPIED.items():
        if "sysusers" not in path:
            yield _copy(machine, path, source)
    yield FolderStep(machine, CONFIG_FOLDER)
    settings = shipped.path("firmware_config/harpi.toml").read_bytes()
    yield FileStep(machine, CONFIG_FILE, partial(_always, settings), "configuration", once=True)
    yield FileStep(machine, UNIT_FILE, partial(_always, unit_text(origin.program).encode()))
    yield LinkStep(machine, ENABLED, UNIT_FILE)
    if origin.program != LINK:
        yield LinkStep(machine, LINK, origin.program)


def _state(machine: Machine, config: Config) -> Iterator[Step]:
    """Let the service write where takes and heads are to be kept, where that is elsewhere.

    Raises:
        SetupError: the service cannot see that folder.
    """
    folder = config.paths.state_folder
    if folder.is_relative_to(STATE):
        return
    if hidden(folder) is not None or not folder.is_absolute():
        raise SetupError(
            f"the service cannot keep anything in {folder}: it sees neither home folders nor "
            "the temporary files of others",
            where="paths.state",
            remedy=f"Set it to a folder elsewhere, such as /srv/harpi, or leave it at {STATE}",
        )
    yield OwnedFolderStep(machine, str(folder), (GROUP, GROUP), 0o750)
    drop_in = f"[Unit]\nRequiresMountsFor={folder}\n\n[Service]\nReadWritePaths={folder}\n"
    yield FileStep(machine, STATE_DROP_IN, partial(_always, drop_in.encode()))


def hidden(path: Path) -> str | None:
    """Return the folder of this path that the service cannot see; None where it can."""
    return next((folder for folder in _HIDDEN if path.is_relative_to(folder)), None)


def _boot(machine: Machine, file: Path, config: Config) -> Step:
    lines = boot.boot_lines(config)
    path = f"/{file.relative_to(machine.root)}"
    return FileStep(
        machine, path, lambda present: boot.with_block(present or b"", lines), "block"
    )


def _copy(machine: Machine, path: str, source: str) -> Step:
    return FileStep(machine, path, partial(_always, shipped.path(source).read_bytes()))


def _always(content: bytes, present: bytes | None) -> bytes:
    """Give the same content whatever is there."""
    del present
    return content


def configuration(machine: Machine) -> Config:
    """Read the configuration that the machine has, or will have."""
    file = machine.at(CONFIG_FILE)
    if machine.live:
        return load().config
    if file.exists():
        return load(file, environment={}).config
    return Config()


def _profile(name: str) -> str:
    folder = shipped.path("firmware_config/profiles")
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if name not in known:
        raise SetupError(
            f"there is no profile {name}",
            where="--profile",
            remedy=f"Take one of {', '.join(known)}",
        )
    return f"firmware_config/profiles/{name}.toml"


def _refuse_another_setup(machine: Machine) -> None:
    """Refuse where `harpi setup` of an environment put a unit over that of the package.

    Raises:
        SetupError: it did.
    """
    program = Ledger(machine).program
    if machine.at(UNIT_FILE).exists() and program:
        raise SetupError(
            f"the harpi of {program} is set up on this machine, beside the package",
            where=UNIT_FILE,
            remedy=f"Remove it first: sudo {program} setup --remove",
        )


def _notes(machine: Machine, config: Config, features: Features) -> Iterator[str]:
    boot_place = f"/{BOOT_FILES[0]}"
    if machine.boot_file is not None:
        present = read(machine.boot_file) or b""
        for conflict in boot.conflicts(present, config):
            yield (
                f"{machine.boot_file}, line {conflict.line}: {conflict.text}. "
                f"{conflict.problem}"
            )
    elif machine.is_pi:
        yield (
            f"There is no {boot_place} on this Pi. Switch I2C on by other means, at 400 kHz."
        )
    if config.sensor.bus not in (1, 3):
        yield (
            f"sensor.bus is {config.sensor.bus}: its overlay has to be in config.txt, harpi "
            "knows only those of buses 1 and 3."
        )
    broker = machine.at("/usr/sbin/mosquitto").exists()
    wanted = config.mqtt.enabled if features.broker is None else False
    if wanted and config.mqtt.host == "localhost" and not broker:
        yield (
            "No MQTT broker is installed here; harpi runs without one. For one here: "
            "sudo harpi setup --broker. For another: mqtt.host in /etc/harpi/harpi.toml."
        )


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
    if hidden(own) is not None:
        raise SetupError(
            "the service cannot read the home folders of users, and harpi is in one",
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

"""The configuration put together from its layers: files, environment, options, secrets.

Later layers win: packaged defaults, /etc/harpi/harpi.toml, /etc/harpi/harpi.d/*.toml in
the order of their names, the environment, options of the command line.

A layer holds assignments of dotted keys to raw values, and knows for every one where it
stands, so that a complaint can name file and line.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from harpi.config import checks, schema
from harpi.config.schema import Config
from harpi.errors import ConfigError

SYSTEM_FILE: Final = Path("/etc/harpi/harpi.toml")


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration in effect and where it comes from.

    Attributes:
        config: all settings.
        origins: by dotted key, where each setting that is not left at its default was
            given: `FILE:LINE`, the name of an environment variable, or an option.
        files: the files that were read, in their order.
    """

    config: Config
    origins: Mapping[str, str]
    files: tuple[Path, ...]


def load(
    file: Path | None = None,
    *,
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read all layers, check them, and give the configuration in effect.

    Args:
        file: read instead of /etc/harpi/harpi.toml, and must exist; `harpi.d/*.toml`
            beside it is read too.
        assignments: `section.key=value`, from the command line.
        environment: variables to look in; those of the process where not given.

    Raises:
        InvalidConfig: with everything that is wrong.
    """
    problems: list[ConfigError] = []
    given: list[Assignment] = []
    files = _files(file)
    for path in files:
        try:
            given += read_file(path)
        except ConfigError as error:
            problems.append(error)
    given += read_environment(os.environ if environment is None else environment)
    for option in assignments:
        try:
            given.append(read_option(option))
        except ConfigError as error:
            problems.append(error)

    accepted: dict[str, object] = {}
    origins: dict[str, str] = {}
    rejected: set[str] = set()
    kinds_of = schema.settings(Config)
    sections = {key.rpartition(".")[0] for key in kinds_of}
    for assignment in given:
        if assignment.value == {} and assignment.key in sections:
            continue
        try:
            value = _value(assignment, kinds_of)
        except ConfigError as error:
            problems.append(error)
            rejected.add(assignment.key)
        else:
            accepted[assignment.key] = value
            origins[assignment.key] = assignment.where
    config = build(accepted)
    problems += checks.problems(config, origins, rejected)
    if problems:
        raise InvalidConfig(problems)
    return Settings(config, origins, files)


def build(values: Mapping[str, object]) -> Config:
    """Make a configuration of the defaults and of values that were already converted."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = value
    return msgspec.convert(tree, Config)


def _files(file: Path | None) -> tuple[Path, ...]:
    main = SYSTEM_FILE if file is None else file
    more = sorted((main.parent / "harpi.d").glob("*.toml"))
    wanted = file is not None or main.exists()
    return (*([main] if wanted else []), *more)


def _value(assignment: Assignment, kinds_of: Mapping[str, schema.Kind]) -> object:
    kind = kinds_of.get(assignment.key)
    if kind is None:
        raise _unknown(assignment, kinds_of)
    readings = [assignment.value]
    if assignment.text is not None and assignment.text != assignment.value:
        readings.append(assignment.text)
    for reading in readings:
        try:
            return schema.convert(kind, reading)
        except ValueError:
            continue
    raise ConfigError(
        f"{assignment.key} cannot be {schema.to_toml(assignment.key, assignment.value)}",
        where=assignment.where,
        remedy=f"Allowed: {schema.describe(kind)}",
    )


def _unknown(assignment: Assignment, known: Iterable[str]) -> ConfigError:
    key = assignment.key
    keys = list(known)
    sections = {name.rpartition(".")[0] for name in keys}
    if key in sections:
        return ConfigError(
            f"{key} is a section, not a setting",
            where=assignment.where,
            remedy=f"Write [{key}] and its settings below",
        )
    section, _, name = key.rpartition(".")
    beside = [entry.rpartition(".")[2] for entry in keys if entry.rpartition(".")[0] == section]
    if near := get_close_matches(name, beside, n=1):
        remedy = f"Did you mean {section}.{near[0]}"
    elif near := get_close_matches(key, keys, n=1, cutoff=0.7):
        remedy = f"Did you mean {near[0]}"
    elif elsewhere := [entry for entry in keys if entry.rpartition(".")[2] == name]:
        remedy = f"Did you mean {elsewhere[0]}"
    elif beside:
        remedy = f"Settings of [{section}]: {', '.join(beside)}"
    else:
        remedy = f"Sections: {', '.join(sorted(sections))}"
    return ConfigError(f"there is no setting {key}", where=assignment.where, remedy=remedy)


ENVIRONMENT_PREFIX: Final = "HARPI_"

LARGEST_FILE: Final = 1 << 16
"""Bytes of the longest file that is read; with every setting in it, one has a tenth."""

_HEADER: Final = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")

_KEY: Final = re.compile(r"^\s*([A-Za-z0-9_.\"' -]+?)\s*=")

_POSITION: Final = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)"
    r"|end of document)\)$",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value given to one key.

    Attributes:
        key: dotted, e.g. `mqtt.tls.enabled`.
        value: as TOML gives it.
        where: file and line, environment variable or option.
        text: the value as it was typed, where a shell gave it: `1234` may mean a text.
    """

    key: str
    value: object
    where: str
    text: str | None = None


def read_file(path: Path) -> list[Assignment]:
    """Read a TOML file.

    Raises:
        ConfigError: it cannot be read, is too long, or is not TOML; with line and column.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise ConfigError(f"is longer than {LARGEST_FILE} bytes", where=str(path))
        # Editors of other systems put a byte-order mark in front, which TOML does not know.
        content = raw.removeprefix(codecs.BOM_UTF8).decode()
        given = list(_flatten(tomllib.loads(content)))
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file",
            where=str(path),
            remedy="Check the path given with --config",
        ) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ConfigError(
                "is UTF-16 and not UTF-8", where=str(path), remedy="Save the file as UTF-8"
            ) from None
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            "is not UTF-8 text", where=f"{path}:{line}", remedy="Save the file as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _broken_toml(str(error), content, path) from None
    except ConfigError:
        raise
    except ValueError:  # Python's own limit, which tomllib hands on
        raise _broken_toml("A number has too many digits", content, path) from None
    except RecursionError:
        raise _broken_toml("Tables or lists are nested too deeply", content, path) from None
    lines = _lines_of_keys(content)
    return [Assignment(key, value, f"{path}:{_line(lines, key)}") for key, value in given]


def read_environment(environment: Mapping[str, str]) -> list[Assignment]:
    """Take settings from variables such as `HARPI_SENSOR__RATE=100`."""
    return [
        _typed_in(name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", "."), text, name)
        for name, text in sorted(environment.items())
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name
    ]


def read_option(option: str) -> Assignment:
    """Take a setting from an option such as `sensor.rate=100`.

    Raises:
        ConfigError: it has no `=` or no section.
    """
    key, equals, text = option.partition("=")
    if not equals or "." not in key:
        raise ConfigError(
            "is not of the form section.key=value",
            where=f"--set {option}",
            remedy="Write for example --set sensor.rate=100",
        )
    return _typed_in(key.strip(), text.strip(), f"--set {key.strip()}")


def _typed_in(key: str, text: str, where: str) -> Assignment:
    try:
        value: object = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    return Assignment(key, value, where, text)


def _flatten(table: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    """Give dotted keys and values; an empty table is given as itself."""
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _broken_toml(message: str, content: str, path: Path) -> ConfigError:
    found = _POSITION.match(message)
    what = found["what"] if found else message
    line, column = (found["line"], found["column"]) if found else (None, None)
    if line is None:
        line, column = str(content.count("\n") + 1), "1"
    return ConfigError(
        f"is not valid TOML: {what[:1].lower()}{what[1:]}",
        where=f"{path}:{line}:{column}",
        remedy='Texts stand in "quotes", lists in [brackets], sections are [headed]',
    )


def _lines_of_keys(content: str) -> dict[str, int]:
    """Find the line of every key and table header, as a person would by eye."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(content.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = _bare(header[1])
            lines.setdefault(section, number)
        elif key := _KEY.match(line):
            name = _bare(key[1])
            lines.setdefault(f"{section}.{name}" if section else name, number)
    return lines


def _bare(dotted: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))


def _line(lines: Mapping[str, int], key: str) -> int:
    """Give the line of a key, or of the table or inline table that it stands in."""
    while key not in lines and "." in key:
        key = key.rpartition(".")[0]
    return lines.get(key, 1)


def check_private(setting: str, path: Path) -> None:
    """Refuse a file that is not kept from the other users of this computer.

    Args:
        setting: which names the file, for messages.
        path: the file.

    Raises:
        ConfigError: it is not there, or everybody may read it.
    """
    where = f"{setting} {path}"
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unreadable(where, error.strerror) from None
    if mode & stat.S_IROTH:
        raise ConfigError(
            "every user of this computer may read it", where=where, remedy=f"chmod 640 {path}"
        )


def read_secret(setting: str, path: Path) -> str:
    """Give the first line of a file.

    Args:
        setting: which names the file, for messages.
        path: the file.

    Raises:
        ConfigError: the file cannot be read, its first line is empty, or everybody may read
            it.
    """
    where = f"{setting} {path}"
    check_private(setting, path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise _unreadable(where, error.strerror) from None
    except UnicodeDecodeError:
        raise ConfigError(
            "is not UTF-8 text", where=where, remedy="Save the file as UTF-8"
        ) from None
    if not lines or not lines[0]:
        raise ConfigError(
            "is empty", where=where, remedy="Write the password into its first line"
        )
    return lines[0]


def _unreadable(where: str, reason: str | None) -> ConfigError:
    return ConfigError(
        f"cannot be read: {reason}", where=where, remedy="Give it to the user harpi"
    )


def value_of(config: Config, key: str) -> object:
    """Look up a setting by its dotted key."""
    return reduce(getattr, key.split("."), config)


def to_toml(settings: Settings, *, changed: bool = False) -> str:
    """Write settings so that reading them again gives the same.

    Args:
        settings: what to write.
        changed: only what some layer gave, with where each value comes from.
    """
    keys = [key for key in schema.settings(Config) if not changed or key in settings.origins]
    blocks = []
    for section, members in groupby(keys, key=lambda key: key.rpartition(".")[0]):
        lines = [f"[{section}]"]
        for key in members:
            name = key.rpartition(".")[2]
            line = f"{name} = {schema.to_toml(key, value_of(settings.config, key))}"
            lines.append(f"{line}  # {settings.origins[key]}" if changed else line)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""


class InvalidConfig(ConfigError):
    """A configuration with one or more mistakes; its text has one line for each.

    Args:
        problems: what is wrong, at least one.
    """

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        super().__init__(first.problem, where=first.where, remedy=first.remedy)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

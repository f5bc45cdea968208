"""Where settings are written down: files, environment and options, each a layer.

A layer holds assignments of dotted keys to raw values, and knows for every one where it
stands, so that a complaint can name file and line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi.errors import ConfigError

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
        content = raw.decode()
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

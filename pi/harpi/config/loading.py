"""Putting the layers of the configuration together.

Later layers win: packaged defaults, /etc/harpi/harpi.toml, /etc/harpi/harpi.d/*.toml in
the order of their names, the environment, options of the command line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import msgspec

from harpi.config import checks, kinds
from harpi.config.layers import Assignment, read_environment, read_file, read_option
from harpi.config.problems import InvalidConfig
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
    kinds_of = kinds.settings(Config)
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


def _value(assignment: Assignment, kinds_of: Mapping[str, kinds.Kind]) -> object:
    kind = kinds_of.get(assignment.key)
    if kind is None:
        raise _unknown(assignment, kinds_of)
    readings = [assignment.value]
    if assignment.text is not None and assignment.text != assignment.value:
        readings.append(assignment.text)
    for reading in readings:
        try:
            return kinds.convert(kind, reading)
        except ValueError:
            continue
    raise ConfigError(
        f"{assignment.key} cannot be {kinds.to_toml(assignment.key, assignment.value)}",
        where=assignment.where,
        remedy=f"Allowed: {kinds.describe(kind)}",
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

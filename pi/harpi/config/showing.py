"""Writing the configuration in effect as TOML."""

from __future__ import annotations

from functools import reduce
from itertools import groupby

from harpi.config import kinds
from harpi.config.loading import Settings
from harpi.config.schema import Config


def value_of(config: Config, key: str) -> object:
    """Look up a setting by its dotted key."""
    return reduce(getattr, key.split("."), config)


def to_toml(settings: Settings, *, changed: bool = False) -> str:
    """Write settings so that reading them again gives the same.

    Args:
        settings: what to write.
        changed: only what some layer gave, with where each value comes from.
    """
    keys = [key for key in kinds.settings(Config) if not changed or key in settings.origins]
    blocks = []
    for section, members in groupby(keys, key=lambda key: key.rpartition(".")[0]):
        lines = [f"[{section}]"]
        for key in members:
            name = key.rpartition(".")[2]
            line = f"{name} = {kinds.to_toml(key, value_of(settings.config, key))}"
            lines.append(f"{line}  # {settings.origins[key]}" if changed else line)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""

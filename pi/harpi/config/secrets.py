"""Secrets, which stand in files of their own and never in the configuration."""

from __future__ import annotations

import stat
from pathlib import Path

from harpi.errors import ConfigError


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
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"cannot be read: {reason}", where=where, remedy="Give it to the user harpi"
        ) from None
    if mode & stat.S_IROTH:
        raise ConfigError(
            "every user of this computer may read it", where=where, remedy=f"chmod 640 {path}"
        )
    if not lines or not lines[0]:
        raise ConfigError(
            "is empty", where=where, remedy="Write the password into its first line"
        )
    return lines[0]

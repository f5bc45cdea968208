"""Secrets, which stand in files of their own and never in the configuration."""

from __future__ import annotations

import stat
from pathlib import Path

from harpi.errors import ConfigError


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
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise _unreadable(where, error.strerror) from None
    except UnicodeDecodeError:
        raise _unreadable(where, "it is not UTF-8 text") from None
    if not lines or not lines[0]:
        raise ConfigError(
            "is empty", where=where, remedy="Write the password into its first line"
        )
    return lines[0]


def _unreadable(where: str, reason: str | None) -> ConfigError:
    return ConfigError(
        f"cannot be read: {reason}", where=where, remedy="Give it to the user harpi"
    )

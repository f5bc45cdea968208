"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harpi.errors import UsageError

if TYPE_CHECKING:
    from harpi.config.loading import Settings

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Configuration to read instead of /etc/harpi/harpi.toml; "
        "harpi.d/*.toml beside it is read too.",
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", metavar="SECTION.KEY=VALUE", help="Override one setting; repeatable."
    ),
]

BrokerHost = Annotated[
    str | None, typer.Option("--host", metavar="HOST", help="Broker, instead of mqtt.host.")
]
BrokerPort = Annotated[
    int | None, typer.Option("--port", metavar="PORT", help="Port, instead of mqtt.port.")
]
BrokerUser = Annotated[
    str | None,
    typer.Option(
        "--user", metavar="NAME", help="User at the broker, instead of mqtt.username."
    ),
]
BrokerPassword = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File whose first line is that user's password, instead of mqtt.password_file.",
    ),
]


def broker_assignments(
    host: str | None, port: int | None, user: str | None, password_file: Path | None
) -> list[str]:
    """Give the settings that the options for a broker stand for.

    Raises:
        UsageError: a user is given without a password.
    """
    if user is not None and password_file is None:
        raise UsageError(
            "this user's password is missing",
            where="--user",
            remedy="Write it into a file that only you may read, and add --password-file FILE",
        )
    given = {
        "mqtt.host": host,
        "mqtt.port": port,
        "mqtt.username": user,
        "mqtt.password_file": password_file,
    }
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def load_settings(config: Path | None, assignments: Sequence[str] | None) -> Settings:
    """Read the configuration that the shared options ask for.

    Called by root, the command goes on as the owner of harpi's folders.

    Raises:
        ConfigError: it cannot be read, or asks for the impossible.
    """
    from harpi.config.loading import load
    from harpi.privileges import act_as_owner

    settings = load(config, assignments=assignments or ())
    paths = settings.config.paths
    act_as_owner(paths.state_folder, paths.runtime_folder)
    if settings.config.models.base is None:
        return settings
    from harpi.learning.models import follow_base

    return follow_base(settings)

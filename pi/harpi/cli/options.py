"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

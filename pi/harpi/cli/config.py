"""`harpi config`: what is set, where it comes from, and whether it can work."""

from __future__ import annotations

from typing import Annotated

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings


def register(app: typer.Typer) -> None:
    """Add the group `config`."""
    group = typer.Typer(no_args_is_help=True, help="Show or check the configuration.")
    group.command()(show)
    group.command()(check)
    group.command()(defaults)
    app.add_typer(group, name="config")


def show(
    config: ConfigFile = None,
    assignments: Assignments = None,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Only what is not left at its default, and its origin."),
    ] = False,
) -> None:
    """Print the configuration in effect as TOML.

    Example: harpi config show --changed
    """
    from harpi.config.showing import to_toml

    typer.echo(to_toml(load_settings(config, assignments), changed=changed), nl=False)


def check(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Say whether the configuration can work, and everything that is wrong with it.

    Example: harpi config check --config harpi.toml
    """
    from harpi.config.checks import missing_files
    from harpi.config.problems import InvalidConfig

    settings = load_settings(config, assignments)
    if missing := missing_files(settings.config, settings.origins):
        raise InvalidConfig(missing)
    files = ", ".join(str(path) for path in settings.files) or "no file, defaults only"
    typer.echo(f"The configuration is valid ({files}; {len(settings.origins)} settings given).")


def defaults() -> None:
    """Print all settings with their defaults and what they mean, to start a file from.

    Example: harpi config defaults > harpi.toml
    """
    from importlib.resources import files

    text = (files("harpi.config") / "defaults.toml").read_text(encoding="utf-8")
    typer.echo(text, nl=False)

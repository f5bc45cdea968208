"""`harpi schema`: the JSON Schema of what is published over MQTT."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema() -> None:
    """Print the JSON Schema of the MQTT payloads.

    Example: harpi schema > mqtt.schema.json
    """
    import json

    from harpi.publish.messages import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))

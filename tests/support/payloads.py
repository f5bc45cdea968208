"""The judge of what is said over MQTT: the published schema."""

from __future__ import annotations

import json

import jsonschema

from harpi.publish.messages import json_schema


def validate(name: str, payload: bytes) -> None:
    """Hold a payload of the topic `name` against the schema."""
    schema = json_schema()
    checker = jsonschema.Draft202012Validator(
        {"$defs": schema["$defs"], **schema["properties"][name]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    checker.validate(json.loads(payload))

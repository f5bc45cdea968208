"""Runs inside a virtual environment with Home Assistant; nothing of harpi is imported here.

    python judge.py schema CONFIG.json      hold a discovery payload against the schemas
    python judge.py live HOST PORT FOLDER   be a Home Assistant; obey lines on standard input

`live` starts the core of Home Assistant with its MQTT integration, as its own tests do. It
answers each line, a JSON object, with a line:

    {"ask": "states"}                       all entities, devices, and complaints in the log
    {"ask": "call", "service": "button.press", "data": {"entity_id": ...}}
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

complaints: list[str] = []


class Complaints(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and any(
            part in record.name for part in ("mqtt", "components.sensor")
        ):
            complaints.append(record.getMessage())


def check_schema(path: Path) -> None:
    """Hold the device and each component against what its platform takes, unknown keys too."""
    from homeassistant.components.mqtt import discovery, schemas
    from homeassistant.core import HomeAssistant

    async def check() -> list[str]:
        HomeAssistant(str(path.parent))  # templates are compiled for a running instance
        payload = json.loads(path.read_text())
        discovery._replace_all_abbreviations(payload)
        device = schemas.DEVICE_DISCOVERY_SCHEMA(payload)
        found = []
        for name, component in device["components"].items():
            platform = component.pop("platform")
            if not component:  # a component that is taken away
                continue
            module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
            shared = {key: device[key] for key in schemas.SHARED_OPTIONS if key in device}
            module.PLATFORM_SCHEMA_MODERN(
                {**shared, **component, "device": device["device"], "origin": device["origin"]}
            )
            found.append(f"{platform} {name}")
        return found

    print(json.dumps(asyncio.run(check())))


async def start(host: str, port: int, folder: Path) -> Any:
    from homeassistant import config_entries, loader
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers import (
        area_registry,
        category_registry,
        device_registry,
        entity,
        entity_registry,
        floor_registry,
        issue_registry,
        label_registry,
        restore_state,
        translation,
    )
    from homeassistant.setup import async_setup_component

    (folder / "configuration.yaml").write_text("")
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    entity.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    translation.async_setup(hass)
    for registry in (
        area_registry,
        category_registry,
        device_registry,
        entity_registry,
        floor_registry,
        issue_registry,
        label_registry,
        restore_state,
    ):
        await registry.async_load(hass)
    await hass.config_entries.async_initialize()
    # The page and its files are no part of what is judged.
    hass.config.components.update({"http", "file_upload"})
    assert await async_setup_component(hass, "homeassistant", {})
    await hass.async_start()
    entry = config_entries.ConfigEntry(
        data={"broker": host, "port": port},
        discovery_keys={},
        domain="mqtt",
        minor_version=1,
        options={},
        source="user",
        title="MQTT",
        unique_id=None,
        version=1,
    )
    await hass.config_entries.async_add(entry)
    return hass


def states(hass: Any) -> dict[str, Any]:
    from homeassistant.helpers import device_registry, entity_registry

    entities = entity_registry.async_get(hass)
    devices = device_registry.async_get(hass).devices.values()
    return {
        "entities": {
            state.entity_id: {
                "state": state.state,
                "unique_id": getattr(entities.async_get(state.entity_id), "unique_id", None),
                "category": getattr(
                    entities.async_get(state.entity_id), "entity_category", None
                ),
                "attributes": {k: str(v) for k, v in state.attributes.items()},
                "options": state.attributes.get("options"),
            }
            for state in hass.states.async_all()
        },
        "devices": [{"name": one.name, "version": one.sw_version} for one in devices],
        "complaints": complaints,
    }


async def live(host: str, port: int, folder: Path) -> None:
    hass = await start(host, port, folder)
    print(json.dumps("ready"), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        if asked["ask"] == "call":
            domain, _, service = asked["service"].partition(".")
            await hass.services.async_call(domain, service, asked["data"], blocking=True)
        await hass.async_block_till_done()
        print(json.dumps(states(hass)), flush=True)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger().addHandler(Complaints())
    if sys.argv[1] == "schema":
        check_schema(Path(sys.argv[2]))
    else:
        asyncio.run(live(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))

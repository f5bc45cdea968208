"""One place for the pins: everything that shows them shows the same."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harpi import shipped
from harpi.config.loading import build
from harpi.config.schema import Config
from harpi.controls.wiring import POSITIONS, button_lines, led_lines, wiring, wiring_svg
from tests.support.command import harpi

ROOT = Path(__file__).resolve().parents[2]
WIRED = ["--set", "buttons.enabled=true", "--set", "leds.enabled=true"]
"""The documentation shows what is wired, so all of it."""


def uses(config: Config) -> dict[int, str]:
    return {pin.header: pin.use for pin in wiring(config) if pin.use}


def drawn(svg: str) -> list[str]:
    """All texts of a drawing, in their order."""
    root = ElementTree.fromstring(svg)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_supplies_are_where_the_header_has_them() -> None:
    places = tomllib.loads(shipped.path("firmware_config/pins.toml").read_text())
    supplies = {
        f"{part}.{role}": POSITIONS[position - 1]
        for part, roles in places.items()
        for role, position in roles.items()
    }
    assert supplies == {
        "sensor.vcc": "3V3",
        "sensor.gnd": "GND",
        "sensor.ad0": "GND",
        "sensor.ad0_high": "3V3",
        "buttons.ground": "GND",
        "leds.ground": "GND",
    }
    positions = [position for roles in places.values() for position in roles.values()]
    assert len(set(positions)) == len(positions)


def test_every_line_of_the_configuration_is_wired_once() -> None:
    lines = [*button_lines(Config()), *led_lines(Config())]
    wired = [pin.name for pin in wiring(Config()) if pin.kind in ("button", "LED")]
    assert sorted(wired) == sorted([*(f"GPIO{line}" for line in lines), "GND", "GND"])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"sensor.address": 0x69, "sensor.bus": 0},
        {"buttons.enabled": True, "buttons.labels": [4, 17], "learning.labels": ["<&>", "x"]},
        {"leds.recording": None, "leds.status": 2, "sensor.bus": 3},
    ],
)
def test_the_drawing_shows_exactly_what_is_wired(settings: dict[str, object]) -> None:
    config = build(settings)
    texts = drawn(wiring_svg(config))
    for pin in wiring(config):
        assert texts.count(str(pin.header)) == 1
        if pin.kind == "sensor":
            assert pin.use.removeprefix("sensor ") in texts
        elif pin.use:
            assert (pin.use if pin.enabled else f"{pin.use} (off)") in texts
    shown = [text for text in texts if text.startswith(("button ", "LED "))]
    wired = [pin for pin in wiring(config) if pin.use.startswith(("button ", "LED "))]
    assert len(shown) == len(wired)


def test_the_drawing_loads_nothing_from_elsewhere() -> None:
    svg = wiring_svg(Config()).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|href|<script|<style", svg)


def test_the_shipped_drawing_is_what_the_command_writes(tmp_path: Path) -> None:
    done = harpi("pinout", "--svg", str(tmp_path / "w.svg"), *WIRED)
    assert done.returncode == 0, done.stderr
    shown = shipped.path("firmware_config/wiring.svg").read_text("utf-8")
    assert (tmp_path / "w.svg").read_text("utf-8") == shown


def test_a_place_that_cannot_be_written_is_told() -> None:
    done = harpi("pinout", "--svg", "/nowhere/w.svg")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "/nowhere/w.svg: the drawing cannot be written" in done.stderr


def test_the_shipped_text_is_what_the_command_prints() -> None:
    done = harpi("pinout", *WIRED, COLUMNS="80")
    assert done.stdout == shipped.path("firmware_config/wiring.txt").read_text("utf-8")


def table_in(page: str) -> dict[int, str]:
    """Read the wiring out of the tables of a page: use by position."""
    found: dict[int, str] = {}
    text = (ROOT / page).read_text("utf-8")
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for use, positions in itertools.pairwise(cells):
            numbers = re.fullmatch(r"[\d ,/()V.]+?(?: \(3\.3 V\))?", positions)
            if numbers and re.search(r"[A-Za-z]", use) and line.startswith("|"):
                for position in re.findall(r"\b\d+\b", positions.replace("3.3", "")):
                    found[int(position)] = use
    return found


@pytest.mark.parametrize("page", ["README.md", "docs/wiring.md"])
def test_the_tables_in_the_documentation_have_the_same_positions(page: str) -> None:
    assert set(table_in(page)) >= set(uses(Config())) - {34, 39}
    assert set(table_in(page)) <= set(uses(Config()))

"""Buttons and lights, with and without somebody who presses and looks."""

from __future__ import annotations

import pytest

from tests.doctor.ward import Hands, Panel, Ward

RIGHT = {"walking": 5, "sitting": 6, "train": 26, "undo": 12}
LIGHTS = {"recording": 16, "training": 20, "status": 21}


@pytest.fixture
def wired(ward: Ward) -> Ward:
    ward.settings = {
        "buttons__enabled": True,
        "leds__enabled": True,
        "learning__labels": ("walking", "sitting"),
    }
    ward.panel = Panel({**RIGHT, **LIGHTS})
    return ward


def test_what_is_off_is_not_looked_at(ward: Ward) -> None:
    findings = ward.examine("buttons", "lights")
    assert [finding.grade for finding in findings.values()] == ["skipped", "skipped"]


def test_buttons_that_nobody_presses_are_well(wired: Ward) -> None:
    findings = wired.examine("buttons", "lights")
    assert findings["buttons"].text.startswith("none of 4 reads as pressed")
    assert findings["lights"].grade == "ok"
    assert wired.panel.closed


def test_a_button_that_is_stuck(wired: Ward) -> None:
    wired.panel = Panel(RIGHT, stuck=[26])
    found = wired.examine_one("buttons")
    assert found.grade == "failure"
    assert "train (GPIO26, header pin 37)" in found.text


def test_each_button_is_pressed_in_turn(wired: Ward) -> None:
    wired.guide = hands = Hands(wired.panel)
    findings = wired.examine("buttons", "lights")
    assert findings["buttons"].text == "all 4 buttons arrive at their pins"
    assert findings["lights"].text == "all 3 lights are seen"
    assert hands.heard[0] == "Press the button 'walking' (GPIO5, header pin 29) and let go."
    assert not wired.panel.lit


def test_a_button_without_a_wire(wired: Ward) -> None:
    del wired.panel.wires["undo"]
    wired.guide = Hands(wired.panel)
    found = wired.examine_one("buttons")
    assert found.text == "no press arrived of 'undo' (GPIO12)"


def test_train_and_undo_swapped(wired: Ward) -> None:
    wired.panel.wires |= {"train": 12, "undo": 26}
    wired.guide = Hands(wired.panel)
    found = wired.examine_one("buttons")
    assert found.remedy.endswith(
        "or set buttons.labels = [5, 6] and buttons.train = 12 and buttons.undo = 26"
    )


def test_swapped_and_dark_lights(wired: Ward) -> None:
    wired.panel.wires |= {"recording": 20, "training": 16}
    del wired.panel.wires["status"]
    wired.guide = Hands(wired.panel)
    found = wired.examine_one("lights")
    assert found.grade == "failure"
    assert "training is lit for 'recording' (GPIO16, header pin 36)" in found.text
    assert "none is lit for 'status'" in found.text


def test_nobody_looks(wired: Ward) -> None:
    wired.guide = Hands(wired.panel, blind=True)
    assert wired.examine_one("lights").text == "nobody said which LED is lit"
    assert not wired.panel.lit

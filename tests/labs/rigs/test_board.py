"""harpi on a real kernel: buttons pressed, lights read, three activities learnt."""

from __future__ import annotations

from typing import Any

import pytest

from tests.labs.rigs import machine

pytestmark = [pytest.mark.rig, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return machine.run("teach", tmp_path_factory.mktemp("teach"), seconds=240)


def test_buttons_record_a_take_of_each_label(lesson: dict[str, Any]) -> None:
    assert lesson["labels"] == {"walking": 1, "sitting": 1, "standing": 1}


def test_the_personal_answer_is_right(lesson: dict[str, Any]) -> None:
    assert lesson["outcome"] == "taken"
    assert {label: says["personal"] for label, says in lesson["answers"].items()} == {
        label: label for label in lesson["answers"]
    }


def test_the_turned_strap_was_a_riddle_to_the_base(lesson: dict[str, Any]) -> None:
    assert any(says["generic"] != label for label, says in lesson["answers"].items())


def test_no_sample_was_lost_on_the_way(lesson: dict[str, Any]) -> None:
    sensor = lesson["sensor"]
    assert (sensor["lost"], sensor["gaps"]) == (0, 0)
    assert sensor["rate_hz"] == pytest.approx(50, rel=0.01)


def test_it_ends_well_and_puts_the_lights_out(lesson: dict[str, Any]) -> None:
    assert lesson["ended"] == 0
    assert lesson["lights"] == []

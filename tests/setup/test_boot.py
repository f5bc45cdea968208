"""harpi's lines in config.txt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.config.loading import build
from harpi.config.schema import Config
from harpi.errors import SetupError
from harpi.setup.boot import (
    BEGIN,
    END,
    boot_lines,
    conflicts,
    with_block,
    without_block,
)

LINES = boot_lines(Config())
OTHER_CONTENT = st.binary(max_size=300).filter(lambda b: BEGIN not in b and END not in b)


def settings(text: str) -> set[str]:
    """The lines that the firmware obeys."""
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def test_the_shipped_lines_are_those_of_the_default_configuration() -> None:
    assert settings(LINES) == {
        "[all]",
        "dtparam=i2c_arm=on",
        "dtparam=i2c_arm_baudrate=400000",
        "gpio=5,6,12,13,19,26=ip,pu",
        "gpio=16,20,21=op,dl",
    }


def test_other_pins_are_other_lines() -> None:
    config = build(
        {
            "buttons.labels": [22, 23],
            "buttons.undo": None,
            "leds.recording": 4,
            "leds.status": 9,
        }
    )
    lines = settings(boot_lines(config))
    assert {"gpio=22,23,26=ip,pu", "gpio=4,9,20=op,dl"} <= lines


def test_without_leds_no_pin_becomes_an_output() -> None:
    none = build({"leds.recording": None, "leds.training": None, "leds.status": None})
    assert not [line for line in settings(boot_lines(none)) if "op" in line]


def test_bus_3_is_made_by_an_overlay_and_others_are_left_alone() -> None:
    overlay = "dtoverlay=i2c-gpio,bus=3,i2c_gpio_sda=23,i2c_gpio_scl=24"
    assert overlay in settings(boot_lines(build({"sensor.bus": 3})))
    other = settings(boot_lines(build({"sensor.bus": 5})))
    assert not [line for line in other if line.startswith(("dtparam", "dtoverlay"))]


@given(OTHER_CONTENT)
def test_what_is_put_in_can_be_taken_out(content: bytes) -> None:
    there = with_block(content, LINES)
    assert LINES.encode() in there
    joint = b"" if not content or content.endswith(b"\n") else b"\n"
    assert without_block(there) == content + joint
    assert with_block(there, LINES) == there


@given(OTHER_CONTENT, OTHER_CONTENT)
def test_a_renewed_block_stays_where_it_is(before: bytes, after: bytes) -> None:
    if before and not before.endswith(b"\n"):
        before += b"\n"
    old = with_block(before, "gpio=7=ip,pu\n") + after
    new = with_block(old, LINES)
    assert new == with_block(before, LINES) + after
    assert without_block(new) == before + after


def test_the_block_begins_with_a_section_that_all_models_obey() -> None:
    there = with_block(b"[cm4]\notg_mode=1", LINES).decode()
    below = there.split(BEGIN.decode())[1]
    first = next(line for line in below.splitlines() if line and not line.startswith("#"))
    assert first == "[all]"


def test_marks_with_the_line_ends_of_another_system_are_known() -> None:
    there = with_block(b"a=b\r\n", LINES).replace(b"\n", b"\r\n")
    assert without_block(there) == b"a=b\r\r\n"


@pytest.mark.parametrize(
    "content",
    [
        BEGIN + b"\ndtparam=i2c_arm=on\n",
        b"dtparam=i2c_arm=on\n" + END + b"\n",
        END + b"\n" + BEGIN + b"\n",
        BEGIN + b"\n" + BEGIN + b"\n" + END + b"\n",
    ],
)
def test_damaged_marks_are_left_to_a_person(content: bytes) -> None:
    for attempt in (lambda: with_block(content, LINES), lambda: without_block(content)):
        with pytest.raises(SetupError, match=r"marks .* damaged.*Take out"):
            attempt()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("dtoverlay=mpu6050", "kernel's own driver"),
        ("dtoverlay=mpu6050,addr=0x69", "kernel's own driver"),
        ("dtoverlay=gpio-shutdown", "GPIO3, which the sensor needs"),
        ("dtoverlay=gpio-key,gpio=5,active_low=1", "GPIO5, which a button needs"),
        ("dtoverlay=gpio-led,gpio=21,label=x", "GPIO21, which an LED needs"),
        ("dtoverlay=gpio-poweroff", "GPIO26, which a button needs"),
        ("dtparam=i2c_arm=off", "switches the sensor's bus off"),
    ],
)
def test_what_is_in_the_way_is_found_with_its_line(line: str, problem: str) -> None:
    content = with_block(f"[all]\n{line}\n".encode(), LINES)
    (found,) = conflicts(content, Config())
    assert (found.line, found.text) == (2, line)
    assert problem in found.problem


@pytest.mark.parametrize(
    "line",
    [
        "#dtoverlay=mpu6050",
        "dtoverlay=gpio-shutdown,gpio_pin=17",
        "dtoverlay=w1-gpio",
        "dtoverlay=vc4-kms-v3d",
        "dtparam=i2c_arm=on",
    ],
)
def test_what_is_not_in_the_way_is_left_in_peace(line: str) -> None:
    assert conflicts(with_block(f"{line}\n".encode(), LINES), Config()) == []

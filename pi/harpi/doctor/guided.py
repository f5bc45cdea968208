"""Buttons and lights, one after the other, with somebody who presses and looks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from harpi.controls.gpio import Gpio
from harpi.controls.header import PLACES
from harpi.doctor.finding import NotExamined, Outcome, fail, ok
from harpi.doctor.guide import Guide
from harpi.timebase import Timebase

PRESS_SECONDS: Final = 15.0
"""How long a press is waited for."""

_LOOK_SECONDS: Final = 0.01
_NONE: Final = "none"


def buttons(pins: Mapping[str, int], gpio: Gpio, guide: Guide, timebase: Timebase) -> Outcome:
    """Let each button be pressed and see at which pin it arrives.

    Args:
        pins: by what they stand for; all are watched.
        gpio: the pins.
        guide: who presses.
        timebase: what to wait on.
    """
    seen: dict[str, int] = {}
    for role, pin in pins.items():
        guide.say(
            f"Press the button '{role}' (GPIO{pin}, header pin {PLACES[pin]}) and let go."
        )
        pressed = _wait_for(pins, gpio, timebase)
        if pressed is not None:
            seen[role] = pressed
    silent = [f"'{role}' (GPIO{pin})" for role, pin in pins.items() if role not in seen]
    if silent:
        return fail(
            f"no press arrived of {', '.join(silent)}",
            "Check the wire from the pin through the button to ground: `harpi pinout`",
        )
    wrong = {role: pin for role, pin in seen.items() if pin != pins[role]}
    if not wrong:
        return ok(f"all {len(pins)} buttons arrive at their pins")
    listed = ", ".join(f"'{role}' at GPIO{pin}" for role, pin in wrong.items())
    return fail(
        f"buttons arrive at the pins of others: {listed}",
        f"Change the wires ({_wires(pins, wrong)}), or set {_setting(pins, seen)}",
    )


def lights(pins: Mapping[str, int], gpio: Gpio, guide: Guide) -> Outcome:
    """Show each light and ask which one is lit."""
    wrong: list[str] = []
    for light, pin in pins.items():
        gpio.write(pin, True)
        try:
            answer = guide.choose("Which light is lit?", [*pins, _NONE])
        finally:
            gpio.write(pin, False)
        if answer is None:
            raise NotExamined("nobody said which light is lit")
        if answer != light:
            wrong.append(f"{answer} is lit for '{light}' (GPIO{pin}, header pin {PLACES[pin]})")
    if not wrong:
        return ok(f"all {len(pins)} lights are seen")
    return fail(
        "; ".join(wrong),
        "Check which light is at which pin, its direction and its resistor: `harpi pinout`",
    )


def _wait_for(pins: Mapping[str, int], gpio: Gpio, timebase: Timebase) -> int | None:
    """Wait until one of the pins was pressed and released; None when none was."""
    never = threading.Event()
    end = timebase.monotonic() + PRESS_SECONDS
    pressed = None
    while timebase.monotonic() < end:
        down = [pin for pin in pins.values() if not gpio.level(pin)]
        if down:
            pressed = pressed or down[0]
        elif pressed is not None:
            return pressed
        timebase.wait(never, _LOOK_SECONDS)
    return pressed


def _wires(pins: Mapping[str, int], wrong: Mapping[str, int]) -> str:
    return ", ".join(
        f"'{role}' from header pin {PLACES[pin]} to {PLACES[pins[role]]}"
        for role, pin in wrong.items()
    )


def _setting(pins: Mapping[str, int], seen: Mapping[str, int]) -> str:
    """Say how the configuration would have to be for the wires as they are."""
    labels = [seen[role] for role in pins if role not in ("train", "undo")]
    parts = [f"buttons.labels = {labels}"]
    parts += [
        f"buttons.{role} = {seen[role]}"
        for role in ("train", "undo")
        if role in seen and seen[role] != pins[role]
    ]
    return " and ".join(parts)

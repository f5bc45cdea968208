"""Checks of buttons and lights, with or without somebody who presses and looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

from harpi.config.schema import Config
from harpi.controls.gpio import Gpio
from harpi.controls.wiring import PLACES
from harpi.doctor.context import Context, Guide, NotExamined, Outcome, fail, ok
from harpi.errors import ControlError
from harpi.timebase import Timebase


def button_pins(config: Config) -> dict[str, int]:
    """Give the pin of each button, by what it stands for."""
    section = config.buttons
    pins = dict(zip(config.learning.labels, section.labels, strict=False))
    return pins | _named(train=section.train, undo=section.undo)


def light_pins(config: Config) -> dict[str, int]:
    """Give the pin of each light, by its name."""
    section = config.leds
    return _named(recording=section.recording, training=section.training, status=section.status)


def buttons(patient: Context) -> Outcome:
    """Read the levels of all buttons; with a guide, let each be pressed."""
    if not patient.config.buttons.enabled:
        raise NotExamined("they are off (buttons.enabled)")
    patient.require_alone()
    pins = button_pins(patient.config)
    gpio = patient.open_gpio()
    try:
        if refused := _refused(pins, lambda pin: gpio.watch(pin, lambda _pin: None)):
            return refused
        if stuck := [
            f"{role} ({place(pin)})" for role, pin in pins.items() if not gpio.level(pin)
        ]:
            return fail(
                f"reads as pressed although nobody presses: {', '.join(stuck)}",
                "See that the button connects the pin to ground only while it is pressed, and "
                "that the wires are on the pins that `harpi pinout` shows",
            )
        if patient.guide is not None:
            return press_buttons(pins, gpio, patient.guide, patient.timebase)
    finally:
        gpio.close()
    return ok(f"none of {len(pins)} reads as pressed (`harpi doctor --guided` tries each)")


def lights(patient: Context) -> Outcome:
    """See whether the pins of the lights can be had; with a guide, show each."""
    if not patient.config.leds.enabled:
        raise NotExamined("they are off (leds.enabled)")
    patient.require_alone()
    pins = light_pins(patient.config)
    gpio = patient.open_gpio()
    try:
        if refused := _refused(pins, gpio.light):
            return refused
        if patient.guide is not None:
            return confirm_lights(pins, gpio, patient.guide)
    finally:
        gpio.close()
    return ok(f"all {len(pins)} pins can be driven (`harpi doctor --guided` shows each)")


def _refused(pins: Mapping[str, int], set_up: Callable[[int], object]) -> Outcome | None:
    """Try every pin; name all that cannot be used."""
    errors = {}
    for role, pin in pins.items():
        try:
            set_up(pin)
        except ControlError as error:
            errors[f"'{role}' ({place(pin)})"] = error
    if not errors:
        return None
    first = next(iter(errors.values()))
    return fail(
        f"cannot be used: {', '.join(errors)}. {first.problem[:1].upper()}{first.problem[1:]}",
        f"{first.remedy}. Until then harpi goes on without",
    )


def place(pin: int) -> str:
    """Name a pin as one finds it on the board."""
    return f"GPIO{pin}, header pin {PLACES[pin]}"


def _named(**pins: int | None) -> dict[str, int]:
    return {role: pin for role, pin in pins.items() if pin is not None}


PRESS_SECONDS: Final = 15.0
"""How long a press is waited for."""

_LOOK_SECONDS: Final = 0.01

_NONE: Final = "none"


def press_buttons(
    pins: Mapping[str, int], gpio: Gpio, guide: Guide, timebase: Timebase
) -> Outcome:
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


def confirm_lights(pins: Mapping[str, int], gpio: Gpio, guide: Guide) -> Outcome:
    """Show each light and ask which one is lit."""
    wrong: list[str] = []
    for light, pin in pins.items():
        gpio.write(pin, True)
        try:
            answer = guide.choose("Which LED is lit?", [*pins, _NONE])
        finally:
            gpio.write(pin, False)
        if answer is None:
            raise NotExamined("nobody said which LED is lit")
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

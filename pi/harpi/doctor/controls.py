"""Buttons and lights: what can be told without touching them."""

from __future__ import annotations

from harpi.config.schema import Config
from harpi.controls.header import PLACES
from harpi.doctor import guided
from harpi.doctor.finding import NotExamined, Outcome, fail, ok
from harpi.doctor.patient import Patient


def button_pins(config: Config) -> dict[str, int]:
    """Give the pin of each button, by what it stands for."""
    section = config.buttons
    pins = dict(zip(config.learning.labels, section.labels, strict=False))
    return pins | _named(train=section.train, undo=section.undo)


def light_pins(config: Config) -> dict[str, int]:
    """Give the pin of each light, by its name."""
    section = config.leds
    return _named(recording=section.recording, training=section.training, status=section.status)


def buttons(patient: Patient) -> Outcome:
    """Read the levels of all buttons; with a guide, let each be pressed."""
    if not patient.config.buttons.enabled:
        raise NotExamined("they are off (buttons.enabled)")
    patient.require_alone()
    pins = button_pins(patient.config)
    gpio = patient.open_gpio()
    try:
        for pin in pins.values():
            gpio.watch(pin, lambda _pin: None)
        if stuck := [
            f"{role} ({place(pin)})" for role, pin in pins.items() if not gpio.level(pin)
        ]:
            return fail(
                f"reads as pressed though nobody presses: {', '.join(stuck)}",
                "See that the button connects the pin to ground only while it is pressed, and "
                "that the wires are on the pins that `harpi pinout` shows",
            )
        if patient.guide is not None:
            return guided.buttons(pins, gpio, patient.guide, patient.timebase)
    finally:
        gpio.close()
    return ok(f"none of {len(pins)} reads as pressed (`harpi doctor --guided` tries each)")


def lights(patient: Patient) -> Outcome:
    """See whether the pins of the lights can be had; with a guide, show each."""
    if not patient.config.leds.enabled:
        raise NotExamined("they are off (leds.enabled)")
    patient.require_alone()
    pins = light_pins(patient.config)
    gpio = patient.open_gpio()
    try:
        for pin in pins.values():
            gpio.light(pin)
        if patient.guide is not None:
            return guided.lights(pins, gpio, patient.guide)
    finally:
        gpio.close()
    return ok(f"all {len(pins)} pins can be driven (`harpi doctor --guided` shows each)")


def place(pin: int) -> str:
    """Name a pin as one finds it on the board."""
    return f"GPIO{pin}, header pin {PLACES[pin]}"


def _named(**pins: int | None) -> dict[str, int]:
    return {role: pin for role, pin in pins.items() if pin is not None}

"""Which packages of others fit which system; the table of docs/install.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harpi.setup.machine import Machine, pins_library, runtime

PI = Machine(
    root=Path("/"),
    model="Raspberry Pi 4 Model B Rev 1.1",
    system="Debian GNU/Linux 12 (bookworm)",
    release="bookworm",
    processor="aarch64",
    bits=64,
    python=(3, 11),
    boot_file=None,
    managed=True,
)


@pytest.mark.parametrize(
    ("processor", "bits", "python", "packages"),
    [
        ("aarch64", 64, (3, 11), ("ai-edge-litert>=2.1",)),
        ("aarch64", 64, (3, 13), ("ai-edge-litert>=2.1",)),
        # A 32-bit system of today has a 64-bit kernel on the models that can run it.
        ("aarch64", 32, (3, 11), ("tflite-runtime==2.14.0", "numpy<2")),
        ("armv7l", 32, (3, 11), ("tflite-runtime==2.14.0", "numpy<2")),
        ("armv7l", 32, (3, 13), ()),
        ("aarch64", 32, (3, 13), ()),
        ("armv6l", 32, (3, 11), ()),
    ],
)
def test_tensorflow_lite(
    processor: str, bits: int, python: tuple[int, int], packages: tuple[str, ...]
) -> None:
    machine = replace(PI, processor=processor, bits=bits, python=python)
    assert runtime(machine).packages == packages


@pytest.mark.parametrize(
    ("model", "fits"),
    [
        ("Raspberry Pi Zero W Rev 1.1", False),
        ("Raspberry Pi Model B Plus Rev 1.2", False),
        ("Raspberry Pi Zero 2 W Rev 1.0", True),
        ("Raspberry Pi 3 Model B Rev 1.2", True),
    ],
)
def test_in_an_image_the_model_tells_the_processor(model: str, fits: bool) -> None:
    machine = replace(PI, model=model, processor="", bits=32)
    assert bool(runtime(machine).packages) == fits


def test_where_nothing_fits_one_sentence_says_what_harpi_does() -> None:
    sentence = runtime(replace(PI, bits=32, python=(3, 13))).otherwise
    assert "no TensorFlow Lite for Python 3.13 with 32 bits" in sentence
    assert "NumPy" in sentence


@pytest.mark.parametrize(
    ("python", "command"),
    [
        (
            (3, 11),
            ("py", "-P", "-m", "pip", "install", "--quiet", "rpi-lgpio>=0.6", "lgpio>=0.2.2.0"),
        ),
        (
            (3, 13),
            ("apt-get", "install", "--yes", "--no-install-recommends", "python3-rpi-lgpio"),
        ),
    ],
)
def test_the_library_for_the_pins(python: tuple[int, int], command: tuple[str, ...]) -> None:
    assert tuple(pins_library(replace(PI, python=python)).command("py")) == command


def test_what_is_there_is_not_wanted() -> None:
    assert runtime(PI).there

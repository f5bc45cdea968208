"""The gate to the pins, on both libraries' API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harpi.controls.gpio import RpiGpio
from harpi.errors import ControlError
from tests.support.fake_gpio import install


def test_without_the_library_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "RPi.GPIO", None)
    with pytest.raises(ControlError, match="python3-rpi-lgpio") as missing:
        RpiGpio(tmp_path)
    assert missing.value.exit_code == 8


def test_off_a_pi_the_library_says_so_and_harpi_passes_it_on(tmp_path: Path) -> None:
    """As rpi-lgpio and RPi.GPIO do it: a RuntimeError while they are imported."""
    package = tmp_path / "RPi"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "GPIO.py").write_text(
        "raise RuntimeError('This module can only be run on a Raspberry Pi!')"
    )
    script = (
        "import pathlib\n"
        "from harpi.controls.gpio import RpiGpio\n"
        "from harpi.errors import ControlError\n"
        "try: RpiGpio(pathlib.Path('/tmp'))\n"
        "except ControlError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "only be run on a Raspberry Pi" in done.stdout
    assert "--keyboard" in done.stdout


def test_lgpio_leaves_its_pipe_where_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, lambda seconds: None)
    RpiGpio(tmp_path)
    assert os.environ["LG_WD"] == str(tmp_path)


def test_a_line_that_another_has_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = install(monkeypatch, lambda seconds: None)
    fake.busy = {17}
    gpio = RpiGpio(tmp_path)
    with pytest.raises(ControlError, match=r"GPIO17: .*busy.*gpioinfo"):
        gpio.watch(17, lambda pin: None)
    with pytest.raises(ControlError, match="GPIO17"):
        gpio.light(17)


def test_where_no_edges_are_reported_the_caller_is_told_to_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = install(monkeypatch, lambda seconds: None)
    gpio = RpiGpio(tmp_path)
    assert gpio.watch(5, lambda pin: None)
    fake.reports_edges = False
    assert not gpio.watch(6, lambda pin: None)
    assert gpio.level(6)


def test_all_lines_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch, lambda seconds: None)
    gpio = RpiGpio(tmp_path)
    gpio.watch(5, lambda pin: None)
    gpio.light(16)
    gpio.write(16, True)
    assert fake.lit(16)
    gpio.close()
    gpio.close()
    assert fake.in_use == set()

"""Python and the packages that harpi needs on this computer."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from harpi import __version__
from harpi.doctor.finding import Outcome, fail, ok, warn
from harpi.doctor.patient import Patient
from harpi.recognition.interpreter import load_runtime

_OLDEST, _NEWEST = (3, 11), (3, 13)


def packages(patient: Patient) -> Outcome:
    """See which versions there are, and whether they go together."""
    version = sys.version_info[:2]
    python = f"Python {platform.python_version()}"
    if version < _OLDEST:
        return fail(f"{python} is too old for harpi", "Use Python 3.11 to 3.13")
    runtime = load_runtime().__name__.partition(".")[0]
    if runtime == "harpi":
        runtime = "which runs the models, without TensorFlow Lite"
    text = f"harpi {__version__}, {python}, NumPy {metadata.version('numpy')}, {runtime}"
    if patient.config.buttons.enabled or patient.config.leds.enabled:
        both = [name for name in ("RPi.GPIO", "rpi-lgpio") if _installed(name)]
        if len(both) == 2:
            return fail(
                "RPi.GPIO and rpi-lgpio are both installed, and overwrite each other",
                "Run 'pip uninstall RPi.GPIO rpi-lgpio', then 'pip install harpi[gpio]'",
            )
    if patient.config.web.enabled and not (_installed("starlette") and _installed("uvicorn")):
        return fail("the page needs packages that are missing", "pip install 'harpi[web]'")
    if version > _NEWEST:
        return warn(f"{text}: harpi was not tried with this Python", "Use Python 3.11 to 3.13")
    return ok(text)


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True

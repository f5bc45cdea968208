"""What each rig is there to find: `python -m tests.labs.rigs --break NAME` breaks it in a copy.

The test that guards the broken thing is run in the copy; it has to fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.labs.rigs.cache import ROOT, RigError

COPIED: Final = (
    "pyproject.toml",
    "deb",
    "firmware_config",
    "models/shipped",
    "pi",
    "systemd",
    "tests",
)
SECONDS: Final = 900.0
"""After which a run is given up; the caches have to be warm."""


@dataclass(frozen=True)
class Break:
    """One thing that is broken, and who finds it.

    Attributes:
        file: in which something is replaced.
        old: what is there, once.
        new: what stands there instead.
        guard: the test that has to fail.
        reason: what it then says, so that it is known to fail for this.
    """

    file: str
    old: str
    new: str
    guard: str
    reason: str


BREAKS: Final = {
    "fifo-reset": Break(
        "pi/harpi/imu/mpu6050.py",
        "        self._registers.write(reg.USER_CTRL, reg.USER_FIFO_RESET)\n",
        "",
        "test_shim.py::test_a_fault_of_the_chip_costs_a_gap_and_samples_go_on[overflow]",
        "waited in vain until samples go on",
    ),
    "pull-up": Break(
        "pi/harpi/controls/gpio.py",
        "pull_up_down=library.PUD_UP",
        "pull_up_down=library.PUD_DOWN",
        "test_board.py::test_buttons_record_a_take_of_each_label",
        "waited in vain until the light shows that walking is recorded",
    ),
    "swapped-axes": Break(
        "pi/harpi/imu/mpu6050.py",
        'np.frombuffer(content, ">i2").reshape(latch.frames, -1)',
        'np.frombuffer(content, ">i2").reshape(latch.frames, -1)[:, [1, 0, 2, 3, 4, 5]]',
        "test_judge.py::test_both_read_the_same_at_every_range",
        "Not equal to tolerance",
    ),
    "watchdog-feed": Break(
        "pi/harpi/systemd.py",
        'self._send("WATCHDOG=1")',
        "return",
        "test_service.py::test_it_is_ready_without_broker_and_network",
        "Watchdog timeout",
    ),
    "device-list": Break(
        "systemd/harpi.service",
        "DeviceAllow=char-i2c rw\n",
        "DeviceAllow=char-i2c rw\nDeviceAllow=char-misc rw\n",
        "test_service.py::test_its_user_may_what_it_must_and_nothing_more",
        "'other device': 'ok'",
    ),
    "chip-clock": Break(
        "pi/harpi/imu/clock.py",
        "_OSCILLATOR_TOLERANCE: Final = 0.05",
        "_OSCILLATOR_TOLERANCE: Final = 0.001",
        "test_hours.py::test_the_chips_clock_is_known_by_then",
        "Expected: 4000.0 ± 100",
    ),
    "new-numpy": Break(
        "pi/harpi/signal/windows.py",
        "np.concatenate([self._values, resampled.values])",
        "np.concat([self._values, resampled.values])",
        "test_arm.py::test_inference_and_a_training_step_give_the_same[armv7l]",
        "module 'numpy' has no attribute 'concat'",
    ),
}
"""All of them, by name."""


def show(names: Iterable[str]) -> bool:
    """Break one thing after the other and tell who found it; give whether all were found.

    Raises:
        RigError: there is nothing to break any more where a break looks for it.
    """
    chosen = [name for name in BREAKS if name in names or "all" in names]
    found = [_is_found(name, BREAKS[name]) for name in chosen]
    return all(found)


def _is_found(name: str, broken: Break) -> bool:
    with tempfile.TemporaryDirectory(prefix="harpi-broken-") as place:
        root = Path(place)
        root.chmod(0o755)  # harpi's own user reads it, too
        _copy(root)
        path = root / broken.file
        content = path.read_text()
        if content.count(broken.old) != 1:
            raise RigError(f"{broken.file} has no longer what {name} breaks: see broken.py.")
        path.write_text(content.replace(broken.old, broken.new))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"tests/labs/rigs/{broken.guard}"],
            cwd=root,
            env={**os.environ, "HARPI_RIGS": "1", "PYTHONPATH": f"{root}/pi:{root}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    if done.returncode == pytest.ExitCode.TESTS_FAILED and broken.reason in done.stdout:
        print(f"rigs: {name}: found by {broken.guard}: {broken.reason}", flush=True)
        return True
    print(f"{done.stdout}{done.stderr}\nrigs: {name}: NOT FOUND", flush=True)
    return False


def _copy(root: Path) -> None:
    for name in COPIED:
        origin, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, target)

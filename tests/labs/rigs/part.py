"""One part of the rigs: `python -m tests.labs.rigs.part NAME [options of pytest]`.

It makes what its tests need, then runs them. A part has a process of its own, so that parts
run side by side and one that hangs can be ended.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
from deb.targets import BuildError

from tests.labs.rigs.arm import PI_OS_32, PI_OS_64, qemu
from tests.labs.rigs.cache import HERE
from tests.labs.rigs.fresh import FRESH
from tests.labs.rigs.kernel import kernel
from tests.labs.rigs.machine import pins_library

LACKS: Final = 70
"""Exit code of a part whose tests could not run."""


@dataclass(frozen=True)
class Part:
    """Some rigs that run one after the other.

    Attributes:
        files: of tests, in this folder.
        makes: what they need.
        computes: whether the processor is all that it waits for; it then leaves it to those
            that work with the clock on the wall.
        minutes: after which it is given up, with the time that making takes.
    """

    files: tuple[str, ...]
    makes: tuple[Callable[[], object], ...] = ()
    computes: bool = False
    minutes: float = 15.0


PARTS: Final = {
    "shim": Part(("test_shim.py", "test_at_the_sensor.py")),
    "board": Part(("test_board.py", "test_judge.py"), (kernel, pins_library), minutes=75),
    "service": Part(
        ("test_service.py", "test_setup.py", "test_doctor.py"),
        (kernel, pins_library),
        minutes=75,
    ),
    "hours": Part(("test_hours.py",), (kernel, pins_library), computes=True, minutes=90),
    "arm": Part(
        ("test_arm.py",), (PI_OS_64.folder, PI_OS_32.folder), computes=True, minutes=75
    ),
    "package": Part(("test_package.py",), (FRESH.folder,), computes=True, minutes=75),
    "package-32": Part(("test_package_32.py",), (qemu,), computes=True, minutes=30),
}
"""All of them, by name; they run side by side."""


def main() -> int:
    # Whoever ends a part lets it switch its machines off.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    name, *options = sys.argv[1:]
    part = PARTS[name]
    if part.computes:
        os.nice(10)
    try:
        for make in part.makes:
            make()
    except BuildError as error:
        print(f"rigs: {error}")
        return LACKS
    except KeyboardInterrupt:
        print("rigs: interrupted")
        return LACKS
    files = [str(HERE / file) for file in part.files]
    return int(pytest.main([*files, *options]))


if __name__ == "__main__":
    sys.exit(main())

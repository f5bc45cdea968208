"""What coming up takes: modules, by the package they came with, and memory.

`python -m tests.support.startup > tests/startup.json` renews the baseline.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from importlib.metadata import packages_distributions
from typing import Final

_CONFIG_SHOW: Final = """
from harpi.cli import main
sys.argv = ["harpi", "config", "show"]
try:
    main()
except SystemExit:
    pass
"""

_DAEMON: Final = """
import tempfile
from pathlib import Path
from harpi.daemon import Daemon
from harpi.imu.emulator import VirtualTime
from tests.support.device import device_config, emulated
time = VirtualTime()
folder = Path(tempfile.mkdtemp(dir={folder!r}))
daemon = Daemon(device_config(folder), bus=emulated(time), timebase=time)
daemon.open()
daemon.play(5.0)
daemon.stop()
"""

_COUNTED: Final = """
import json, sys
before = set(sys.modules)
{script}
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
imported = sorted(set(sys.modules) - before)
print(json.dumps([imported, int(peak.split()[1]) / 1024]))
"""


@dataclass(frozen=True)
class Startup:
    """What one process took.

    Attributes:
        modules: how many were imported, by the distribution that they are of; `python` is the
            standard library.
        mib: most memory that it had, above that of a Python that does nothing; MiB.
    """

    modules: dict[str, int]
    mib: float


def startups() -> dict[str, Startup]:
    """Measure a short command, and the daemon up to its first verdicts."""
    with tempfile.TemporaryDirectory() as folder:
        _, bare = _run("")
        return {
            "harpi config show": _startup(_CONFIG_SHOW, bare),
            "daemon": _startup(_DAEMON.format(folder=folder), bare),
        }


def _startup(script: str, bare: float) -> Startup:
    imported, peak = _run(script)
    owners = packages_distributions()
    modules: Counter[str] = Counter()
    for module in imported:
        package = module.partition(".")[0]
        if package in sys.stdlib_module_names:
            modules["python"] += 1
        elif package in owners:
            modules[owners[package][0]] += 1
    for ours in ("harpi", "tests"):
        modules.pop(ours, None)
    return Startup(dict(sorted(modules.items())), round(peak - bare, 1))


def _run(script: str) -> tuple[list[str], float]:
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED.format(script=script)],
        capture_output=True,
        text=True,
        check=True,
    )
    imported, peak = json.loads(done.stdout.splitlines()[-1])
    return imported, peak


if __name__ == "__main__":
    print(json.dumps({name: asdict(taken) for name, taken in startups().items()}, indent=2))

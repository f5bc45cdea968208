"""Learning stays within the memory that the daemon's unit gives it, however much there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from harpi.store.store import Store
from harpi.types import Samples
from tests.support.takes import ROOMY, take_of

ROOM_MB = 110
"""What may come on top of a daemon that has loaded its models, 76 MB of 256."""


def test_a_full_store_is_learnt_within_a_limit_of_memory(tmp_path: Path) -> None:
    state = tmp_path / "state"
    rng = np.random.default_rng(1)
    with Store(state / "takes.db", ROOMY) as store:
        store.new_session()
        for number in range(30):
            store.add(take_of(LABELS[number % 2]), [signal(number % 2, rng)])
        hour = np.tile(signal(0, rng).values, (60, 1))
        store.add(take_of(LABELS[0]), [Samples(hour, np.arange(len(hour)) / 50)])

    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(tmp_path), str(ROOM_MB)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("taken The new head for 2 labels is in use"), done


LABELS = ("walking", "sitting")


def signal(kind: int, rng: np.random.Generator) -> Samples:
    """A minute of one of two motions at 50 Hz."""
    times = np.arange(60 * 50) / 50
    values = rng.normal(0, 0.02, (len(times), 6)).astype(np.float32)
    values[:, 2] += 1 + 0.4 * kind * np.sin(2 * np.pi * (1 + kind) * times)
    return Samples(values, times)


TRAIN = """
import resource, sys, threading
from pathlib import Path
from harpi.daemon import Daemon
from harpi.memory import use_few_arenas
from harpi.timebase import SystemTime
from tests.support.device import device_config, emulated

folder, room = Path(sys.argv[1]), int(sys.argv[2])
labels = ("walking", "sitting")
config = device_config(folder, knn__capacity=500, learning__labels=list(labels))
daemon = Daemon(config, bus=emulated(SystemTime()))
daemon.open()
learner = daemon._teaching._learner
now = int(next(l for l in open("/proc/self/status") if l.startswith("VmSize")).split()[1]) << 10
resource.setrlimit(resource.RLIMIT_AS, (now + (room << 20),) * 2)
done = threading.Event()
def end(outcome):
    print(outcome.result, outcome.message)
    done.set()
learner.train(labels, on_progress=lambda progress: None, on_end=end)
done.wait()
daemon.stop()
"""

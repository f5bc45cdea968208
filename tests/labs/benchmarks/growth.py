"""How the cost grows: with the rate, the hop, the activities, and what is stored.

The daemon runs in virtual time on an emulated chip, whose own CPU time is left out; nothing is
published. Stored windows come from takes of ten minutes; what it takes to follow them is the
CPU time from the start of the daemon until the kNN knows them all. How a query grows, up to a
million windows, is measured by `neighbours`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from harpi import shipped
from harpi.config.schema import Config
from harpi.daemon import Daemon
from harpi.evaluation.own_models import Lesson, OfflineTrainer
from harpi.imu.emulator import Chip, EmulatedBus, Playback, VirtualTime
from harpi.learning.heads import HeadRegistry
from harpi.learning.learner import Learner
from harpi.recognition.answer import Answerer
from harpi.recognition.classifiers import Classifiers, GenericClassifier, PersonalClassifier
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi.signal.orientation import Directions, PostureWatch
from harpi.store.store import Store
from harpi.types import Samples, Window
from tests.labs.benchmarks.bus import Metered
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.memory import peak, reset_peak
from tests.labs.benchmarks.table import Spread, Table
from tests.labs.benchmarks.turns import in_turns
from tests.labs.benchmarks.wearers import LENGTH, RATE, shipped_wearer
from tests.support.device import device_config, recording
from tests.support.takes import ROOMY, take_of

RATES = (25, 50, 100, 200, 500, 1000)
HOPS = (64, 32, 16, 8, 4)
ACTIVITIES = (2, 4, 8, 16, 32, 64)
STORED = (100, 1000, 10_000, 100_000, 1_000_000)
SECONDS = 6.4
"""Of signal in a round: ten windows, at the default hop."""
ROUNDS = 5
TAKE_SECONDS = 600.0
HOP_SECONDS = 0.64
TAUGHT_SECONDS = 16.0


def measure(effort: Effort) -> list[Table]:
    return [_rates(effort), _hops(effort), _activities(effort), _stored(effort)]


def _rates(effort: Effort) -> Table:
    table = Table("By the rate of the sensor, with windows of 25 Hz every 640 ms")
    return _daemons(
        table, "rate", {f"{rate} Hz": {"sensor__rate": rate} for rate in RATES}, effort
    )


def _hops(effort: Effort) -> Table:
    table = Table("By the hop, at 50 Hz")
    hops = {f"{1000 * hop / RATE:.0f} ms": {"signal__hop": hop} for hop in HOPS}
    return _daemons(table, "a window every", hops, effort)


def _daemons(
    table: Table, what: str, settings: dict[str, dict[str, int]], effort: Effort
) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        daemons = {
            name: _Running(Path(folder) / str(number), **own)
            for number, (name, own) in enumerate(settings.items())
        }
        times: dict[str, list[float]] = {name: [] for name in settings}
        for _ in range(effort.rounds(ROUNDS)):
            for name, daemon in daemons.items():
                times[name].append(daemon.cpu(SECONDS))
        for daemon in daemons.values():
            daemon.daemon.stop()
    for name, daemon in daemons.items():
        windows = daemon.daemon.recognition.windows
        table.add(
            **{
                what: name,
                "CPU ms a second": Spread.of([1000 * cpu for cpu in times[name]]),
                "windows": windows,
                "lost": daemon.daemon.sampler.health().lost,
            }
        )
    return table


class _Running:
    """A daemon in virtual time."""

    def __init__(self, folder: Path, **settings: int) -> None:
        time_ = VirtualTime()
        chip = Chip(Playback(recording()), time_, seed=1)
        self.bus = Metered(EmulatedBus({0x68: chip}, time_))
        config = device_config(folder, **settings)
        self.daemon = Daemon(config, bus=self.bus, timebase=time_)
        self.daemon.open()
        self.daemon.play(6.0)

    def cpu(self, seconds: float) -> float:
        """CPU seconds that a second of signal takes, the chip's left out."""
        begin, chip = time.thread_time(), self.bus.cpu
        self.daemon.play(seconds)
        return (time.thread_time() - begin - (self.bus.cpu - chip)) / seconds


def _activities(effort: Effort) -> Table:
    table = Table(
        f"By the number of activities, each taught for {TAUGHT_SECONDS:.0f} s",
        note="Stretches of the shipped recording, a label for each: what they are does not "
        "matter here, how many they are does.",
    )
    base = ModelFile.read(shipped.path("models/generic.tflite"))
    window = Window(shipped_wearer().asked[0], start=0.0, end=LENGTH / RATE)
    for count in effort.sizes(*ACTIVITIES):
        begin = time.process_time()
        panel = _taught(base, count)
        taught = time.process_time() - begin
        judge = in_turns({"judge": lambda panel=panel: panel.judge(window)}, effort.rounds(9))
        table.add(
            activities=f"{count}",
            **{
                "taught and trained, CPU s": taught,
                "a window judged, CPU ms": judge.of("judge", 0.001),
            },
        )
    return table


def _taught(base: ModelFile, count: int) -> Classifiers:
    teacher = OfflineTrainer(Config(), base)
    knn, personal = _knn(), PersonalClassifier(base)
    samples = round(TAUGHT_SECONDS * recording().rate)
    lessons = [
        Lesson(
            take_of(f"activity {number}", id=number + 1, count=samples, seconds=TAUGHT_SECONDS),
            [_stretch(number, samples)],
        )
        for number in range(count)
    ]
    teacher.teach_knn(knn, lessons)
    personal.use(teacher.train(lessons).head)
    return Classifiers([knn, GenericClassifier(base), personal])


def _stretch(number: int, samples: int) -> Samples:
    """A part of the shipped recording, from the beginning again where it ends."""
    played = recording()
    rows = (number * samples + np.arange(samples)) % len(played)
    return Samples(played.values[rows], np.arange(samples) / played.rate)


def _knn() -> KnnClassifier:
    reference = KnnReference.read(shipped.path("models/knn_reference.safetensors"))
    return KnnClassifier(rate=RATE, length=LENGTH, reference=reference)


def _stored(effort: Effort) -> Table:
    table = Table(
        "By the windows in the store, 8 activities",
        note="The kNN remembers 4000 of them. MB: by which the process grows at most, in a "
        "process of its own.",
    )
    for count in effort.sizes(*STORED):
        with tempfile.TemporaryDirectory() as folder:
            _fill(Path(folder) / "takes.db", count)
            command = [sys.executable, "-m", __name__, folder]
            told = subprocess.run(command, capture_output=True, text=True, check=True)
            listed, followed, grown, known = map(float, told.stdout.split())
            size = (Path(folder) / "takes.db").stat().st_size
        table.add(
            windows=f"{count}",
            **{
                "file, MB": size / 1e6,
                "takes listed, CPU ms": 1000 * listed,
                "followed, CPU s": followed,
                "ms a window": 1000 * followed / count,
                "kNN knows": known,
                "MB": grown,
            },
        )
    return table


def _fill(path: Path, windows: int) -> None:
    """Store takes that have so many windows."""
    store = Store(path, ROOMY)
    store.new_session()
    number = 0
    while windows > 0:
        seconds = min(TAKE_SECONDS, 5.0 + windows * HOP_SECONDS)
        samples = round(seconds * recording().rate)
        store.add(
            take_of(f"activity {number % 8}", rate=recording().rate),
            [_stretch(number, samples)],
        )
        windows -= int((seconds - 2.56) / HOP_SECONDS)
        number += 1
    store.close()


class _Followed(PostureWatch):
    """Notes when the learner knows the postures of all takes, which it does after the kNN."""

    def __init__(self) -> None:
        super().__init__()
        self.learnt = threading.Event()

    def learn(self, directions: Directions) -> None:
        super().learn(directions)
        self.learnt.set()


def _follow(folder: Path) -> None:
    """Print what it takes to know the takes of a store."""
    store = Store(folder / "takes.db", ROOMY)
    base = ModelFile.read(shipped.path("models/generic.tflite"))
    knn, shelf = _knn(), HeadRegistry(folder / "heads")
    personal = PersonalClassifier(base)
    posture = _Followed()
    learner = Learner(Config(), store, base, shelf, personal, knn, posture, Answerer())
    begin = time.process_time()
    store.takes(split="train")
    listed = time.process_time() - begin
    before = reset_peak()
    begin = time.process_time()
    learner.start()
    posture.learnt.wait()
    followed = time.process_time() - begin
    learner.close()
    print(listed, followed, peak() - before, sum(knn.counts.values()))
    store.close()


if __name__ == "__main__":
    _follow(Path(sys.argv[1]))

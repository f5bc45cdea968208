"""Every file that harpi reads: cut short at every length, and a bit flipped in every byte."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harpi import shipped
from harpi.config.loading import load
from harpi.config.schema import HistorySection
from harpi.errors import HarpiError
from harpi.imu.calibration import Calibration, GyroCalibration, read_calibration
from harpi.learning.heads import INDEX, HeadRegistry
from harpi.learning.models import BASE, KNN_REFERENCE
from harpi.publish.history import History
from harpi.publish.messages import compose_gap
from harpi.recognition.head import Head
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi.store.store import Store
from tests.labs.campaign.result import Result
from tests.labs.campaign.said import gist, listening_to_the_log
from tests.support.models import tiny_base, tiny_head
from tests.support.takes import ROOMY, signal, take_of

FEW = 40
"""Lengths, and bytes, that a quick campaign tries of each file."""


@dataclass(frozen=True)
class Subject:
    """A file that harpi reads.

    Attributes:
        words: what it is.
        make: puts a good one into a folder, and gives its path.
        read: reads it; gives something that can be compared.
        has_digest: whether another content must never be taken for good.
    """

    words: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    has_digest: bool = True


def subjects() -> list[Subject]:
    return [
        Subject("configuration", _make_config, _read_config, has_digest=False),
        Subject("base model", _copy(BASE), _read_base),
        Subject("kNN's reference", _copy(KNN_REFERENCE), _read_reference),
        Subject("head in use", _make_shelf, _read_head),
        Subject("list of heads", _make_index, _read_index, has_digest=False),
        Subject("calibration", _make_calibration, _read_calibration, has_digest=False),
        Subject("store of takes", _make_store, _read_store, has_digest=False),
        Subject("what waits for the broker", _make_history, _read_history),
    ]


def _copy(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        return Path(shutil.copy(shipped.path(name), folder))

    return make


def _make_config(folder: Path) -> Path:
    path = folder / "harpi.toml"
    path.write_text(
        '[device]\nid = "arm"\nposition = "right_arm"\n\n[sensor]\nrate = 100\n'
        'address = 0x69\n\n[learning]\nlabels = ["walking", "sitting"]\nepochs = 50\n\n'
        '[mqtt]\nhost = "broker.example.org"\nport = 8883\n\n[mqtt.tls]\nenabled = true\n'
    )
    return path


def _read_config(path: Path) -> object:
    return load(path, environment={}).config


def _read_base(path: Path) -> object:
    return ModelFile.read(path).metadata.digest


def _read_reference(path: Path) -> object:
    found = KnnReference.read(path)
    return found.labels, found.centroids.tobytes(), found.familiar.tobytes()


def _make_shelf(folder: Path) -> Path:
    shelf = HeadRegistry(folder / "heads")
    shelf.add(tiny_head())
    return shelf.path(shelf.add(tiny_head()))


def _read_head(path: Path) -> object:
    """Read it as the daemon does, which falls back to the head before, and says so."""
    loaded = HeadRegistry(path.parent).load(tiny_base())
    assert loaded.head is not None, "there is no usable head"
    if loaded.notice:
        raise HarpiError(loaded.notice.removesuffix("."))
    return _content(loaded.head)


def _content(head: Head) -> object:
    return head.labels, [(name, value.tobytes()) for name, value in head.parameters.items()]


def _make_index(folder: Path) -> Path:
    return _make_shelf(folder).with_name(INDEX)


def _read_index(path: Path) -> object:
    loaded = HeadRegistry(path.parent).load(tiny_base())
    if loaded.notice:
        assert loaded.head is not None, "there is no usable head"
        raise HarpiError(loaded.notice.removesuffix("."))
    return loaded.number


def _make_calibration(folder: Path) -> Path:
    path = folder / "calibration.json"
    gyro = GyroCalibration(
        made=datetime(2024, 5, 1, tzinfo=UTC), bias=(1.25, -0.5, 0.125), temperature=25.5
    )
    calibration = Calibration(chip="0" * 16, gyro=gyro)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(calibration)))
    return path


def _read_calibration(path: Path) -> object:
    return read_calibration(path)


def _make_store(folder: Path) -> Path:
    path = folder / "takes.db"
    with Store(path, ROOMY) as store:
        session = store.new_session()
        for seed, label in enumerate(("walking", "sitting", "standing")):
            store.add(take_of(label, session), [signal(4.0, seed=seed)])
    return path


def _read_store(path: Path) -> object:
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    with Store(path, ROOMY) as store:
        if damage := store.damage():
            raise HarpiError(f"{path}: {damage[0]}")
        return [
            (take.label, [run.values.tobytes() for run in store.samples(take.id)])
            for take in store.takes()
        ]


def _make_history(folder: Path) -> Path:
    path = folder / "history.db"
    history = History(HistorySection(), path, compose_gap)
    history.open()
    for _ in range(40):
        history.add(lambda stream, number: f"{stream} {number} ".encode() * 10)
    history.close()
    return path


def _read_history(path: Path) -> object:
    """Read it as the daemon does, and send everything; what is missing is announced."""
    for ending in ("-wal", "-shm", ".damaged"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    history = History(HistorySection(), path, compose_gap)
    history.open()
    sent = []
    while (entry := history.take()) is not None:
        sent.append(entry)
    history.close()
    if path.with_name(path.name + ".damaged").exists():
        raise HarpiError(f"{path}: damaged, and set aside")
    if not sent:
        raise HarpiError(f"{path}: nothing is in it, a new numbering begins")
    gaps = [entry for entry in sent if b'"gap"' in entry.payload]
    if gaps:
        raise HarpiError(f"{path}: damaged; a gap stands for each message that cannot be read")
    return history.stream, [(entry.first, entry.number, entry.payload) for entry in sent]


def try_all(result: Result, chance: random.Random, quick: bool) -> None:
    """Damage every file in every way; add two rows for each."""
    memory = Path("/dev/shm")
    for subject in subjects():
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            path = subject.make(Path(folder))
            content = path.read_bytes()
            most = FEW if quick else len(content)
            lengths = _chosen(len(content), most, chance)
            bytes_ = _chosen(len(content), most, chance)
            short = (content[:length] for length in lengths)
            flipped = (_flipped(content, at, chance) for at in bytes_)
            _try(result, subject, path, content, "cut short", short)
            _try(result, subject, path, content, "a bit flipped", flipped)
        print(f"faults: {subject.words}", file=sys.stderr, flush=True)


def _chosen(size: int, most: int, chance: random.Random) -> Sequence[int]:
    return range(size) if size <= most else sorted(chance.sample(range(size), most))


def _flipped(content: bytes, at: int, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    damaged[at] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _try(
    result: Result,
    subject: Subject,
    path: Path,
    content: bytes,
    how: str,
    damaged: Iterable[bytes],
) -> None:
    path.write_bytes(content)
    whole = subject.read(path)
    found: Counter[str] = Counter()
    said: Counter[str] = Counter()
    with listening_to_the_log():
        for number, bad in enumerate(damaged):
            path.write_bytes(bad)
            try:
                same = subject.read(path) == whole
            except HarpiError as error:
                found["refused"] += 1
                said[gist(str(error))] += 1
                if path.name not in str(error) and path.parent.name not in str(error):
                    result.fail(f"{subject.words}, {how}: does not say where: {error}")
            except Exception as error:  # what is looked for
                found["failed"] += 1
                result.fail(f"{subject.words}, {how}, case {number}: {error!r}")
            else:
                found["the same all the same" if same else "taken for good"] += 1
    if subject.has_digest and found["taken for good"]:
        result.fail(f"{subject.words}, {how}: {found['taken for good']} taken for good")
    result.add(
        f"{subject.words} ({len(content)} bytes), {how}",
        sum(found.values()),
        ", ".join(f"{what} {count}" for what, count in found.most_common()),
        said.most_common(1)[0][0] if said else "-",
        "-",
        "-",
        "-",
        "none" if not found["failed"] else "see below",
    )

"""Files that harpi keeps: calibrations, mountings, evaluations, takes, what is to be sent."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from harpi.config.schema import HistorySection
from harpi.evaluation import report as reports
from harpi.evaluation.report import Report
from harpi.evaluation.runs import LAST, RunLog, changes, shared_takes
from harpi.evaluation.table import changes_in_words, list_of_runs
from harpi.files import write_document
from harpi.imu.calibration import (
    AccelCalibration,
    Calibration,
    GyroCalibration,
    read_calibration,
)
from harpi.publish.history import History
from harpi.publish.history_file import HistoryFile, Row
from harpi.publish.homeassistant import Announced, AnnouncedFile
from harpi.publish.messages import compose_gap
from harpi.signal.features import FEATURE_NAMES
from harpi.signal.gait import Gait, Mountings, Place, read_mountings
from harpi.store.store import Store
from harpi.web.messages import Evaluation
from tests.labs.campaign.fuzz.hostile import WORDS, json_seeds, json_words
from tests.labs.campaign.fuzz.target import Feed, Target
from tests.support.judgements import contest
from tests.support.takes import ROOMY, signal, take_of

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
_LEVEL = tuple(np.eye(3).ravel().tolist())


# --- small files of JSON ------------------------------------------------------------------


def _calibration(folder: Path) -> Feed:
    file = folder / "calibration.json"

    def feed(content: bytes) -> None:
        file.write_bytes(content)
        calibration = read_calibration(file)
        assert calibration is not None
        assert all(np.isfinite(term).all() for term in calibration.terms)
        write_document(file, calibration)
        assert read_calibration(file) == calibration

    return feed


def _calibration_seeds() -> Sequence[bytes]:
    eye = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    whole = Calibration(
        chip="1a2b",
        gyro=GyroCalibration(made=NOON, temperature=25.0, bias=(0.1, 0.2, 0.3)),
        accel=AccelCalibration(
            made=NOON,
            temperature=25.0,
            offset=(0.01, 0.0, 0.0),
            matrix=eye,
            residual=0.001,
            positions=6,
        ),
    )
    return json_seeds(msgspec.json.encode(whole))


def _mounting(folder: Path) -> Feed:
    file = folder / "mounting.json"

    def feed(content: bytes) -> None:
        file.write_bytes(content)
        mountings = read_mountings(file)
        for name in mountings.places:
            place = mountings.at(name)
            if place is not None and place.rotation is not None:
                assert np.isfinite(place.rotation).all()
        write_document(file, mountings)
        assert read_mountings(file) == mountings

    return feed


def _mounting_seeds() -> Sequence[bytes]:
    count = len(FEATURE_NAMES)
    gait = Gait(level=_LEVEL, mean=(0.0,) * count, spread=(1.0,) * count, tells=(True,) * count)
    place = Place(first=gait, first_made=NOON, turned=_LEVEL, turned_made=NOON)
    whole = msgspec.json.encode(Mountings(places={"arm": place}))
    other = whole.replace(f'"features":{gait.features}'.encode(), b'"features":0')
    short = other.replace(b"0.0,0.0,0.0,0.0,", b"")
    return [*json_seeds(whole), other, short, *json_seeds(b'{"format":1,"places":{}}')]


def _announced(folder: Path) -> Feed:
    file = folder / "homeassistant.json"

    def feed(content: bytes) -> None:
        file.write_bytes(content)
        announced = AnnouncedFile(file).read()
        msgspec.json.encode(announced)

    return feed


# --- the log of evaluations ---------------------------------------------------------------


def _evaluations(folder: Path) -> Feed:
    file = folder / "evaluations.jsonl"

    def feed(content: bytes) -> None:
        file.write_bytes(content)
        log = RunLog(file).read()
        list(list_of_runs(log.reports))
        for report in log.reports:
            msgspec.json.encode((report, Evaluation.of(report)))
        for earlier, later in pairwise(log.reports):
            takes = len(shared_takes(earlier, later))
            list(changes_in_words(earlier, later, changes(earlier, later), takes))
        log.find(LAST)

    return feed


def _evaluations_seeds() -> Sequence[bytes]:
    report = contest([("walking", {"knn": "walking"}), ("sitting", {"knn": "walking"})])[1]
    line = msgspec.json.encode(report)
    none = line.replace(b'"windows":5', b'"windows":0')
    torn = b"\n".join([line, none, b"", b"\x0c", line[:500], b"\xff", line])
    return [torn, line + b"\n" + line.replace(b'"right":{"knn":5}', b'"right":{"knn":-7}')] + [
        seed + b"\n" + line for seed in json_seeds(line)
    ]


# --- databases ----------------------------------------------------------------------------


def _clear(file: Path) -> None:
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()


def _outbox(folder: Path) -> Feed:
    file = folder / "outbox.db"

    def feed(content: bytes) -> None:
        _clear(file)
        file.write_bytes(content)
        history = History(HistorySection(), file, compose_gap)
        history.open()
        history.add(lambda stream, number: f"{stream} {number}".encode())
        while (entry := history.take()) is not None:
            assert isinstance(entry.payload, bytes)
            history.acknowledge(entry)
        history.repeat(0, 1 << 60)
        history.close()

    return feed


def _outbox_seeds() -> Sequence[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "outbox.db"
        saved = HistoryFile(file)
        saved.save("abcd", 10, 5, [Row(3, 1, b"{}"), Row(4, 4, b"{}")], [])
        saved.close()
        sound = file.read_bytes()
        hurting = []
        for change in (
            "UPDATE entry SET payload = 'text'",
            "UPDATE entry SET payload = 7",
            "UPDATE entry SET first = 'text'",
            "UPDATE entry SET first = -9223372036854775808",
            "UPDATE entry SET number = 9223372036854775807 WHERE number = 4",
            "UPDATE entry SET number = -5 WHERE number = 4",
            "UPDATE numbering SET stream = 7",
            "UPDATE numbering SET stream = x'00ff'",
            "UPDATE numbering SET reserved = 'text'",
            "UPDATE numbering SET reserved = 9223372036854775807, known = -1",
            "UPDATE numbering SET known = 1e300",
            "DROP TABLE entry",
            "DROP TABLE entry; CREATE VIEW entry AS SELECT 1 number, 1 first, 1 payload",
            "ALTER TABLE entry RENAME payload TO content",
            "PRAGMA user_version = 9",
            "PRAGMA user_version = -1",
        ):
            file.write_bytes(sound)
            with sqlite3.connect(file) as connection:
                connection.executescript(change)
            connection.close()
            hurting.append(file.read_bytes())
    return [sound, *hurting, sound[:5000], b"", b"SQLite format 3\x00", b"no database"]


def _store(folder: Path) -> Feed:
    file = folder / "takes.db"

    def feed(content: bytes) -> None:
        _clear(file)
        file.write_bytes(content)
        with Store(file, ROOMY) as store:
            for take in store.takes(deleted=None)[:8]:
                store.samples(take.id, whole=True)
            store.damage()
            store.undo()

    return feed


def _store_seeds() -> Sequence[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "takes.db"
        with Store(file, ROOMY) as store:
            store.add(take_of(session=store.new_session()), [signal(0.2)])
        sound = file.read_bytes()
        hurting = []
        for change in (
            "UPDATE take SET label = char(27) || '[2J'",
            "UPDATE take SET label = x'ff'",
            "UPDATE take SET start = 'once'",
            "UPDATE take SET rate = 0",
            "UPDATE take SET rate = 'fast'",
            "UPDATE take SET flags = 'unheard_of'",
            "UPDATE take SET seconds = 1e300, count = -1",
            "UPDATE take SET keep_from = 5, keep_to = 1",
            "UPDATE chunk SET data = x'00'",
            "UPDATE chunk SET data = 'text'",
            "UPDATE chunk SET count = 1000000000",
            "UPDATE chunk SET count = -1",
            "UPDATE chunk SET first = 'soon'",
            "UPDATE chunk SET accel_lsb = 0",
            "UPDATE chunk SET gyro_lsb = NULL",
            "PRAGMA user_version = 99",
        ):
            file.write_bytes(sound)
            connection = sqlite3.connect(file)
            connection.execute("PRAGMA ignore_check_constraints = 1")
            try:
                connection.executescript(change)
            except sqlite3.DatabaseError:  # the file itself forbids it
                continue
            finally:
                connection.close()
            hurting.append(file.read_bytes())
    return [sound, *hurting, sound[:9000], b"", b"SQLite format 3\x00", b"no database"]


_REPORT = [
    kind
    for kind in vars(reports).values()
    if isinstance(kind, type)
    and issubclass(kind, reports.Record)
    and kind is not reports.Record
]

TARGETS = [
    Target(
        "calibration",
        "the calibration of the sensor",
        _calibration,
        _calibration_seeds,
        json_words(Calibration, AccelCalibration, GyroCalibration),
        share=0.5,
        json=True,
    ),
    Target(
        "mounting",
        "the mountings of the strap",
        _mounting,
        _mounting_seeds,
        json_words(Mountings, Place, Gait),
        share=0.4,
        json=True,
    ),
    Target(
        "announced",
        "what Home Assistant was told",
        _announced,
        lambda: json_seeds(b'{"format":1,"topic":"homeassistant/a","labels":["walking"]}'),
        json_words(Announced),
        json=True,
    ),
    Target(
        "evaluations",
        "the log of evaluations",
        _evaluations,
        _evaluations_seeds,
        json_words(Report, *_REPORT),
        largest=16384,
        share=0.4,
        json=True,
    ),
    Target(
        "outbox",
        "messages that wait for the broker",
        _outbox,
        _outbox_seeds,
        WORDS,
        largest=20480,
        share=0.03,
    ),
    Target(
        "store",
        "the store of takes",
        _store,
        _store_seeds,
        WORDS,
        largest=81920,
        share=0.02,
    ),
]

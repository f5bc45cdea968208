"""A daemon on an emulated chip keeps the diary of who wears it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from harpi.commands import Correct, Erase
from harpi.daemon import Daemon
from harpi.diary.bouts import CHANGE_SECONDS, Bout
from harpi.diary.store import FILE_NAME, Diary
from harpi.imu.emulator.virtual_time import VirtualTime
from tests.support.device import device_config, emulated, recording

SECONDS = 180.0


def opened(folder: Path, **settings: object) -> Daemon:
    time = VirtualTime(start=1000.0)
    config = device_config(folder, device__position="waist", **settings)
    daemon = Daemon(config, bus=emulated(time), timebase=time)
    daemon.open()
    return daemon


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A device that was worn for some minutes by whom the shipped recording is of."""
    daemon = opened(tmp_path_factory.mktemp("worn"))
    daemon.play(SECONDS)
    yield daemon
    daemon.stop()


def bouts_of(daemon: Daemon) -> list[Bout]:
    path = daemon.config.paths.state_folder / FILE_NAME
    return Diary(path, read_only=True).between(0, 1e11)


def test_what_was_done_is_in_the_diary_within_a_minute(worn: Daemon) -> None:
    bouts = bouts_of(worn)
    assert SECONDS - 66 <= bouts[-1].end - bouts[0].start <= SECONDS
    assert {bout.position for bout in bouts} == {"waist"}
    assert all(bout.models.endswith("no head") for bout in bouts)
    shown = recording()
    times = np.arange(5.0, bouts[-1].end - bouts[0].start - 5)
    truth = [shown.labels[code] for code in shown.label[(times * shown.rate).astype(int)]]
    ends = [bout.end - bouts[0].start for bout in bouts]
    told = [bouts[int(np.searchsorted(ends, at))].activity for at in times]
    assert np.mean([a == b for a, b in zip(truth, told, strict=True)]) > 0.5


def test_bouts_last_no_less_than_a_change_costs(worn: Daemon) -> None:
    assert min(bout.seconds for bout in bouts_of(worn)[1:-1]) >= CHANGE_SECONDS


def test_it_is_corrected_and_deleted_through_the_session(worn: Daemon) -> None:
    ended = next(bout for bout in bouts_of(worn) if not bout.going_on)
    assert worn.session.command(Correct(label="rowing", bout=ended.number), "test").ok
    (found,) = [bout for bout in bouts_of(worn) if bout.number == ended.number]
    assert (found.activity, found.corrected) == ("rowing", True)
    answer = worn.session.command(Erase(day=date(2000, 1, 1)), "test")
    assert (answer.ok, answer.message) == (
        True,
        "Deleted from the diary of 2000-01-01: 0 bouts.",
    )


def test_without_a_diary_there_is_no_file(tmp_path: Path) -> None:
    daemon = opened(tmp_path, diary__enabled=False)
    daemon.play(5.0)
    answer = daemon.session.command(Correct(label="rowing", bout=1), "test")
    daemon.stop()
    assert not answer.ok
    assert "no diary is kept" in answer.message.casefold()
    assert not (tmp_path / "state" / FILE_NAME).exists()

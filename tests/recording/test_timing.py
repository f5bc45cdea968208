"""The clocks that people's files have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.errors import RecordingError
from harpi.recording import Hints, Recording, Understood, read_understood
from harpi.recording.raw import Raw
from harpi.recording.timing import clock_of
from tests.support import files

EPOCH = 1_714_996_800.0


def read(path: Path, time: object, hints: Hints | None = None) -> tuple[Recording, Understood]:
    lines = files.rows(time=time, label=files.labels(), clock="%.17g")  # type: ignore[arg-type]
    (recording,), understood = read_understood(files.write(path, lines), hints=hints)
    return recording, understood


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("since", [0.0, EPOCH])
def test_units_of_time_are_told_by_the_rate_that_they_give(
    tmp_path: Path, unit: float, since: float
) -> None:
    recording, understood = read(
        tmp_path / "r.csv", np.rint((files.times() + since) * unit * 1e3) / 1e3
    )
    assert recording.rate == pytest.approx(50.0, rel=1e-3)
    assert recording.duration == pytest.approx(54.0, abs=0.1)
    assert (understood.start is not None) == (since > 0)


@given(
    rate=st.floats(5.0, 900.0),
    unit=st.sampled_from([1.0, 1e3, 1e6, 1e9]),
    begin=st.floats(0.0, 1e5),
)
def test_any_rate_of_a_body_sensor_comes_out_in_any_unit(
    rate: float, unit: float, begin: float
) -> None:
    times = (begin + np.arange(400) / rate) * unit
    raw = Raw(format="", acc=np.zeros((400, 3), np.float32), times=times)
    clock = clock_of(raw, Hints(), "r.csv")
    assert clock.rate == pytest.approx(rate, rel=1e-3)
    assert clock.segment.max() == 0


def test_dates_are_read_and_say_when_it_began(tmp_path: Path) -> None:
    begin = datetime(2024, 5, 6, 12, tzinfo=UTC)
    time = [(begin + timedelta(seconds=float(t))).isoformat() for t in files.times()]
    recording, understood = read(tmp_path / "r.csv", time)
    assert (recording.rate, understood.start) == (50.0, begin)


def test_a_time_of_day_goes_on_past_midnight(tmp_path: Path) -> None:
    begin = datetime(2024, 5, 6, 23, 59, 40)  # noqa: DTZ001
    time = [
        (begin + timedelta(seconds=float(t))).strftime("%H:%M:%S.%f") for t in files.times()
    ]
    recording, understood = read(tmp_path / "r.csv", time)
    assert (recording.rate, understood.restarts, understood.start) == (50.0, 0, None)


def test_numbers_of_samples_need_the_rate(tmp_path: Path) -> None:
    numbers = np.arange(len(files.times()), dtype=float)
    with pytest.raises(RecordingError, match=r"count 1, 2, 3.*--rate"):
        read(tmp_path / "r.csv", numbers)
    recording, understood = read(tmp_path / "r.csv", numbers, Hints(rate=50.0))
    assert recording.rate == 50.0
    assert any("numbers of samples" in note for note in understood.notes)


def test_a_file_without_times_needs_the_rate(tmp_path: Path) -> None:
    lines = [line.partition(",")[2] for line in files.rows()]
    path = files.write(tmp_path / "r.csv", lines, "ax,ay,az,gx,gy,gz")
    with pytest.raises(RecordingError, match=r"no column of times.*--rate"):
        Recording.read(path)
    (recording,), _ = read_understood(path, hints=Hints(rate=50.0))
    assert recording.duration == 54.0


def test_a_rate_that_is_not_that_of_the_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="do not give the 100 Hz of --rate"):
        read(tmp_path / "r.csv", files.times(), Hints(rate=100.0))


def test_a_gap_in_time_begins_another_segment_and_keeps_its_length(tmp_path: Path) -> None:
    time = files.times()
    time[1000:] += 3.0
    recording, understood = read(tmp_path / "r.csv", time)
    assert (recording.rate, understood.gaps, recording.duration) == (50.0, 1, 54.0)
    assert recording.begins == pytest.approx([0.0, 23.0])


def test_a_pause_in_a_short_slow_recording_is_not_taken_for_another_unit(
    tmp_path: Path,
) -> None:
    times = np.arange(8) / 12.5
    times[4:] += 1.32
    lines = [f"{t},0,0,1,0,0,0,a" for t in times]
    recording = Recording.read(files.write(tmp_path / "r.csv", lines))
    assert (recording.rate, recording.segment.max()) == (12.5, 1)


def test_uneven_times_are_evened_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.choice([0.015, 0.02, 0.02, 0.025, 0.04], 2000))
    lines = [f"{t},{np.sin(np.pi * t)},0.25,1,-1,2.5,30,walking" for t in times]
    recording = Recording.read(files.write(tmp_path / "r.csv", lines))
    grid = times[0] + np.arange(len(recording)) / recording.rate
    error = recording.values[:, 0] - np.sin(np.pi * grid)
    assert np.abs(error).max() < 0.01
    assert recording.segment.max() == 0
    assert recording.duration == pytest.approx(times[-1] - times[0], rel=0.01)


def test_times_rounded_to_milliseconds_give_the_rate_they_were_taken_at(tmp_path: Path) -> None:
    lines = [f"{round(k / 30, 3)},0,0,1,0,0,0,a" for k in range(3000)]
    recording = Recording.read(files.write(tmp_path / "r.csv", lines))
    assert recording.rate == pytest.approx(30.0, abs=1e-3)


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_lost_samples_are_interpolated_and_told(tmp_path: Path, share: float) -> None:
    keep = np.random.default_rng(1).random(2700) > share
    lines = [
        line for line, kept in zip(files.rows(label=files.labels()), keep, strict=True) if kept
    ]
    (recording,), understood = read_understood(files.write(tmp_path / "r.csv", lines))
    assert recording.rate == pytest.approx(50.0, rel=1e-3)
    assert understood.lost > share / 2
    assert sum(understood.labels.values()) > 54 * (1 - share)


# --- clocks that are too coarse, and packets ------------------------------------------------


@pytest.mark.parametrize("tick", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("rate", [50.0, 104.0])
def test_a_coarse_clock_is_spread_evenly(tmp_path: Path, tick: float, rate: float) -> None:
    time = np.floor((np.arange(2700) / rate + 1e-9) / tick) * tick
    recording, understood = read(tmp_path / "r.csv", time)
    assert recording.rate == pytest.approx(rate, rel=0.01)
    assert (len(recording), recording.segment.max()) == (2700, 0)
    assert any("spread evenly" in note for note in understood.notes)


def test_packets_of_a_radio_are_spread_evenly(tmp_path: Path) -> None:
    place = np.arange(2700)
    recording, understood = read(tmp_path / "r.csv", place // 4 * 0.08 + place % 4 * 0.001)
    assert (recording.rate, len(recording), understood.gaps) == (50.0, 2700, 0)
    assert any("packets of about 4, every 80 ms" in note for note in understood.notes)


def test_packets_that_are_lost_are_gaps(tmp_path: Path) -> None:
    place = np.arange(2700)
    keep = (place // 4) % 50 != 20
    lines = files.rows(time=place // 4 * 0.08, label=files.labels())
    kept = [line for line, here in zip(lines, keep, strict=True) if here]
    (recording,), understood = read_understood(files.write(tmp_path / "r.csv", kept))
    assert (recording.rate, understood.gaps) == (50.0, 14)


def test_samples_with_one_time_that_do_not_come_steadily_are_refused(tmp_path: Path) -> None:
    time = np.floor(np.arange(2700) / 50)
    time[1350:] = 27 + np.floor(np.arange(1350) / 13)
    with pytest.raises(RecordingError, match=r"line \d+: several samples share one time"):
        read(tmp_path / "r.csv", time)


# --- clocks that go back --------------------------------------------------------------------


def test_a_clock_that_restarts_begins_another_recording(tmp_path: Path) -> None:
    time = np.concatenate([files.times()[:1000], files.times()[:1700]])
    recording, understood = read(tmp_path / "r.csv", time)
    assert np.flatnonzero(np.diff(recording.segment)).tolist() == [999]
    assert understood.restarts == 1
    assert recording.values == pytest.approx(files.motion(), abs=1e-6)


def test_a_restart_of_an_uneven_clock_mixes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    time = np.cumsum(rng.choice([0.015, 0.02, 0.025, 0.04], 2700))
    time[1350:] -= time[1350] - 0.5
    recording, understood = read(tmp_path / "r.csv", time)
    assert understood.restarts == 1
    last = recording.label[recording.segment == recording.segment[-1]]
    assert {recording.labels[code] for code in last} == {"sitting", "standing"}


def test_two_lines_that_are_swapped_are_refused_with_their_place(tmp_path: Path) -> None:
    def swap(lines: list[str]) -> list[str]:
        return [*lines[:100], lines[101], lines[100], *lines[102:]]

    with pytest.raises(RecordingError, match=r"line 103: .*swapped") as caught:
        Recording.read(files.good(tmp_path / "r.csv", swap))
    assert "Sort" not in str(caught.value)


def test_a_line_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    def twice(lines: list[str]) -> list[str]:
        return [*lines[:500], *lines[499:]]

    (recording,), understood = read_understood(files.good(tmp_path / "r.csv", twice))
    assert (len(recording), understood.duplicates) == (2700, 1)


def test_a_time_that_stands_there_twice_with_other_values_is_refused(tmp_path: Path) -> None:
    def twice(lines: list[str]) -> list[str]:
        stamp = lines[499].partition(",")[0]
        extra = [f"{stamp},{lines[k].partition(',')[2]}" for k in range(200, 209)]
        return [*lines[:500], *extra, *lines[500:]]

    with pytest.raises(RecordingError, match=r"line 502: .*other values"):
        Recording.read(files.good(tmp_path / "r.csv", twice))


def test_fractions_without_leading_zeros_are_understood(tmp_path: Path) -> None:
    time = [f"{round(t * 1000) // 1000}.{round(t * 1000) % 1000}" for t in files.times()]
    recording, understood = read(tmp_path / "r.csv", time)
    assert (recording.rate, recording.duration) == (50.0, 54.0)
    assert any("leading zeros" in note for note in understood.notes)


# --- what is no clock -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["0", "nan"], "line 3: its time is no number"),
        (["0", "1e300"], "line 3: its time is no number"),
        (["0", "soon"], "line 3: time is 'soon', not a time"),
        (["then", "soon"], "line 2: time is 'then', not a time"),
        (["0", "0"], "all its samples have the same time"),
        (["0", "1e-9"], "rate would be 1e\\+09 Hz, which no body sensor has"),
        (["0", "1e10"], "rate would be 1e-10 Hz, which no body sensor has"),
    ],
)
def test_what_is_no_clock_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    path = files.write(tmp_path / "r.csv", [f"{time},0,0,1,0,0,0," for time in lines])
    with pytest.raises(RecordingError, match=words):
        Recording.read(path)


def test_a_unit_in_the_header_that_is_wrong_is_named(tmp_path: Path) -> None:
    lines = files.rows(time=files.times() * 1000, clock="%d")
    path = files.write(tmp_path / "r.csv", lines, "time (s),ax,ay,az,gx,gy,gz")
    with pytest.raises(RecordingError, match=r"0\.05 Hz.*they look like milliseconds"):
        Recording.read(path)

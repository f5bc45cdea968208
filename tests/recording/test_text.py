"""Recordings as .csv, as people and loggers write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harpi.errors import RecordingError
from harpi.recording import Recording

HEADER = "time,ax,ay,az,gx,gy,gz,label"


def save(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def row(time: float, label: str = "walking", ax: float = 0.0) -> str:
    return f"{time},{ax},0.25,1,-1,2.5,30,{label}"


def test_it_reads_times_values_and_labels(tmp_path: Path) -> None:
    labels = ["walking", "walking", "", "sitting"]
    lines = [row(100 + 0.04 * k, label) for k, label in enumerate(labels)]
    recording = Recording.read(save(tmp_path / "r.csv", HEADER, *lines))
    assert recording.rate == 25.0
    assert recording.values[0].tolist() == [0.0, 0.25, 1.0, -1.0, 2.5, 30.0]
    assert recording.labels == ("walking", "sitting")
    assert recording.label.tolist() == [0, 0, -1, 1]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("time,ax,ay,az,gx,gy,gz", "{t},1,2,3,4,5,6"),
        ("Time, AX, AY, AZ, GX, GY, GZ", " {t}, 1, 2, 3, 4, 5, 6"),
        ("note,gz,gy,gx,az,ay,ax,time", "x,6,5,4,3,2,1,{t}"),
        ('"time","ax","ay","az","gx","gy","gz"', '"{t}","1","2","3","4","5","6"'),
        ("\ufefftime,ax,ay,az,gx,gy,gz\r", "{t},1,2,3,4,5,6\r"),
        ("time,ax,ay,az,gx,gy,gz\n", "{t},1,2,3,4,5,6\n"),
    ],
    ids=["plain", "capitals", "shuffled", "quoted", "windows", "blank lines"],
)
def test_columns_may_come_in_many_guises(tmp_path: Path, header: str, line: str) -> None:
    lines = [line.format(t=k / 50) for k in range(5)]
    recording = Recording.read(save(tmp_path / "R.CSV", header, *lines))
    assert recording.rate == 50.0
    assert recording.values.tolist() == [[1, 2, 3, 4, 5, 6]] * 5


def test_labels_may_hold_commas_in_quotes(tmp_path: Path) -> None:
    lines = [row(k / 50, '"stairs, up"') for k in range(3)]
    assert Recording.read(save(tmp_path / "r.csv", HEADER, *lines)).labels == ("stairs, up",)


def test_a_gap_in_time_begins_another_segment(tmp_path: Path) -> None:
    times = [*np.arange(10) / 50, *(3 + np.arange(10) / 50)]
    recording = Recording.read(save(tmp_path / "r.csv", HEADER, *map(row, times)))
    assert recording.rate == 50.0
    assert recording.segment.tolist() == [0] * 10 + [1] * 10


def test_uneven_times_are_evened_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.choice([0.015, 0.02, 0.02, 0.025, 0.04], 2000))
    lines = [row(t, ax=np.sin(2 * np.pi * 0.5 * t)) for t in times]
    recording = Recording.read(save(tmp_path / "r.csv", HEADER, *lines))
    grid = times[0] + np.arange(len(recording)) / recording.rate
    error = recording.values[:, 0] - np.sin(2 * np.pi * 0.5 * grid)
    assert np.abs(error).max() < 0.01
    assert recording.segment.max() == 0
    assert recording.duration == pytest.approx(times[-1] - times[0], rel=0.01)


def test_times_rounded_to_milliseconds_give_the_rate_they_were_taken_at(tmp_path: Path) -> None:
    lines = [row(round(k / 30, 3)) for k in range(3000)]
    assert Recording.read(save(tmp_path / "r.csv", HEADER, *lines)).rate == pytest.approx(
        30.0, abs=1e-3
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([""], "line 1: the header has no column time, ax"),
        (["0,1,2,3,4,5,6"], "line 1: the header has no column time"),
        (["time,ax,ay,az,gx,gy"], "line 1: the header has no column gz.*Begin the file with"),
        (["time;ax;ay;az;gx;gy;gz"], "line 1: the header has no column"),
        ([HEADER], "holds no samples"),
        ([HEADER, row(0)], "holds 1 samples"),
        ([HEADER, row(0), "0.02,1,2,x,4,5,6,a"], "line 3: az is 'x', not a number"),
        ([HEADER, row(0), "", "0.02,1,,3,4,5,6,a"], "line 4: ay is '', not a number"),
        ([HEADER, row(0), "0.02,1,2"], "line 3: it has 3 columns, the header 8"),
        ([HEADER, "0,0,5;1,2,3,4,5,a", row(1)], "line 2: ay is '5;1'"),
        ([HEADER, row(0), row(0.02), row(0.01)], "sample 2: its time does not come after"),
        ([HEADER, row(0), row(0)], "sample 1: its time does not come after"),
        ([HEADER, row(0), row(float("nan"))], "sample 1: its time is no number of seconds"),
        ([HEADER, row(0), row(1e300)], "sample 1: its time is no number of seconds"),
        ([HEADER, row(0), row(1000), row(2000)], "rate would be 0.001 Hz"),
        ([HEADER, row(0), row(1e-9)], "rate would be 1e\\+09 Hz"),
        ([HEADER, row(0), row(0.02, ax=float("nan"))], "sample 1 has no finite ax"),
        ([HEADER, row(0), row(0.02, ax=978.0)], "sample 1 has ax = 978 g"),
        ([HEADER, row(0), row(1, "x" * 65)], "longer than 64 characters"),
        ([HEADER, row(0), row(1, "x" * 200_000)], "columns cannot be told apart"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    path = save(tmp_path / "r.csv", *lines)
    with pytest.raises(RecordingError, match=words) as caught:
        Recording.read(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_binary_rubbish_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"\x93NUMPY\x00\xff\xfe" * 100)
    with pytest.raises(RecordingError, match="no text in UTF-8"):
        Recording.read(tmp_path / "r.csv")


def test_a_file_that_is_too_long_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "r.csv").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(RecordingError, match="1024 MiB, more than 512"):
        Recording.read(tmp_path / "r.csv")

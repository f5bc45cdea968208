"""Tables as text, as people and loggers write them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from harpi.errors import RecordingError
from harpi.recording import Recording, read_understood
from tests.support import files

HEADER = files.HEADER


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
        ("time,ax,ay,az,gx,gy,gz,", "{t},1,2,3,4,5,6,"),
        ("time;ax;ay;az;gx;gy;gz", "{t};1;2;3;4;5;6"),
        ("time\tax\tay\taz\tgx\tgy\tgz", "{t}\t1\t2\t3\t4\t5\t6"),
        ("time ax ay az gx gy gz", "{t} 1 2 3 4 5 6"),
        ("time,accX,accY,accZ,gyrX,gyrY,gyrZ", "{t},1,2,3,4,5,6"),
        ("time,accel_x,accel_y,accel_z,gyro_x,gyro_y,gyro_z", "{t},1,2,3,4,5,6"),
        (
            "elapsed (s),ax (g),ay (g),az (g),gx (deg/s),gy (deg/s),gz (deg/s)",
            "{t},1,2,3,4,5,6",
        ),
        (",time,ax,ay,az,gx,gy,gz", "7,{t},1,2,3,4,5,6"),
        ("sep=;\ntime;ax;ay;az;gx;gy;gz", "{t};1;2;3;4;5;6"),
        ("MPU6050 Found!\n\ntime,ax,ay,az,gx,gy,gz", "{t},1,2,3,4,5,6"),
        ("# esp32, 50 Hz\n\ntime,ax,ay,az,gx,gy,gz", "{t},1,2,3,4,5,6"),
    ],
)
def test_columns_may_come_in_many_guises(tmp_path: Path, header: str, line: str) -> None:
    lines = [line.format(t=k / 50) for k in range(5)]
    recording = Recording.read(save(tmp_path / "R.CSV", header, *lines))
    assert recording.rate == 50.0
    assert recording.values.tolist() == [[1, 2, 3, 4, 5, 6]] * 5


def test_decimal_commas_are_read_where_commas_do_not_separate(tmp_path: Path) -> None:
    lines = [line.replace(".", ",") for line in files.rows(separator=";")]
    path = files.write(tmp_path / "r.csv", lines, "time;ax;ay;az;gx;gy;gz")
    assert Recording.read(path).values == pytest.approx(files.motion(), abs=1e-6)


def test_decimal_commas_in_quotes_are_read_among_commas(tmp_path: Path) -> None:
    rows = [line.replace(".", ",").split(";") for line in files.rows(separator=";")]
    lines = [",".join(f'"{cell}"' for cell in cells) for cells in rows]
    path = files.write(tmp_path / "r.csv", lines, "time,ax,ay,az,gx,gy,gz")
    assert Recording.read(path).values == pytest.approx(files.motion(), abs=1e-6)


@pytest.mark.parametrize(
    ("time", "ax", "words"),
    [("1.000", "0,5", "time is '1.000', not a time"), ("1000", "1.000", "ax is '1.000', not")],
)
def test_points_between_thousands_are_never_taken_for_decimal_ones(
    tmp_path: Path, time: str, ax: str, words: str
) -> None:
    lines = ["960;0,5;0;0,9;1;2;3", "980;0,5;0;0,9;1;2;3", f"{time};{ax};0;0,9;1;2;3"]
    path = files.write(tmp_path / "r.csv", lines, "time;ax;ay;az;gx;gy;gz")
    with pytest.raises(RecordingError, match=words) as caught:
        Recording.read(path)
    assert "thousands" in caught.value.remedy


@pytest.mark.parametrize(
    ("time", "acc", "gyro", "label"),
    [
        ("Zeit (s)", "Beschleunigung {}", "Drehrate {}", "Aktivität"),
        ("Temps (s)", "Accélération {}", "Vitesse angulaire {}", "Activité"),
        ("Tiempo (s)", "Aceleración {}", "Giroscopio {}", "Actividad"),
        ("SampleTimeFine", "Acc_{}", "Gyr_{}", "class"),
    ],
)
def test_columns_have_the_names_of_programs_in_other_languages(
    tmp_path: Path, time: str, acc: str, gyro: str, label: str
) -> None:
    names = [time, *(kind.format(axis) for kind in (acc, gyro) for axis in "xyz"), label]
    path = files.write(tmp_path / "r.csv", files.rows(), ",".join(names[:-1]))
    assert Recording.read(path).values == pytest.approx(files.motion(), abs=1e-6)
    path = save(tmp_path / "l.csv", ",".join(names), *(row(k / 50) for k in range(3)))
    assert Recording.read(path).labels == ("walking",)


def test_decimal_commas_among_commas_are_named_as_what_they_are(tmp_path: Path) -> None:
    lines = [line.replace(".", ",") for line in files.rows()]
    with pytest.raises(RecordingError, match=r"line 2: its numbers have decimal commas"):
        Recording.read(files.write(tmp_path / "r.csv", lines))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n"])
def test_encodings_and_ends_of_lines(tmp_path: Path, encoding: str, ending: str) -> None:
    lines = [HEADER, *(row(k / 50, "Überkopf") for k in range(60))]
    (tmp_path / "r.csv").write_bytes((ending.join(lines) + ending).encode(encoding))
    recording = Recording.read(tmp_path / "r.csv")
    assert (len(recording), recording.labels) == (60, ("Überkopf",))


def test_another_encoding_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes("\n".join([HEADER, row(0, "Gähnen")]).encode("cp1252"))
    with pytest.raises(RecordingError, match=r"no text in UTF-8.*Save it as UTF-8"):
        Recording.read(tmp_path / "r.csv")


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    plain = files.good(tmp_path / "r.csv")
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    packed, known = Recording.read(tmp_path / "r.csv.gz"), Recording.read(plain)
    assert np.array_equal(packed.values, known.values)


def test_labels_may_hold_commas_in_quotes(tmp_path: Path) -> None:
    lines = [row(k / 50, '"stairs, up"') for k in range(3)]
    assert Recording.read(save(tmp_path / "r.csv", HEADER, *lines)).labels == ("stairs, up",)


@pytest.mark.parametrize("name", ["label", "activity", "Class", "target", "Activity Name"])
def test_labels_are_found_under_the_names_that_people_give_them(
    tmp_path: Path, name: str
) -> None:
    header = HEADER.replace("label", name)
    lines = [row(k / 50) for k in range(3)]
    assert Recording.read(save(tmp_path / "r.csv", header, *lines)).labels == ("walking",)


def test_what_is_not_used_is_named(tmp_path: Path) -> None:
    header = "time,ax,ay,az,gx,gy,gz,temperature,pressure"
    lines = [f"{k / 50},0,0,1,{k},5,6,20.5,1013" for k in range(60)]
    _, understood = read_understood(save(tmp_path / "r.csv", header, *lines))
    assert understood.ignored == ("temperature", "pressure")
    assert understood.columns["gx"] == "gx"


def test_a_header_that_comes_again_begins_another_recording(tmp_path: Path) -> None:
    def again(lines: list[str]) -> list[str]:
        return [*lines[:1000], HEADER, *lines[1000:]]

    (recording,), understood = read_understood(files.good(tmp_path / "r.csv", again))
    assert np.flatnonzero(np.diff(recording.segment)).tolist() == [999]
    assert any("header stands there again" in note for note in understood.notes)


def test_wearers_in_a_column_are_told_apart(tmp_path: Path) -> None:
    lines = [f"{line},{'ann' if k < 1350 else 'ben'}" for k, line in enumerate(files.rows())]
    path = files.write(tmp_path / "r.csv", lines, "time,ax,ay,az,gx,gy,gz,subject")
    recordings, _ = read_understood(path)
    assert [(r.subject, len(r)) for r in recordings] == [("ann", 1350), ("ben", 1350)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([""], "it is empty"),
        (["hello"], "line 1: no header is found that names ax, ay and az; it says 'hello'"),
        (["0,1,2,3,4,5,6"], "line 1: it has no header that names its 7 columns"),
        (["time,ax,ay,az,gx,gy", row(0)], "the header has no column gz.*Begin the file with"),
        (["time,ax,ay", "0,1,2"], "line 1: the header has no column az; it has time, ax, ay"),
        (["time,ax,ay,az,ax,gx,gy,gz", row(0)], "line 1: the header has ax more than once"),
        (
            ["time,userAcceleration.x,userAcceleration.y,userAcceleration.z", "0,0,0,0"],
            "line 1: its acceleration is without gravity",
        ),
        ([HEADER], "holds no samples"),
        ([HEADER, row(0)], "holds 1 samples"),
        ([HEADER, row(0), "0.02,1,2,x,4,5,6,a"], "line 3: az is 'x', not a number"),
        ([HEADER, row(0), "0.02,1,−2,3,4,5,6,a"], "line 3: ay is '−2'.*plain hyphen"),
        ([HEADER, row(0), "", "0.02,1,,3,4,5,6,a"], "line 4: ay is '', not a number"),
        ([HEADER, row(0), "0.02,1,2"], "line 3: it ends early, with 3 of 8 columns"),
        ([HEADER, row(0), row(0.02) + row(0.04)], "line 3: it has 15 columns.*line break"),
        ([HEADER, "0,0,5;1,2,3,4,5,a", row(1)], "line 2: ay is '5;1'"),
        ([HEADER, row(0), row(0.02, ax=float("nan"))], "line 3: ax is 'nan'"),
        ([HEADER, row(0), row(0.02, ax=978.0)], "line 3 has ax = 978 g"),
        ([HEADER, row(0), row(1, "x" * 49)], "line 3: a label has 1 to 48 characters"),
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
    with pytest.raises(RecordingError, match="no text"):
        Recording.read(tmp_path / "r.csv")


def test_a_file_that_is_too_long_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "r.csv").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(RecordingError, match=r"1024 MiB; 256 MiB at most .*Split"):
        Recording.read(tmp_path / "r.csv")


def test_a_table_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    head = gzip.compress((HEADER + "\n").encode())
    (tmp_path / "r.csv.gz").write_bytes(head + gzip.compress(bytes(2**24)) * 20)
    with pytest.raises(RecordingError, match=r"no text|more than 256 MiB|cannot be told apart"):
        Recording.read(tmp_path / "r.csv.gz")

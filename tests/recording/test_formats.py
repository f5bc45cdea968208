"""One example of each format: what comes out, and the table of formats in the documentation."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harpi.errors import RecordingError
from harpi.recording import Recording, read_understood
from harpi.recording.edge_impulse import decode_cbor
from harpi.recording.reading import FORMATS
from tests.support import files

RAD = np.pi / 180.0
MS2 = 9.80665
EPOCH_NS = 1_714_996_800_000_000_000
DOCS = Path(__file__).parents[2] / "docs" / "recordings.md"


@dataclass(frozen=True)
class Example:
    """A format, and how a file of it is made.

    Attributes:
        name: of the format.
        what: what it is, for the documentation.
        make: writes one into a folder and says where.
        gyro: whether it has a gyroscope.
        labelled: whether it has labels.
        rate: samples per second of it.
    """

    name: str
    what: str
    make: Callable[[Path], Path]
    gyro: bool = True
    labelled: bool = False
    rate: float = 50.0


def si(values: files.Values | None = None) -> files.Values:
    """The motion in m/s^2 and rad/s."""
    values = files.motion() if values is None else values
    return values * ([MS2] * 3 + [RAD] * 3)


def npz(folder: Path) -> Path:
    label = np.repeat([0, 1, 2], 900)
    np.savez_compressed(
        folder / "r.npz",
        acc=files.motion()[:, :3],
        gyro=files.motion()[:, 3:],
        fs=50.0,
        label=label,
        label_names=np.array(files.LABELS),
    )
    return folder / "r.npz"


def csv(folder: Path) -> Path:
    return files.good(folder / "r.csv")


def sensor_logger(folder: Path) -> Path:
    for name, columns in (("TotalAcceleration", [2, 1, 0]), ("Gyroscope", [5, 4, 3])):
        lines = [
            f"{EPOCH_NS + 20_000_000 * k},{k / 50:.4f},"
            + ",".join(f"{value:.6f}" for value in sample[columns])
            for k, sample in enumerate(si())
        ]
        files.write(folder / f"{name}.csv", lines, "time,seconds_elapsed,z,y,x")
    files.write(folder / "Metadata.csv", ["3,phone,2024"], "version,device name,recording time")
    return folder


def phyphox(folder: Path) -> Path:
    header = ",".join(
        ['"Time (s)"']
        + [f'"Acceleration {axis} (m/s^2)"' for axis in "xyz"]
        + [f'"Gyroscope {axis} (rad/s)"' for axis in "xyz"]
    )
    return files.write(
        folder / "Raw Data.csv", files.rows(si(), number="%.9E", clock="%.9E"), header
    )


def androsensor(folder: Path) -> Path:
    header = ";".join(
        [f"ACCELEROMETER {axis} (m/s²)" for axis in "XYZ"]
        + [f"LINEAR ACCELERATION {axis} (m/s²)" for axis in "XYZ"]
        + [f"GYROSCOPE {axis} (rad/s)" for axis in "XYZ"]
        + ["Time since start in ms ", "YYYY-MO-DD HH-MI-SS_SSS"]
    )
    lines = [
        ";".join(f"{value:.4f}" for value in [*sample[:3], 0, 0, 0, *sample[3:]])
        + f";{20 * k};2024-05-06 12:00:{k // 50:02}:{20 * (k % 50):03}"
        for k, sample in enumerate(si())
    ]
    return files.write(folder / "Sensor_record.csv", lines, f"sep=;\n{header}")


def physics_toolbox(folder: Path) -> Path:
    values = files.motion()
    table = np.hstack([values[:, :3], np.zeros((len(values), 3)), values[:, 3:] * RAD])
    header = "time,gFx,gFy,gFz,ax,ay,az,wx,wy,wz"
    return files.write(folder / "r.csv", files.rows(table, clock="%.4f"), header)


def edge_impulse(folder: Path) -> Path:
    path = folder / "walking.abc123.json"
    path.write_text(json.dumps(_acquisition()))
    return path


def _acquisition() -> dict[str, Any]:
    names = ("accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ")
    units = ("m/s2",) * 3 + ("dps",) * 3
    values = files.motion() * ([MS2] * 3 + [1.0] * 3)
    return {
        "protected": {"ver": "v1", "alg": "none"},
        "signature": "0" * 64,
        "payload": {
            "device_type": "ESP32",
            "interval_ms": 20,
            "sensors": [{"name": n, "units": u} for n, u in zip(names, units, strict=True)],
            "values": values.round(5).tolist(),
        },
    }


def edge_impulse_cbor(folder: Path) -> Path:
    path = folder / "walking.abc123.cbor"
    path.write_bytes(cbor(_acquisition()))
    return path


def cbor(value: Any) -> bytes:
    """Encode, plainly and not at its shortest (RFC 8949)."""
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return b"\x1b" + struct.pack(">Q", value)
    if isinstance(value, str):
        return b"\x7b" + struct.pack(">Q", len(value.encode())) + value.encode()
    if isinstance(value, list):
        return b"\x9b" + struct.pack(">Q", len(value)) + b"".join(map(cbor, value))
    pairs = [cbor(key) + cbor(one) for key, one in value.items()]
    return b"\xbb" + struct.pack(">Q", len(pairs)) + b"".join(pairs)


def arduino(folder: Path) -> Path:
    lines = [
        f"12:00:{k // 50:02}.{20 * (k % 50):03} -> {20 * k},"
        + ",".join(f"{value:.5f}" for value in sample)
        for k, sample in enumerate(files.motion())
    ]
    return files.write(folder / "monitor.log", lines, None)


def arduino_adafruit(folder: Path) -> Path:
    lines = []
    for k, sample in enumerate(si()):
        stamp = f"12:00:{k // 50:02}.{20 * (k % 50):03} -> "
        for name, axes, unit in (("Acceleration", 0, "m/s^2"), ("Rotation", 3, "rad/s")):
            x, y, z = sample[axes : axes + 3]
            lines.append(f"{stamp}{name} X: {x:.5f}, Y: {y:.5f}, Z: {z:.5f} {unit}")
        lines += [f"{stamp}Temperature: 31.2 degC", stamp]
    return files.write(folder / "adafruit.log", lines, "12:00:00.000 -> MPU6050 Found!")


def wisdm(folder: Path) -> Path:
    names = {"walking": "Walking", "sitting": "Sitting", "standing": "Standing"}
    lines = [
        f"33,{names[label]},{49_105_962_326_000 + 50_000_000 * k},"
        + ",".join(f"{value:.6f}" for value in sample[:3])
        + ";"
        for k, (label, sample) in enumerate(zip(files.labels(), si(), strict=True))
    ]
    return files.write(folder / "WISDM_ar_v1.1_raw.txt", lines, None)


def pamap2(folder: Path) -> Path:
    numbers = {"walking": 4, "sitting": 2, "standing": 3}
    lines = []
    for k, (label, sample) in enumerate(zip(files.labels(), si(), strict=True)):
        sensor = ["30.0", *map("{:.5f}".format, sample[:3]), "0", "0", "0"]
        sensor += [*map("{:.6f}".format, sample[3:]), "0", "0", "0", "1", "0", "0", "0"]
        lost = sensor if k % 20 != 10 else ["NaN"] * 17
        lines.append(
            " ".join([f"{k / 50:.2f}", str(numbers[label]), "NaN", *sensor, *lost, *sensor])
        )
    return files.write(folder / "subject101.dat", lines, None)


def mhealth(folder: Path) -> Path:
    numbers = {"walking": 4, "sitting": 2, "standing": 1}
    values = files.motion() * ([MS2] * 3 + [1.0] * 3)
    lines = []
    for label, sample in zip(files.labels(), values, strict=True):
        cells = [f"{value:.5f}" for value in sample]
        sensor = [*cells, "0.1", "0.2", "0.3"]
        lines.append("\t".join([*cells[:3], "0", "0", *sensor, *sensor, str(numbers[label])]))
    return files.write(folder / "mHealth_subject1.log", lines, None)


def uci_har(folder: Path) -> Path:
    values = files.motion() * ([1.0] * 3 + [RAD] * 3)
    numbers = {"walking": 1, "sitting": 4, "standing": 5}
    begins = [
        begin + 64 * k for begin in range(0, 2700, 900) for k in range((900 - 128) // 64 + 1)
    ]
    names = [f"{kind}_{axis}" for kind in ("total_acc", "body_gyro") for axis in "xyz"]
    for column, name in enumerate(names):
        lines = [
            " ".join(f"{value:.7e}" for value in values[b : b + 128, column]) for b in begins
        ]
        files.write(folder / "train" / "Inertial Signals" / f"{name}_train.txt", lines, None)
    kinds = [str(numbers[files.labels()[begin]]) for begin in begins]
    files.write(folder / "train" / "y_train.txt", kinds, None)
    files.write(folder / "train" / "subject_train.txt", ["26"] * len(begins), None)
    return folder


EXAMPLES = (
    Example("harpi's npz", "`r.npz` with `acc`, `gyro`, `fs`, `label`", npz, labelled=True),
    Example("CSV", "`time,ax,ay,az,gx,gy,gz,label`", csv, labelled=True),
    Example(
        "Sensor Logger",
        "folder or .zip with `TotalAcceleration.csv`, `Gyroscope.csv`",
        sensor_logger,
    ),
    Example("phyphox", '`"Time (s)","Acceleration x (m/s^2)",...`, or a .zip', phyphox),
    Example("AndroSensor", "`ACCELEROMETER X (m/s²);...;Time since start in ms`", androsensor),
    Example("Physics Toolbox", "`time,gFx,gFy,gFz,ax,ay,az,wx,wy,wz`", physics_toolbox),
    Example("Edge Impulse", "`.json` with `interval_ms`, `sensors`, `values`", edge_impulse),
    Example("Edge Impulse", "the same as `.cbor`", edge_impulse_cbor),
    Example("Arduino serial log", "`12:00:00.020 -> 20,0.01,...`", arduino),
    Example(
        "Arduino serial log",
        "`Acceleration X: 0.1, Y: 9.8, Z: 0.3 m/s^2`",
        arduino_adafruit,
    ),
    Example(
        "WISDM",
        "`33,Walking,49105962326000,-0.69,12.68,0.50;`",
        wisdm,
        gyro=False,
        labelled=True,
        rate=20.0,
    ),
    Example("PAMAP2", "`subject101.dat`, 54 columns", pamap2, labelled=True),
    Example("MHEALTH", "`mHealth_subject1.log`, 24 columns", mhealth, labelled=True),
    Example("UCI HAR", "folder with `Inertial Signals/`", uci_har, labelled=True),
)
BY_NAME = pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda one: f"{one.name} {one.make.__name__}"
)


@BY_NAME
def test_each_format_gives_the_same_motion(tmp_path: Path, example: Example) -> None:
    recordings, understood = read_understood(example.make(tmp_path))
    assert understood.format == example.name
    for recording in recordings:
        assert recording.rate == pytest.approx(example.rate, rel=1e-3)
        assert (recording.dead == ()) == example.gyro
        axes = slice(0, 6 if example.gyro else 3)
        count = min(len(recording), 832)
        error = np.abs(recording.values[:count, axes] - files.motion()[:count, axes])
        assert np.percentile(error, 90) < 0.02
        named = {recording.labels[code] for code in recording.label if code >= 0}
        assert {name.lower() for name in named} == (
            set(files.LABELS) if example.labelled else set()
        )


def test_there_is_an_example_of_every_format() -> None:
    assert {one.name for one in EXAMPLES} == {one.name for one in FORMATS}


def table() -> str:
    """The table of formats, as it stands in the documentation."""
    lines = ["| format | looks like | gyroscope | labels |", "|---|---|---|---|"]
    for one in EXAMPLES:
        gyro, label = ("yes" if here else "no" for here in (one.gyro, one.labelled))
        lines.append(f"| {one.name} | {one.what} | {gyro} | {label} |")
    return "\n".join(lines) + "\n"


def test_the_documentation_has_the_table_of_formats() -> None:
    text = DOCS.read_text(encoding="utf-8")
    shown = text.split("<!-- formats -->\n")[1].split("<!-- /formats -->")[0]
    assert shown == table(), "write it anew: python -m tests.recording.test_formats"


# --- what is special about some -------------------------------------------------------------


@pytest.mark.parametrize("make", [sensor_logger, phyphox])
@pytest.mark.parametrize("inside", ["", "2024-05-06 walk/"])
def test_an_archive_is_read_as_its_folder_is(
    tmp_path: Path, make: Callable[[Path], Path], inside: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    made = make(folder)
    known = Recording.read(made)
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, inside + file.name)
            archive.writestr(f"__MACOSX/{inside}._{file.name}", b"\0\5\26\7 junk")
        archive.writestr(inside + ".DS_Store", b"\0")
    assert np.array_equal(Recording.read(tmp_path / "r.zip").values, known.values)


def test_phyphox_keeps_a_file_for_each_sensor(tmp_path: Path) -> None:
    acc, gyro = si()[:, :3], si()[:, 3:]
    header = "Time (s)," + ",".join(f"X{k} (m/s^2)" for k in "abc")
    header = '"Time (s)","X (m/s^2)","Y (m/s^2)","Z (m/s^2)"'
    files.write(tmp_path / "Accelerometer.csv", files.rows(acc), header)
    late = files.times() + 0.007
    header = '"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"'
    files.write(tmp_path / "Gyroscope.csv", files.rows(gyro, late), header)
    files.write(
        tmp_path / "meta" / "device.csv", ['"deviceModel","phone"'], '"property","value"'
    )
    recording = Recording.read(tmp_path)
    assert recording.dead == ()
    shifted = np.interp(files.times(), late, files.motion()[:, 4])
    assert recording.values[1:, 4] == pytest.approx(shifted[1:], abs=0.01)


def test_sensor_logger_adds_gravity_where_it_lies_apart(tmp_path: Path) -> None:
    sensor_logger(tmp_path)
    (tmp_path / "TotalAcceleration.csv").rename(tmp_path / "Accelerometer.csv")
    with pytest.raises(RecordingError, match="without gravity"):
        Recording.read(tmp_path)
    lines = [f"{EPOCH_NS + 20_000_000 * k},{k / 50},0,0,0" for k in range(2700)]
    files.write(tmp_path / "Gravity.csv", lines, "time,seconds_elapsed,z,y,x")
    assert Recording.read(tmp_path).values == pytest.approx(files.motion(), abs=1e-3)


def test_wisdm_of_2019_is_read_with_its_other_sensor(tmp_path: Path) -> None:
    for sensor, axes in (("accel", slice(0, 3)), ("gyro", slice(3, 6))):
        lines = [
            f"1600,A,{20_000_000 * k}," + ",".join(f"{v:.6f}" for v in sample[axes]) + ";"
            for k, sample in enumerate(si())
        ]
        files.write(tmp_path / sensor / f"data_1600_{sensor}_watch.txt", lines, None)
    recording = Recording.read(tmp_path / "accel" / "data_1600_accel_watch.txt")
    assert (recording.labels, recording.dead, recording.subject) == (("walking",), (), "1600")


def test_counts_that_rowbergs_sketch_prints_are_read(tmp_path: Path) -> None:
    counts = np.rint(files.turning() * ([16384.0] * 3 + [131.0] * 3)).astype(int)
    lines = [
        f"12:00:{k // 50:02}.{20 * (k % 50):03} -> a/g:\t" + "\t".join(map(str, sample))
        for k, sample in enumerate(counts)
    ]
    recording = Recording.read(files.write(tmp_path / "r.log", lines, None))
    assert recording.values == pytest.approx(files.turning(), abs=0.01)


def test_bare_values_of_which_nothing_shows_the_order_are_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(200, 6))
    lines = [
        f"12:00:0{k // 50}.{20 * (k % 50):03} -> " + ",".join(f"{v:.3f}" for v in sample)
        for k, sample in enumerate(noise)
    ]
    with pytest.raises(RecordingError, match="values have no names"):
        Recording.read(files.write(tmp_path / "r.log", lines, None))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"interval_ms": 0}, "interval_ms"),
        ({"values": [[1.0, 2.0]]}, "sample 0: it has 2 values for 6 sensors"),
        ({"values": []}, "no samples"),
        ({"sensors": [{"name": "audio", "units": "wav"}]}, "there is no accelerometer"),
        ({"values": "none"}, "payload.values is of another kind"),
    ],
)
def test_an_acquisition_that_cannot_be_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    acquisition = _acquisition()
    acquisition["payload"] |= change
    (tmp_path / "r.json").write_text(json.dumps(acquisition))
    with pytest.raises(RecordingError, match=words) as caught:
        Recording.read(tmp_path / "r.json")
    assert "`" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xa1",
        b"\x9f" * 100,
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x7a\x00\x00\x00\x09abc",
        b"\x81\xf9",
        b"\xa1\x01\x02",
        b"\x01\x02",
        b"\x1f",
    ],
)
def test_cbor_that_cannot_be_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"it |a map|there is"):
        decode_cbor(content)


def test_cbor_of_any_length_is_decoded() -> None:
    endless = b"\x9f\x01\x20\xf9\x3c\x00\xfa\x3f\x80\x00\x00\xf5\xf6\x7f\x61a\x61b\xff\xff"
    assert decode_cbor(endless) == [1, -1, 1.0, 1.0, True, None, "ab"]


if __name__ == "__main__":
    text = DOCS.read_text(encoding="utf-8")
    head, rest = text.split("<!-- formats -->\n")
    DOCS.write_text(
        f"{head}<!-- formats -->\n{table()}<!-- /formats -->"
        + rest.split("<!-- /formats -->")[1]
    )

"""Recordings of motion, and exports of takes."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from harpi.recording import Recording, read_each
from harpi.store.export import export
from harpi.store.importing import import_files
from harpi.store.store import Store
from tests.labs.campaign.fuzz.hostile import LONG_NUMBER, NUMBERS, WORDS, nested
from tests.labs.campaign.fuzz.target import Feed, Target
from tests.recording import test_formats as formats
from tests.support.takes import ROOMY, counts_of_chip, signal, take_of

_HEADER = b"time,ax,ay,az,gx,gy,gz,label\n"
_ROW = b"%d.%02d,0.1,0.2,0.9,1,2,3,walking\n"


@contextlib.contextmanager
def _no_checksums() -> Iterator[None]:
    """Let archives say what they like: a checksum keeps chance out, and nobody who hurts."""
    with mock.patch.object(zipfile.ZipExtFile, "_update_crc"):
        yield


def _recording(ending: str, written: str | None = None) -> Any:
    def open_it(folder: Path) -> Feed:
        file, again = folder / f"recording{ending}", folder / f"again{written or ending}"

        def feed(content: bytes) -> None:
            file.write_bytes(content)
            with _no_checksums():
                recordings = read_each(file)
                Recording.read(file)
            recordings[0].write(again)

        return feed

    return open_it


def _sound(**changed: Any) -> Recording:
    values = counts_of_chip(40)
    label = np.repeat([0, 1], 20).astype(np.int16)
    known = {
        "labels": ("walking", "sitting"),
        "label": label,
        "subject": "1",
        "position": "arm",
    }
    return Recording(values, 50.0, **{**known, **changed})


def _written(ending: str, folder: Path, recording: Recording) -> bytes:
    file = folder / f"seed{ending}"
    recording.write(file)
    return file.read_bytes()


def _rows(count: int = 12) -> bytes:
    return b"".join(_ROW % divmod(2 * i, 100) for i in range(count))


def _csv_seeds() -> Sequence[bytes]:
    plain = _HEADER + _rows()
    return [
        plain,
        plain.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + plain,
        _HEADER + _rows().replace(b"walking", b'"a\nb"', 1),
        _HEADER + _rows().replace(b"walking", b'"' + b"a" * 3000, 1),
        *(_HEADER + _rows().replace(b"0.9", number, 1) for number in NUMBERS),
        *(_HEADER + number + b",0,0,1,0,0,0,\n" + _rows() for number in NUMBERS),
        _HEADER + b"0,0,0,1,0,0,0,\n5e-324,0,0,1,0,0,0,\n1e-323,0,0,1,0,0,0,\n",
        _HEADER + b"-1e11,0,0,1,0,0,0,\n0,0,0,1,0,0,0,\n1e11,0,0,1,0,0,0,\n",
        _HEADER + b"0,0,0,1,0,0,0,a\n.02,0,0,1,0,0,0\n\n.04,0,0,1,0,0,0,b,c\n",
        b"time,time,ax,ay,az,gx,gy,gz\n" + b"0,0,0,0,1,0,0,0\n",
        b",".join([b"a"] * 900) + b"," + plain,
        _HEADER,
        b"",
        b"\x00" * 64,
    ]


def _array(values: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(values), allow_pickle=True)
    return stream.getvalue()


def _header(described: str, content: bytes = b"") -> bytes:
    """An array whose header says what it likes."""
    text = described.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


def _archive(members: Mapping[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, how)
    return stream.getvalue()


def _members(**changed: bytes) -> dict[str, bytes]:
    usual = {
        "acc": _array(np.full((6, 3), 0.5, np.float32)),
        "gyro": _array(np.full((6, 3), 5, np.int16)),
        "fs": _array(50.0),
        "label": _array(np.zeros(6, np.int8)),
        "label_names": _array(np.array(["walking"])),
        "meta": _array(np.array('{"take": {}}')),
    }
    return {f"{name}.npy": content for name, content in {**usual, **changed}.items()}


def _npz_seeds() -> Sequence[bytes]:
    shape = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"
    bomb = _header(shape.format("<f8", "(20000000, 3)"), bytes(1 << 20))
    hurting: list[dict[str, bytes]] = [
        {},
        {"subject": _array(np.arange(6)), "segment": _array(np.arange(6))},
        {"position": _array(np.zeros(6, int)), "position_names": _array(np.array(["arm"]))},
        *(
            {"acc": _header(shape.format(dtype, size), bytes(72))}
            for dtype in ("<f4", "<i8", "<u8", "<f16", "<U0", "<U3", "|O", "<M8[s]", "|b1")
            for size in ("(6, 3)", "(-1,)", "(-6, -3)", "(0, 3)", "(6, 0)")
        ),
        {"acc": _header(shape.format("<f4", "(10**30, 0)"))},
        {"acc": _header(shape.format("<f4", f"({'9' * 40}, 0)"))},
        {"acc": _header(shape.format("<f4", f"(0, {'9' * 40})"))},
        {"acc": _header(nested(b"(", b")").decode())},
        {"acc": _header("{'descr': " + "[" * 90)},
        {"acc": bomb, "gyro": bomb},
        {"acc": _array(np.full((6, 3), 1e308))},
        {"acc": _array(np.full((6, 3), np.nan)), "gyro": _array(np.full((6, 3), np.inf))},
        {"acc_lsb_per_g": _array(5e-324), "gyro_lsb_per_dps": _array(np.float16(65504))},
        {"fs": _array(np.nan)},
        {"fs": _array(-50.0)},
        {"fs": _array(np.uint64(2**64 - 1))},
        {"format": _array(np.float64(np.nan))},
        {"subject": _array(np.array([2**63] * 6, np.uint64))},
        {"label": _array(np.array([2**40] * 6))},
        {"label_names": _array(np.array(["\x1b[2J", "a\0b", "\ud800", "unlabelled"]))},
        {"label_names": _array(np.array([{"pickled": 1}], object))},
        {"meta": _array(np.array(nested().decode()))},
        {"meta": _array(np.array(f'{{"x": {LONG_NUMBER.decode()}}}'))},
        {"meta": _array(np.array('{"x": NaN, "y": -Infinity, "take": [1]}'))},
    ]
    archives = [_archive(_members(**changed)) for changed in hurting]
    packed = _archive(_members(acc=bomb, gyro=bomb), zipfile.ZIP_DEFLATED)
    encrypted = bytearray(archives[0])
    encrypted[6] |= 1
    return [*archives, packed, bytes(encrypted), archives[0][:-30], b"PK\x05\x06" + bytes(18)]


def _import(folder: Path) -> Feed:
    file, path = folder / "export.zip", folder / "takes.db"
    fed = 0
    store = Store(path, ROOMY)

    def feed(content: bytes) -> None:
        nonlocal fed, store
        fed += 1
        if fed % 500 == 0:  # what is in it already would keep everything out
            store.close()
            for left in folder.glob("takes.db*"):
                left.unlink()
            store = Store(path, ROOMY)
        file.write_bytes(content)
        with _no_checksums():
            import_files(store, [file])

    return feed


def _import_seeds(folder: Path) -> Sequence[bytes]:
    with Store(folder / "takes.db", ROOMY) as store:
        session = store.new_session()
        takes = [store.add(take_of(session=session), [signal(0.2, seed=i)]) for i in range(2)]
        for kind in ("csv", "npz"):
            export(store, takes, folder / f"{kind}.zip", kind=kind)  # type: ignore[arg-type]
    seeds = []
    for kind in ("csv", "npz"):
        with zipfile.ZipFile(folder / f"{kind}.zip") as packed:
            members = {info.filename: packed.read(info) for info in packed.infolist()}
        del members[f"{kind}/README.txt"]
        seeds.append(_archive(members))
        index = members[f"{kind}/takes.csv"]
        fields = [
            (b"walking", b"\x1b[2J"),
            (b"walking", b'"' + b"a" * 9000 + b'"'),
            (b"right_arm", b""),
            (b"50.0", b"nan"),
            (b"50.0", b"1e-300"),
            (b"+00:00", b""),
            (b"2024", b"9999"),
            (b"0.000000 ", b"-inf "),
            (b"0.180000", b"nan"),
            (b"0.180000", b"1e308"),
            (b",train,", b",learn,"),
            (b"take_00001", b"../../take_00001"),
        ]
        for old, new in fields:
            changed = {**members, f"{kind}/takes.csv": index.replace(old, new)}
            seeds.append(_archive(changed))
    takes_said: list[object] = [
        {"session": []},
        {"session": {"a": 1}, "label": 1},
        {"label": "a", "session": 1, "split": "train", "flags": "", "position": []},
        [1],
        "text",
        json.loads(nested(b"[", b"]").decode()[:600] + "0" + "]" * 600),
    ]
    whole = {
        "label": "a",
        "session": "1",
        "split": "train",
        "position": "arm",
        "start_utc": "2024-05-01T12:00:00+00:00",
        "rate_hz": "50",
        "device": "",
        "flags": "",
        "note": "",
        "used_from_s": "0",
        "used_to_s": "",
    }
    hurting: list[tuple[str, object]] = [
        ("session", []),
        ("session", None),
        ("label", 7),
        ("label", ["a"]),
        ("device", 7),
        ("device", ["a"]),
        ("note", {"a": 1}),
        ("flags", ["too_short"]),
        ("start_utc", "0001-01-01T00:00:00+14:00"),
        ("start_utc", "9999-12-31T23:59:59-14:00"),
        ("used_from_s", 10**400),
        ("rate_hz", "1e-320"),
        ("rate_hz", [1]),
        ("runs_s", "0 1e308;-1e308 0"),
        ("runs_s", "nan nan"),
        ("runs_s", 7),
    ]
    takes_said += [{**whole, name: value} for name, value in hurting]
    for said in takes_said:
        inner = _archive(_members(meta=_array(np.array(json.dumps({"take": said})))))
        seeds.append(_archive({"a.npz": inner}))
    seeds.append(_archive({"..npz": b"", ".csv": b"", "/.csv": b"", "a" * 300 + ".csv": b""}))
    seeds.append(_archive({"takes.csv": b'file\n"' + b"a" * 140_000 + b'"\n', "a.csv": b""}))
    seeds.append(_archive({"a.csv": _HEADER + bytes(1 << 20)}, zipfile.ZIP_DEFLATED))
    return seeds


def _format_seeds(*makers: Any) -> Any:
    """Files of the formats that other programs write, cut to a few lines."""

    def seeds(folder: Path) -> Sequence[bytes]:
        made = []
        for number, make in enumerate(makers):
            place = folder / str(number)
            place.mkdir()
            path = make(place)
            made.append(path.read_bytes()[:3000].rpartition(b"\n")[0] + b"\n")
        return made

    return seeds


def _acquisition_seeds(folder: Path) -> Sequence[bytes]:
    payload = {
        "interval_ms": 20,
        "sensors": [{"name": f"{s}{a}", "units": "g"} for s in ("acc", "gyr") for a in "XYZ"],
        "values": [[0.1, 0.2, 0.9, 1.0, 2.0, 3.0 + k] for k in range(6)],
    }
    whole = {"payload": payload}
    return [json.dumps(whole).encode(), formats.cbor(whole), b"\xa1", b"\x9f" * 64, b"{" * 64]


def _in_a_folder(make: Any) -> Any:
    """Seeds that need a folder to be made in."""

    def seeds() -> Sequence[bytes]:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            made: Sequence[bytes] = make(Path(folder))
        return made

    return seeds


_FIELDS = (b"acc.npy", b"gyro.npy", b"fs.npy", b"label.npy", b"meta.npy", b"\x93NUMPY\x01\x00")
_SHAPES = (
    b"'shape': (",
    b"'descr': '<",
    b"(-1, 3)",
    b"<f8",
    b"<u8",
    b"|O",
    b"<U9",
    b"PK\x01\x02",
)

TARGETS = [
    Target(
        "csv",
        "recordings as .csv",
        _recording(".csv"),
        _csv_seeds,
        (b"time,ax,ay,az,gx,gy,gz,label\n", b"0.02,", b'"', b"\r\n", *WORDS),
        share=0.5,
    ),
    Target(
        "npz",
        "recordings as .npz, checksums put aside",
        _recording(".npz"),
        _npz_seeds,
        (*_FIELDS, *_SHAPES, *NUMBERS),
        largest=8192,
        share=0.3,
    ),
    Target(
        "logs",
        "serial logs and tables of data sets",
        _recording(".log", ".npz"),
        _in_a_folder(
            _format_seeds(
                formats.arduino,
                formats.arduino_adafruit,
                formats.wisdm,
                formats.pamap2,
                formats.mhealth,
            )
        ),
        (b"12:00:00.020 -> ", b"a/g:\t", b"Acceleration X: ", b"33,Walking,", b"NaN ", *WORDS),
        share=0.2,
    ),
    Target(
        "tables",
        "tables of phyphox, AndroSensor and Physics Toolbox",
        _recording(".csv"),
        _in_a_folder(
            _format_seeds(formats.phyphox, formats.androsensor, formats.physics_toolbox)
        ),
        (b"Time (s)", b"sep=;\n", b"wx,wy,wz", b"(m/s^2)", b"2024-05-06T12:00:00.020", *WORDS),
        share=0.2,
    ),
    Target(
        "acquisition",
        "acquisitions of Edge Impulse as JSON and CBOR",
        _recording(".cbor", ".npz"),
        _in_a_folder(_acquisition_seeds),
        (
            b"payload",
            b"values",
            b"sensors",
            b"interval_ms",
            b"\x9f",
            b"\xff",
            b"\xfb",
            *NUMBERS,
        ),
        share=0.2,
    ),
    Target(
        "import",
        "exports as .zip, with and without index",
        _import,
        _in_a_folder(_import_seeds),
        (*_FIELDS, *_SHAPES, *NUMBERS, b".csv", b".npz", b"takes.csv", b"test", b"train"),
        largest=8192,
        share=0.05,
    ),
]

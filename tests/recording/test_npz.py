"""Files of the format, and files that only pretend to be."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harpi.errors import RecordingError
from harpi.recording import Recording

PLAIN: dict[str, Any] = {
    "acc": np.full((40, 3), 4096, np.int16),
    "gyro": np.full((40, 3), 328, np.int16),
    "fs": 50.0,
    "acc_lsb_per_g": 4096.0,
    "gyro_lsb_per_dps": 32.8,
}


def save(path: Path, **changes: Any) -> Path:
    arrays = {name: value for name, value in (PLAIN | changes).items() if value is not None}
    np.savez_compressed(path, **arrays)
    return path


def header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def test_the_plainest_file_is_read(tmp_path: Path) -> None:
    recording = Recording.read(save(tmp_path / "r.npz"))
    assert recording.rate == 50.0
    assert recording.values == pytest.approx(np.tile([1, 1, 1, 10, 10, 10], (40, 1)))
    assert set(recording.label.tolist()) == {-1}
    assert (recording.subject, recording.position, dict(recording.meta)) == (None, None, {})


def test_numbers_that_are_already_in_units_are_read(tmp_path: Path) -> None:
    path = save(
        tmp_path / "r.npz",
        acc=np.full((40, 3), 0.5),
        gyro=np.asfortranarray(np.full((40, 3), 7.0, np.float32)),
        acc_lsb_per_g=None,
        gyro_lsb_per_dps=None,
    )
    assert Recording.read(path).values[0].tolist() == [0.5, 0.5, 0.5, 7, 7, 7]


def test_the_layout_of_public_sets_is_read(tmp_path: Path) -> None:
    path = save(
        tmp_path / "r.npz",
        subject=np.repeat(np.array([1600, 1601], np.uint16), 20),
        position=np.repeat(np.array([0, 1, 1, 0], np.uint8), 10),
        position_names=np.array(["wrist", "waist"]),
        label=np.repeat(np.array([0, 1, 2, 1], np.uint8), 10),
        label_names=np.array(["walking", "unlabelled", "sitting"]),
        segment=np.repeat(np.array([4, 4, 4, 9], np.int32), 10),
        recording=np.zeros(40, np.int32),
        meta=json.dumps({"name": "x"}),
    )
    everything = Recording.read(path)
    assert everything.labels == ("walking", "sitting")
    assert everything.label[::10].tolist() == [0, -1, 1, -1]
    assert everything.segment[::10].tolist() == [0, 1, 2, 3]
    assert everything.meta == {"name": "x"}
    second = Recording.read(path, subject=1601, position="waist")
    assert (len(second), second.subject, second.label[0]) == (10, "1601", 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"acc": None}, "'acc' is not numbers"),
        ({"label": np.arange(40) % 3 + 1, "label_names": np.array(["a", "b", "c"])}, "from 0"),
        (
            {"acc": None, "gyro": None, "x": np.zeros(3)},
            "its arrays are .*, fs, .*, x.*Name them acc",
        ),
        ({"gyro": np.zeros((40, 2))}, "'gyro' is not numbers"),
        ({"gyro": np.zeros((39, 3))}, "'gyro' is not as many rows as 'acc', 40"),
        ({"acc": np.full((40, 3), "x")}, "'acc' is not numbers"),
        ({"acc": np.full((40, 3), None)}, "holds object, not numbers or text"),
        ({"acc": np.zeros((40, 3), complex)}, "holds complex128"),
        ({"acc": np.zeros((0, 3)), "gyro": np.zeros((0, 3))}, "holds 0 samples"),
        ({"acc": np.full((40, 3), np.nan)}, "sample 0 has no finite ax"),
        ({"acc_lsb_per_g": 1.0}, "where the sensor is slow|sample 0 has ax = 4096 g"),
        ({"acc_lsb_per_g": 0.0}, "'acc_lsb_per_g' is not a positive number"),
        ({"fs": None}, "it has no array 'fs'"),
        ({"fs": np.array([50.0, 51.0])}, "'fs' is not one number"),
        ({"fs": 0.0}, "rate would be 0 Hz"),
        ({"fs": np.nan}, "rate would be nan Hz"),
        ({"fs": 1e9}, "rate would be 1e\\+09 Hz"),
        ({"format": 2}, "format 2, this harpi reads format 1.*Update harpi"),
        ({"format": "one"}, "'format' is not one number"),
        ({"label": np.full(40, 3), "label_names": np.array(["a"])}, "indices from -1 to 0"),
        ({"label": np.zeros(39, int), "label_names": np.array(["a"])}, "one integer or text"),
        ({"label": np.full(40, 0.5), "label_names": np.array(["a"])}, "one integer or text"),
        ({"label_names": np.array([1, 2])}, "'label_names' is not a list of names"),
        ({"segment": np.zeros((40, 2), int)}, "'segment' is not one integer"),
        ({"subject": np.zeros(3, int)}, "'subject' is not one integer"),
        ({"meta": "[1]"}, "'meta' is not a JSON object"),
        ({"meta": "{"}, "'meta' is not a JSON object"),
        ({"meta": np.array(["a", "b"])}, "'meta' is not a JSON object"),
    ],
)
def test_a_wrong_array_is_named_with_what_it_should_be(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = save(tmp_path / "r.npz", **changes)
    with pytest.raises(RecordingError, match=words) as caught:
        Recording.read(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def good_bytes(tmp_path: Path) -> bytes:
    rng = np.random.default_rng(0)
    acc = rng.integers(-4096, 4096, (300, 3)).astype(np.int16)
    return save(tmp_path / "good.npz", acc=acc, gyro=acc).read_bytes()


quick = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80
)


@quick
@given(st.floats(0, 0.999))
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    content = good_bytes(tmp_path)
    path = tmp_path / "r.npz"
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(RecordingError, match="truncated, damaged, or no"):
        Recording.read(path)


@quick
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_is_noticed_or_harmless(tmp_path: Path, place: int, flip: int) -> None:
    content = bytearray(good_bytes(tmp_path))
    whole = Recording.read(tmp_path / "good.npz")
    content[place % len(content)] ^= flip
    path = tmp_path / "r.npz"
    path.write_bytes(content)
    with contextlib.suppress(RecordingError):
        # A member whose name was hit counts as absent; what is read is right or unscaled.
        assert Recording.read(path).values.shape == whole.values.shape


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_an_array_that_claims_terabytes_is_refused_unread(tmp_path: Path) -> None:
    path = archive(tmp_path / "r.npz", {"acc.npy": header((10**12, 3))})
    with pytest.raises(RecordingError, match="would take 22888183 MiB"):
        Recording.read(path)


def test_no_more_is_unpacked_than_an_array_promises(tmp_path: Path) -> None:
    bomb = header((10, 3)) + bytes(10_000_000)
    rate = header(()) + np.float64(50.0).tobytes()
    path = archive(tmp_path / "r.npz", {"acc.npy": bomb, "unknown.npy": bomb, "fs.npy": rate})
    assert len(Recording.read(path)) == 10


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = header((1_000_000, 3)) + bytes(24_000_000)
    path = archive(tmp_path / "r.npz", {"acc.npy": bomb, "gyro.npy": bomb})
    with pytest.raises(RecordingError, match="would unpack to 45 MiB, which no signal does"):
        Recording.read(path)


def test_a_length_below_nothing_is_refused_and_not_taken_for_all_there_is(
    tmp_path: Path,
) -> None:
    path = archive(tmp_path / "r.npz", {"acc.npy": header((-1, 3)) + bytes(240)})
    with pytest.raises(RecordingError, match=r"has the shape \(-1, 3\)"):
        Recording.read(path)


def test_an_array_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "r.npz", {"acc.npy": header((10, 3)) + bytes(100)})
    with pytest.raises(RecordingError, match="ends early"):
        Recording.read(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_letters_that_there_are_not_are_refused(tmp_path: Path, order: str) -> None:
    letters = np.array([0x110000], f"{order}u4").view(f"{order}U1")
    with pytest.raises(RecordingError, match="holds no text"):
        Recording.read(save(tmp_path / "r.npz", subject_names=letters))
    path = save(tmp_path / "s.npz", meta=np.array('{"device": "watch"}').astype(f"{order}U19"))
    assert Recording.read(path).meta == {"device": "watch"}


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "r.npz", {"acc.npy": header((1, 3))}, zipfile.ZIP_LZMA)
    with pytest.raises(RecordingError, match=r"savez_compressed"):
        Recording.read(path)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "owned",))

    path = save(tmp_path / "r.npz", meta=np.array(Evil(), dtype=object))
    with pytest.raises(RecordingError, match="pickled objects are never read"):
        Recording.read(path)
    assert not (tmp_path / "owned").exists()

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.signal.windows import windows_of
from harpi_models.datasets.catalogue import HAPT, MOTIONSENSE, UMAFALL
from harpi_models.datasets.layout import LENGTH, RATE, read_arrays, read_windows, still
from harpi_models.errors import DataRefused
from tests.models.synthetic import arrays, damaged, write

LABELS = ("walking", "jogging", "sitting")


def test_windows_are_cut_by_the_code_of_the_device(tmp_path: Path) -> None:
    write(tmp_path, MOTIONSENSE, LABELS)
    found = read_windows(tmp_path, MOTIONSENSE)
    made = arrays(MOTIONSENSE, LABELS)
    first = made["segment"] == 0
    signal = np.concatenate([made["acc"] / 4096, made["gyro"] / 32.8], axis=1).astype(
        np.float32
    )
    expected = windows_of(signal[first], 50, rate=RATE, length=LENGTH, hop=LENGTH // 2)
    np.testing.assert_allclose(found.values[: len(expected)], expected, atol=1e-4)


def test_a_window_has_one_person_place_and_label(tmp_path: Path) -> None:
    write(tmp_path, MOTIONSENSE, LABELS, seconds=12)
    found = read_windows(tmp_path, MOTIONSENSE, hop=LENGTH)
    per_run = np.bincount(found.run)
    assert len(per_run) == 3 * 2 * 3
    assert np.all(per_run == 4), "of 12 s, four windows of 2.56 s"
    for column in (found.label, found.subject, found.position):
        assert all(len(np.unique(column[found.run == run])) == 1 for run in range(len(per_run)))
    assert set(found.names()) == set(LABELS)
    assert set(found.position_names()) == {"left_leg", "wrist"}


def test_a_change_of_label_within_a_segment_ends_the_window(tmp_path: Path) -> None:
    made = arrays(MOTIONSENSE, LABELS, subjects=(1,), positions=("wrist",))
    made["segment"][:] = made["recording"][:] = 0
    np.savez(tmp_path / "motionsense.npz", **made)
    found = read_windows(tmp_path, MOTIONSENSE, hop=LENGTH)
    assert np.bincount(found.label).tolist() == [4, 4, 4]


def test_waiting_and_falling_are_not_learnt(tmp_path: Path) -> None:
    made = arrays(UMAFALL, ("walking", "clapping", "fall_forward"), positions=("ankle",))
    waiting = (np.arange(len(made["acc"])) // 300) % 2 == 1  # every other 6 s
    made["acc"][waiting], made["gyro"][waiting] = [0, 0, 4096], 0
    np.savez(tmp_path / "umafall.npz", **made)
    found = read_windows(tmp_path, UMAFALL, hop=LENGTH)
    names = found.names()
    assert set(names) == {"walking", "clapping"}
    assert still(found.values[names == "clapping"]).any()
    assert not still(found.values[names == "walking"]).any()
    assert (names == "walking").sum() < (names == "clapping").sum()


def broken(name: str, value: Any) -> Any:
    def change(made: dict[str, Any]) -> None:
        if value is None:
            del made[name]
        else:
            made[name] = value(made[name])

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (broken("gyro", None), "has no gyro"),
        (broken("label", lambda x: x[:-1]), "label does not have one entry for each sample"),
        (broken("acc", lambda x: x[:, :2]), "acc does not have"),
        (broken("fs", lambda x: x * 0), "rate or scale"),
        (broken("fs", lambda x: x * np.nan), "rate or scale"),
        (broken("label_names", lambda x: x[:1]), "label names more"),
    ],
)
def test_a_file_of_another_layout_is_refused(tmp_path: Path, change: Any, told: str) -> None:
    made = arrays(HAPT, LABELS)
    change(made)
    np.savez(tmp_path / "hapt.npz", **made)
    with pytest.raises(DataRefused, match=told):
        read_arrays(tmp_path / "hapt.npz")


def test_a_missing_or_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"is missing.*harpi-models fetch"):
        read_windows(tmp_path, HAPT)
    path = write(tmp_path, HAPT, LABELS)
    content = path.read_bytes()
    for other in (content[: len(content) // 2], b"", b"not a zip"):
        path.write_bytes(other)
        with pytest.raises(DataRefused, match="is damaged"):
            read_windows(tmp_path, HAPT)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_whatever_is_damaged_is_read_or_refused(data: st.DataObject) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays(HAPT, LABELS, subjects=(1,), seconds=3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hapt.npz"
        path.write_bytes(damaged(file.getvalue(), data))
        with contextlib.suppress(DataRefused):
            read_windows(Path(folder), HAPT)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    made = arrays(HAPT, LABELS)
    made["label_names"] = np.array([{"a": 1}, "b", "c"], dtype=object)
    np.savez(tmp_path / "hapt.npz", **made)
    with pytest.raises(DataRefused, match="is damaged"):
        read_windows(tmp_path, HAPT)

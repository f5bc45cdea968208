"""The script that makes the shipped recording, without the package it reads."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from harpi_models import excerpt


def frame(label: int, count: int) -> dict[str, np.ndarray]:
    columns = {f"acc-{axis}": np.full(count, 0.5) for axis in "xyz"}
    columns |= {f"gyro-{axis}": np.full(count, np.pi / 2) for axis in "xyz"}
    return columns | {"label": np.full(count, label, np.int64)}


def test_it_takes_the_two_people_in_harpis_units_and_words() -> None:
    frames = {1: [frame(1, 9)], 25: [frame(2, 30), frame(7, 20)], 26: [frame(-1, 10)]}
    first, second = excerpt.make_excerpt(frames)
    assert (first.subject, second.subject, first.position) == ("25", "26", "waist")
    assert first.values[0] == pytest.approx([0.5, 0.5, 0.5, 90, 90, 90], abs=0.02)
    assert [first.labels[first.label[0]], first.label[-1]] == ["stairs_up", -1]
    assert first.segment.tolist() == [0] * 30 + [1] * 20
    assert second.label.tolist() == [-1] * 10


def test_an_unknown_archive_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "package.tar.gz"
    package.write_bytes(b"something else")
    assert excerpt.main([str(tmp_path / "r.npz"), "--package", str(package)]) == 1
    assert "not the archive that this script knows" in capsys.readouterr().err
    assert not (tmp_path / "r.npz").exists()


def test_the_pickle_builds_arrays_and_nothing_else() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (print, ("owned",))

    harmless = io.BytesIO(pickle.dumps({25: [1.0, "x"]}))
    assert excerpt._ArraysOnly(harmless).load() == {25: [1.0, "x"]}
    with pytest.raises(pickle.UnpicklingError, match=r"print is not allowed"):
        excerpt._ArraysOnly(io.BytesIO(pickle.dumps(Evil()))).load()

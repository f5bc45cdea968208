from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harpi.errors import RecordingError
from harpi.evaluation.trials import trials_of
from harpi.recording import Recording

PATH = Path("gym.npz")


def recording(*stretches: tuple[str | None, int], gaps: tuple[int, ...] = ()) -> Recording:
    """A recording at 10 Hz whose samples count up, with gaps before some samples."""
    names = tuple(dict.fromkeys(name for name, _ in stretches if name))
    codes = [-1 if name is None else names.index(name) for name, _ in stretches]
    label = np.repeat(codes, [count for _, count in stretches]).astype(np.int16)
    values = np.arange(len(label) * 6, dtype=np.float32).reshape(-1, 6)
    segment = np.searchsorted(gaps, np.arange(len(label)), side="right").astype(np.int32)
    return Recording(values, 10.0, names, label, segment, subject="ann", position="wrist")


def test_each_stretch_of_a_label_is_a_trial() -> None:
    cut = trials_of(recording(("a", 30), (None, 10), ("b", 20), ("a", 700)), PATH)
    assert [(trial.label, trial.begin, trial.end) for trial in cut] == [
        ("a", 0.0, 3.0),
        ("b", 4.0, 6.0),
        ("a", 6.0, 76.0),
    ]
    assert [trial.name for trial in cut] == ["gym ann 0:00", "gym ann 0:04", "gym ann 0:06"]
    assert {(t.wearer, t.position, t.rate) for t in cut} == {("ann", "wrist", 10.0)}
    assert cut[1].runs[0].values[0, 0] == 40 * 6


def test_a_gap_cuts_a_stretch_in_two() -> None:
    cut = trials_of(recording(("a", 50), gaps=(20, 30)), PATH)
    assert [len(trial.runs[0]) for trial in cut] == [20, 10, 20]
    assert [trial.begin for trial in cut] == [0.0, 2.0, 3.0]


def test_without_labels_there_is_nothing_to_test() -> None:
    with pytest.raises(RecordingError, match=r"gym\.npz: nothing in it has a label"):
        trials_of(recording((None, 50)), PATH)


def test_the_digest_is_of_the_samples_alone() -> None:
    first, second, third = trials_of(recording(("a", 10), ("b", 10), ("c", 9)), PATH)
    assert len({first.digest, second.digest, third.digest}) == 3
    renamed = trials_of(recording(("z", 10)), Path("other.npz"))[0]
    assert renamed.digest == first.digest

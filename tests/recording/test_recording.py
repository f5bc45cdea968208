from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harpi import shipped
from harpi.errors import RecordingError, UsageError
from harpi.labels import check_label, plain
from harpi.recording import Recording, read_each, write_together


def is_label(text: str) -> bool:
    try:
        return check_label(text) == text
    except UsageError:
        return False


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=48
).filter(is_label)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    count = draw(st.integers(2, 60))
    labels = tuple(draw(st.lists(names, max_size=3, unique_by=plain)))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    reach = draw(st.sampled_from([0.5, 3.0, 15.0, 60.0]))
    values = rng.uniform(-1, 1, (count, 6)) * ([reach] * 3 + [100 * reach] * 3)
    return Recording(
        values=values.astype(np.float32),
        rate=draw(st.sampled_from([20.0, 25.0, 50.0, 100.0, 1000.0, 12.5, 33.3])),
        labels=labels,
        label=rng.integers(-1, len(labels), count).astype(np.int16),
        segment=np.sort(rng.integers(0, 3, count)).astype(np.int32),
    )


def label_names(recording: Recording) -> list[str | None]:
    return [recording.labels[index] if index >= 0 else None for index in recording.label]


def breaks(recording: Recording) -> list[int]:
    return np.flatnonzero(np.diff(recording.segment)).tolist()


def evenly_spread(recording: Recording) -> bool:
    """Whether no segment is so short that a .csv could not tell the rate."""
    return bool((np.bincount(recording.segment)[np.unique(recording.segment)] > 3).all())


anywhere = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


@anywhere
@given(recordings())
def test_npz_gives_back_what_was_written(tmp_path: Path, recording: Recording) -> None:
    recording.write(tmp_path / "r.npz")
    read = Recording.read(tmp_path / "r.npz")
    assert read.rate == recording.rate
    assert label_names(read) == label_names(recording)
    assert breaks(read) == breaks(recording)
    reach = np.abs(recording.values[:, :3]).max()
    assert np.abs(read.values - recording.values)[:, :3].max() <= max(reach / 16383, 3.1e-5)
    turn = np.abs(recording.values[:, 3:]).max()
    assert np.abs(read.values - recording.values)[:, 3:].max() <= max(turn / 16383, 4e-3)


@anywhere
@given(recordings().filter(evenly_spread))
def test_csv_gives_back_what_was_written(tmp_path: Path, recording: Recording) -> None:
    recording.write(tmp_path / "r.csv")
    read = Recording.read(tmp_path / "r.csv")
    assert read.rate == pytest.approx(recording.rate, rel=1e-4)
    assert np.array_equal(read.values, recording.values)
    assert label_names(read) == label_names(recording)
    assert breaks(read) == breaks(recording)


@pytest.mark.parametrize(("per_g", "per_deg_s"), [(16384, 131), (4096, 32.8), (2048, 16.4)])
def test_npz_keeps_the_words_of_a_chip_to_the_last_bit(
    tmp_path: Path, per_g: float, per_deg_s: float
) -> None:
    words = np.random.default_rng(2).integers(-32768, 32768, (500, 6))
    words[words == -32768] = -32767
    values = (words / ([per_g] * 3 + [per_deg_s] * 3)).astype(np.float32)
    Recording(values, 100.0).write(tmp_path / "r.npz")
    assert np.array_equal(Recording.read(tmp_path / "r.npz").values, values)


def test_the_same_recording_is_the_same_file(tmp_path: Path) -> None:
    recording = Recording(np.ones((100, 6), np.float32), 50.0, meta={"a": 1})
    recording.write(tmp_path / "a.npz")
    recording.write(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def worn(subject: str, position: str, value: float, labels: tuple[str, ...]) -> Recording:
    return Recording(
        values=np.full((50, 6), value, np.float32),
        rate=50.0,
        labels=labels,
        label=np.full(50, len(labels) - 1, np.int16),
        subject=subject,
        position=position,
    )


def test_several_people_share_a_file_and_can_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    write_together(
        path,
        [
            worn("7", "wrist", 1.0, ("walking", "sitting")),
            worn("8", "wrist", 2.0, ("lying",)),
            worn("8", "waist", 3.0, ("sitting", "walking")),
        ],
    )
    everything = Recording.read(path)
    assert (len(everything), everything.subject, breaks(everything)) == (150, None, [49, 99])
    eight = Recording.read(path, subject=8)
    assert (eight.subject, eight.position) == ("8", None)
    assert label_names(eight) == ["lying"] * 50 + ["walking"] * 50
    waist = Recording.read(path, subject="8", position="waist")
    assert (waist.position, waist.values[0, 0], breaks(waist)) == ("waist", 3.0, [])
    each = [(r.subject, r.position, r.values[0, 0]) for r in read_each(path)]
    assert sorted(each) == [("7", "wrist", 1.0), ("8", "waist", 3.0), ("8", "wrist", 2.0)]
    assert [r.position for r in read_each(path, subject=7)] == ["wrist"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"subject": 9}, "no subject 9. Choose one of: 7"),
        ({"position": "ankle"}, "no position ankle. Choose one of: wrist"),
    ],
)
def test_who_is_not_there_is_refused_with_who_is(
    tmp_path: Path, choice: dict[str, str], words: str
) -> None:
    worn("7", "wrist", 1.0, ("walking",)).write(tmp_path / "r.npz")
    with pytest.raises(RecordingError, match=words):
        Recording.read(tmp_path / "r.npz", **choice)  # type: ignore[arg-type]


def test_recordings_of_different_rates_do_not_share_a_file(tmp_path: Path) -> None:
    slow, fast = (Recording(np.zeros((9, 6), np.float32), rate) for rate in (25.0, 50.0))
    with pytest.raises(RecordingError, match="different rates"):
        write_together(tmp_path / "r.npz", [slow, fast])


@pytest.mark.parametrize("name", ["r.md", "r", "r.npz.bak"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hello")
    with pytest.raises(RecordingError, match=r"unsupported file type.*\.npz, \.csv"):
        Recording.read(tmp_path / name)
    with pytest.raises(RecordingError, match=r"\.npz or \.csv"):
        Recording(np.zeros((9, 6), np.float32), 50.0).write(tmp_path / name)


@pytest.mark.parametrize("ending", [".npz", ".csv"])
def test_a_missing_file_is_refused(tmp_path: Path, ending: str) -> None:
    with pytest.raises(RecordingError, match="no such recording"):
        Recording.read(tmp_path / f"r{ending}")


@pytest.mark.parametrize("ending", [".npz", ".csv"])
def test_a_folder_is_refused(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"r{ending}").mkdir()
    with pytest.raises(RecordingError, match=r"no recording in it|cannot be read"):
        Recording.read(tmp_path / f"r{ending}")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((9, 6), np.nan), "sample 0 has no finite ax"),
        (np.full((9, 6), 9.81) * np.arange(9)[:, None], "sample 7 has ax = 68.67 g"),
        (np.full((9, 6), [0, 0, 0, 0, 9000, 0]), "sample 0 has gy = 9000 deg/s"),
        (np.zeros((1, 6)), "holds 1 samples"),
    ],
)
def test_what_is_no_motion_is_not_written(
    tmp_path: Path, values: np.ndarray, words: str
) -> None:
    with pytest.raises(RecordingError, match=words):
        Recording(values.astype(np.float32), 50.0).write(tmp_path / "r.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "columns",
    [
        {"values": np.zeros((9, 5), np.float32)},
        {"label": np.zeros(8, np.int16), "labels": ("a",)},
        {"label": np.ones(9, np.int16), "labels": ("a",)},
        {"segment": np.zeros(3, np.int32)},
    ],
)
def test_columns_that_do_not_fit_together_are_refused(columns: dict[str, object]) -> None:
    whole: dict[str, object] = {"values": np.zeros((9, 6), np.float32), "rate": 50.0}
    with pytest.raises(ValueError, match="must be"):
        Recording(**(whole | columns))  # type: ignore[arg-type]


# --- the recording that ships with harpi --------------------------------------------------

SHIPPED = "models/recordings/hapt_25_26.npz"


@pytest.mark.parametrize("subject", [25, 26])
def test_each_person_of_the_shipped_recording_does_everything_for_a_minute(
    subject: int,
) -> None:
    recording = Recording.read(shipped.path(SHIPPED), subject=subject)
    assert recording.rate == 50.0
    assert set(recording.labels) == {
        "walking",
        "stairs_up",
        "stairs_down",
        "sitting",
        "standing",
        "lying",
    }
    seconds = np.bincount(recording.label[recording.label >= 0]) / recording.rate
    assert seconds.min() > 75.0
    upright = recording.values[recording.label == recording.labels.index("standing"), :3]
    assert upright.mean(axis=0) == pytest.approx([1.0, -0.1, 0.1], abs=0.15)


def test_the_shipped_recording_is_small_and_says_whose_it_is() -> None:
    path = shipped.path(SHIPPED)
    assert path.stat().st_size < 1_500_000
    assert "Reyes-Ortiz" in Recording.read(path).meta["citation"]
    assert "CC BY 4.0" in path.with_suffix(".md").read_text()

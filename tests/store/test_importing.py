from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from harpi.config.schema import StoreSection
from harpi.errors import RecordingError, StoreError, StoreFull
from harpi.recording import Recording, write_together
from harpi.store.export import export
from harpi.store.importing import Choice, import_files
from harpi.store.store import Store
from harpi.types import Samples
from tests.support.takes import ROOMY, counts_of_chip, signal, take_of


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """A second, empty store."""
    with Store(tmp_path / "other" / "takes.db", ROOMY) as store:
        yield store


@pytest.fixture
def filled(store: Store) -> Store:
    """Takes of all kinds in two sessions."""
    store.add(take_of("walking", flags=("inconsistent",)), [signal(4.0, seed=1)])
    store.trim(1, 1.0, 3.0)
    gap = [signal(1.0, seed=2), signal(1.0, seed=3, begin=1004.0, gap=True)]
    store.add(take_of("sitting", split="test", position="left_wrist"), gap)
    second = store.new_session()
    store.add(
        take_of("going up/down", second, note='a "note", quoted', device="pi"), [signal()]
    )
    rng = np.random.default_rng(5)
    off_grid = Samples(rng.normal(size=(60, 6)).astype(np.float32), np.arange(60) / 50)
    store.add(take_of("walking", second), [off_grid])
    return store


def labelled(names: list[str | None], *, seed: int = 0, **known: str) -> Recording:
    """A second for each name, at 50 Hz."""
    labels = tuple(dict.fromkeys(name for name in names if name))
    label = [-1 if name is None else labels.index(name) for name in names]
    return Recording(
        values=counts_of_chip(50 * len(names), seed),
        rate=50.0,
        labels=labels,
        label=np.repeat(np.array(label, np.int16), 50),
        subject=known.get("subject"),
        position=known.get("position"),
    )


@pytest.mark.parametrize("name", ["out", "out.zip"])
@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_an_export_comes_back_as_it_was(
    filled: Store, other: Store, tmp_path: Path, name: str, kind: str
) -> None:
    if kind == "csv":  # int16 counts in an .npz cannot hold what is on no grid
        assert filled.take(4).digest
    else:
        filled.delete([4])
    export(filled, filled.takes(), tmp_path / name, kind=kind)  # type: ignore[arg-type]
    done = import_files(other, [tmp_path / name])
    assert (done.takes, done.known, done.unlabelled) == (len(filled.takes()), 0, 0.0)
    for was, now in zip(filled.takes(), other.takes(), strict=True):
        for field in ("label", "position", "split", "start", "rate", "device", "flags", "note"):
            assert getattr(now, field) == getattr(was, field)
        for field in ("count", "gaps", "keep_from", "keep_to", "digest"):
            assert getattr(now, field) == getattr(was, field)
        for run, again in zip(
            filled.samples(was.id, whole=True), other.samples(now.id, whole=True), strict=True
        ):
            np.testing.assert_allclose(again.times, run.times, atol=1e-5)
    sessions = [take.session for take in other.takes()]
    assert sessions[0] == sessions[1] != sessions[2]


@pytest.mark.parametrize("rate", [25.0, 100.0, 200.0, 250.0, 1000 / 3, 1000.0])
@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_what_was_exported_is_recognised_whatever_its_rate(
    store: Store, tmp_path: Path, rate: float, kind: str
) -> None:
    values = counts_of_chip(400)
    store.add(take_of(rate=rate), [Samples(values, np.arange(400) / rate)])
    export(store, store.takes(), tmp_path / "out", kind=kind)  # type: ignore[arg-type]
    done = import_files(store, [tmp_path / "out"])
    assert (done.takes, done.known) == (0, 1)


def test_a_test_take_stays_one_even_as_a_file_of_its_own(
    filled: Store, other: Store, tmp_path: Path
) -> None:
    export(filled, filled.takes(split="test"), tmp_path / "out")
    lone = tmp_path / "renamed.npz"
    shutil.move(tmp_path / "out" / "take_00002_sitting.npz", lone)
    import_files(other, [lone], Choice(split="train"))
    (take,) = other.takes()
    assert (take.split, take.position, take.gaps) == ("test", "left_wrist", 1)


def test_a_label_that_was_corrected_in_the_index_counts(
    filled: Store, other: Store, tmp_path: Path
) -> None:
    export(filled, filled.takes(label="sitting"), tmp_path / "out")
    listed = tmp_path / "out" / "takes.csv"
    listed.write_text(listed.read_text().replace(",sitting,", ",lying,"))
    import_files(other, [tmp_path / "out"])
    assert [take.label for take in other.takes()] == ["lying"]


def test_without_the_times_of_its_runs_a_take_keeps_its_gaps(
    filled: Store, other: Store, tmp_path: Path
) -> None:
    export(filled, filled.takes(label="sitting"), tmp_path / "out", kind="csv")
    listed = tmp_path / "out" / "takes.csv"
    listed.write_text(listed.read_text().replace("0.000000 0.980000;4.000000 4.980000", ""))
    import_files(other, [tmp_path / "out"])
    (take,) = other.takes()
    runs = other.samples(take.id)
    assert [(len(run), run.gap) for run in runs] == [(50, False), (50, True)]
    assert [run.times[0] for run in runs] == [0.0, pytest.approx(2.0)]


def test_a_recording_of_others_becomes_a_take_for_each_stretch_of_a_label(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "walk.csv"
    names = ["walking", "walking", None, "sitting", "walking"]
    labelled(names).write(path)
    done = import_files(store, [path], Choice(position="ankle"))
    takes = store.takes()
    assert [(t.label, round(t.seconds)) for t in takes] == [
        ("walking", 2),
        ("sitting", 1),
        ("walking", 1),
    ]
    assert (done.takes, done.unlabelled, done.seconds) == (3, 1.0, 4.0)
    assert {(t.position, t.split, t.note) for t in takes} == {("ankle", "train", "walk.csv")}
    assert len({t.session for t in takes}) == 1
    assert (takes[1].start - takes[0].start).total_seconds() == pytest.approx(3.0, abs=1e-3)
    assert takes[2].start + timedelta(seconds=1) <= datetime.now(UTC)
    (run,) = store.samples(takes[2].id)
    np.testing.assert_array_equal(run.values, counts_of_chip(250)[200:])


def test_wearers_and_places_of_a_set_become_sessions_and_can_be_chosen(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "set.npz"
    write_together(
        path,
        [
            labelled(["walking"], seed=1, subject="7", position="wrist"),
            labelled(["walking"], seed=2, subject="7", position="waist"),
            labelled(["walking"], seed=3, subject="8", position="wrist"),
        ],
    )
    import_files(store, [path], Choice(position="wrist"))
    assert [(t.position, t.note) for t in store.takes()] == [
        ("wrist", "set.npz, subject 7"),
        ("wrist", "set.npz, subject 8"),
    ]
    assert len({t.session for t in store.takes()}) == 2
    assert import_files(store, [path], Choice(subject="7")).known == 1
    with pytest.raises(RecordingError, match=r"such wearer.*7 \(wrist\)"):
        import_files(store, [path], Choice(subject="9"))


def test_a_file_without_labels_is_named_by_the_person(store: Store, tmp_path: Path) -> None:
    labelled([None, None]).write(tmp_path / "a.csv")
    done = import_files(store, [tmp_path / "a.csv"])
    assert (done.takes, done.unlabelled) == (0, 2.0)
    assert store.undo() is None
    done = import_files(store, [tmp_path / "a.csv"], Choice(label="rowing", split="test"))
    assert [(t.label, t.split, t.seconds) for t in store.takes()] == [("rowing", "test", 2.0)]


def test_the_same_samples_are_not_added_twice_even_if_deleted_or_of_the_other_split(
    store: Store, tmp_path: Path
) -> None:
    labelled(["walking", "sitting"]).write(tmp_path / "a.csv")
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    done = import_files(store, [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert (done.takes, done.known) == (2, 2)
    store.delete([1])
    done = import_files(store, [tmp_path / "a.csv"], Choice(split="test"))
    assert (done.takes, done.known) == (0, 2)
    assert store.takes(split="test") == []


def test_one_undo_takes_back_an_import(store: Store, tmp_path: Path) -> None:
    labelled(["walking", "sitting"]).write(tmp_path / "a.csv")
    import_files(store, [tmp_path / "a.csv"])
    undone = store.undo()
    assert undone is not None
    assert len(undone.takes) == 2
    assert store.takes() == []


def sessions_in(store: Store) -> int:
    ((count,),) = store._database.rows("SELECT count(*) FROM session")
    return int(count)


def test_a_bad_file_among_good_ones_leaves_nothing_of_any(store: Store, tmp_path: Path) -> None:
    labelled(["walking"]).write(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("time,ax,ay\n0,1,2\n")
    with pytest.raises(RecordingError, match=r"b\.csv"):
        import_files(store, [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert store.takes(deleted=None) == []
    assert sessions_in(store) == 1
    assert import_files(store, [tmp_path / "a.csv"]).takes == 1


def test_an_import_that_was_killed_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "takes.db"
    with Store(path, ROOMY) as store:
        staging = store.stage()
        session = staging.new_session()
        for seed in range(3):
            staging.add(take_of(session=session), [signal(3600.0, seed=seed)])
        staging._lock.release()  # the kernel does it for the dead
    with Store(path, ROOMY) as store:
        assert store._database.rows("SELECT * FROM take") == []
        assert store._database.rows("SELECT * FROM chunk") == []


def test_a_take_can_be_recorded_while_an_import_goes_on(store: Store) -> None:
    with store.stage() as staging:
        writer = store.begin(take_of("running"))
        for seed in range(4):
            staging.add(take_of(), [signal(2000.0, seed=seed)])
            writer.append(signal(1.0, seed=seed, begin=1000.0 + seed))
        with Store(store.path, ROOMY) as second:
            assert second.takes() == []
            with pytest.raises(StoreError, match="another import"):
                second.stage()
        writer.finish()
        store.keep_staged(staging.written())
    assert sorted(take.label for take in store.takes()) == ["running"] + ["walking"] * 4


def test_an_import_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    limits = StoreSection(limit_mb=2, warn_mb=1, keep_free_mb=0)
    files = [tmp_path / f"{seed}.npz" for seed in range(3)]
    for seed, file in enumerate(files):
        labelled((["walking"] * 500 + ["sitting"] * 500) * 2, seed=seed).write(file)
    with Store(tmp_path / "takes.db", limits) as store:
        with pytest.raises(StoreFull, match="2 MB"):
            import_files(store, files)
        assert store.takes(deleted=None) == []
        assert import_files(store, files[:1]).takes == 4


# --- bad files ------------------------------------------------------------------------------


def broken_export(filled: Store, folder: Path) -> Path:
    export(filled, filled.takes(label="sitting"), folder)
    return folder / "takes.csv"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (",test,", ",both,", "neither train nor test"),
        ("split,", "spilt,", "no 'split'"),
        ("2024-05-01T12", "long ago", "isoformat"),
        (",sitting,", ",,", "a label has"),
        (",50.0,", ",fast,", "float"),
        ("file,", "fail,", "not the index"),
        ("take_00002", "take_00009", "take_00009_sitting.npz"),
    ],
)
def test_an_index_that_cannot_be_is_refused(
    filled: Store, other: Store, tmp_path: Path, before: str, after: str, words: str
) -> None:
    listed = broken_export(filled, tmp_path / "out")
    text = listed.read_text()
    assert before in text
    listed.write_text(text.replace(before, after, 1))
    with pytest.raises(RecordingError, match=words):
        import_files(other, [tmp_path / "out"])
    assert other.takes() == []


def test_what_is_no_import_is_said(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 broken")
    with zipfile.ZipFile(tmp_path / "letters.zip", "w") as archive:
        archive.writestr("letter.txt", "dear reader")
    for name, words in (
        ("empty", "no recording in it"),
        ("text.txt", "no header is found"),
        ("broken.zip", "archive cannot be read"),
        ("letters.zip", "no recording in it"),
        ("nowhere.zip", "no such archive"),
        ("nowhere.npz", "no such recording"),
    ):
        with pytest.raises(RecordingError, match=words):
            import_files(store, [tmp_path / name])
    assert store.takes(deleted=None) == []


def test_a_truncated_archive_is_refused(filled: Store, other: Store, tmp_path: Path) -> None:
    export(filled, filled.takes(), tmp_path / "out.zip")
    content = (tmp_path / "out.zip").read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    for damaged in (content[: len(content) // 2], bytes(flipped)):
        (tmp_path / "bad.zip").write_bytes(damaged)
        with pytest.raises(RecordingError, match="bad"):
            import_files(other, [tmp_path / "bad.zip"])
        assert other.takes(deleted=None) == []


def test_an_archive_cannot_write_outside_of_its_place(store: Store, tmp_path: Path) -> None:
    labelled(["walking"]).write(tmp_path / "a.csv")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(tmp_path / "a.csv", "../../../../../tmp/evil.csv")
    assert import_files(store, [tmp_path / "evil.zip"]).takes == 1
    assert not Path("/tmp/evil.csv").exists()


def test_progress_goes_up_to_all(store: Store, tmp_path: Path) -> None:
    labelled(["walking", "sitting", "lying"]).write(tmp_path / "a.csv")
    labelled(["walking", "sitting", "lying"], seed=1).write(tmp_path / "b.npz")
    shares: list[float] = []
    import_files(store, [tmp_path / "a.csv", tmp_path / "b.npz"], on_progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 6
    assert shares[-1] == 1.0

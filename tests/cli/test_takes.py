from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from harpi.cli import main
from harpi.commands import Delete, Purge, Redo, Relabel, Trim, Undo
from harpi.store.claim import StateClaim
from harpi.store.store import Store
from tests.support.control_socket import served
from tests.support.fake_room import FakeRoom
from tests.support.takes import ROOMY, START, signal, take_of
from tests.support.wearer import Wearer


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


Harpi = Callable[..., Said]


@pytest.fixture
def harpi(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Harpi:
    """Run a command on the store in the test's folder."""

    def run(*words: str) -> Said:
        settings = (f"paths.state={tmp_path}", f"paths.runtime={tmp_path}")
        options = [f"--set={setting}" for setting in (*settings, "store.keep_free_mb=0")]
        with pytest.raises(SystemExit) as ended:
            main([*words, *options])
        captured = capsys.readouterr()
        return Said(captured.out, captured.err, int(ended.value.code or 0))

    return run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Four takes; the third is a test take an hour later in another session."""
    with Store(tmp_path / "takes.db", ROOMY) as store:
        first, second = store.new_session(), store.new_session()
        store.add(take_of("walking", first, position="right_arm"), [signal(4.0, seed=1)])
        store.add(take_of("sitting", first, flags=("too_short",)), [signal(2.0, seed=2)])
        later = START + timedelta(hours=1)
        store.add(take_of("walking", second, split="test", start=later), [signal(3.0, seed=3)])
        gap = [signal(1.0, seed=4), signal(1.0, seed=5, begin=1004.0, gap=True)]
        store.add(take_of("running", second, device="pi", note="uphill"), gap)
        yield store


def labels(store: Store) -> list[str]:
    return [take.label for take in store.takes()]


@pytest.mark.usefixtures("store", "local_time")
def test_list_is_a_table(harpi: Harpi) -> None:
    lines = harpi("takes", "list").out.splitlines()
    assert lines[0].split() == [
        *("take", "label", "position", "session", "split", "start", "s", "remarks")
    ]
    assert lines[1].split() == [
        *("1", "walking", "right_arm", "1", "train", "2024-05-01", "17:30:00", "4.0")
    ]
    assert lines[2].endswith("too short")
    assert lines[4].endswith("1 gap")
    assert lines[5] == "4 takes, 14 s in use"


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        ([], [1, 2, 3, 4]),
        (["--label", "walking"], [1, 3]),
        (["--position", "right_arm"], [1]),
        (["--session", "2"], [3, 4]),
        (["--split", "test"], [3]),
        (["--since", "2024-05-01T12:30Z"], [3]),
        (["--since", "1h"], []),
        (["--label", "walking", "--split", "train"], [1]),
        (["--deleted"], []),
    ],
)
@pytest.mark.usefixtures("store")
def test_list_as_json_meets_the_conditions(
    harpi: Harpi, conditions: list[str], numbers: list[int]
) -> None:
    said = harpi("takes", "list", "--json", *conditions)
    assert [take["id"] for take in json.loads(said.out)] == numbers


@pytest.mark.usefixtures("store")
def test_json_says_everything(harpi: Harpi) -> None:
    shown = json.loads(harpi("takes", "show", "4", "--json").out)
    assert shown["start"] == "2024-05-01T12:00:00+00:00"
    assert (shown["label"], shown["device"], shown["note"]) == ("running", "pi", "uphill")
    assert (shown["count"], shown["gaps"], shown["deleted"]) == (100, 1, None)


def test_deleted_takes_are_listed_when_asked_for(harpi: Harpi, store: Store) -> None:
    store.delete([2])
    assert "sitting" not in harpi("takes", "list").out
    assert "sitting" in harpi("takes", "list", "--deleted").out
    everything = harpi("takes", "list", "--all").out
    assert everything.splitlines()[2].endswith("too short, deleted")


def test_an_empty_list_says_so(harpi: Harpi, store: Store) -> None:
    assert harpi("takes", "list", "--label", "flying").out == "There are no such takes.\n"


def test_a_store_that_fills_up_warns(harpi: Harpi, store: Store) -> None:
    store.add(take_of(), [signal(3600.0)])
    said = harpi("takes", "list", "--set", "store.warn_mb=1", "--set", "store.limit_mb=5")
    assert "at 5 MB recording is refused" in said.err
    assert said.code == 0


@pytest.mark.usefixtures("store")
def test_show_draws_in_80_columns_into_a_pipe(harpi: Harpi) -> None:
    text = harpi("takes", "show", "4").out
    assert text.startswith("take 4: running\n")
    assert "100 samples at 50 Hz" in text
    assert "1 gap" in text
    assert "uphill" in text
    assert max(map(len, text.splitlines())) == 80
    assert len(text.splitlines()) < len(harpi("takes", "show", "4", "--axes").out.splitlines())


def test_show_without_a_number_shows_the_last_take_and_what_is_used(
    harpi: Harpi, store: Store
) -> None:
    store.delete([4])
    store.trim(3, 1.0, 2.0)
    text = harpi("takes", "show").out
    assert text.startswith("take 3: walking\n")
    assert "used      1.0 s to 2.0 s" in text
    assert "┄━" in text


def test_show_draws_a_take_while_it_is_recorded(harpi: Harpi, store: Store) -> None:
    writer = store.begin(take_of("rowing"))
    assert "recording" in harpi("takes", "show", str(writer.take.id)).out
    writer.append(signal(2.0))
    assert "2.0 s" in harpi("takes", "show", str(writer.take.id)).out
    writer.finish()


def test_relabel_corrects_label_and_position(harpi: Harpi, store: Store) -> None:
    said = harpi("takes", "relabel", "1-2", "4", "--label", "rowing")
    assert said.out == "Takes 1, 2 and 4 are now named rowing.\n"
    assert labels(store) == ["rowing", "rowing", "walking", "rowing"]
    harpi("takes", "relabel", "1", "--position", "ankle")
    assert store.take(1).position == "ankle"
    assert harpi("takes", "relabel", "1").code == 2
    assert harpi("takes", "relabel", "1", "--label", "\x1b[2J").code == 2


def test_trim_uses_a_part_and_all_again(harpi: Harpi, store: Store) -> None:
    harpi("takes", "trim", "1", "--from", "1", "--to", "3")
    assert store.take(1).used_seconds == 2.0
    harpi("takes", "trim", "1")
    assert not store.take(1).trimmed
    assert harpi("takes", "trim", "1", "--from", "9").code == 9


def test_delete_undo_redo_restore(harpi: Harpi, store: Store) -> None:
    said = harpi("takes", "delete", "--label", "walking", "--split", "train")
    assert said.out.startswith("Take 1 is deleted.")
    harpi("takes", "delete", "2-3")
    assert labels(store) == ["running"]
    assert harpi("takes", "undo").out == "Restored takes 2 (sitting) and 3 (walking).\n"
    assert harpi("takes", "redo").out == "Takes 2 and 3 are deleted again.\n"
    assert "there is nothing to redo" in harpi("takes", "redo").err
    harpi("takes", "restore", "--label", "sitting")
    assert labels(store) == ["sitting", "running"]
    harpi("takes", "restore", "--all")
    assert len(labels(store)) == 4
    assert harpi("takes", "restore", "--all").out == "There are no such takes.\n"


@pytest.mark.parametrize("command", ["delete", "restore"])
def test_nothing_is_changed_by_a_command_that_names_nothing(
    harpi: Harpi, store: Store, command: str
) -> None:
    said = harpi("takes", command)
    assert said.code == 2
    assert "no takes given" in said.err
    assert len(labels(store)) == 4


def test_purge_asks_and_removes_only_what_is_deleted(harpi: Harpi, store: Store) -> None:
    assert harpi("takes", "purge", "--yes").out == "There are no such takes.\n"
    store.delete([1, 2])
    said = harpi("takes", "purge")
    assert said.code == 2
    assert "--yes" in said.err
    refused = harpi("takes", "purge", "--yes", "3")
    assert (refused.code, "not deleted" in refused.err) == (9, True)
    assert harpi("takes", "purge", "--yes", "1").out == "Take 1 is removed for good.\n"
    assert harpi("takes", "purge", "--yes").out == "Take 2 is removed for good.\n"
    assert [take.id for take in store.takes(deleted=None)] == [3, 4]


@pytest.mark.parametrize(("answer", "left"), [("y\n", 3), ("n\n", 4), ("", 4)])
def test_a_person_is_asked_before_a_purge(
    harpi: Harpi, store: Store, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    person = io.StringIO(answer)
    person.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", person)
    store.delete([1])
    said = harpi("takes", "purge")
    assert "Remove take 1 for good? [y/N]" in said.out
    assert said.code == (0 if left == 3 else 1)
    assert len(store.takes(deleted=None)) == left


@pytest.mark.usefixtures("store")
def test_check_reads_everything(harpi: Harpi) -> None:
    assert harpi("takes", "check").out == "No faults: 4 takes.\n"


# --- what can go wrong ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("list",), ("show",), ("delete", "1"), ("undo",), ("purge",), ("check",), ("trim", "1")],
)
def test_without_a_store_it_is_said_and_none_is_made(
    harpi: Harpi, tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = harpi("takes", *words)
    assert said.code == 6
    assert said.err.startswith(f"harpi: {tmp_path}/takes.db: there is no store of takes")
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("show", "99"), 2, "there is no take 99"),
        (("delete", "1", "99"), 2, "there is no take 99"),
        (("delete", "one"), 2, "'one' is not the number"),
        (("list", "--since", "once"), 2, "'once' is not a time"),
    ],
)
def test_mistakes_are_said_in_one_line(
    harpi: Harpi, store: Store, words: tuple[str, ...], code: int, message: str
) -> None:
    said = harpi("takes", *words)
    assert said.code == code
    assert message in said.err
    assert said.err.count("\n") == 1
    assert len(labels(store)) == 4


def test_a_damaged_store_is_said_in_one_line(harpi: Harpi, tmp_path: Path) -> None:
    (tmp_path / "takes.db").write_bytes(b"not a database at all" * 100)
    for command in ("list", "check", "undo"):
        said = harpi("takes", command)
        assert said.code == 6
        assert "damaged" in said.err
        assert said.err.count("\n") == 1


@pytest.mark.usefixtures("store")
def test_a_daemon_that_runs_does_every_change(harpi: Harpi, tmp_path: Path) -> None:
    room = FakeRoom()
    with served(room, tmp_path):
        for words in (
            ("relabel", "1-3", "--label", "strolling"),
            ("trim", "1", "--to", "3"),
            ("delete", "2"),
            ("undo",),
            ("redo",),
            ("purge", "--yes", "3"),
        ):
            assert harpi("takes", *words).out == "Done.\n", words
        harpi("takes", "list")
        harpi("takes", "delete", "99")
    assert room.commands == [
        Relabel(takes=(1, 2, 3), label="strolling"),
        Trim(take=1, end=3.0),
        Delete(takes=(2,)),
        Undo(),
        Redo(),
        Purge(takes=(3,), confirmed=True),
    ]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("state", ["recording", "testing", "training", "paused"])
def test_takes_are_not_changed_behind_a_training_or_a_recording(
    state: str, harpi: Harpi, store: Store, tmp_path: Path
) -> None:
    wearer = Wearer(tmp_path / "wearer")
    store.delete([3])
    before = store.takes(deleted=None)
    wearer.gets_into(state)
    with served(wearer.session, tmp_path):
        for words in (
            ("relabel", "1", "--position", "ankle"),
            ("trim", "1", "--to", "3"),
            ("delete", "2"),
            ("restore", "3"),
            ("redo",),
            ("purge", "--yes"),
        ):
            said = harpi("takes", *words)
            assert said.code == 9, words
            assert "is being recorded" in said.err or "training" in said.err
    wearer.store.close()
    assert store.takes(deleted=None) == before


@pytest.mark.usefixtures("store")
def test_nothing_is_changed_behind_a_daemon_that_cannot_be_asked(
    harpi: Harpi, store: Store, tmp_path: Path
) -> None:
    with StateClaim(tmp_path):
        said = harpi("takes", "delete", "1")
    assert said.code == 8
    assert "another harpi uses this state folder" in said.err
    assert len(store.takes()) == 4

"""What becomes of a take: margins, doubts, gaps, undoing, and a store that fails."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from harpi.commands import (
    Cancel,
    Correct,
    Delete,
    Import,
    Mount,
    Purge,
    Record,
    Redo,
    Relabel,
    Restore,
    Status,
    Stop,
    Trim,
    Undo,
)
from harpi.errors import StoreFull
from harpi.session.recorder import BACKLOG_SECONDS, STALLED_SECONDS
from harpi.types import Samples
from tests.support.takes import signal, take_of
from tests.support.wearer import BATCH, RATE, Wearer, motion


def test_what_is_near_a_press_is_stored_but_not_used(wearer: Wearer) -> None:
    wearer.records("walking", 8)
    (take,) = wearer.store.takes()
    margin = wearer.config.learning.margin_seconds
    assert take.seconds == pytest.approx(8, abs=0.4)
    assert take.keep_from == pytest.approx(margin, abs=2 / RATE)
    assert take.keep_to == pytest.approx(take.seconds - margin, abs=2 / RATE)
    used = np.concatenate([block.times for block in wearer.store.samples(take.id)])
    assert used[0] >= margin - 2 / RATE
    assert used[-1] < take.seconds - margin + 2 / RATE


def test_a_take_that_ends_by_itself_has_no_press_at_its_end(wearer: Wearer) -> None:
    wearer.say(Record(label="walking", seconds=6))
    wearer.moves("walking", 7)
    assert wearer.session.situation.state == "idle"
    (take,) = wearer.store.takes()
    assert take.seconds == pytest.approx(6, abs=1.5 / RATE)
    assert take.keep_to is None
    (notice,) = [event for event in wearer.events if event.kind == "notice"]
    assert notice.ok
    assert "6.0 s" in notice.message


def test_a_press_counts_from_its_own_time_not_from_when_it_was_handled(
    wearer: Wearer,
) -> None:
    pressed = wearer.time.monotonic()
    wearer.moves("walking", 1)
    wearer.session.command(Record(label="walking"), "buttons", at=pressed + 0.5)
    wearer.moves("walking", 8)
    released = wearer.time.monotonic()
    wearer.session.command(Stop(), "buttons", at=released - 1)
    (take,) = wearer.store.takes()
    assert take.keep_to is not None
    margin = wearer.config.learning.margin_seconds
    assert take.seconds - take.keep_to == pytest.approx(1 + margin, abs=2 / RATE)


def test_a_forgotten_take_ends_after_the_longest_time(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi.session.recorder.LONGEST_TAKE", 20.0)
    wearer.say(Record(label="sitting"))
    wearer.moves("sitting", 21)
    assert wearer.session.situation.state == "idle"
    assert wearer.store.takes()[0].seconds == pytest.approx(20, abs=0.1)


def test_a_take_whose_sensor_has_died_ends_all_the_same(wearer: Wearer) -> None:
    wearer.say(Record(label="walking", seconds=10))
    wearer.moves("walking", 5)
    wearer.sensor_fails(5 + STALLED_SECONDS)
    assert wearer.session.situation.state == "idle"
    assert wearer.store.takes()[0].seconds == pytest.approx(5, abs=0.4)


def test_a_take_without_samples_is_none(wearer: Wearer) -> None:
    wearer.say(Record(label="walking"))
    wearer.time.advance(3)
    answer = wearer.say(Stop())
    assert not answer.ok
    assert "no samples came" in answer.message
    assert wearer.store.takes() == []
    assert answer.situation.state == "idle"


@pytest.mark.parametrize("seconds", [0.5, 1.5, 3.0])
def test_a_take_that_is_too_short_says_so(wearer: Wearer, seconds: float) -> None:
    answer = wearer.records("walking", seconds)
    assert answer.ok
    (warning,) = answer.warnings
    assert "too short" in warning
    (take,) = wearer.store.takes()
    assert take.flags == ("too_short",)
    assert wearer.counts()["walking"] == (1, 0, 5)


def test_half_sitting_half_walking_is_flagged_with_the_part_that_is_unlike(
    wearer: Wearer,
) -> None:
    wearer.say(Record(label="walking"))
    wearer.moves("walking", 10)
    wearer.moves("sitting", 5)
    answer = wearer.say(Stop())
    assert answer.ok
    (warning,) = answer.warnings
    assert re.search("seconds 1[01] to 1[45] are unlike", warning)
    assert "harpi undo" in warning
    assert wearer.store.takes()[0].flags == ("inconsistent",)


def test_motion_only_next_to_the_presses_is_no_disagreement(wearer: Wearer) -> None:
    wearer.say(Record(label="sitting"))
    wearer.moves("walking", 0.4)
    wearer.moves("sitting", 8)
    wearer.moves("walking", 0.4)
    assert wearer.say(Stop()).warnings == ()


def test_a_gap_is_kept_as_a_gap_and_said(wearer: Wearer) -> None:
    wearer.say(Record(label="walking"))
    wearer.moves("walking", 5)
    wearer.sensor_fails(2)
    wearer.moves("walking", 5)
    answer = wearer.say(Stop())
    (take,) = wearer.store.takes()
    assert take.gaps == 1
    assert "1 gap" in " ".join(answer.warnings)
    first, second = wearer.store.samples(take.id)
    assert second.gap
    assert second.times[0] - first.times[-1] == pytest.approx(2, abs=0.1)


def test_an_answer_says_how_many_windows_are_still_needed(wearer: Wearer) -> None:
    answer = wearer.records("walking", 5)
    assert "1 window" in answer.message
    assert "walking: 4 more windows needed." in answer.message
    assert "walking: 4 more windows needed" in wearer.say(Status()).message
    again = wearer.records("walking", 8)
    assert "needed" not in again.message
    assert "Enough takes of walking." in wearer.say(Status()).message


def test_test_takes_are_counted_apart_and_never_needed(wearer: Wearer) -> None:
    answer = wearer.records("walking", 5, test=True)
    assert answer.message.startswith("Test take 1 of walking")
    assert "needed" not in answer.message
    assert wearer.store.takes()[0].split == "test"
    assert wearer.counts()["walking"] == (0, 0, 5)


# --- correcting takes -------------------------------------------------------------------


def test_takes_are_relabelled_deleted_and_restored_and_the_learner_is_told(
    wearer: Wearer,
) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    wearer.learner.log.clear()

    answer = wearer.say(Relabel(takes=(1,), label=" sitting "))
    assert answer.message == "Take 1 is now named sitting."
    assert [take.label for take in wearer.store.takes()] == ["sitting", "sitting"]
    assert wearer.counts()["walking"][0] == 0

    answer = wearer.say(Delete(takes=(1, 2)))
    assert answer.message.startswith("Takes 1 and 2 are deleted.")
    assert wearer.store.takes() == []
    assert wearer.say(Restore(takes=(2,))).message == "Take 2 is restored."
    assert wearer.counts()["sitting"][0] == 1
    assert wearer.learner.log == ["takes changed"] * 3

    assert wearer.say(Undo()).ok
    assert wearer.store.takes() == []


def test_what_is_so_already_is_no_change(wearer: Wearer) -> None:
    wearer.records("walking")
    assert "Nothing has changed" in wearer.say(Relabel(takes=(1,), label="walking")).message


@pytest.mark.parametrize(
    "command", [Relabel(takes=(1, 9), label="x"), Delete(takes=(1, 9)), Restore(takes=(9,))]
)
def test_a_take_that_there_is_not_is_said_and_no_other_is_changed(
    wearer: Wearer, command: Relabel | Delete | Restore
) -> None:
    wearer.records("walking")
    before = wearer.store.takes()
    answer = wearer.say(command)
    assert not answer.ok
    assert "there is no take 9" in answer.message
    assert wearer.store.takes() == before


# --- labels, positions, sessions --------------------------------------------------------


@pytest.mark.parametrize("label", ["wlaking", "Walking", "walkin"])
def test_a_label_that_resembles_a_known_one_is_recorded_with_a_warning(
    wearer: Wearer, label: str
) -> None:
    answer = wearer.say(Record(label=label))
    assert answer.ok
    assert "did you mean 'walking'?" in answer.warnings[0]


@pytest.mark.parametrize("label", ["walking", "swimming", "yoga"])
def test_a_known_or_a_quite_new_label_is_recorded_without(wearer: Wearer, label: str) -> None:
    assert wearer.say(Record(label=label)).warnings == ()


def test_a_new_label_may_be_meant(wearer: Wearer) -> None:
    assert wearer.say(Record(label="walkin", new=True)).warnings == ()


def test_blanks_around_a_label_do_not_make_it_another(wearer: Wearer) -> None:
    wearer.records(" sitting ".strip())
    wearer.say(Record(label=" sitting "))
    assert wearer.session.situation.label == "sitting"
    wearer.say(Cancel())
    assert not wearer.say(Record(label="  ")).ok


def test_a_correction_makes_a_take_of_the_last_seconds(wearer: Wearer) -> None:
    wearer.moves("sitting", 20)
    wearer.learner.log.clear()

    answer = wearer.say(Correct(label="sitting"))

    assert answer.ok
    assert answer.situation.state == "idle"
    (take,) = wearer.store.takes()
    assert (take.label, take.split) == ("sitting", "train")
    assert take.seconds == pytest.approx(10, abs=2 * BATCH / RATE)
    assert wearer.counts()["sitting"][1] > 5
    assert wearer.learner.log == ["takes changed"]
    assert wearer.say(Undo()).ok
    assert wearer.store.takes() == []


def test_a_correction_does_not_reach_back_beyond_the_take_before(wearer: Wearer) -> None:
    wearer.records("walking", 8)
    assert not wearer.say(Correct(label="sitting")).ok
    wearer.moves("sitting", 6)

    assert wearer.say(Correct(label="sitting", seconds=30)).ok

    assert wearer.store.takes()[-1].seconds == pytest.approx(6, abs=2 * BATCH / RATE)
    again = wearer.say(Correct(label="walking"))
    assert not again.ok
    assert "Continue the activity" in again.message


def test_a_correction_without_signal_is_refused(wearer: Wearer) -> None:
    wearer.moves("sitting", 20)
    wearer.sensor_fails(40)

    assert not wearer.say(Correct(label="sitting")).ok
    assert wearer.store.takes() == []


def test_a_correction_that_resembles_a_known_label_is_kept_with_a_warning(
    wearer: Wearer,
) -> None:
    wearer.records("walking", 8)
    wearer.moves("walking", 12)

    assert "walking" in wearer.say(Correct(label="wolking")).warnings[0]
    wearer.moves("walking", 12)
    assert not wearer.say(Correct(label="wolking", new=True)).warnings


def test_takes_of_one_mounting_share_a_session(wearer: Wearer) -> None:
    wearer.records("walking")
    wearer.records("sitting")
    assert wearer.say(Mount()).ok
    wearer.records("standing")
    sessions = [take.session for take in wearer.store.takes()]
    assert sessions[0] == sessions[1] != sessions[2]


def test_another_position_is_another_session_and_stays(wearer: Wearer) -> None:
    wearer.records("walking")
    wearer.records("walking", position="left_ankle")
    wearer.records("sitting")
    takes = wearer.store.takes()
    assert [take.position for take in takes] == ["unspecified", "left_ankle", "left_ankle"]
    assert takes[0].session != takes[1].session == takes[2].session


# --- undoing ----------------------------------------------------------------------------


def test_undo_takes_back_take_by_take(wearer: Wearer) -> None:
    for label in ("walking", "sitting"):
        wearer.records(label)
    assert "take 2 (sitting)" in wearer.say(Undo()).message
    assert wearer.counts()["sitting"][0] == 0
    assert "take 1 (walking)" in wearer.say(Undo()).message
    assert wearer.store.takes() == []
    answer = wearer.say(Undo())
    assert not answer.ok
    assert "nothing to undo" in answer.message


def test_undo_whole_drops_the_last_take_whatever_was_done_since(wearer: Wearer) -> None:
    wearer.records("walking")
    wearer.store.relabel([1], "running")
    assert "take 1" in wearer.say(Undo(whole=True)).message
    assert wearer.store.takes() == []
    assert "Restored take 1" in wearer.say(Undo()).message


def test_undo_says_what_it_took_back(wearer: Wearer) -> None:
    wearer.records("walking")
    wearer.store.trim(1, keep_from=2.0)
    wearer.store.relabel([1], "running")
    assert wearer.say(Undo()).message == "Named as before: take 1 (walking)."
    assert wearer.say(Undo()).message == "Trimmed as before: take 1 (walking)."
    assert wearer.say(Undo()).message.startswith("Deleted take 1 (walking).")


@pytest.mark.parametrize("command", [Undo(), Undo(whole=True), Cancel()])
def test_a_take_in_progress_can_be_dropped_and_brought_back(
    wearer: Wearer, command: Undo | Cancel
) -> None:
    wearer.records("sitting")
    wearer.say(Record(label="walking"))
    wearer.moves("walking", 4)
    answer = wearer.say(command)
    assert answer.ok
    assert [take.label for take in wearer.store.takes()] == ["sitting"]
    wearer.store.restore([2])
    assert len(wearer.store.takes()) == 2


def test_the_undo_after_a_dropped_take_takes_back_the_one_before(wearer: Wearer) -> None:
    wearer.records("sitting")
    wearer.say(Record(label="walking"))
    wearer.moves("walking", 4)
    wearer.say(Undo())
    wearer.say(Undo())
    assert wearer.store.takes() == []


def test_whatever_follows_the_takes_is_told_of_every_change(wearer: Wearer) -> None:
    wearer.records("walking")
    assert wearer.learner.log == ["takes changed"]
    wearer.say(Undo())
    assert wearer.learner.log == ["takes changed"] * 2


def test_takes_are_trimmed_and_what_was_undone_is_done_again(wearer: Wearer) -> None:
    wearer.records("walking")
    assert wearer.say(Trim(take=1, start=1.0, end=3.0)).message.startswith("Take 1 is trimmed")
    assert wearer.store.take(1).used_seconds == pytest.approx(2.0)
    wearer.say(Undo())
    assert wearer.store.take(1).used_seconds > 2.0
    wearer.learner.log.clear()
    assert wearer.say(Redo()).message == "Take 1 is trimmed again."
    assert wearer.store.take(1).used_seconds == pytest.approx(2.0)
    assert wearer.learner.log == ["takes changed"]
    assert not wearer.say(Redo()).ok
    assert wearer.say(Relabel(takes=(1,), position="ankle")).message == (
        "Take 1 is now worn at ankle."
    )
    assert not wearer.say(Relabel(takes=(1,))).ok
    assert not wearer.say(Trim(take=1, start=99.0)).ok


def test_only_deleted_takes_are_purged_and_only_if_that_is_confirmed(wearer: Wearer) -> None:
    wearer.records("walking")
    assert not wearer.say(Purge(takes=(1,), confirmed=True)).ok
    wearer.say(Delete(takes=(1,)))
    assert "cannot be undone" in wearer.say(Purge(takes=(1,))).message
    assert wearer.say(Purge(takes=(1,), confirmed=True)).message == (
        "Take 1 is removed for good."
    )
    assert wearer.store.takes(deleted=None) == []


def test_what_an_import_wrote_counts_when_the_session_says_so(wearer: Wearer) -> None:
    wearer.records("walking")
    with wearer.store.stage() as staging:
        session = staging.new_session()
        for label in ("sitting", "standing"):
            staging.add(take_of(label, session=session), [signal(5.0, seed=len(label))])
        numbers = tuple(staging.written())
        assert len(wearer.store.takes()) == 1
        wearer.learner.log.clear()
        assert not wearer.say(Import(takes=(*numbers, 99))).ok
        assert len(wearer.store.takes()) == 1
        assert wearer.say(Import(takes=numbers)).message.startswith("Takes 2 and 3 are added.")
        assert wearer.learner.log == ["takes changed"]
        assert not wearer.say(Import(takes=numbers)).ok
    assert [take.label for take in wearer.store.takes()] == ["walking", "sitting", "standing"]
    wearer.say(Undo())
    assert [take.label for take in wearer.store.takes()] == ["walking"]


# --- the thread of the sampler, and a disk that is slow or full -------------------------


@contextmanager
def full_disk(wearer: Wearer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    room = wearer.store.room()
    full = StoreFull("the disk is full", where="takes.db", remedy="Free some space")
    with monkeypatch.context() as patch:
        patch.setattr(type(room), "refusal", lambda self: full)
        yield


def test_a_full_disk_refuses_a_take_in_words(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_disk(wearer, monkeypatch):
        answer = wearer.say(Record(label="walking"))
    assert not answer.ok
    assert "the disk is full" in answer.message
    assert answer.situation.state == "idle"
    assert wearer.records("walking").ok


def test_a_disk_that_fills_during_a_take_ends_it_and_keeps_what_is_there(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wearer.say(Record(label="walking"))
    wearer.moves("walking", 6)
    with full_disk(wearer, monkeypatch):
        wearer.moves("walking", 3)
    assert wearer.session.situation.state == "idle"
    notice = wearer.events[-1]
    assert not notice.ok
    assert "the disk is full; take 1 is saved up to second" in notice.message
    assert wearer.store.takes()[0].seconds >= 5
    assert wearer.records("sitting").ok


def test_a_disk_that_stalls_costs_signal_but_never_the_sampler(wearer: Wearer) -> None:
    wearer.say(Record(label="walking"))
    # The session's own thread is stuck: `feed` is called, `work` is not.
    for _ in range(round((BACKLOG_SECONDS + 10) * RATE / BATCH)):
        times = wearer.time.monotonic() + np.arange(BATCH) / RATE
        wearer.time.advance(BATCH / RATE)
        wearer.session.feed(Samples(motion("walking", times), times))
    wearer.session.work()
    wearer.moves("walking", 5)
    wearer.say(Stop())
    (take,) = wearer.store.takes()
    assert take.gaps == 1
    before, after = wearer.store.samples(take.id)
    assert len(before) / RATE == pytest.approx(
        BACKLOG_SECONDS - wearer.config.learning.margin_seconds, abs=1
    )
    assert after.times[0] > before.times[-1] + 5


def test_samples_outside_of_a_take_cost_nothing_and_are_left_out(wearer: Wearer) -> None:
    wearer.moves("walking", 5)
    wearer.records("walking", 8)
    wearer.moves("sitting", 5)
    wearer.session.feed(Samples(np.empty((0, 6), np.float32), np.empty(0)))
    (take,) = wearer.store.takes()
    assert take.count == pytest.approx(8 * RATE, abs=BATCH)


def test_the_thread_of_the_session_ends_a_take_that_is_over(wearer: Wearer) -> None:
    import threading

    ended = threading.Event()
    wearer.session.subscribe(lambda event: ended.set() if event.kind == "notice" else None)
    wearer.session.start()
    wearer.say(Record(label="walking", seconds=3))
    times = wearer.time.monotonic() + np.arange(4 * RATE) / RATE
    wearer.session.feed(Samples(motion("walking", times), times))
    assert ended.wait(10)
    wearer.session.stop()
    assert wearer.store.takes()[0].seconds == pytest.approx(3, abs=0.1)


def test_a_refused_first_take_leaves_nothing_behind(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = wearer.session.situation
    with full_disk(wearer, monkeypatch):
        assert not wearer.say(Record(label="walking", position="left ankle")).ok
    after = wearer.session.situation
    assert (after.session, after.position) == (before.session, before.position)
    assert wearer.say(Record(label="walking")).situation.session == 1


def test_a_disk_that_fills_up_at_the_first_write_leaves_nothing_behind(
    wearer: Wearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("harpi.store.queries.insert_take", refuse)
        assert not wearer.say(Record(label="walking")).ok
    assert wearer.session.situation.session is None
    assert wearer.say(Mount()).situation.session == 1

"""The diary is changed through the session, in any state."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from harpi.commands import LONGEST_TAKE, MOST_CORRECTED, Correct, Erase, Record, Undo
from harpi.config.schema import Config, DiarySection, SensorSection
from harpi.session.takes import _kept_seconds
from harpi.signal.ring import BYTES_PER_SAMPLE
from tests.support.wearer import Wearer


def test_a_bout_is_corrected_and_that_is_said(wearer: Wearer) -> None:
    answer = wearer.say(Correct(label="sitting", bout=1))
    assert answer.ok
    assert "was walking, and is sitting now." in answer.message
    assert wearer.diary.log == ["correct 1 sitting"]
    assert wearer.store.takes() == []


def test_a_label_that_resembles_another_is_doubted(wearer: Wearer) -> None:
    assert wearer.say(Correct(label="siting", bout=1)).warnings
    assert not wearer.say(Correct(label="siting", bout=1, new=True)).warnings


def test_a_bout_that_is_not_there_is_said(wearer: Wearer) -> None:
    answer = wearer.say(Correct(label="sitting", bout=2))
    assert not answer.ok
    assert "there is no bout 2" in answer.message.casefold()


def test_a_day_is_erased(wearer: Wearer) -> None:
    answer = wearer.say(Erase(day=date(2026, 5, 1)))
    assert answer.ok
    assert answer.message == "Deleted from the diary of 2026-05-01: 1 bout."
    assert wearer.diary.log == ["delete 2026-05-01"]


def test_a_bout_whose_signal_is_still_here_becomes_a_take(wearer: Wearer) -> None:
    begin = wearer.time.monotonic()
    wearer.moves("sitting", 40)
    end = wearer.time.monotonic()
    wearer.moves("walking", 20)
    wearer.diary.at = (begin, end)
    answer = wearer.say(Correct(label="sitting", bout=1))
    assert answer.ok
    assert "Take 1 of sitting is kept" in answer.message
    (take,) = wearer.store.takes()
    assert take.label == "sitting"
    assert take.used_seconds == pytest.approx(40, abs=2)
    values = np.concatenate([block.values for block in wearer.store.samples(take.id)])
    assert np.median(values[:, 0]) == pytest.approx(1, abs=0.1)
    assert wearer.say(Undo()).ok
    assert wearer.store.takes() == []


def test_of_a_long_bout_the_longest_take_is_kept(wearer: Wearer) -> None:
    begin = wearer.time.monotonic()
    wearer.moves("walking", LONGEST_TAKE + 100)
    wearer.diary.at = (begin, wearer.time.monotonic())
    assert wearer.say(Correct(label="walking", bout=1)).ok
    (take,) = wearer.store.takes()
    assert LONGEST_TAKE - 5 < take.used_seconds <= LONGEST_TAKE


@pytest.mark.parametrize("gone", ["not known", "too long ago", "too short", "in a take"])
def test_what_is_no_take_any_more_corrects_the_diary_alone(tmp_path: Path, gone: str) -> None:
    wearer = Wearer(tmp_path)
    begin = wearer.time.monotonic()
    if gone == "in a take":
        wearer.records("walking", 20)
    else:
        wearer.moves("walking", 20)
    end = wearer.time.monotonic()
    wearer.diary.at = {
        "not known": None,
        "too long ago": (begin - 9000, begin - 8000),
        "too short": (begin, begin + 2),
        "in a take": (begin, end),
    }[gone]
    before = wearer.store.takes()
    answer = wearer.say(Correct(label="sitting", bout=1))
    assert answer.ok
    assert answer.message.endswith("and is sitting now.")
    assert wearer.store.takes() == before
    assert wearer.diary.log == ["correct 1 sitting"]


def test_while_something_is_recorded_the_diary_alone_is_corrected(wearer: Wearer) -> None:
    begin = wearer.time.monotonic()
    wearer.moves("walking", 20)
    wearer.diary.at = (begin, wearer.time.monotonic())
    assert wearer.say(Record(label="sitting")).ok
    assert wearer.say(Correct(label="walking", bout=1)).ok
    assert wearer.session.situation.label == "sitting"
    assert wearer.store.takes() == []


@pytest.mark.parametrize("rate", [50, 200, 1000])
def test_the_signal_that_is_kept_is_bounded(rate: int) -> None:
    config = Config(sensor=SensorSection(rate=rate), diary=DiarySection(signal_minutes=240))
    seconds = _kept_seconds(config)
    assert seconds * rate * BYTES_PER_SAMPLE <= 8_000_001 or seconds == MOST_CORRECTED
    off = Config(sensor=SensorSection(rate=rate), diary=DiarySection(signal_minutes=0))
    assert _kept_seconds(off) == MOST_CORRECTED

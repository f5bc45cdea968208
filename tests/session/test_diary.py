"""The diary is changed through the session, in any state."""

from __future__ import annotations

from datetime import date

from harpi.commands import Correct, Erase
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

"""One rule for labels."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.errors import UsageError
from harpi.labels import LONGEST, RESERVED, check_label, is_none, resembling, same_label, tidy

TEXTS = st.text(max_size=60)


@given(TEXTS)
def test_a_label_that_passed_passes_unchanged(text: str) -> None:
    try:
        label = check_label(text)
    except UsageError:
        return
    assert check_label(label) == label
    assert label.isprintable()
    assert 1 <= len(label) <= LONGEST
    assert same_label(label, [label]) == label


@given(TEXTS)
def test_forms_of_unicode_are_one(text: str) -> None:
    forms = {tidy(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1


@pytest.mark.parametrize("word", [*sorted(RESERVED), "NaN", "Unknown", " none "])
def test_words_that_say_nothing_are_no_labels(word: str) -> None:
    assert is_none(tidy(word))
    with pytest.raises(UsageError, match="reserved"):
        check_label(word)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "1 to 48"), (" \t", "1 to 48"), ("x" * 49, "has 49"), ("a\x1b[2J", "invisible")],
)
def test_what_is_no_label_is_said(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_label(text)


@pytest.mark.parametrize("text", ["0", "7", "Treppe hoch (schnell)", "💪 curl", "stairs_up"])
def test_what_people_name_activities_is_kept(text: str) -> None:
    assert check_label(f"  {text} ") == text


def test_another_spelling_is_the_same_label() -> None:
    known = ["stairs_up", "Überkopf"]
    assert same_label("Stairs up", known) == "stairs_up"
    assert same_label("u\u0308berkopf", known) == "Überkopf"
    assert same_label("sitting", known) is None


def test_a_misspelling_is_noticed() -> None:
    assert resembling("wlaking", ["walking", "sitting"]) == "walking"
    assert resembling("walking", ["walking"]) is None
    assert resembling("rowing", ["sitting"]) is None

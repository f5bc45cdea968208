from __future__ import annotations

import pytest

from harpi.errors import UsageError
from harpi.evaluation.messages import check_spelling, counted, in_words
from harpi.evaluation.metrics import Paired

REMEDY = "Write --rename {old}={new}"
KNOWN = ("walking", "stairs_up", "stairs_down", "sitting")


def result(
    first: float,
    second: float,
    *,
    takes: int = 24,
    spread: tuple[float, float] | None = (-0.1, 0.1),
    chance: float = 1.0,
    won: int = 5,
) -> Paired:
    return Paired(takes, first, second, spread, won, 0, chance)


def test_a_sure_difference_is_said_the_better_one_first() -> None:
    sure = result(0.74, 0.91, spread=(-0.25, -0.05), chance=0.001)
    assert in_words("generic", "personal", sure) == (
        "personal is better than generic: 0.91 against 0.74, significant (24 takes)."
    )


def test_where_nothing_is_shown_they_are_on_a_par() -> None:
    assert in_words("personal", "generic", result(0.84, 0.80, takes=6)) == (
        "personal and generic are on a par with 6 takes (0.84 against 0.80)."
    )


def test_a_difference_that_few_takes_cannot_prove() -> None:
    leaning = result(0.9, 0.7, takes=4, spread=(0.1, 0.3), chance=0.125)
    assert in_words("personal", "kNN", leaning) == (
        "personal looks better than kNN, 0.90 against 0.70, but 4 takes do not prove it; "
        "more takes might."
    )


def test_equals_are_called_equal() -> None:
    alike = result(0.9, 0.9, won=0, spread=(0, 0))
    where = " on labels that both know"
    assert in_words("kNN", "generic", alike, where=where) == (
        "kNN and generic did equally well on all 24 takes on labels that both know (0.90)."
    )


@pytest.mark.parametrize("spelt", ["Walking", "stairs up", "Stairs-Down", "SITTING"])
def test_another_spelling_is_refused_with_the_right_one(spelt: str) -> None:
    with pytest.raises(UsageError, match="is spelt") as refused:
        check_spelling([spelt], KNOWN, REMEDY)
    assert f"--rename {spelt}=" in refused.value.remedy


def test_a_likely_slip_is_said() -> None:
    (doubt,) = check_spelling(["waking", "lunges"], KNOWN, REMEDY)
    assert (
        doubt
        == "No model knows 'waking'; did you mean 'walking'? Write --rename waking=walking."
    )


def test_new_and_known_labels_are_let_be() -> None:
    assert check_spelling(["lunges", "walking", "stairs_up"], KNOWN, REMEDY) == []


def test_a_label_that_one_model_knows_is_no_slip_though_others_spell_it_otherwise() -> None:
    assert check_spelling(["Walking"], ("walking", "Walking"), REMEDY) == []


def test_numbers_and_things() -> None:
    assert counted(1, "take") == "1 take"
    assert counted(2, "stretch") == "2 stretches"

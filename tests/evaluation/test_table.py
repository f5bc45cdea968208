from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from harpi.evaluation.runs import changes
from harpi.evaluation.table import WIDTH, changes_in_words, list_of_runs, table
from tests.support.judgements import Said, contest, judgements, report_of, trial_of

MODELS = ("knn", "generic", "personal")
names = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=48
)


@settings(max_examples=15, deadline=None)
@given(st.lists(names, min_size=2, max_size=16, unique=True))
def test_it_fits_80_columns_whatever_the_labels(labels: Sequence[str]) -> None:
    said = [
        Said(
            trial_of(label, seed=i, position=label, session=label),
            {model: [labels[(i * 7 + j) % len(labels)] for j in range(3)] for model in MODELS},
        )
        for i, label in enumerate(labels)
    ]
    judged = judgements(said, dict.fromkeys(MODELS, labels))
    report = report_of(judged, notices=("word " * 40,), origin="o " * 60)
    lines = [
        *table(report),
        *list_of_runs([report]),
        *changes_in_words(report, report, changes(report, report), len(labels)),
    ]
    assert max(map(len, lines)) <= WIDTH


def test_it_says_what_counts() -> None:
    takes = [(label, {"generic": "a", "personal": label}) for label in "ab" * 8]
    text = "\n".join(table(contest(takes)[1]))
    assert (
        "* personal is better than generic: 1.00 against 0.50, significant (16 takes)." in text
    )
    assert "generic   0.50 [" in text
    assert "personal  1.00  " in text, "takes that are all alike give no interval"


def test_an_untrained_model_is_called_so() -> None:
    said = [
        Said(trial_of(label, seed=i), {"generic": ["a"], "personal": [None]})
        for i, label in enumerate("ab")
    ]
    text = "\n".join(table(report_of(judgements(said, {"generic": "ab", "personal": ()}))))
    assert "personal  untrained" in text


def test_a_matrix_that_does_not_fit_gives_way_to_its_worst_mistakes() -> None:
    labels = [f"label {i}" for i in range(14)]
    takes = [(label, {"knn": labels[0] if i == 3 else label}) for i, label in enumerate(labels)]
    text = "\n".join(table(contest(takes)[1]))
    assert "label 3 taken for label 0: 5 of 5 windows" in text


def test_a_label_that_is_not_known_is_said_in_its_row() -> None:
    said = [
        Said(trial_of(label, seed=i), {"knn": ["a"]}) for i, label in enumerate(["a", "lunges"])
    ]
    rows = list(table(report_of(judgements(said, {"knn": ["a"]}))))
    (row,) = (row for row in rows if row.startswith("lunges"))
    assert "not known" in row


def test_no_runs_yet() -> None:
    assert list(list_of_runs([])) == ["There is no run yet: `harpi evaluate` makes one."]

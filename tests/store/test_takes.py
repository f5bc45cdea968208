from datetime import datetime
from typing import Any

import pytest

from harpi.errors import UsageError
from tests.support.takes import take_of


@pytest.mark.parametrize(
    ("known", "word"),
    [
        ({"label": ""}, "label"),
        ({"label": "x" * 49}, "label"),
        ({"label": "walk\x1b[31m"}, "label"),
        ({"position": "arm\n"}, "position"),
        ({"note": "\x07"}, "note"),
        ({"split": "validation"}, "train, test"),
        ({"rate": 0.0}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"start": datetime(2024, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"flags": ("lost",)}, "too_short"),
        ({"keep_from": 3.0, "keep_to": 2.0}, "used part"),
    ],
)
def test_what_cannot_be_is_refused_in_words(known: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        take_of(**known)


@pytest.mark.parametrize(
    ("keep_from", "keep_to", "used"),
    [(0.0, None, 10.0), (2.0, None, 8.0), (2.0, 5.0, 3.0), (0.0, 99.0, 10.0)],
)
def test_the_used_part_is_what_trimming_leaves(
    keep_from: float, keep_to: float | None, used: float
) -> None:
    take = take_of(seconds=10.0, keep_from=keep_from, keep_to=keep_to)
    assert take.used_seconds == used
    assert take.trimmed == (used != 10.0 or keep_to is not None)

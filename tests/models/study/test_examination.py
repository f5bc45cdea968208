from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harpi.signal.orientation import gravity_direction
from harpi_models.protocol import Condition
from harpi_models.study.examination import KNOWN, axis_of, examine
from harpi_models.study.lesson import Answer, Asked, Codes, Lesson
from tests.models.study.paces import course


class Recorder:
    """A contestant that notes what it learns and is asked, and always says the same."""

    def __init__(self, says: int = 0) -> None:
        self.lessons: list[Lesson] = []
        self.asked: list[Asked] = []
        self._says = says

    def __call__(self, lesson: Lesson) -> Answer:
        self.lessons.append(lesson)

        def answer(asked: Asked) -> Codes:
            self.asked.append(asked)
            return np.full(len(asked.windows), self._says)

        return answer


CONDITIONS = tuple(Condition(n, turned=t) for n in (1, 3) for t in (0.0, 90.0))


def test_everyone_learns_and_is_asked_the_same() -> None:
    one, other = Recorder(), Recorder()
    scores = examine(course(), {"one": one, "other": other}, CONDITIONS, seed=1)
    assert scores["one"] == scores["other"]
    assert list(scores["one"]) == ["n=1", "n=1, turned 90", "n=3", "n=3, turned 90"]
    assert [len(lesson.windows) for lesson in one.lessons] == [3, 9]
    for mine, theirs in zip(one.asked, other.asked, strict=True):
        assert mine is theirs
    assert one.asked[0] is one.asked[2], "what is asked is the same for every n"


def test_only_what_is_asked_is_turned_and_by_the_same_angle_everywhere() -> None:
    recorder = Recorder()
    made = course()
    examine(made, {"it": recorder}, CONDITIONS, seed=1)
    np.testing.assert_array_equal(recorder.lessons[1].windows[:3], made.learnt[0][:3])
    straight, turned = recorder.asked[0].windows, recorder.asked[1].windows
    np.testing.assert_array_equal(straight, made.asked)
    axis = axis_of(made, 1)[0]
    np.testing.assert_allclose(straight[..., :3] @ axis, turned[..., :3] @ axis, atol=1e-4)
    np.testing.assert_allclose(straight[..., 3:] @ axis, turned[..., 3:] @ axis, atol=1e-2)
    up = gravity_direction(straight) - axis * (gravity_direction(straight) @ axis)
    across = gravity_direction(turned) - axis * (gravity_direction(turned) @ axis)
    assert up @ across == pytest.approx(0, abs=1e-2)


def test_the_axis_is_of_the_person_at_the_place_and_of_the_seed() -> None:
    made = course()
    np.testing.assert_array_equal(axis_of(made, 1), axis_of(made, 1))
    assert np.linalg.norm(axis_of(made, 1)) == pytest.approx(1)
    assert np.any(axis_of(made, 1) != axis_of(made, 2))


@pytest.mark.parametrize(
    ("knows", "known"), [(("walking",), 1.0), (("walking", "jumping"), (2 / 3) / 2), ((), None)]
)
def test_who_learns_no_labels_is_also_asked_of_those_it_has(
    knows: tuple[str, ...], known: float | None
) -> None:
    says_walking: Callable[[], Recorder] = Recorder
    scores = examine(
        course(), {"fixed": says_walking()}, CONDITIONS[:1], seed=1, fixed={"fixed": knows}
    )
    assert scores["fixed"]["n=1"] == pytest.approx((2 * 8 / (8 + 24)) / 3)
    found = scores.get("fixed" + KNOWN, {}).get("n=1")
    assert found == (None if known is None else pytest.approx(known))

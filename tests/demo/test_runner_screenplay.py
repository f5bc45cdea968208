"""The scenes of the demo are cut so that their comparison is fair."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from harpi.demo.runner import LESSON, Script, write_screenplay
from harpi.errors import RecordingError
from harpi.recording import Recording
from harpi.types import FloatArray
from tests.support.device import recording_path


@pytest.fixture(scope="module", params=["25", "26"])
def source(request: pytest.FixtureRequest) -> Recording:
    return Recording.read(recording_path(), subject=request.param)


def write(source: Recording) -> Script:
    return write_screenplay(source, teach_seconds=7.0, test_seconds=4.5)


def signal(play: Script, name: str) -> FloatArray:
    (scene,) = (scene for scene in play.scenes if scene.name == name)
    rate = play.recording.rate
    return play.recording.values[round(scene.start * rate) : round(scene.end * rate)]


def test_every_activity_is_taught_and_tested_in_every_scene(source: Recording) -> None:
    play = write(source)
    for scene in play.scenes:
        assert {part.label for part in scene.parts} == set(source.labels)


def test_scenes_and_parts_follow_each_other_without_a_gap(source: Recording) -> None:
    parts = [part for scene in write(source).scenes for part in scene.parts]
    assert parts[0].start == 0.0
    for before, after in itertools.pairwise(parts):
        assert after.start == before.end


def test_the_tests_before_and_after_the_lesson_play_the_same_signal(source: Recording) -> None:
    play = write(source)
    np.testing.assert_array_equal(signal(play, "strap turned"), signal(play, "as recorded"))
    np.testing.assert_array_equal(
        signal(play, "strap turned"), signal(play, "after the lesson")
    )


def test_nothing_that_is_tested_is_taught(source: Recording) -> None:
    play = write(source)
    taught = {row.tobytes() for row in signal(play, LESSON)}
    tested = [row.tobytes() in taught for row in signal(play, "after the lesson")]
    # A sensor at rest repeats itself; whole runs of taught samples would be a leak.
    assert np.mean(tested) < 0.02


def test_an_activity_is_known_only_within_one_part(source: Recording) -> None:
    play = write(source)
    first, second = play.scenes[0].parts[:2]
    found = play.activity(first.start, first.end)
    assert found is not None
    assert found[1] == first.label
    assert play.activity(first.end - 0.1, second.start + 0.1) is None


def test_a_recording_with_too_little_of_an_activity_is_refused(source: Recording) -> None:
    label = source.label.copy()
    label[label == source.labels.index("lying")] = -1
    with pytest.raises(RecordingError, match="of lying in one sitting"):
        write(replace(source, label=label))

"""What people see of the demo on a terminal."""

from __future__ import annotations

import io
import re

from harpi.commands import Answer
from harpi.demo.runner import Part, Scene, SceneScore
from harpi.demo.screen import Screen
from tests.pictures.demo import Paper
from tests.support.fake_room import IDLE
from tests.support.verdicts import verdict

AS_RECORDED = Scene("as recorded", "A stranger.", False, False, (Part("walking", 0, 5),))
LESSON = Scene("lesson", "Buttons.", True, True, (Part("walking", 5, 10),))


def plain(paper: Paper) -> str:
    return re.sub(r"\x1b\[\d*m", "", paper.seen())


def test_what_was_said_stays_when_the_next_verdict_is_drawn() -> None:
    paper = Paper()
    screen = Screen(SceneScore(), paper)
    for _ in range(2):
        screen.verdict(None, "walking", verdict())
    screen.say("The report.")
    screen.verdict(None, "walking", verdict())
    assert plain(paper).count("the wearer: walking") == 2
    assert "The report." in plain(paper)


def test_a_window_of_two_activities_is_not_drawn() -> None:
    paper = Paper()
    screen = Screen(SceneScore(), paper)
    screen.verdict(None, "walking", verdict())
    drawn = paper.getvalue()
    screen.verdict(None, None, verdict())
    assert paper.getvalue() == drawn


def test_in_the_end_a_scene_shows_how_often_each_was_right() -> None:
    paper, score = Paper(), SceneScore()
    screen = Screen(score, paper)
    screen.scene(AS_RECORDED)
    for truth in ("walking", "walking", "lying", "walking"):
        score.add("as recorded", truth, verdict())
        screen.verdict(AS_RECORDED, truth, verdict())
    assert "the wearer: walking" in plain(paper)
    screen.scene(LESSON)
    assert "lesson" not in plain(paper)  # the last window of the scene before is still to come
    score.add("as recorded", "walking", verdict())
    screen.verdict(AS_RECORDED, "walking", verdict())
    screen.verdict(LESSON, "walking", verdict())
    assert "80% correct\n" in plain(paper)
    assert plain(paper).index("80% correct") < plain(paper).index("lesson: Buttons.")
    screen.say("The report.")
    assert "the wearer" not in plain(paper)


def test_a_press_heads_its_scene() -> None:
    paper = Paper()
    screen = Screen(SceneScore(), paper)
    screen.scene(LESSON)
    screen.command(Answer(ok=True, message="Take 1 is kept.", situation=IDLE))
    assert plain(paper).splitlines()[1:] == ["lesson: Buttons.", "  [button] Take 1 is kept."]


def test_in_a_pipe_scenes_are_headed_and_no_verdict_is_drawn() -> None:
    out = io.StringIO()
    screen = Screen(SceneScore(), out)
    screen.scene(AS_RECORDED)
    screen.verdict(AS_RECORDED, "walking", verdict())
    screen.say("The report.")
    assert out.getvalue() == "\nas recorded: A stranger.\nThe report.\n"

"""The demo tells the story that must be true."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from harpi.demo.runner import SceneScore
from harpi.demo.screen import Screen, report
from harpi.demo.setup import Outcome, set_up


@pytest.fixture(scope="module", params=["25", "26"])
def played(request: pytest.FixtureRequest) -> tuple[Outcome, str]:
    out = io.StringIO()
    score = SceneScore()
    with set_up(Screen(score, out), score, subject=request.param, speed=None) as play:
        assert play.page is None
        return play.perform(), out.getvalue()


def test_a_turned_strap_fools_the_generic_model(played: tuple[Outcome, str]) -> None:
    score = played[0].score
    before = score.accuracy("as recorded", "generic")
    after = score.accuracy("strap turned", "generic")
    assert before is not None
    assert after is not None
    assert after < before


def test_the_lesson_makes_the_personal_answers_right(played: tuple[Outcome, str]) -> None:
    score = played[0].score
    personal = score.accuracy("after the lesson", "personal")
    generic = score.accuracy("after the lesson", "generic")
    assert score.accuracy("strap turned", "personal") is None
    assert personal is not None
    assert generic is not None
    assert personal > 0.9
    assert personal > generic


def test_every_verdict_arrives_over_mqtt_and_no_sample_is_lost(
    played: tuple[Outcome, str],
) -> None:
    outcome = played[0]
    assert outcome.said == outcome.heard
    assert outcome.lost == 0


def test_what_is_shown_is_what_was_measured(played: tuple[Outcome, str]) -> None:
    outcome, shown = played
    text = report(outcome)
    for scene, row in outcome.score.as_table().items():
        assert scene in text
        assert format(row["generic"], ".0%") in text
    assert "Take 12" in shown
    assert "\x1b" not in shown


def test_the_command_gives_json_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harpi", "demo", "--fast", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    result = json.loads(done.stdout)
    assert set(result["accuracy"]) == {"as recorded", "strap turned", "after the lesson"}
    assert result["samples_lost"] == 0
    assert not done.stderr


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--recording", "none.npz"], "none.npz", 4),
        (["--subject", "99"], "subject 99", 4),
        (["--speed", "1000"], "--speed", 2),
    ],
)
def test_bad_arguments_are_one_line(words: list[str], message: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harpi", "demo", "--fast", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr

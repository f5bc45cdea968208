"""What is found wrong with a running device, and what is said to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harpi.config.loading import build
from harpi.imu.health import SensorHealth
from tests.support.conditions import WELL, condition


def problems(sensor: SensorHealth = WELL, **what: object) -> tuple[str, ...]:
    return condition(sensor, **what).problems  # type: ignore[arg-type]


def test_nothing_is_wrong_with_a_device_that_does_well() -> None:
    assert problems() == ()


@pytest.mark.parametrize(
    ("sensor", "said"),
    [
        ({"state": "recovering", "error": "It is gone. Look."}, "No samples come. It is gone."),
        ({"state": "recovering"}, "No samples come. Check the sensor's supply and wires"),
        ({"rate": 44.0}, "44.0 samples a second come instead of 50."),
        (
            {"lost": 1000, "gaps": 1},
            "1000 samples were lost in a gap that ended in the last 5 minutes.",
        ),
        (
            {"callback_errors": 2},
            "2 blocks of samples could not be handed on in the last 5 minutes.",
        ),
    ],
)
def test_the_sensor(sensor: dict[str, object], said: str) -> None:
    (problem,) = problems(replace(WELL, **sensor))  # type: ignore[arg-type]
    assert problem.startswith(said)


@pytest.mark.parametrize("sensor", [{"rate": 0.0}, {"rate": 49.2}, {"lost": 4, "gaps": 1}])
def test_what_is_known_or_small_is_no_problem(sensor: dict[str, float]) -> None:
    assert problems(replace(WELL, **sensor)) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recognition", "said"),
    [
        ({"windows": 0}, "No window was classified in 100 s."),
        ({"failed": 3}, "A model failed on 3 windows in the last 5 minutes."),
        ({"skipped": 200}, "200 samples of the last 5 minutes were not classified"),
    ],
)
def test_the_recognition(recognition: dict[str, int], said: str) -> None:
    (problem,) = problems(**recognition)
    assert problem.startswith(said)


def test_what_was_long_ago_is_no_problem_any_more() -> None:
    then = replace(WELL, lost=1000, gaps=3, callback_errors=2)
    assert len(problems(then, failed=3, skipped=200)) == 4
    assert problems(then, failed=3, skipped=200, long_ago=True) == ()


def test_a_device_that_has_just_started_need_not_have_judged() -> None:
    assert problems(windows=0, uptime=5.0) == ()


def test_without_samples_only_the_sensor_is_to_blame() -> None:
    stopped = replace(WELL, state="recovering", error="It is gone. Look.")
    assert len(problems(stopped, windows=0)) == 1


def test_the_broker_and_the_page_matter_only_where_they_are_wanted() -> None:
    off = build({"mqtt.enabled": False})
    assert problems(config=off, connected=False) == ()
    assert problems(connected=False)[0].startswith("The broker at localhost:1883 is not")
    paged = build({"web.enabled": True})
    assert problems(config=paged)[0].startswith("The page is not served")
    served = condition(config=paged, page="http://localhost:6050/")
    assert served.problems == ()
    assert served.page is not None
    assert served.page.url == "http://localhost:6050/"


def test_what_others_found_comes_last() -> None:
    assert (
        problems(connected=False, notices=("The store is full.",))[-1] == "The store is full."
    )


def test_a_broker_that_refuses_is_no_broker_that_does_not_run() -> None:
    refused = "refuses harpi (Not authorized); check mqtt.username"
    said = problems(connected=False, troubles=(refused,))
    assert said == (f"The broker at localhost:1883 {refused}.",)

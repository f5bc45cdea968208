"""What is said over MQTT, and that it is what the schema promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.commands import ModelFigures
from harpi.config.schema import DiarySection
from harpi.diary.keeper import Nudge
from harpi.names import MODELS
from harpi.publish.messages import (
    HOP_LIMIT,
    ActivityTotal,
    DiaryToday,
    EndedBout,
    Health,
    LinkFigures,
    RecognitionFigures,
    SensorFigures,
    State,
    json_schema,
)
from harpi.timebase import SystemTime
from tests.support.days import PAUSE, WALK, news
from tests.support.payloads import validate
from tests.support.verdicts import verdict

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "mqtt.schema.json"

labels = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_categories=("Cc", "Cs")),
    min_size=1,
    max_size=48,
)


def health() -> Health:
    return Health(
        time=datetime.now(UTC),
        version="0.1.0",
        uptime_s=12.5,
        sensor=SensorFigures(
            state="running",
            chip="MPU-6050",
            rate_hz=50.0,
            jitter_ms=0.1,
            clock_ppm=-120.0,
            samples=600,
            lost=0,
            gaps=0,
            recoveries=0,
            bus_share=0.01,
            temperature_c=None,
        ),
        recognition=RecognitionFigures(windows=17, skipped=0, failed=0),
        mqtt=LinkFigures(sent=18, dropped=0, connections=1),
        models={
            name: ModelFigures(source="generic.tflite", digest="0" * 12, labels=9)
            for name in MODELS
        },
    )


def test_a_state_tells_each_models_answer_and_validates() -> None:
    payload = State.of(verdict(untrained=["personal"]), 7, SystemTime()).encode()
    validate("state", payload)
    state = json.loads(payload)
    assert state["sequence"] == 7
    assert state["knn"]["answer"] == "walking"
    assert state["knn"]["confidence"] == 0.7
    assert state["knn"]["latency_ms"] == 1.23
    assert list(state["knn"]["probabilities"]) == ["walking", "sitting", "standing"]
    assert state["personal"] == {
        "answer": None,
        "confidence": 0.0,
        "probabilities": {},
        "unknown": False,
        "trained": False,
        "latency_ms": 1.23,
    }


def test_the_times_of_a_state_are_utc_and_as_far_apart_as_the_window() -> None:
    timebase = SystemTime()
    now = timebase.monotonic()
    state = State.of(verdict(end=now - 0.5), 0, timebase)
    assert (state.end - state.start).total_seconds() == pytest.approx(2.52)
    assert (state.time - state.end).total_seconds() == pytest.approx(0.5, abs=0.2)
    assert json.loads(state.encode())["time"].endswith("Z")


@given(st.dictionaries(labels, st.floats(0.001, 1), min_size=1, max_size=40))
def test_a_state_stays_short_whatever_the_labels(weights: dict[str, float]) -> None:
    total = sum(weights.values())
    shares = {label: weight / total for label, weight in weights.items()}
    payload = State.of(verdict(shares, end=1e5), 10**9, SystemTime()).encode()
    assert len(payload) < HOP_LIMIT
    validate("state", payload)
    told = json.loads(payload)["generic"]
    best = max(np.float32(share) for share in shares.values())
    assert np.float32(shares[told["answer"]]) == best


def test_what_is_left_out_of_a_long_state_is_the_least_probable() -> None:
    shares = {f"a label of some length {n:02}": (n + 1) / 820 for n in range(40)}
    told = json.loads(State.of(verdict(shares), 0, SystemTime()).encode())["knn"]
    expected = [f"a label of some length {n:02}" for n in range(39, 39 - 40, -1)]
    assert list(told["probabilities"]) == expected[: len(told["probabilities"])]
    assert 0 < len(told["probabilities"]) < 40


def test_health_validates_and_is_short() -> None:
    payload = health().encode()
    validate("health", payload)
    assert len(payload) < 1024


def test_the_schema_refuses_what_harpi_never_says() -> None:
    state = json.loads(State.of(verdict(), 0, SystemTime()).encode())
    state["knn"]["confidence"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        validate("state", json.dumps(state).encode())


def test_a_state_reads_back_as_it_was() -> None:
    state = State.of(verdict(), 3, SystemTime())
    assert msgspec.json.decode(state.encode(), type=State) == state


def test_the_published_schema_is_that_of_the_messages() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == json.loads(json.dumps(json_schema())), (
        "run: harpi schema > docs/mqtt.schema.json"
    )


def test_the_published_schema_does_not_depend_on_the_release_of_msgspec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before 0.22 null came first, before 0.23 docstrings kept their indentation."""
    components = msgspec.json.schema_components

    def earlier(schema: Any) -> Any:
        if isinstance(schema, list):
            return [earlier(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        changed = {key: earlier(part) for key, part in schema.items()}
        if "anyOf" in changed:
            changed["anyOf"].reverse()
        if isinstance(text := changed.get("description"), str):
            changed["description"] = text.replace("\n", "\n    ")
        return changed

    now = json.dumps(json_schema())
    monkeypatch.setattr(
        msgspec.json,
        "schema_components",
        lambda *a, **k: tuple(map(earlier, components(*a, **k))),
    )
    assert json.dumps(json_schema()) == now


def test_the_day_validates_with_nothing_in_it_and_with_everything() -> None:
    nudge = Nudge(activity="sitting", minutes=50.5, limit=50)
    for one in (news(), news(WALK, PAUSE, nudge=nudge)):
        validate(
            "diary", msgspec.json.encode(DiaryToday.of(one, DiarySection(goal_minutes=30)))
        )


def test_the_day_tells_totals_and_the_goal() -> None:
    told = DiaryToday.of(news(WALK, PAUSE), DiarySection(goal_minutes=30))
    assert told.activities == {"walking": ActivityTotal(seconds=90, bouts=1)}
    assert (told.unknown.seconds, told.not_worn.seconds) == (10, 0)
    assert (told.date, told.start) == ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC))
    assert (told.goal_minutes, told.goal_done_minutes) == (30, 1.5)


def test_a_bout_validates() -> None:
    for bout in (WALK, PAUSE):
        payload = msgspec.json.encode(EndedBout.of(bout))
        validate("bout", payload)
    assert json.loads(payload)["confidence"] is None
    assert EndedBout.of(WALK).confidence == 0.877

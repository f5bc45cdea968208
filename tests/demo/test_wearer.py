from __future__ import annotations

import itertools
from datetime import UTC, datetime

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harpi.commands import Event
from harpi.demo.wearer import EDGE_SECONDS, Wearer, stretches_of
from harpi.imu.emulator import Playback, VirtualTime
from harpi.recording import Recording
from tests.support.fake_room import IDLE

RATE = 50.0


def recording(*parts: tuple[str, float]) -> Recording:
    """Parts of some seconds; the first axis says how many seconds have passed."""
    names = tuple(dict.fromkeys(name for name, _ in parts))
    label = np.concatenate(
        [np.full(round(seconds * RATE), names.index(name)) for name, seconds in parts]
    ).astype(np.int16)
    values = np.zeros((len(label), 6), np.float32)
    values[:, 0] = np.arange(len(label)) / RATE
    return Recording(values=values, rate=RATE, labels=names, label=label)


def event(state: str, label: str | None = None) -> Event:
    situation = msgspec.structs.replace(IDLE, state=state, label=label)
    now = datetime.now(UTC)
    return Event(
        kind="notice", time=now, source="test", ok=True, message="", situation=situation
    )


def felt(playback: Playback, time: VirtualTime) -> float:
    return float(playback.values(np.array([time.monotonic()]))[0, 0])


def test_it_does_what_is_recorded_and_then_goes_on_as_recorded() -> None:
    time = VirtualTime()
    playback = Playback(
        recording(("sitting", 30), ("walking", 30)), start=time.monotonic(), loop=True
    )
    wearer = Wearer(playback, time)
    time.advance(5.0)
    wearer.hear(event("recording", "walking"))
    assert 30 < felt(playback, time) < 45
    time.advance(300.0)
    assert 30 < felt(playback, time) < 45
    wearer.hear(event("idle"))
    assert abs(felt(playback, time) - 5.0) < 0.01


def test_a_test_take_feels_what_no_other_take_does() -> None:
    time = VirtualTime()
    playback = Playback(recording(("walking", 30)), start=time.monotonic())
    wearer = Wearer(playback, time)
    wearer.hear(event("recording", "walking"))
    assert felt(playback, time) < 15
    wearer.hear(event("idle"))
    wearer.hear(event("testing", "walking"))
    assert felt(playback, time) >= 15


def test_an_activity_that_the_recording_lacks_is_played_as_recorded() -> None:
    time = VirtualTime()
    playback = Playback(recording(("walking", 30)), start=time.monotonic())
    Wearer(playback, time).hear(event("recording", "rowing"))
    time.advance(3.0)
    assert abs(felt(playback, time) - 3.0) < 0.01


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 40)), min_size=1))
def test_no_moment_is_both_learnt_and_tested(parts: list[tuple[str, float]]) -> None:
    played = recording(*parts)
    for label, (to_learn, to_test) in stretches_of(played).items():
        both = sorted([*to_learn, *to_test])
        assert to_learn
        assert to_test
        for (_, end), (begin, _) in itertools.pairwise(both):
            assert end <= begin
        for begin, end in both:
            inside = played.label[round(begin * RATE) : round(end * RATE)]
            assert {played.labels[code] for code in inside} == {label}
            assert begin >= EDGE_SECONDS

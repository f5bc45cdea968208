"""The picture of `harpi watch`, at the sizes that terminals have."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from rich.console import Console

from harpi.cli.devices import BROKER_AWAY, BROKER_BACK, Device
from harpi.cli.screen import LONGEST, SHORTEST, DeviceView, Screen
from harpi.commands import Event, Situation
from harpi.publish.messages import State
from harpi.timebase import SystemTime
from tests.support.conditions import health
from tests.support.verdicts import verdict

NOW = 1000.0
HOME, WIPE = "\x1b[H", "\x1b[2J"


def state(**changed: Any) -> State:
    said = State.of(verdict(untrained=["personal"]), 7, SystemTime())
    return msgspec.structs.replace(said, **changed)


def device(name: str = "arm", **known: Any) -> Device:
    return Device(name, **{"status": "online", "state": state(), "heard": NOW, **known})


def idle(**situation: Any) -> Situation:
    return Situation(**{"state": "idle", "session": 1, "position": "right_arm", **situation})


def event(message: str, **how: Any) -> Event:
    return Event(
        **{
            "kind": "answer",
            "time": datetime.now(UTC),
            "source": "test",
            "ok": True,
            "message": message,
            "situation": idle(),
            **how,
        }
    )


def drawn(
    *devices: Device,
    width: int = 80,
    height: int = 24,
    note: str = "",
    encoding: str = "utf-8",
) -> list[str]:
    """The lines of a picture without colours."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, height=height)
    console.print(DeviceView(devices, "localhost:1883 harpi/+", note, height, NOW))
    stream.seek(0)
    return [line.rstrip() for line in stream.read().splitlines()]


def words(line: str) -> list[str]:
    return line.replace("│", " ").split()


def test_three_panels_side_by_side() -> None:
    lines = drawn(device(health=health(), session=idle(), event=event("Take 1 is kept.")))
    assert lines[0].split() == [
        *("harpi", "watch", "localhost:1883", "harpi/+", "1", "device", "Ctrl-C", "ends"),
    ]
    assert words(lines[1])[:2] == ["arm", "online"]
    assert words(lines[1])[2:4] == ["walking", "70%"]
    assert words(lines[1])[5:] == ["window", "7"]
    assert [name in lines[2] for name in ("kNN", "generic", "personal")] == [True] * 3
    assert words(lines[3]) == ["walking", "70%", "walking", "70%", "not", "trained", "yet"]
    assert lines[4].count("█") == 2 * round(0.7 * 23)
    assert words(lines[5]) == ["sitting", "20%", "sitting", "20%"]
    assert words(lines[6]) == ["standing", "10%", "standing", "10%"]
    assert lines[7].count("1.2 ms") == 2
    assert lines[8] == "idle  Take 1 is kept."
    assert lines[9].startswith("MPU-6050 running, 50.0 samples/s, 0 lost, 31 °C, up 1 min")


def test_in_60_columns_there_are_rows() -> None:
    lines = drawn(device(), width=60)
    assert [words(line)[:3] for line in lines[2:5]] == [
        ["kNN", "walking", "70%"],
        ["generic", "walking", "70%"],
        ["personal", "not", "trained"],
    ]
    assert lines[2].count("█") == 14


def test_in_30_columns_there_is_no_bar() -> None:
    lines = drawn(device(), width=30)
    assert words(lines[2]) == ["kNN", "walking", "70%"]


@pytest.mark.parametrize("width", [20, 30, 60, 71, 72, 80, 200])
@pytest.mark.parametrize("height", [5, 12, 24, 60])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_it_never_leaves_the_terminal(width: int, height: int, count: int) -> None:
    crowd = [
        device(
            f"wearer_{n}",
            health=health(),
            session=idle(state="recording", label="漢" * 30, since=datetime.now(UTC)),
        )
        for n in range(count)
    ]
    lines = drawn(*crowd, width=width, height=height, note="the broker is away")
    assert len(lines) <= height + (width < 20)
    assert max(len(line) for line in lines) <= width
    if count == 40:
        assert any("more; `--id" in line for line in lines) == (height < 43)


def test_the_more_devices_the_less_of_each() -> None:
    def kinds(count: int) -> tuple[bool, bool]:
        lines = drawn(*(device(f"d{n}") for n in range(count)))
        return any("╭" in line for line in lines), any("█" in line for line in lines)

    assert [kinds(count) for count in (2, 3, 4)] == [
        (True, True),
        (False, True),
        (False, False),
    ]
    line = drawn(*(device(f"d{n}") for n in range(4)))[2]
    assert words(line) == ["d1", "online", "walking", "walking", "70%", "walking", "70%", "-"]


def test_unknown_is_said_with_the_best_guess_below() -> None:
    unsure = msgspec.structs.replace(state().knn, answer=None, unknown=True)
    lines = drawn(device(state=state(knn=unsure)))
    assert words(lines[3])[:2] == ["unknown", "70%"]
    assert words(lines[5])[:2] == ["walking", "70%"]


def test_who_is_gone_or_silent_or_taken_off_is_said() -> None:
    assert "offline" in drawn(device(status="offline"))[1]
    assert "silent 2 min" in drawn(device(heard=NOW - 130))[1]
    assert "not worn" in drawn(device(state=state(worn=False)))[1]


def test_a_device_of_which_only_the_status_is_known() -> None:
    lines = drawn(Device("arm", "offline"))
    assert words(lines[1]) == ["arm", "offline"]
    assert "kNN" in lines[2]


def test_a_take_is_timed_by_the_clock_of_the_device() -> None:
    said = state(time=datetime(2031, 1, 1, 12, 0, 30, tzinfo=UTC))
    recording = idle(
        state="recording",
        label="walking",
        since=said.time - timedelta(seconds=12),
        seconds=20.0,
    )
    lines = drawn(device(state=said, session=recording, heard=NOW - 3))
    assert lines[8] == "recording walking for 20 s, 15 s so far"


def test_a_refusal_is_said_in_the_middle_of_a_take() -> None:
    recording = idle(state="recording", label="walking")
    lines = drawn(device(session=recording, event=event("Stop it first.", ok=False)))
    assert lines[8] == "recording walking  Stop it first."


def test_labels_cannot_command_the_terminal() -> None:
    evil = msgspec.structs.replace(
        state().knn, answer="\x1b[2Jwalk", probabilities={"\x1b[2Jwalk": 0.7, "\x07sit": 0.3}
    )
    text = "\n".join(
        drawn(device(state=state(knn=evil), event=event("\x1b[2J"), session=idle()))
    )
    assert not set(text) & {"\x1b", "\x07"}


def test_ascii_is_enough() -> None:
    lines = drawn(device(), encoding="ascii")
    assert lines[4].count("#") == 2 * round(0.7 * 23)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Terminal:
    """A screen on a terminal of which a test sees every byte."""

    def __init__(self, **how: Any) -> None:
        self.stream = io.StringIO()
        self.clock = Clock()
        self.console = Console(
            file=self.stream, force_terminal=True, width=80, height=24, _environ={}, **how
        )
        self.screen = Screen(self.console, "here", self.clock)

    def pictures(self) -> list[str]:
        """What was drawn, one after the other, each from the top left."""
        return self.stream.getvalue().split(HOME)[2:]


def test_pictures_are_drawn_over_each_other_and_nothing_is_wiped() -> None:
    terminal = Terminal()
    with terminal.screen:
        for _ in range(3):
            terminal.clock.now += LONGEST
            terminal.screen.show(device(), "state", b"")
        pictures = terminal.pictures()
    assert len(pictures) == 4
    assert all(picture.count("\n") == 23 for picture in pictures)
    assert WIPE not in terminal.stream.getvalue()
    assert "listening" in pictures[0]
    assert "listening" not in pictures[1]


def test_many_messages_are_one_picture_and_none_is_forgotten() -> None:
    terminal = Terminal()
    with terminal.screen as screen:
        terminal.clock.now += LONGEST
        for n in range(50):
            terminal.clock.now += SHORTEST / 100
            screen.show(device(f"d{n}"), "state", b"")
        assert len(terminal.pictures()) == 2
        terminal.clock.now += SHORTEST
        screen.tick()
        assert len(terminal.pictures()) == 3
        assert "50 devices" in terminal.pictures()[-1]
        screen.tick()
        assert len(terminal.pictures()) == 3


def test_time_and_a_new_size_are_taken_up_though_nothing_is_heard() -> None:
    terminal = Terminal()
    with terminal.screen as screen:
        screen.tick()
        assert len(terminal.pictures()) == 1
        terminal.clock.now += LONGEST
        screen.tick()
        assert len(terminal.pictures()) == 2
        terminal.console.size = terminal.console.size._replace(width=40)
        screen.tick()
        assert len(terminal.pictures()) == 3


def test_that_the_broker_is_away_stands_there_until_it_is_back() -> None:
    terminal = Terminal()
    with terminal.screen as screen:
        screen.show(device(), "state", b"")
        screen.tell(BROKER_AWAY)
        terminal.clock.now += LONGEST
        screen.tick()
        assert BROKER_AWAY in terminal.pictures()[-1]
        screen.tell(BROKER_BACK)
        assert "broker" not in terminal.pictures()[-1]


def test_the_terminal_is_left_as_it_was_with_the_last_picture_in_it() -> None:
    terminal = Terminal()
    with terminal.screen as screen:
        screen.show(device("leg"), "state", b"")
    drawn, left, after = terminal.stream.getvalue().partition("\x1b[?1049l")
    assert "\x1b[?1049h" in drawn
    assert left
    assert "leg" in after
    assert terminal.stream.getvalue().count("\x1b[?25h") == 1


def test_colours_are_left_out_where_they_are_not_wanted() -> None:
    def colours(**how: Any) -> bool:
        terminal = Terminal(**how)
        with terminal.screen as screen:
            screen.show(device(), "state", b"")
        return "\x1b[36m" in terminal.stream.getvalue()

    assert colours(color_system="standard")
    assert not colours(color_system="standard", no_color=True)

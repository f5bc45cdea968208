"""`harpi watch` on a terminal: a picture of all devices that is drawn over itself.

It has the terminal to itself (the alternate screen) and writes each picture in one piece
over the one before, without wiping first; so nothing flickers, and a new size of the window
is taken up with the next picture. At the end the terminal is as it was, and the last picture
stands in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from harpi.cli.devices import BROKER_AWAY, BROKER_BACK, Device, activity_of, answer_of, opinions
from harpi.cli.status import FINE, doing
from harpi.cli.terminal import clean, since
from harpi.names import MODELS, name_of
from harpi.publish.messages import Opinion

SHORTEST: Final = 0.1
"""Seconds between two pictures at least: a hundred devices are still one picture."""

LONGEST: Final = 1.0
"""Seconds after which a picture is drawn anew though nothing was heard."""


class Screen:
    """A picture of all devices.

    Args:
        console: the terminal.
        where: what is listened to, for the headline.
        clock: monotonic seconds.
    """

    def __init__(
        self, console: Console, where: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._where = where
        self._clock = clock
        self._devices: dict[str, Device] = {}
        self._note = "listening ..."
        self._drawn = -LONGEST
        self._size = console.size
        self._changed = False
        self._live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        self._draw()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        if self._devices:
            self._console.print(self._picture(self._console.height - 1))

    def show(self, device: Device, name: str, payload: bytes) -> None:
        """Show what is new, now or soon."""
        self._devices[device.name] = device
        if self._note != BROKER_AWAY:
            self._note = ""
        self._changed = True
        self._draw_if_due()

    def tell(self, text: str) -> None:
        """Show a text at the foot until it no longer holds."""
        self._note = "" if text == BROKER_BACK else text
        self._draw()

    def tick(self) -> None:
        """Draw what is due: something new, the time, or the size of the terminal."""
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        age = self._clock() - self._drawn
        if age >= LONGEST or (self._changed and age >= SHORTEST) or self._resized():
            self._draw()

    def _resized(self) -> bool:
        return self._console.size != self._size

    def _draw(self) -> None:
        self._size = self._console.size
        self._live.update(self._picture(self._size.height), refresh=True)
        self._drawn = self._clock()
        self._changed = False

    def _picture(self, height: int) -> DeviceView:
        devices = sorted(self._devices.values(), key=lambda device: device.name)
        return DeviceView(devices, self._where, self._note, height, self._clock())


SILENT_SECONDS: Final = 10.0
"""Time without a verdict after which a device is said to be silent."""

WIDEST: Final = 120
"""Characters of the widest picture."""

_PANELS: Final = (72, 10)

_ROWS: Final = (0, 7)
"""Characters that a device needs in a line, and lines; one of them is blank."""

_BAR_FROM: Final = 52
"""Characters from which a row has room for a bar."""

_BAR: Final = 20

_ANSWER: Final = 16

_REST: Final = 16
"""Characters of a row beside the answer and the bar."""

_RUNNERS_UP: Final = 2

_NAME, _UNKNOWN, _UNTRAINED, _BAD, _FAINT = "bold", "bold yellow", "dim", "bold red", "dim"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """All devices: three panels for each, or three rows, or one line.

    Where not even that has room, it says how many more there are.

    Attributes:
        devices: in their order.
        where: what is listened to.
        note: what a person should know; at the foot.
        height: lines there are.
        now: monotonic seconds, to tell who is silent.
    """

    devices: Sequence[Device]
    where: str
    note: str
    height: int
    now: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw at the width of the console."""
        width = min(options.max_width, WIDEST)
        count = len(self.devices)
        devices = "1 device" if count == 1 else f"{count} devices"
        yield _line(("harpi watch", _NAME), f"  {self.where}  {devices}", "  Ctrl-C ends")
        room = max(1, self.height - 1 - bool(self.note))
        parts: list[RenderableType] = []
        if width >= _PANELS[0] and count * _PANELS[1] <= room:
            parts = [part for device in self.devices for part in self._in_panels(device)]
        elif width >= _ROWS[0] and count * _ROWS[1] <= room:
            parts = [part for device in self.devices for part in self._in_rows(device, width)]
        else:
            shown = count if count <= room else room - 1
            parts = [self._in_a_line(device) for device in self.devices[:shown]]
            if shown < count:
                parts.append(_line(f"and {count - shown} more; `--id DEVICE` shows one"))
        if self.note:
            parts.append(Text(self.note, _UNKNOWN))
        yield from (console.render(Group(*parts), options.update(width=width)))

    def _in_panels(self, device: Device) -> Iterator[RenderableType]:
        yield self._headline(device)
        grid = Table.grid(expand=True)
        for _ in MODELS:
            grid.add_column(ratio=1)
        said = {} if device.state is None else opinions(device.state)
        grid.add_row(*(_panel(name_of(model), said.get(model)) for model in MODELS))
        yield grid
        yield from self._footlines(device)

    def _in_rows(self, device: Device, width: int) -> Iterator[RenderableType]:
        yield self._headline(device)
        said = {} if device.state is None else opinions(device.state)
        for model in MODELS:
            yield _row(name_of(model), said.get(model), width)
        yield from self._footlines(device)

    def _in_a_line(self, device: Device) -> Text:
        said = [] if device.state is None else opinions(device.state).values()
        answers = [f"{answer_of(one, untrained='-'):<12} {_share(one)}" for one in said]
        activity = "" if device.state is None else activity_of(device.state)
        line = _line(f"{device.name:<12} ", self._status(device), "  ")
        line.append(f"{activity:<12}", _NAME).append("  " + "  ".join(answers))
        line.rstrip()
        return line

    def _headline(self, device: Device) -> Text:
        line = _line((device.name, _NAME), "  ", self._status(device))
        if (state := device.state) is not None:
            style = _UNKNOWN if state.worn is False else _answer_style(state.activity)
            line.append("  ").append(activity_of(state), style)
            if state.activity.answer is not None:
                line.append(f" {state.activity.confidence:.0%}")
            moment = state.end.astimezone().strftime("%H:%M:%S")
            line.append(f"  {moment}  window {state.sequence}")
        return line

    def _status(self, device: Device) -> tuple[str, str]:
        """Whether it is there, at a constant width."""
        if device.status == "offline":
            return f"{device.status:<12}", _BAD
        silent = self.now - device.heard
        if device.state is not None and silent > SILENT_SECONDS:
            return f"{'silent ' + since(silent):<12}", _UNKNOWN
        return f"{device.status:<12}", ""

    def _footlines(self, device: Device) -> Iterator[Text]:
        """What the session does, how the sensor does, and a blank line."""
        yield self._session_line(device)
        if device.health is None:
            yield Text()
        else:
            sensor, health = device.health.sensor, device.health
            state = clean(f"{sensor.chip} {sensor.state}")
            figures = f", {sensor.rate_hz:.1f} samples/s, {sensor.lost} lost"
            if sensor.temperature_c is not None:
                figures += f", {sensor.temperature_c:.0f} °C"
            about = f", up {since(health.uptime_s)}, harpi {clean(health.version)}"
            fine = sensor.state in FINE
            yield _line((state, _FAINT if fine else _BAD), (figures + about, _FAINT))
        yield Text()

    def _session_line(self, device: Device) -> Text:
        """What the session does, and what it said last."""
        session, event, state = device.session, device.event, device.state
        if session is None:
            return Text()
        line = _line((clean(doing(session)), _NAME))
        if session.since is not None and state is not None:
            # By the clock of the device; the one of this computer may be another.
            before = (state.time - session.since).total_seconds()
            line.append(f", {max(0.0, before + self.now - device.heard):.0f} s so far")
        if event is not None and (session.state == "idle" or not event.ok):
            line.append(f"  {clean(event.message)}", "" if event.ok else _UNKNOWN)
        return line


@dataclass(frozen=True, slots=True)
class Bar:
    """A share as a bar over the whole width that there is."""

    share: float
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw in full characters, in ASCII where there is nothing else."""
        full, empty = "#." if options.ascii_only else "█░"
        filled = round(self.share * options.max_width)
        bar = Text(full * filled, self.style)
        yield bar.append(empty * (options.max_width - filled), _FAINT)


def _panel(name: str, opinion: Opinion | None) -> Panel:
    lines: list[RenderableType] = []
    subtitle = None
    if opinion is not None:
        head = Table.grid(expand=True)
        head.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        head.add_column(justify="right", no_wrap=True)
        answer = answer_of(opinion, untrained="not trained yet")
        head.add_row(Text(answer, _answer_style(opinion)), _share(opinion))
        lines.append(head)
        if opinion.trained:
            lines += [Bar(opinion.confidence, _bar_style(opinion)), *_runners_up(opinion)]
            subtitle = Text(f"{opinion.latency_ms:.1f} ms", _FAINT)
    return Panel(
        Group(*lines), title=name, title_align="left", subtitle=subtitle,
        subtitle_align="right", height=4 + _RUNNERS_UP,
    )  # fmt: skip


def _runners_up(opinion: Opinion) -> list[RenderableType]:
    """List the most probable labels that are not the answer."""
    shares = [pair for pair in opinion.probabilities.items() if pair[0] != opinion.answer]
    table = Table.grid(expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis", style=_FAINT)
    table.add_column(justify="right", no_wrap=True, style=_FAINT)
    for label, share in shares[:_RUNNERS_UP]:
        table.add_row(clean(label), f"{share:.0%}")
    return [table] if shares else []


def _row(name: str, opinion: Opinion | None, width: int) -> RenderableType:
    if opinion is None:
        return _line(f"  {name}")
    answer = Text(answer_of(opinion, untrained="not trained yet"), _answer_style(opinion))
    row = Table.grid(padding=(0, 1))
    cells: list[RenderableType] = [f"  {name}", answer, _share(opinion)]
    row.add_column(width=10, no_wrap=True)
    row.add_column(width=min(_ANSWER, max(1, width - _REST)), no_wrap=True, overflow="ellipsis")
    row.add_column(width=4, justify="right", no_wrap=True)
    if width >= _BAR_FROM and opinion.trained:
        row.add_column(width=_BAR)
        cells.append(Bar(opinion.confidence, _bar_style(opinion)))
    row.add_row(*cells)
    return row


def _answer_style(opinion: Opinion) -> str:
    if not opinion.trained:
        return _UNTRAINED
    return _UNKNOWN if opinion.unknown else _NAME


def _bar_style(opinion: Opinion) -> str:
    return "yellow" if opinion.unknown else "cyan"


def _share(opinion: Opinion) -> str:
    return f"{opinion.confidence:4.0%}" if opinion.trained else " " * 4


def _line(*parts: str | tuple[str, str]) -> Text:
    """Make one line, cut where the terminal ends."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")

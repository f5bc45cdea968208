"""`harpi day`: what the wearer did, for how long, how often."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.errors import CommandRefused, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from rich.console import Console

    from harpi.config.schema import Config
    from harpi.diary.bouts import Bout
    from harpi.diary.totals import Day

WEEK = 7

_COLOURS = ("green", "blue", "magenta", "yellow", "cyan", "red", "bright_green", "bright_blue")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(day)


def day(
    when: Annotated[
        str, typer.Argument(metavar="[DATE|today|yesterday]", help="For example 2026-05-01.")
    ] = "today",
    week: Annotated[
        bool, typer.Option("--week", "-w", help="The seven days that end with it.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a day.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="One line a bout.")] = False,
    influx: Annotated[
        bool, typer.Option("--influx", help="One line a bout, in InfluxDB's line protocol.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the day from the diary, for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --delete: do not ask.")] = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Show what the wearer did in a day: bar, totals and bouts.

    The diary is read from the disk, whether the daemon runs or not; while it runs, the last
    minute may be missing. Days are those of this computer's time zone.

    Example: harpi day yesterday
    """
    if json + csv + influx + delete > 1:
        raise UsageError("--json, --csv, --influx and --delete exclude each other")
    if delete and week:
        raise UsageError("--delete is for one day", remedy="Leave --week out")
    settings = load_settings(config, assignments).config
    chosen = _date(when)
    if delete:
        _delete(settings, chosen, yes=yes)
        return
    days = _read(settings, chosen, WEEK if week else 1)
    if json:
        _print_json(days)
    elif csv:
        _print_csv(days)
    elif influx:
        _print_influx(days, settings.device.name)
    else:
        _show(days, settings, detailed=not week)


def _date(when: str) -> date:
    from datetime import date, datetime, timedelta

    today = datetime.now().astimezone().date()
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    if when in words:
        return words[when]
    try:
        return date.fromisoformat(when)
    except ValueError:
        raise UsageError(
            f"{when!r} is no day", where="DATE", remedy="Use 2026-05-01, today or yesterday"
        ) from None


def _read(settings: Config, last: date, count: int) -> list[Day]:
    from contextlib import closing
    from datetime import timedelta

    from harpi.diary.store import FILE_NAME, Diary
    from harpi.diary.totals import bounds, make_day

    try:
        dates = [last - timedelta(days=before) for before in reversed(range(count))]
        start, end = bounds(dates[0])[0], bounds(dates[-1])[1]
    except (OverflowError, ValueError, OSError):
        raise UsageError(f"there is no diary of {last.isoformat()}", where="DATE") from None
    path = settings.paths.state_folder / FILE_NAME
    with closing(Diary(path, read_only=True)) as diary:
        bouts = diary.between(start, end)
    return [make_day(bouts, one) for one in dates]


def _delete(settings: Config, chosen: date, *, yes: bool) -> None:
    from harpi.cli.asking import do
    from harpi.commands import Erase

    if not yes and not typer.confirm(f"Delete the diary of {chosen.isoformat()} for good?"):
        raise CommandRefused("nothing was deleted")
    do(settings, Erase(day=chosen))


# --- for programs -----------------------------------------------------------------------


def _row(bout: Bout) -> dict[str, Any]:
    """Tell of a bout what a program may want to know."""
    return {
        "bout": bout.number,
        "start": _utc(bout.start),
        "end": _utc(bout.end),
        "seconds": round(bout.seconds, 3),
        "kind": bout.kind,
        "activity": bout.activity,
        "confidence": bout.confidence,
        "interruptions": bout.interruptions,
        "position": bout.position,
        "models": bout.models,
        "corrected": bout.corrected,
        "going_on": bout.going_on,
    }


def _utc(moment: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def _distinct(days: Iterable[Day]) -> list[Bout]:
    """Give each bout once, also one that goes on over midnight."""
    return list({bout.start: bout for one in days for bout in one.bouts}.values())


def _print_json(days: Iterable[Day]) -> None:
    import msgspec

    for one in days:
        content = {
            "date": one.date.isoformat(),
            "start": _utc(one.start),
            "end": _utc(one.end),
            "totals": [
                {
                    "kind": total.kind,
                    "activity": total.activity,
                    "seconds": round(total.seconds, 3),
                    "bouts": total.bouts,
                }
                for total in one.totals
            ],
            "bouts": [_row(bout) for bout in one.bouts],
        }
        typer.echo(msgspec.json.encode(content).decode())


def _print_csv(days: Iterable[Day]) -> None:
    import csv

    from harpi.diary.bouts import Bout

    columns = list(_row(Bout(kind="unknown", activity=None, start=0, end=0)))
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    for bout in _distinct(days):
        writer.writerow(_row(bout))


def _print_influx(days: Iterable[Day], device: str) -> None:
    """Print points (docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol)."""
    for bout in _distinct(days):
        tags = {
            "device": device,
            "kind": bout.kind,
            "activity": bout.name,
            "position": bout.position,
        }
        fields = [f"seconds={bout.seconds:.3f}", f"interruptions={bout.interruptions}i"]
        if bout.confidence is not None:
            fields.append(f"confidence={bout.confidence:.3f}")
        named = "".join(f",{key}={_tag(value)}" for key, value in tags.items())
        typer.echo(f"harpi_bout{named} {','.join(fields)} {round(bout.start * 1000)}000000")


def _tag(text: str) -> str:
    """Escape what ends a tag; a backslash at its end would escape what follows."""
    for sign in ",= ":
        text = text.replace(sign, f"\\{sign}")
    return f"{text[:-1]}/" if text.endswith("\\") else text


# --- for people -------------------------------------------------------------------------


def _show(days: Sequence[Day], settings: Config, *, detailed: bool) -> None:
    from rich.text import Text

    from harpi.cli.terminal import clean, console_on, since
    from harpi.diary.totals import total

    console = console_on(sys.stdout)
    bouts = _distinct(days)
    totals = total(bouts, days[0].start, days[-1].end)
    marks = _marks([one.name for one in totals if one.kind == "activity"])
    for one in days:
        line = Text(f"{one.date:%a %Y-%m-%d} ")
        room = max(24, console.width - len(line) - 2)
        console.print(line + "|" + _bar(one, marks, room) + "|")
    if not totals:
        console.print("The diary has nothing of it.")
        return
    for each in totals:
        mark, style = marks.get(each.name, ("-" if each.kind == "not_worn" else "?", "dim"))
        times = "once" if each.bouts == 1 else f"{each.bouts} times"
        name = clean(each.name)
        console.print(Text(f"{mark} {name:20} {since(each.seconds):>12}  {times}", style=style))
    if (goal := settings.diary.goal_minutes) is not None and detailed:
        wanted = settings.diary.goal_activities
        done = sum(one.seconds for one in totals if one.activity in wanted) / 60
        console.print(f"Goal: {done:.0f} of {goal:g} minutes of {', '.join(wanted)}.")
    if detailed:
        _show_bouts(console, bouts)


def _show_bouts(console: Console, bouts: Sequence[Bout]) -> None:
    from datetime import datetime

    from harpi.cli.terminal import clean, since

    console.print()
    console.print("  bout  start     for           what")
    for bout in bouts:
        begun = datetime.fromtimestamp(bout.start).astimezone()
        notes = [f"{bout.confidence:.0%} sure"] if bout.confidence is not None else []
        if bout.interruptions:
            plural = "s" if bout.interruptions > 1 else ""
            notes.append(f"{bout.interruptions} interruption{plural}")
        if bout.corrected:
            notes = ["corrected"]
        if bout.going_on:
            notes.append("may go on")
        told = f"{clean(bout.name)}  {', '.join(notes)}".rstrip()
        console.print(f"{bout.number:>6}  {begun:%H:%M:%S}  {since(bout.seconds):<12}  {told}")
    made_by = sorted({bout.models for bout in bouts})
    console.print(f"\nAs said by {'; '.join(clean(one) for one in made_by)}.")


def _marks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give each activity a letter of its own, from its name where one is left, and a colour."""
    marks: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for number, name in enumerate(names):
        letters = f"{name.casefold()}abcdefghijklmnopqrstuvwxyz0123456789"
        free = [c for c in letters if c.isalnum() and c.isprintable() and c not in taken]
        mark = free[0] if free else "*"
        taken.add(mark)
        marks[name] = mark, _COLOURS[number % len(_COLOURS)]
    return marks


def _bar(one: Day, marks: Mapping[str, tuple[str, str]], width: int) -> Any:
    """Draw a day: in each cell what lasted longest in its time."""
    from rich.text import Text

    from harpi.diary.totals import total

    bar = Text()
    step = (one.end - one.start) / width
    first = 0
    for cell in range(width):
        begin = one.start + cell * step
        while first < len(one.bouts) and one.bouts[first].end <= begin:
            first += 1
        within = []
        for bout in one.bouts[first:]:
            if bout.start >= begin + step:
                break
            within.append(bout)
        found = sorted(total(within, begin, begin + step), key=lambda each: -each.seconds)
        if not found:
            bar.append(" ")
            continue
        other = "-" if found[0].kind == "not_worn" else "?"
        mark, style = marks.get(found[0].name, (other, "dim"))
        bar.append(mark, style)
    return bar

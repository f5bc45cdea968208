"""`harpi takes`: look at what was recorded, correct it, delete and restore it.

To look, they read the store; to change anything, they ask the session.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from harpi.cli import completion
from harpi.cli.asking import do
from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.cli.selection import (
    All,
    Label,
    Numbers,
    Position,
    Session,
    Since,
    Split,
    check_chosen,
    select,
    takes_to_read,
)
from harpi.errors import StoreError, TakeNotFound, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from harpi.commands import Command
    from harpi.store.takes import Take

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


def register(app: typer.Typer) -> None:
    """Add the group `takes`."""
    group = typer.Typer(no_args_is_help=True, help="Show, correct or delete takes.")
    group.command("list")(list_takes)
    for command in (show, relabel, trim, delete, restore, undo, redo, purge, check):
        group.command()(command)
    app.add_typer(group, name="takes")


def list_takes(
    config: ConfigFile = None,
    assignments: Assignments = None,
    label: Label = None,
    position: Position = None,
    session: Session = None,
    split: Split = None,
    since: Since = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Only deleted takes.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Deleted takes, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List takes, the oldest first.

    Example: harpi takes list --label walking --since 3d
    """
    with takes_to_read(config, assignments) as store:
        takes = select(
            store,
            None,
            label=label,
            position=position,
            session=session,
            split=split,
            since=since,
            deleted=None if everything else deleted,
        )
        warning = store.room().warning()
    if as_json:
        typer.echo(json.dumps([fields(take) for take in takes], ensure_ascii=False))
    elif takes:
        typer.echo("\n".join(table(takes)))
    else:
        typer.echo("There are no such takes.")
    if warning:
        typer.echo(f"harpi: {warning}", err=True)


def show(
    take: Annotated[
        int | None,
        typer.Argument(
            metavar="TAKE",
            help="Number of the take; the last where not given.",
            autocompletion=completion.takes,
        ),
    ] = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    axes: Annotated[bool, typer.Option("--axes", help="Draw each of the six axes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is known of a take, and a picture of its motion.

    Example: harpi takes show 3 --axes
    """
    from harpi.cli.picture import can_print, picture

    with takes_to_read(config, assignments) as store:
        found = store.takes()[-1:] if take is None else [store.take(take)]
        if not found:
            raise TakeNotFound("there are no takes", remedy="Record one with `harpi record`")
        shown = found[0]
        runs = store.samples(shown.id, whole=True)
    if as_json:
        typer.echo(json.dumps(fields(shown), ensure_ascii=False))
        return
    typer.echo("\n".join(description(shown)))
    if runs:
        typer.echo()
        typer.echo(
            picture(
                runs,
                used=(shown.keep_from, shown.keep_to),
                axes=axes,
                width=shutil.get_terminal_size().columns if sys.stdout.isatty() else 80,
                plain=not can_print(sys.stdout.encoding),
            )
        )


def relabel(
    takes: Annotated[
        list[str],
        typer.Argument(
            metavar="TAKE",
            help="Numbers of takes; 3-7 means 3 to 7.",
            autocompletion=completion.takes,
        ),
    ],
    label: Annotated[
        str | None,
        typer.Option(
            "--label", "-l", help="The right label.", autocompletion=completion.labels
        ),
    ] = None,
    position: Annotated[
        str | None, typer.Option("--position", "-p", help="The right place on the body.")
    ] = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Correct the label or the position of takes.

    Example: harpi takes relabel 3-5 --label strolling
    """
    if label is None and position is None:
        raise UsageError("nothing to correct", remedy="Give --label, --position, or both")
    from harpi.commands import Relabel

    with takes_to_read(config, assignments) as store:
        found = select(store, takes, deleted=None)
    _change(
        config, assignments, found, lambda n: Relabel(takes=n, label=label, position=position)
    )


def trim(
    take: Annotated[
        int,
        typer.Argument(
            metavar="TAKE", help="Number of the take.", autocompletion=completion.takes
        ),
    ],
    start: Annotated[
        float, typer.Option("--from", metavar="SECOND", help="First second to use.")
    ] = 0.0,
    end: Annotated[
        float | None, typer.Option("--to", metavar="SECOND", help="Use nothing from here on.")
    ] = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Use only a part of a take; without options, all of it again. Nothing is lost.

    Example: harpi takes trim 3 --from 2 --to 12.5
    """
    from harpi.commands import Trim

    with takes_to_read(config, assignments) as store:
        store.take(take)
    _do(config, assignments, Trim(take=take, start=start, end=end))


def delete(
    takes: Numbers = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    label: Label = None,
    position: Position = None,
    session: Session = None,
    split: Split = None,
    since: Since = None,
    everything: All = False,
) -> None:
    """Delete takes: they are not learnt any more, and can be restored.

    Example: harpi takes delete 3 5-7
    """
    from harpi.commands import Delete

    check_chosen(takes, label, position, session, split, since, everything=everything)
    with takes_to_read(config, assignments) as store:
        found = select(
            store,
            takes,
            label=label,
            position=position,
            session=session,
            split=split,
            since=since,
        )
    _change(config, assignments, found, lambda numbers: Delete(takes=numbers))


def restore(
    takes: Numbers = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    label: Label = None,
    position: Position = None,
    session: Session = None,
    split: Split = None,
    since: Since = None,
    everything: All = False,
) -> None:
    """Bring deleted takes back.

    Example: harpi takes restore --all
    """
    from harpi.commands import Restore

    check_chosen(takes, label, position, session, split, since, everything=everything)
    with takes_to_read(config, assignments) as store:
        found = select(
            store,
            takes,
            label=label,
            position=position,
            session=session,
            split=split,
            since=since,
            deleted=True,
        )
    _change(config, assignments, found, lambda numbers: Restore(takes=numbers))


def undo(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Undo the last change to takes, again and again; see also `redo`.

    Example: harpi takes undo
    """
    from harpi.commands import Undo

    takes_to_read(config, assignments).close()  # says where there is no store
    _do(config, assignments, Undo())


def redo(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Do again what was undone last.

    Example: harpi takes redo
    """
    from harpi.commands import Redo

    takes_to_read(config, assignments).close()  # says where there is no store
    _do(config, assignments, Redo())


def purge(
    takes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TAKE",
            help="Deleted takes; all where not given.",
            autocompletion=completion.takes,
        ),
    ] = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove deleted takes for good and free their room on the disk.

    Example: harpi takes purge --yes
    """
    from harpi.commands import Purge

    with takes_to_read(config, assignments) as store:
        found = select(store, takes, deleted=None if takes else True)
    if found and not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "a purge cannot be undone", remedy="Say --yes to do it without a question"
            )
        from harpi.session.messages import which

        named = which([take.id for take in found])
        typer.confirm(f"Remove {named} for good?", abort=True)
    _change(config, assignments, found, lambda numbers: Purge(takes=numbers, confirmed=True))


def check(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Read every take and say whether all are as they were recorded.

    Example: harpi takes check
    """
    with takes_to_read(config, assignments) as store:
        if damage := store.damage():
            raise StoreError(
                "; ".join(damage[:10]),
                where=str(store.path),
                remedy="Export what is intact, and check the SD card",
            )
        typer.echo(f"No faults: {counted(len(store.takes(deleted=None)))}.")


def _do(config: Path | None, assignments: Sequence[str] | None, command: Command) -> None:
    do(load_settings(config, assignments).config, command)


def _change(
    config: Path | None,
    assignments: Sequence[str] | None,
    takes: Sequence[Take],
    command: Callable[[tuple[int, ...]], Command],
) -> None:
    """Change takes that were found; as many at once as one command is about."""
    from harpi.commands import MOST_TAKES

    if not takes:
        typer.echo("There are no such takes.")
        return
    if len(takes) > MOST_TAKES:
        raise UsageError(
            f"these are {len(takes)} takes, and at most {MOST_TAKES} are changed at once",
            remedy="Choose fewer, by their numbers or by --since",
        )
    _do(config, assignments, command(tuple(take.id for take in takes)))


_HEADER: Final = (
    "take",
    "label",
    "position",
    "session",
    "split",
    "start",
    "s",
    "remarks",
)

_TO_THE_RIGHT: Final = (0, 3, 6)


def fields(take: Take) -> dict[str, Any]:
    """Everything that is known of a take, ready for JSON; times in UTC, ISO 8601."""
    known = asdict(take)
    known["start"] = take.start.isoformat()
    known["deleted"] = None if take.deleted is None else take.deleted.isoformat()
    return known


def table(takes: Sequence[Take]) -> Iterator[str]:
    """One line for each take, columns aligned, and a last line with the sum."""
    rows = [_HEADER, *map(_row, takes)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    for row in rows:
        cells = (
            cell.rjust(width) if i in _TO_THE_RIGHT else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
    seconds = sum(take.used_seconds for take in takes)
    yield f"{counted(len(takes))}, {seconds:.0f} s in use"


def description(take: Take) -> Iterator[str]:
    """All that is known of a take, a line for each thing."""
    yield f"take {take.id}: {take.label}"
    yield f"  position  {take.position}, session {take.session}"
    yield f"  split     {take.split}"
    device = f" on {take.device}" if take.device else ""
    yield f"  start     {take.start.astimezone():%Y-%m-%d %H:%M:%S}{device}"
    yield f"  length    {take.seconds:.1f} s, {take.count} samples at {take.rate:g} Hz"
    if take.trimmed:
        end = take.seconds if take.keep_to is None else take.keep_to
        yield f"  used      {take.keep_from:.1f} s to {min(end, take.seconds):.1f} s"
    if remarks := _remarks(take):
        yield f"  remarks   {remarks}"
    if take.note:
        yield f"  note      {take.note}"


def counted(number: int) -> str:
    """`1 take`, `2 takes`."""
    return f"{number} take" + ("" if number == 1 else "s")


def _row(take: Take) -> tuple[str, ...]:
    return (
        str(take.id),
        take.label,
        take.position,
        str(take.session),
        take.split,
        f"{take.start.astimezone():%Y-%m-%d %H:%M:%S}",
        f"{take.used_seconds:.1f}",
        _remarks(take),
    )


def _remarks(take: Take) -> str:
    remarks = [flag.replace("_", " ") for flag in take.flags]
    if take.state != "kept":
        remarks.append(take.state)
    if take.gaps:
        remarks.append(f"{take.gaps} gap" + ("" if take.gaps == 1 else "s"))
    if take.deleted is not None:
        remarks.append("deleted")
    return ", ".join(remarks)

"""`harpi export` and `harpi import`: takes out of the store, and into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from harpi.cli.asking import session_of
from harpi.cli.options import Assignments, ConfigFile
from harpi.cli.selection import (
    Label,
    Numbers,
    Position,
    Session,
    Since,
    Split,
    SplitName,
    select,
    takes_to_read,
)
from harpi.errors import CommandRefused, DaemonNotRunning, RecordingError, UsageError

if TYPE_CHECKING:
    from harpi.config.schema import Config
    from harpi.store.importing import Choice, Imported, Progress

FormatName = Literal["npz", "csv"]
LabelFromName = Literal["name", "folder"]

MOST_FILES: Final = 10
"""Files that are described one by one."""


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("export")(export_takes)
    app.command("import")(import_takes)


def export_takes(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TARGET",
            help="A new folder, a name in .zip, or in .npz or .csv for one recording.",
        ),
    ],
    takes: Numbers = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    kind: Annotated[
        FormatName, typer.Option("--format", "-f", help="Of the files in a folder or .zip.")
    ] = "npz",
    label: Label = None,
    position: Position = None,
    session: Session = None,
    split: Split = None,
    since: Since = None,
) -> None:
    """Write takes as files, one for each, with a README.

    Example: harpi export walks.zip --label walking
    """
    from harpi.cli.takes import counted
    from harpi.cli.terminal import progress
    from harpi.privileges import as_caller
    from harpi.store.export import export

    if str(target) == "-":
        raise UsageError(
            "takes are not written to standard output",
            where="TARGET",
            remedy="Name a new folder or a file: .zip, .npz or .csv",
        )
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
        with progress("Exporting") as on_progress, as_caller():
            export(store, found, target, kind=kind, on_progress=on_progress)
    typer.echo(f"Exported {counted(len(found))} to {target}.")


def import_takes(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Recordings, folders or .zip files of them, or exports; docs/recordings.md "
            "lists the formats.",
        ),
    ],
    config: ConfigFile = None,
    assignments: Assignments = None,
    label: Annotated[
        str | None, typer.Option("--label", "-l", help="Label for everything without one.")
    ] = None,
    label_from: Annotated[
        LabelFromName | None,
        typer.Option("--label-from", help="Take it from the name of the file or folder."),
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only this wearer of the file.")
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            "--position",
            "-p",
            help="Only this position; or the position if the file names none.",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="Samples per second of files without times."),
    ] = None,
    split: Annotated[
        SplitName,
        typer.Option("--split", help="What takes are for if their file does not say it."),
    ] = "train",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what was understood, and import nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Add recordings to the takes: all of the files, or nothing.

    Says first what each file was taken for. What no model could learn is left out and named;
    where nothing is left, the exit code is 4.

    Example: harpi import walks.zip
    """
    import msgspec

    from harpi.cli.options import load_settings
    from harpi.cli.terminal import progress
    from harpi.store.importing import Choice, look_into

    if label is not None and label_from is not None:
        raise UsageError("--label and --label-from exclude each other")
    settings = load_settings(config, assignments).config
    signal = settings.signal
    choice = Choice(
        subject=subject,
        position=position,
        label=label,
        label_from=label_from,
        split=split,
        rate=rate,
        shortest=signal.length / signal.rate,
    )
    if dry_run:
        with progress("Reading") as on_progress:
            done = look_into(files, choice, on_progress=on_progress)
    else:
        with progress("Importing") as on_progress:
            done = _import(settings, files, choice, on_progress)
    if as_json:
        typer.echo(msgspec.json.encode(done).decode())
    else:
        for line in _told(done, choice, dry_run=dry_run):
            typer.echo(line)
    if not done.takes and not done.known:
        raise typer.Exit(RecordingError.exit_code)


def _import(
    settings: Config, files: list[Path], choice: Choice, on_progress: Progress
) -> Imported:
    """Read the files, write what is in them where nobody sees it, and let the session keep it.

    Raises:
        CommandRefused: the session does something else; nothing is imported.
    """
    from harpi.commands import Import, Status
    from harpi.controls.client import Client
    from harpi.session.handlers import allowed
    from harpi.session.messages import refusal
    from harpi.store.importing import import_files
    from harpi.store.store import FILE_NAME, Store

    # Better said before hours are read than after; without a daemon nothing else goes on.
    with suppress(DaemonNotRunning), Client(settings.paths.runtime_folder) as client:
        situation = client.ask(Status()).situation
        if not allowed(Import(takes=(1,)), situation):
            raise refusal(Import(takes=(1,)), situation)

    def keep(numbers: Sequence[int]) -> None:
        with session_of(settings) as ask:
            answer = ask(Import(takes=tuple(numbers)))
        if not answer.ok:
            raise CommandRefused(f"nothing was imported: {answer.message.rstrip('.')}")

    with Store(settings.paths.state_folder / FILE_NAME, settings.store) as store:
        return import_files(store, files, choice, keep=keep, on_progress=on_progress)


def _told(done: Imported, choice: Choice, *, dry_run: bool) -> Iterator[str]:
    """Say what came of an import."""
    from harpi.cli.takes import counted

    for understood in done.understood[:MOST_FILES]:
        yield from understood.lines()
    if len(done.understood) > MOST_FILES:
        yield f"and {len(done.understood) - MOST_FILES} more files, which --json shows."
    if done.skipped:
        yield f"Skipped, because they are not recordings: {', '.join(done.skipped[:10])}."
    if done.takes or done.known:
        verb = "Would import" if dry_run else "Imported"
        each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in done.labels.items())
        yield f"{verb} {counted(done.takes)} of {done.seconds:.0f} s" + (
            f": {each}." if each and done.understood else "."
        )
    else:
        yield "Nothing is left to import." if dry_run else "Nothing was imported."
    for label, known in done.respelt.items():
        yield f"{label!r} is taken for {known!r}, as it is spelt in the store."
    for label, meant in done.doubted.items():
        yield f"{label!r} is a new label; did you mean {meant!r}? See `harpi takes relabel`."
    if done.known:
        yield f"Left out {counted(done.known)} whose samples are in the store already."
    if done.unlabelled:
        yield (
            f"Left out {done.unlabelled:.0f} s that have no label; --label names them"
            + ("" if choice.label_from else ", --label-from takes it from the file or folder")
            + "."
        )
    if done.short_runs:
        yield (
            "Left out "
            + (
                f"1 stretch of {done.short:.1f} s,"
                if done.short_runs == 1
                else f"{done.short_runs} stretches of {done.short:.1f} s in all, each"
            )
            + f" shorter than a window ({choice.shortest:.2f} s)."
        )
    if done.unusable:
        yield (
            f"Left out {done.unusable:.0f} s of sensors that are dead, missing an axis, or "
            "without a gyroscope."
        )
    if done.beyond:
        from harpi.commands import LONGEST_TAKE

        yield f"Left out {done.beyond:.0f} s: a take lasts {LONGEST_TAKE:.0f} s at most."
    if done.undated and (done.takes or done.known):
        yield "When it was recorded is not known; the takes are dated to end now."

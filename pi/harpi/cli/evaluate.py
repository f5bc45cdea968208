"""`harpi evaluate`: which model is to be trusted, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from harpi.cli.options import Assignments, ConfigFile, load_settings
from harpi.cli.selection import Position, Session, Since, moment_of
from harpi.errors import ControlError, StoreError, UsageError

if TYPE_CHECKING:
    from harpi.config.schema import Config
    from harpi.evaluation.judging import Judgements
    from harpi.evaluation.report import Report
    from harpi.evaluation.runs import Log, RunLog
    from harpi.evaluation.subjects import Choice

SHIPPED: Final = "shipped"
"""Stands for the recording that ships with harpi; so does `--recording` without a FILE."""

_RECORDING: Final = "--recording"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
Run = Annotated[
    str, typer.Argument(metavar="RUN", help="Number of a run; last, last-1 for the one before.")
]


class _Evaluate(TyperGroup):
    """A group whose option `--recording` may stand without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the shipped recording where none is named."""
        words: list[str] = []
        for position, word in enumerate(args, start=1):
            words.append(word)
            following = args[position] if position < len(args) else "-"
            if word == _RECORDING and following.startswith("-"):
                words.append(SHIPPED)
        return super().parse_args(ctx, words)


def register(app: typer.Typer) -> None:
    """Add the command and those under it."""
    group = typer.Typer(cls=_Evaluate, invoke_without_command=True)
    group.callback()(evaluate)
    group.command()(compare)
    group.command()(runs)
    app.add_typer(group, name="evaluate")


def evaluate(
    context: typer.Context,
    config: ConfigFile = None,
    assignments: Assignments = None,
    session: Session = None,
    position: Position = None,
    since: Since = None,
    recording: Annotated[
        list[str] | None,
        typer.Option(
            _RECORDING,
            metavar="[FILE]",
            help="Test on a labelled recording (.npz, .csv) instead of test takes; "
            "repeatable. Without FILE, on the one that ships with harpi.",
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only this wearer of the recordings.")
    ] = None,
    learn: Annotated[
        float | None,
        typer.Option(
            "--learn",
            min=0,
            metavar="SECONDS",
            help="Train kNN and personal in memory on this many seconds of each label at the "
            "beginning of the recordings, and test on the rest. Half of each if this device is "
            "not trained; with 0 nothing is trained.",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            "--rename",
            metavar="OLD=NEW",
            help="Rename a label of the recordings to one that the models know; repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, one figure a line.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with pictures, too."),
    ] = None,
) -> None:
    """Test kNN, generic and personal on windows new to all three.

    Without --recording these are the takes that were recorded with `harpi record --test`.
    Every run is kept in a log, and held against the last one.

    Example: harpi evaluate --position right_arm --html report.html
    """
    if context.invoked_subcommand is not None:
        return
    from harpi.evaluation.subjects import Choice

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", remedy="Choose one")
    if recording and (session is not None or since is not None):
        raise UsageError(
            "--session and --since choose among test takes, not within recordings",
            remedy="Leave them out, or leave --recording out",
        )
    if not recording and (subject is not None or learn is not None or rename):
        raise UsageError(
            "--subject, --learn and --rename are about recordings",
            remedy="Give --recording, too",
        )
    if html is not None and not html.absolute().parent.is_dir():
        raise UsageError(
            "there is no such folder", where=str(html.parent), remedy="Make it first"
        )
    choice = Choice(
        session=session,
        position=position,
        since=None if since is None else moment_of(since),
        recordings=tuple(map(_recording, recording or ())),
        subject=subject,
        learn=learn,
        rename=dict(map(_renaming, rename or ())),
    )
    settings = load_settings(config, assignments).config
    report, judged = _run(settings, choice)
    run_log = _run_log(settings)
    log, refused = None, None
    try:
        log = _read(run_log)
        report = run_log.append(report)
        _tell_daemon(settings)
    except StoreError as error:
        refused = error
    _print(report, as_json=as_json, as_csv=as_csv)
    if html is not None:
        _write_page(html, report, judged)
        typer.echo(f"harpi: the page is {html}", err=True)
    if refused is not None:
        raise refused
    if log is not None and not (as_json or as_csv):
        _print_place(log, report)


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A run: its number, or last-1.")],
    second: Annotated[
        str, typer.Argument(metavar="B", help="Another one; the last where not given.")
    ] = "last",
    config: ConfigFile = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs on the takes that both of them tested.

    Example: harpi evaluate compare 3 last
    """
    import msgspec

    from harpi.evaluation.runs import changes, shared_takes
    from harpi.evaluation.table import changes_in_words

    log = _read(_run_log(load_settings(config, assignments).config))
    earlier, later = sorted((log.find(first), log.find(second)), key=lambda run: run.number)
    found = changes(earlier, later)
    takes = len(shared_takes(earlier, later))
    if as_json:
        described = {
            "earlier": earlier.number,
            "later": later.number,
            "takes": takes,
            "models": found,
        }
        typer.echo(msgspec.json.encode(described).decode())
        return
    typer.echo("\n".join(changes_in_words(earlier, later, found, takes)))


def runs(config: ConfigFile = None, assignments: Assignments = None) -> None:
    """List the runs in the log, the oldest first.

    Example: harpi evaluate runs
    """
    from harpi.evaluation.table import list_of_runs

    log = _read(_run_log(load_settings(config, assignments).config))
    typer.echo("\n".join(list_of_runs(log.reports)))


def _recording(name: str) -> Path:
    from harpi import shipped

    return shipped.recording(Path(shipped.DEMO if name == SHIPPED else name))


def _renaming(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise UsageError(
            f"{text!r} is not a renaming",
            where="--rename",
            remedy="Write OLD=NEW, for example --rename Walking=walking",
        )
    return old, new


def _run(config: Config, choice: Choice) -> tuple[Report, Judgements]:
    """Evaluate, out of the way of a daemon on the same computer."""
    from harpi.cli.terminal import progress
    from harpi.evaluation.judging import judge
    from harpi.evaluation.measuring import measure
    from harpi.evaluation.subjects import circumstances, examination
    from harpi.learning.training_set import yield_to_others

    yield_to_others()
    with progress("Evaluating") as show:
        examined = examination(config, choice, lambda share: show(0.3 * share))
        judged = judge(examined.contests, config.signal, lambda share: show(0.3 + 0.5 * share))
        if not len(judged):
            seconds = config.signal.length / config.signal.rate
            raise UsageError(
                f"none of {examined.origin} is long enough for a window of {seconds:.1f} s",
                remedy="Record longer takes",
            )
        report = measure(
            judged,
            circumstances(config, choice, examined, judged),
            lambda share: show(0.8 + 0.2 * share),
        )
    return report, judged


def _print(report: Report, *, as_json: bool, as_csv: bool) -> None:
    import msgspec

    from harpi.evaluation.report import to_csv
    from harpi.evaluation.table import table

    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    elif as_csv:
        typer.echo(to_csv(report), nl=False)
    else:
        typer.echo("\n".join(table(report)))


def _print_place(log: Log, report: Report) -> None:
    """Say which run it is in the log, and hold it against the latest on the same takes."""
    from harpi.evaluation.runs import changes, shared_takes
    from harpi.evaluation.table import changes_in_words

    typer.echo(f"\nThis is run {report.number} in the log.")
    for earlier in reversed(log.reports):
        if takes := len(shared_takes(earlier, report)):
            found = changes(earlier, report)
            typer.echo("\n".join(changes_in_words(earlier, report, found, takes)))
            return


def _write_page(path: Path, report: Report, judged: Judgements) -> None:
    from harpi.evaluation.page import page
    from harpi.files import write_atomically
    from harpi.privileges import as_caller

    try:
        content = page(report, judged).encode()
        with as_caller():
            write_atomically(path.absolute(), content)
    except OSError as error:
        raise UsageError(
            f"the page cannot be written ({error.strerror})",
            where=str(path),
            remedy="Choose another place",
        ) from error


def _run_log(config: Config) -> RunLog:
    from harpi.evaluation.runs import FILE_NAME, RunLog

    return RunLog(config.paths.state_folder / FILE_NAME)


def _tell_daemon(config: Config) -> None:
    """Let a daemon that runs publish the result."""
    from harpi.controls.client import tell_to_look

    try:
        tell_to_look(config.paths.runtime_folder)
    except ControlError as error:
        typer.echo(f"harpi: the running daemon was not told: {error}", err=True)


def _read(run_log: RunLog) -> Log:
    """Read the log; say what cannot be read."""
    log = run_log.read()
    for problem in log.problems:
        typer.echo(f"harpi: {problem}", err=True)
    return log

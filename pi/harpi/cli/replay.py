"""`harpi replay`: a recording through the path of the daemon, as fast as it goes."""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from harpi.cli.options import Assignments, ConfigFile, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harpi.config.schema import SignalSection
    from harpi.recognition.classifiers import Classifiers
    from harpi.recording import Recording
    from harpi.types import Verdict

BLOCK_SECONDS: Final = 30
"""Signal that is judged in one go."""

_DECIMALS: Final = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A recording or an exported take (.npz, .csv)."),
    ],
    config: ConfigFile = None,
    assignments: Assignments = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only this wearer of the recording.")
    ] = None,
    position: Annotated[
        str | None, typer.Option("--position", "-p", help="Only this place on the body.")
    ] = None,
) -> None:
    """Judge a recording: one JSON object for each window.

    Each has `start` and `end` of the window in seconds of the recording, the `label` that
    the recording gives to all of it (else null), harpi's answer as `activity`, what `knn`,
    `generic` and `personal` say, and `worn`, as on the MQTT topic `state`.

    Example: harpi replay walk.csv > verdicts.jsonl
    """
    from harpi import shipped
    from harpi.cli.terminal import progress
    from harpi.evaluation.own_models import own_models
    from harpi.evaluation.trials import check_alive
    from harpi.learning.training_set import yield_to_others
    from harpi.privileges import as_caller
    from harpi.recording import read_understood

    settings = load_settings(config, assignments).config
    path = shipped.recording(file)
    with as_caller():
        recordings, understood = read_understood(path, subject=subject, position=position)
    for line in (*understood.notes, *understood.warnings):
        typer.echo(f"harpi: {path}: {line}", err=True)
    for recording in recordings:
        check_alive(recording, path)
    yield_to_others()
    with own_models(settings) as own, progress("Learning") as show:
        panel = own.taught(show).panel
    # Where the lines are seen, they are progress enough, and a bar would stand among them.
    bar = io.StringIO() if sys.stdout.isatty() else None
    whole, done, sequence = sum(recording.duration for recording in recordings), 0.0, 0
    with progress("Replaying", bar) as show:
        for recording in recordings:
            for verdict in verdicts_of(recording, panel, settings.signal):
                typer.echo(line_of(verdict, recording, sequence))
                show((done + verdict.window.end) / whole)
                sequence += 1
            done += recording.duration


def verdicts_of(
    recording: Recording, panel: Classifiers, signal: SignalSection
) -> Iterator[Verdict]:
    """Judge all windows of a recording, in order, as the daemon would live.

    Args:
        recording: its times begin at 0.
        panel: who judges.
        signal: how windows are cut.
    """
    import numpy as np

    from harpi.signal.windows import WindowMaker
    from harpi.types import Samples

    maker = WindowMaker(recording.rate, signal.rate, signal.length, signal.hop)
    gaps = np.flatnonzero(np.diff(recording.segment)) + 1
    blocks = np.arange(0, len(recording), max(1, round(BLOCK_SECONDS * recording.rate)))
    borders = np.union1d(np.append(blocks, len(recording)), gaps)
    for begin, end in pairwise(borders.tolist()):
        samples = Samples(
            recording.values[begin:end],
            np.arange(begin, end) / recording.rate,
            gap=begin in gaps,
        )
        yield from panel.judge_all(maker.push(samples))


def line_of(verdict: Verdict, recording: Recording, sequence: int) -> str:
    """Write one verdict as JSON."""
    import msgspec

    from harpi.names import ANSWER
    from harpi.publish.messages import Opinion

    window = verdict.window
    line: dict[str, Any] = {
        "sequence": sequence,
        "start": round(window.start, _DECIMALS),
        "end": round(window.end, _DECIMALS),
        "subject": recording.subject,
        "position": recording.position,
        "label": _label(recording, window.start, window.end),
    }
    together = Opinion.of(verdict.answer, verdict.latencies[ANSWER])
    line["activity"] = msgspec.structs.replace(together, answer=verdict.activity)
    for model, prediction in verdict.predictions.items():
        line[model] = Opinion.of(prediction, verdict.latencies[model])
    line["worn"] = verdict.worn
    return msgspec.json.encode(line).decode()


def _label(recording: Recording, start: float, end: float) -> str | None:
    """Give the label that all samples from `start` to `end` have."""
    first, last = round(start * recording.rate), round(end * recording.rate)
    codes = recording.label[first : last + 1]
    whole = bool((codes == codes[0]).all()) and codes[0] >= 0
    return recording.labels[codes[0]] if whole else None

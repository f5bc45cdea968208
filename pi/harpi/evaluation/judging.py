"""All recognisers asked on exactly the same windows, by the path that the daemon goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.config.schema import SignalSection
from harpi.evaluation.trials import Trial
from harpi.recognition.classifiers import Classifiers
from harpi.signal.windows import WindowMaker
from harpi.types import TimeArray, Verdict, Window

BATCH: Final = 128
"""Windows that are judged in one go."""

TIMED: Final = 50
"""Windows that are judged once more, alone as the daemon does it, to time that."""

NO_ANSWER: Final = -1

Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Recognisers and what they are tested on; they learnt nothing of it."""

    panel: Classifiers
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one recogniser said of n windows.

    Attributes:
        labels: what it can answer with.
        best: ``[n]`` index into `Judgements.labels` of the most probable label, also where
            it said unknown; `NO_ANSWER` where it had learnt nothing.
        confidence: float64 ``[n]``, probability of `best`.
        unknown: ``[n]``, whether it said unknown.
        knows: ``[n]``, whether it knows what the wearer did.
        latencies: float64 ``[m]``, seconds that it took for one window alone.
    """

    labels: tuple[str, ...]
    best: Codes
    confidence: NDArray[np.float64]
    unknown: Flags
    knows: Flags
    latencies: TimeArray

    @property
    def trained(self) -> bool:
        """Whether it had anything to answer with."""
        return bool(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Judgements:
    """Everything that was said of n windows.

    Attributes:
        labels: what the wearer did, in the order of the first model that knows it, then what
            models answered besides.
        trials: those that have a window.
        too_short: those that have none.
        truth: ``[n]`` index into `labels`.
        trial: ``[n]`` index into `trials`.
        starts, ends: float64 ``[n]``, seconds of the first and the last sample.
        answers: by name of the model.
    """

    labels: tuple[str, ...]
    trials: tuple[Trial, ...]
    too_short: tuple[Trial, ...]
    truth: Codes
    trial: Codes
    starts: TimeArray
    ends: TimeArray
    answers: Mapping[str, Answers]

    def __len__(self) -> int:
        return len(self.truth)


def windows_of_trial(trial: Trial, signal: SignalSection) -> list[Window]:
    """Cut a trial into windows; none spans a gap."""
    windows = []
    for run in trial.runs:
        maker = WindowMaker(trial.rate, signal.rate, signal.length, signal.hop)
        windows += maker.push(run)
    return windows


def judge(
    contests: Sequence[Contest],
    signal: SignalSection,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Judgements:
    """Ask all recognisers on all windows.

    Args:
        contests: whose panels have the same recognisers by name.
        signal: how windows are cut.
        on_progress: is told the share that is done.

    Raises:
        ModelError: a recogniser refuses a window.
    """
    whole = sum(trial.seconds for contest in contests for trial in contest.trials)
    done = 0.0
    judged: list[tuple[Trial, list[Verdict]]] = []
    timed: list[Verdict] = []
    for contest in contests:
        begun = len(judged)
        for trial in contest.trials:
            windows = windows_of_trial(trial, signal)
            verdicts = []
            for begin in range(0, len(windows), BATCH):
                verdicts += contest.panel.judge_all(windows[begin : begin + BATCH])
            judged.append((trial, verdicts))
            done += trial.seconds
            on_progress(done / whole)
        said = [verdict for _, verdicts in judged[begun:] for verdict in verdicts]
        timed += _timed(contest.panel, [verdict.window for verdict in said])
    kept = [(trial, verdicts) for trial, verdicts in judged if verdicts]
    too_short = tuple(trial for trial, verdicts in judged if not verdicts)
    return _gathered(kept, too_short, timed)


def _timed(panel: Classifiers, windows: Sequence[Window]) -> list[Verdict]:
    """Judge some windows one by one; the first, on which the runtime sets up, is left out."""
    step = max(1, len(windows) // TIMED)
    return [panel.judge(window) for window in [*windows[:1], *windows[::step][:TIMED]]][1:]


def _gathered(
    judged: Sequence[tuple[Trial, Sequence[Verdict]]],
    too_short: tuple[Trial, ...],
    timed: Sequence[Verdict],
) -> Judgements:
    said = [verdict for _, verdicts in judged for verdict in verdicts]
    models = tuple(said[0].opinions) if said else ()
    known = {
        model: tuple(dict.fromkeys(x for v in said for x in v.opinions[model].labels))
        for model in models
    }
    done = list(dict.fromkeys(trial.label for trial, _ in judged))
    everything = list(dict.fromkeys(label for labels in known.values() for label in labels))
    done.sort(key=lambda label: everything.index(label) if label in everything else 10**9)
    labels = tuple(dict.fromkeys([*done, *everything]))
    code = {label: index for index, label in enumerate(labels)}
    counts = [len(verdicts) for _, verdicts in judged]
    truths = np.array([code[trial.label] for trial, _ in judged], np.intp)
    return Judgements(
        labels=labels,
        trials=tuple(trial for trial, _ in judged),
        too_short=too_short,
        truth=np.repeat(truths, counts),
        trial=np.repeat(np.arange(len(judged)), counts),
        starts=np.array([verdict.window.start for verdict in said]),
        ends=np.array([verdict.window.end for verdict in said]),
        answers={model: _answers(model, judged, known[model], code, timed) for model in models},
    )


def _answers(
    model: str,
    judged: Sequence[tuple[Trial, Sequence[Verdict]]],
    labels: tuple[str, ...],
    code: Mapping[str, int],
    timed: Sequence[Verdict],
) -> Answers:
    rows = [
        (verdict.opinions[model], trial.label)
        for trial, verdicts in judged
        for verdict in verdicts
    ]
    return Answers(
        labels=labels,
        best=np.array([NO_ANSWER if p.best is None else code[p.best] for p, _ in rows]),
        confidence=np.array([p.confidence for p, _ in rows]),
        unknown=np.array([p.unknown for p, _ in rows], np.bool_),
        knows=np.array([label in p.labels for p, label in rows], np.bool_),
        latencies=np.array([verdict.latencies[model] for verdict in timed]),
    )

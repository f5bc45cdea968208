"""Judgements without models: a test writes down what was said of each take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from harpi.evaluation.judging import NO_ANSWER, Answers, Judgements
from harpi.evaluation.measuring import Circumstances, Origin, measure
from harpi.evaluation.report import Report
from harpi.evaluation.trials import Trial
from harpi.types import Samples

RATE = 25.0
HOP = 0.64
SPAN = 2.52


def trial_of(
    label: str = "walking", seconds: float = 12.0, *, seed: int = 0, **known: Any
) -> Trial:
    """A stretch of noise that is called something."""
    values = np.random.default_rng(seed).normal(0, 1, (round(seconds * RATE), 6))
    begin = known.pop("begin", 0.0)
    times = begin + np.arange(len(values)) / RATE
    about = {"name": f"take {seed}", "position": "arm", "session": "1", "source": "store"}
    return Trial(
        label=label,
        rate=RATE,
        runs=(Samples(values.astype(np.float32), times),),
        **{**about, **known},
    )


@dataclass(frozen=True)
class Said:
    """What models said of the windows of one take: a label, None for no answer."""

    trial: Trial
    answers: Mapping[str, Sequence[str | None]]


def judgements(
    said: Sequence[Said],
    knows: Mapping[str, Sequence[str]],
    *,
    confidence: float = 0.75,
    unknown: Mapping[str, Sequence[bool]] | None = None,
) -> Judgements:
    """Put together what was said; `knows` are the labels of each model."""
    tested = dict.fromkeys(one.trial.label for one in said)
    labels = tuple(dict.fromkeys([*tested, *(name for own in knows.values() for name in own)]))
    counts = [len(next(iter(one.answers.values()))) for one in said]
    truth = np.repeat([labels.index(one.trial.label) for one in said], counts)
    begins = [
        one.trial.begin + HOP * i for one, n in zip(said, counts, strict=True) for i in range(n)
    ]
    answers = {}
    for model, own in knows.items():
        best = [answer for one in said for answer in one.answers[model]]
        answers[model] = Answers(
            labels=tuple(own),
            best=np.array([NO_ANSWER if b is None else labels.index(b) for b in best]),
            confidence=np.full(len(best), confidence),
            unknown=np.array((unknown or {}).get(model, [False] * len(best))),
            knows=np.array([labels[code] in own for code in truth]),
            latencies=np.array([0.001, 0.002]),
        )
    return Judgements(
        labels=labels,
        trials=tuple(one.trial for one in said),
        too_short=(),
        truth=truth,
        trial=np.repeat(np.arange(len(said)), counts),
        starts=np.array(begins),
        ends=np.array(begins) + SPAN,
        answers=answers,
    )


def report_of(judged: Judgements, **about: Any) -> Report:
    """Measure; `about` replaces circumstances."""
    usual = {
        "time": datetime(2024, 5, 1, tzinfo=UTC),
        "harpi": "1.2.3",
        "software": {"python": "3.11"},
        "origin": f"{len(judged.trials)} test takes",
        "conditions": {},
        "configuration": {"signal": {"hop": 16}},
        "models": {
            model: Origin(f"{model} file", f"{model} digest") for model in judged.answers
        },
    }
    return measure(judged, Circumstances(**{**usual, **about}))


def contest(
    takes: Sequence[tuple[str, Mapping[str, str]]], *, windows: int = 5, **about: Any
) -> tuple[Judgements, Report]:
    """Takes of which each model says one thing throughout; all models know all labels."""
    said = [
        Said(trial_of(label, seed=i), {m: [answer] * windows for m, answer in answers.items()})
        for i, (label, answers) in enumerate(takes)
    ]
    labels = list(dict.fromkeys(label for label, _ in takes))
    judged = judgements(said, dict.fromkeys(takes[0][1], labels))
    return judged, report_of(judged, **about)

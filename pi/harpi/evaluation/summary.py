"""A report in short, for those who only want to know which model to trust."""

from __future__ import annotations

from harpi.commands import Evaluated, Score
from harpi.evaluation.report import Report

_DECIMALS = 4


def summary_of(report: Report) -> Evaluated:
    """Shorten a report to what fits into a message."""
    return Evaluated(
        run=report.number,
        time=report.time,
        takes=len(report.takes),
        windows=report.windows,
        scores={
            model.model: Score(
                accuracy=round(model.every.accuracy.value, _DECIMALS),
                low=_rounded(model.every.accuracy.low),
                high=_rounded(model.every.accuracy.high),
                macro_f1=round(model.every.macro_f1.value, _DECIMALS),
            )
            for model in report.models
            if model.every is not None
        },
        findings=tuple(comparison.sentence for comparison in report.comparisons),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)

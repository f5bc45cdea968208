"""What came of a training, in words."""

from __future__ import annotations

from collections.abc import Sequence

from harpi.learning.outcome import Outcome
from harpi.learning.trainer import Trained


def outcome_of(trained: Trained, left_out: Sequence[str]) -> Outcome:
    """Tell the wearer what came of a training.

    Args:
        trained: the new head and how it compares.
        left_out: why takes could not be learnt, one sentence each.
    """
    return Outcome(
        "taken" if trained.better else "kept",
        _verdict(trained),
        (*left_out, *(f"{point.sentence}." for point in trained.advice)),
    )


def _verdict(trained: Trained) -> str:
    """Say which head is in use now, and why."""
    comparison = trained.comparison
    if comparison is not None and not comparison.keeps_up:
        return (
            f"The old head stays: it judged {comparison.old:.0%} of the windows of"
            f" {_takes(comparison.takes)} right that it had not learnt, the new one only"
            f" {comparison.new:.0%}."
        )
    labels = len(trained.head.labels)
    sentence = f"The new head for {labels} labels is in use"
    if trained.fitted.held_out is None:
        return f"{sentence}; there is too little to tell how good it is."
    how = (
        "of takes that it had not learnt"
        if trained.division.whole_takes
        else "that it had not learnt, some from the very takes that it learnt"
    )
    sentence += f": {trained.fitted.held_out.accuracy:.0%} right on windows {how}"
    if comparison is not None and comparison.takes:
        sentence += (
            f"; on {_takes(comparison.takes)} that both can be judged on"
            f" {comparison.new:.0%}, the old one {comparison.old:.0%}"
        )
    return sentence + "."


def _takes(count: int) -> str:
    return "1 take" if count == 1 else f"{count} takes"

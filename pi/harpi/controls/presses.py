"""What a press means, whether of a button on the arm or of a key on a laptop.

A press means one command, sometimes two, depending on how things stand; whether it is done
is the session's business.
"""

from __future__ import annotations

from harpi.commands import Command, Confirm, Record, Situation, Stop, Train


def label_pressed(situation: Situation, label: str, *, test: bool = False) -> list[Command]:
    """Begin a take of a label, end it, or go over from another label to it.

    Whoever goes over from one test take to the next goes on testing.

    Args:
        situation: how things stand.
        label: whose button or key it is.
        test: the take is for measuring.
    """
    begin = Record(label=label, test=test or situation.state == "testing", new=True)
    if situation.state not in ("recording", "testing"):
        return [begin]
    return [Stop()] if situation.label == label else [Stop(), begin]


def train_pressed(situation: Situation) -> list[Command]:
    """Train; or confirm what was asked after a long press."""
    return [Confirm()] if situation.asking else [Train()]

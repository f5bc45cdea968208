"""Every sentence that the session says to a person, in an answer or an event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from harpi import labels
from harpi.commands import (
    Command,
    Confirm,
    Delete,
    Evaluated,
    Import,
    LabelCount,
    Pause,
    Progress,
    Record,
    Relabel,
    Restore,
    Resume,
    Situation,
    Stop,
    Trim,
)
from harpi.config.schema import Config
from harpi.diary.bouts import Bout
from harpi.errors import CommandRefused, StoreError, UsageError
from harpi.imu.plausibility import range_to_set
from harpi.names import name_of
from harpi.session.recorder import Finished
from harpi.session.takes import Change
from harpi.store.queries import Action, Kind
from harpi.store.takes import Take

MOST_NAMED: Final = 12
"""Takes that a sentence names one by one."""

_BUSY_WITH_TRAINING: Final = "Wait until it is done, or cancel it with `harpi cancel`"


# --- refusals ---------------------------------------------------------------------------


def refusal(command: Command, situation: Situation) -> CommandRefused:
    """Say why a command cannot be done now, and what would work."""
    if situation.state in ("recording", "testing"):
        going_on = f"a take of {situation.label} is being recorded"
        if isinstance(command, Pause | Resume):
            return CommandRefused(f"{going_on}, nothing is being trained")
        return CommandRefused(going_on, remedy="Stop it first, with `harpi stop`")
    if situation.state == "training":
        if isinstance(command, Stop):
            return CommandRefused(
                "no take is being recorded, harpi is training",
                remedy="Cancel it with `harpi cancel`",
            )
        if isinstance(command, Resume):
            return CommandRefused("training is not paused, it is running")
        return CommandRefused("harpi is training", remedy=_BUSY_WITH_TRAINING)
    if situation.state == "paused":
        if isinstance(command, Pause):
            return CommandRefused(
                "training is paused already", remedy="Resume it with `harpi resume`"
            )
        return CommandRefused(
            "training is paused",
            remedy="Resume it with `harpi resume`, or cancel it with `harpi cancel`",
        )
    if isinstance(command, Stop):
        return CommandRefused(
            "no take is being recorded", remedy="Start one with `harpi record LABEL`"
        )
    if isinstance(command, Pause | Resume):
        return CommandRefused("nothing is being trained", remedy="Start it with `harpi train`")
    if isinstance(command, Confirm):
        return CommandRefused("nothing was asked, or it was too long ago")
    return CommandRefused("there is nothing to cancel")


def too_little(counts: Sequence[LabelCount], minimum: int) -> CommandRefused:
    """Say what training lacks."""
    lacking = "; ".join(needed(count) for count in counts if count.needed)
    return CommandRefused(
        f"training needs at least two labels with {_number(minimum, 'window')} each: {lacking}"
        if lacking
        else "training needs at least two labels",
        remedy="Record more with `harpi record LABEL`",
    )


def unknown_label(label: str, known: Sequence[str]) -> UsageError:
    """Say that there is no such label."""
    resembled = resembling(label, known)
    return UsageError(
        f"there is no take of {label!r}",
        remedy=f"Did you mean {resembled!r}" if resembled else f"There are: {listed(known)}",
    )


def no_samples() -> CommandRefused:
    """Say that a take came to nothing."""
    return CommandRefused(
        "no samples came from the sensor, so there is no take",
        remedy="Record for longer; if it happens again, see what `harpi status` says of the "
        "sensor",
    )


def nothing_to_correct() -> CommandRefused:
    """Say that there is no signal that could be corrected."""
    return CommandRefused(
        "since the last take ended there is no signal to correct, or too little",
        remedy="Continue the activity for some seconds, then correct it",
    )


def cut_short(finished: Finished) -> StoreError:
    """Say that the store failed while a take was recorded, and what is left of it."""
    failure = finished.failure
    assert failure is not None  # noqa: S101 - the caller asks only then
    left = (
        "nothing of the take is saved"
        if finished.take is None
        else f"take {finished.take.id} is saved up to second {finished.take.seconds:.0f}"
    )
    return type(failure)(
        f"{failure.problem}; {left}", where=failure.where, remedy=failure.remedy
    )


# --- labels -----------------------------------------------------------------------------


def checked_label(label: str) -> str:
    """Return a label as it is kept; see `harpi.labels`.

    Raises:
        UsageError: it is blank, too long, reserved, or cannot be shown.
    """
    if not label.strip():
        raise UsageError("a label cannot be blank", remedy="Name the activity")
    return labels.check_label(label)


def resembling(label: str, known: Iterable[str]) -> str | None:
    """Find a known label that this one may be a misspelling of; None where there is none."""
    return labels.resembling(label, list(known))


def did_you_mean(label: str, resembled: str) -> str:
    """Warn of a label that may be misspelt."""
    return (
        f"{label!r} is a new label; did you mean {resembled!r}? If so, `harpi undo` undoes this"
    )


# --- takes ------------------------------------------------------------------------------


def recording(request: Record) -> str:
    """Say that a take has begun."""
    what = "a test take of " if request.test else ""
    how_long = f" for {request.seconds:g} s" if request.seconds is not None else ""
    return f"Recording {what}{request.label}{how_long}."


def kept(finished: Finished, count: LabelCount | None) -> str:
    """Say what a take has brought."""
    take = finished.take
    assert take is not None  # noqa: S101 - the caller has one
    what = "Test take" if take.split == "test" else "Take"
    said = (
        f"{what} {take.id} of {take.label} is kept: {take.seconds:.1f} s, "
        f"{_number(finished.windows, 'window')}."
    )
    more = count is not None and count.needed and take.split == "train"
    return f"{said} {needed(count)}." if more and count is not None else said


def doubts(finished: Finished, config: Config) -> list[str]:
    """Say what is doubtful about a take."""
    take, judged = finished.take, finished.agreement
    assert take is not None  # noqa: S101 - the caller has one
    found = []
    if "too_short" in take.flags:
        window = config.signal.length / config.signal.rate
        margin = config.learning.margin_seconds
        found.append(
            f"It is too short to be used: a window lasts {window:.1f} s, and {margin:g} s"
            f" next to a press are not used. Record at least {window + 2 * margin + 1:.0f} s"
        )
    if "inconsistent" in take.flags:
        found.append(
            f"It contains different motions: seconds {judged.start:.0f} to "
            f"{judged.end:.0f} are unlike the rest. If they are not "
            f"{take.label}, undo it with `harpi undo`"
        )
    if finished.doubts.reasons:
        found.append(
            f"The sensor readings are implausible ({'; '.join(finished.doubts.reasons)}), so "
            "it "
            "is not used for training. See `harpi doctor`, and record it again"
        )
    ranges = (float(config.sensor.accel_range), float(config.sensor.gyro_range))
    for which, count in enumerate(finished.doubts.saturated):
        if count:
            found.append(
                f"{_number(count, 'sample')} {'is' if count == 1 else 'are'} at the end of the "
                f"range of the {('accelerometer', 'gyroscope')[which]}. "
                f"{range_to_set(which, ranges)}"
            )
    if take.gaps:
        found.append(f"{_number(take.gaps, 'gap')} in it, where the sensor gave no samples")
    return found


def dropped(take: Take) -> str:
    """Say that the take in progress was dropped."""
    return f"Cancelled take {take.id} of {take.label}. {_back(take)}"


def undone(kind: Kind, takes: Sequence[Take], *, by_deleting: bool) -> str:
    """Say what was taken back.

    Args:
        kind: of the action that was taken back, or that was done.
        takes: that it was about, as they are now.
        by_deleting: the action is the deletion itself.
    """
    which = f"take{'s' if len(takes) > 1 else ''} " + _enumerated(
        [f"{take.id} ({take.label})" for take in takes]
    )
    if by_deleting or kind in ("add", "restore"):
        return f"Deleted {which}. {_back(*takes)}"
    if kind == "delete":
        return f"Restored {which}."
    if kind == "relabel":
        return f"Named as before: {which}."
    return f"Trimmed as before: {which}."


_DONE: Final[dict[Kind, str]] = {
    "add": "added",
    "delete": "deleted",
    "restore": "restored",
    "relabel": "renamed",
    "trim": "trimmed",
}


def action(of: Action) -> str:
    """Name what was done: `take 3`, `takes 1 and 2 deleted`."""
    return which(of.takes) if of.kind == "add" else f"{which(of.takes)} {_DONE[of.kind]}"


def done_again(action: Action) -> str:
    """Say what was done once more."""
    return f"{_are(action.takes)} {_DONE[action.kind]} again."


def changed(command: Change, action: Action) -> str:
    """Say what was done to takes."""
    if not action.takes:
        return "Nothing has changed: it was like that already."
    are = _are(action.takes)
    match command:
        case Relabel(label=label, position=position):
            now = f" named {label}" if label else ""
            now += " and" if label and position else ""
            now += f" worn at {position}" if position else ""
            return f"{are} now{now}."
        case Trim():
            return f"{are} trimmed; nothing of the rest is lost."
        case Import():
            return f"{are} added. `harpi undo` undoes that."
        case Delete():
            return f"{are} deleted. `harpi undo` restores what was deleted last."
        case Restore():
            return f"{are} restored."


def purged(takes: Sequence[int]) -> str:
    """Say what was removed for good."""
    return f"{_are(takes)} removed for good."


def which(takes: Sequence[int]) -> str:
    """Name takes: `take 3`, `takes 3, 4 and 5`, and not more numbers than one can read."""
    return f"take{'' if len(takes) == 1 else 's'} {_enumerated(takes)}"


def _are(takes: Sequence[int]) -> str:
    named = which(takes)
    return f"{named[:1].upper()}{named[1:]} {'is' if len(takes) == 1 else 'are'}"


def _enumerated(names: Sequence[object]) -> str:
    shown = [str(name) for name in names[:MOST_NAMED]]  # of maybe thousands, at every event
    if len(names) > MOST_NAMED:
        return f"{', '.join(shown)} and {len(names) - MOST_NAMED} more"
    return listed(shown)


def _back(*takes: Take) -> str:
    if len(takes) > MOST_NAMED:
        return "`harpi takes restore` with their numbers restores them."
    numbers = " ".join(str(take.id) for take in takes)
    return f"`harpi takes restore {numbers}` restores {'it' if len(takes) == 1 else 'them'}."


# --- learning ---------------------------------------------------------------------------


def corrected(before: Bout, activity: str) -> str:
    """Say which bout of the diary was corrected, and how."""
    begun, ended = (datetime.fromtimestamp(t).astimezone() for t in (before.start, before.end))
    return (
        f"Bout {before.number}, {begun:%Y-%m-%d %H:%M} to {ended:%H:%M}, was {before.name}, "
        f"and is {activity} now."
    )


def erased(day: date, bouts: int) -> str:
    """Say what was deleted of the diary."""
    return f"Deleted from the diary of {day.isoformat()}: {_number(bouts, 'bout')}."


def needed(count: LabelCount) -> str:
    """Say how many windows a label lacks."""
    more = "window" if count.needed == 1 else "windows"
    return f"{count.label}: {count.needed} more {more} needed"


def progress(now: Progress) -> str:
    """Say how far training has come."""
    accuracy = (
        "" if now.accuracy is None else f", {now.accuracy:.0%} correct on held-out windows"
    )
    return f"Epoch {now.epoch} of at most {now.epochs}: loss {now.loss:.3f}{accuracy}"


def ask_to_forget(label: str | None, takes: int, seconds: float) -> str:
    """Ask whether to forget."""
    what = "everything that was recorded and trained" if label is None else f"the label {label}"
    return (
        f"This forgets {what} and deletes {_number(takes, 'take')}. Confirm within "
        f"{seconds:g} s."
    )


def forgotten(label: str | None, takes: int) -> str:
    """Say what was forgotten."""
    what = "Everything" if label is None else f"The label {label}"
    back = " `harpi undo` restores the takes." if takes else ""
    return f"{what} is forgotten, {_number(takes, 'take')} deleted.{back}"


def evaluating(tests: int) -> str:
    """Say that an evaluation has begun."""
    return f"Testing the models on {_number(tests, 'test take')}; everything else continues."


def evaluated(found: Evaluated) -> str:
    """Say what came of an evaluation."""
    shares = [f"{name_of(model)} {score.accuracy:.0%}" for model, score in found.scores.items()]
    right = f"{', '.join(shares)} of {_number(found.windows, 'window')} correct"
    return f"Run {found.run}: {right if shares else 'no model is trained'}."


def summary(situation: Situation) -> str:
    """Say in a sentence or two how things stand."""
    doing = {
        "idle": "Idle",
        "recording": f"Recording {situation.label}",
        "testing": f"Recording a test take of {situation.label}",
        "training": "Training",
        "paused": "Training is paused",
    }[situation.state]
    ready = [count.label for count in situation.labels if count.takes and not count.needed]
    lacking = [needed(count) for count in situation.labels if count.needed]
    testing = " The models are being tested." if situation.evaluating else ""
    enough = f" Enough takes of {listed(ready)}." if ready else ""
    return f"{doing}.{testing}{enough}{' ' + '; '.join(lacking) + '.' if lacking else ''}"


def listed(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

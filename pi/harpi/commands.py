"""What can be asked of harpi, and what it answers: one vocabulary for every door.

A button, an MQTT message, a click and a command line all send one of these commands, and
all get an `Answer`. As JSON a command is an object with its name under `command`::

    {"command": "record", "label": "walking", "seconds": 15}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Final, Literal, Protocol, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

from harpi.config.schema import Label
from harpi.errors import UsageError
from harpi.files import decode_json

LONGEST_TAKE: Final = 600.0
"""Seconds after which a take ends by itself: a button that was forgotten, or is stuck."""

MOST_CORRECTED: Final = 30.0
"""Seconds of signal that are remembered for a correction."""

LARGEST_MESSAGE: Final = 4096
"""Bytes of the longest command that is read from afar."""

LARGEST_LINE: Final = 1 << 18
"""Bytes of the longest command at the local socket: one that names `MOST_TAKES` takes."""

MOST_TAKES: Final = 16384
"""Takes that one command is about."""

Seconds = Annotated[float, Meta(gt=0, le=LONGEST_TAKE)]
TakeNumber = Annotated[int, Meta(ge=1, le=2**53)]
"""Number of a take in the store."""
TakeNumbers = Annotated[tuple[TakeNumber, ...], Meta(min_length=1, max_length=MOST_TAKES)]


class _Command(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="command",
    tag=str.lower,
):
    """Base of all commands: immutable, strict, told apart by `command`."""


class Record(_Command, frozen=True):
    """Begin a take."""

    label: Label
    """What the wearer is about to do."""
    seconds: Seconds | None = None
    """End by itself after this time; where not given, `Stop` ends it."""
    position: Label | None = None
    """Where on the body the sensor is; where not given, as at the last mounting."""
    test: bool = False
    """The take is for measuring, and is never learnt."""
    new: bool = False
    """The label is meant as it is written, even where it resembles a known one."""


class Stop(_Command, frozen=True):
    """End the take and keep it."""


class Correct(_Command, frozen=True):
    """Say that harpi was wrong just now: the last seconds become a take of what it was."""

    label: Label
    """What the wearer has been doing."""
    seconds: Annotated[float, Meta(gt=0, le=MOST_CORRECTED)] = 10.0
    """For how long, up to now; not back beyond the take before."""
    bout: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    """Number of a bout of the diary: that is corrected instead, and no take is made of it."""
    new: bool = False
    """The label is meant as it is written, even where it resembles a known one."""


class Erase(_Command, frozen=True):
    """Delete the diary of a day for good; takes and what was learnt of them stay."""

    day: date
    """The local day."""


class Undo(_Command, frozen=True):
    """Take back what was done last with takes; while one is being recorded, drop it."""

    whole: bool = False
    """Whatever was done last, delete the whole last take."""


class Redo(_Command, frozen=True):
    """Do again what was undone last, unless something else was done since."""


class Relabel(_Command, frozen=True):
    """Correct what the wearer did in takes, or where the sensor was; `Undo` takes it back."""

    takes: TakeNumbers
    label: Label | None = None
    """What the wearer did; where not given, it stays."""
    position: Label | None = None
    """Where on the body the sensor was; where not given, it stays."""


class Trim(_Command, frozen=True):
    """Use only a part of a take, or all of it again; `Undo` takes it back."""

    take: TakeNumber
    start: Annotated[float, Meta(ge=0)] = 0.0
    """First second that is used."""
    end: Annotated[float, Meta(gt=0)] | None = None
    """Second from which on nothing is used; where not given, all up to the end is."""


class Import(_Command, frozen=True):
    """Let takes count that were written into the store beforehand; `Undo` deletes them.

    An import first writes what it has read, where nobody sees it (`Store.stage`).
    """

    takes: TakeNumbers
    """Their numbers."""


class Delete(_Command, frozen=True):
    """Delete takes; `Restore` and `Undo` bring them back, until they are purged."""

    takes: TakeNumbers


class Purge(_Command, frozen=True):
    """Remove deleted takes for good."""

    takes: TakeNumbers
    confirmed: bool = False
    """Yes, really; without it, nothing is removed."""


class Restore(_Command, frozen=True):
    """Bring deleted takes back."""

    takes: TakeNumbers


class Train(_Command, frozen=True):
    """Learn from all takes that are kept."""


class Pause(_Command, frozen=True):
    """Let training rest."""


class Resume(_Command, frozen=True):
    """Go on with training."""


class Cancel(_Command, frozen=True):
    """Break off what goes on: drop the take, end training with the old head, forget nothing.

    Where none of these goes on, end the evaluation that does.
    """


class Forget(_Command, frozen=True):
    """Forget what was learnt and take back all takes, or those of one label.

    Without `confirmed` nothing is forgotten yet: harpi says what it would do, and waits some
    seconds for `Confirm`.
    """

    label: Label | None = None
    """Forget this one only; where not given, everything."""
    confirmed: bool = False
    """Yes, really."""


class Confirm(_Command, frozen=True):
    """Say yes to the question that harpi asks."""


class Use(_Command, frozen=True):
    """Predict with another of the heads that were kept, from now on."""

    head: Annotated[int, Meta(ge=1)] | None = None
    """Its number; where not given, the one that was in use before."""


class Discard(_Command, frozen=True):
    """Delete a kept head for good; the one in use is not deleted."""

    head: Annotated[int, Meta(ge=1)]
    """Its number."""


class Evaluate(_Command, frozen=True):
    """Test the three models on the test takes; sampling and recognition go on meanwhile."""


class Mount(_Command, frozen=True):
    """Say that the strap was taken off and put on again: a new session of takes begins."""

    position: Label | None = None
    """Where on the body it is now; where not given, where it was."""


class Guide(_Command, frozen=True):
    """Be guided through the first run, step by step; without activities, no more."""

    labels: Annotated[tuple[Label, ...], Meta(max_length=16)] = ()
    """The activities, in the order in which they are asked for; two at least."""
    position: Label | None = None
    """Where on the body the sensor is; where not given, as at the last mounting."""


class Status(_Command, frozen=True):
    """Ask how things stand; changes nothing."""


Command: TypeAlias = (
    Record
    | Stop
    | Correct
    | Erase
    | Undo
    | Redo
    | Relabel
    | Trim
    | Import
    | Delete
    | Restore
    | Purge
    | Train
    | Pause
    | Resume
    | Cancel
    | Forget
    | Confirm
    | Use
    | Discard
    | Evaluate
    | Mount
    | Guide
    | Status
)

State = Literal["idle", "recording", "testing", "training", "paused"]
"""What the session does: `testing` records a test take, `paused` is training at rest."""

Result = Literal["taken", "kept", "cancelled", "failed"]
"""How training ended: `taken`: the new head is in use; `kept`: it was not better than the
one before, which stays."""


class LabelCount(Struct, frozen=True, kw_only=True):
    """What is there of one label."""

    label: str
    takes: int = 0
    """Takes to learn from."""
    windows: int = 0
    """Windows in them."""
    needed: int = 0
    """Windows that training still asks for."""
    tests: int = 0
    """Takes to measure with."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far training has come."""

    epoch: int
    epochs: int
    """At most so many; training may stop earlier."""
    loss: float
    accuracy: float | None = None
    """Share of held-out windows that are judged right; None before the first look."""


class Score(Struct, frozen=True, kw_only=True):
    """How often a model was right in an evaluation."""

    accuracy: float
    """Share of all windows; a label that it does not know counts against it."""
    low: float | None = None
    high: float | None = None
    """The accuracy lies between these with 95 %; None where takes are too few to tell."""
    macro_f1: float


class Evaluated(Struct, frozen=True, kw_only=True):
    """An evaluation in short; the whole report is in the log of runs."""

    run: int
    """Number in the log, for `harpi evaluate compare` and the `report` request."""
    time: datetime
    """UTC."""
    takes: int
    windows: int
    scores: dict[str, Score]
    """By name of the model; one that had learnt nothing is left out."""
    findings: tuple[str, ...]
    """Which model is better than which, and how sure that is; sentences."""


class GuideStep(Struct, frozen=True, kw_only=True):
    """What a wearer who is being guided does next."""

    step: Literal["record", "train", "test", "evaluate", "done"]
    """`record` and `test` ask for a take, `train` and `evaluate` for these commands."""
    message: str
    """The step in a sentence or two; at the end, how good the models are."""
    label: str | None = None
    """What to do in the take."""
    number: int = 1
    """Which take of it."""
    of: int = 1
    """How many takes of it are asked for."""
    seconds: float | None = None
    """How long the take lasts."""


class Situation(Struct, frozen=True, kw_only=True):
    """How things stand at one moment."""

    state: State
    session: int | None
    """Number of this mounting of the strap; None before the first take."""
    position: str
    """Where on the body the sensor is."""
    label: str | None = None
    """What is being recorded."""
    since: datetime | None = None
    """UTC time at which the take began."""
    seconds: float | None = None
    """Length that was asked for the take."""
    asking: bool = False
    """`Forget` waits for `Confirm`."""
    progress: Progress | None = None
    """Of the training that goes on."""
    evaluating: bool = False
    """An evaluation goes on beside everything else."""
    labels: tuple[LabelCount, ...] = ()
    """What is there to learn from, the configured labels first."""
    notices: tuple[str, ...] = ()
    """What a person should know: the store is nearly full, or cannot be used."""
    undo: str | None = None
    """What `Undo` would take back, in a few words; None for nothing."""
    redo: str | None = None
    """What `Redo` would do again, likewise."""
    guide: GuideStep | None = None
    """What a wearer who is being guided does next; None for nobody."""


class ModelFigures(Struct, frozen=True, kw_only=True):
    """What a model was made from."""

    source: Annotated[str | None, Meta(description="file, or head; null when untrained")]
    digest: Annotated[
        str | None, Meta(description="of the file or of the head's base, 12 characters")
    ]
    labels: Annotated[int, Meta(ge=0, description="how many it can answer with")]


class Answer(Struct, frozen=True, kw_only=True):
    """What harpi says to a command."""

    ok: bool
    """Whether it was done."""
    message: str
    """One or two sentences; where it was not done, why, and what would work."""
    situation: Situation
    """How things stand afterwards."""
    warnings: tuple[str, ...] = ()
    """What is doubtful although it was done."""


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened in the session, for lights, MQTT, the page and `--wait`.

    `answer`: a command was answered. `notice`: something happened by itself: a take ended,
    training came to its end, a question ran out. `progress`: training went on by a step.
    """

    kind: Literal["answer", "notice", "progress"]
    time: datetime
    """UTC."""
    source: str
    """Who sent the command: `buttons`, `mqtt`, `command line`, ...; else `session`."""
    id: str | None = None
    """That of the request that is answered, where it came with one."""
    ok: bool
    message: str
    situation: Situation
    warnings: tuple[str, ...] = ()
    outcome: Result | None = None
    """How training ended, where that is what happened."""
    advice: tuple[str, ...] = ()
    """What to record next and why, after training; one sentence for each point."""
    evaluation: Evaluated | None = None
    """What came of an evaluation, where that is what happened."""


class SessionApi(Protocol):
    """The room that all doors lead to; the session is the real one."""

    @property
    def situation(self) -> Situation:
        """How things stand now; never waits."""
        ...

    def command(self, command: Command, source: str, *, at: float | None = None) -> Answer:
        """Do a command, or say why not; never raises for what a person can get wrong.

        Args:
            command: what to do.
            source: who asks, for the events: `buttons`, `mqtt`, `command line`, ...
            at: monotonic time of the press that it stands for; now where not given.
        """
        ...

    def subscribe(self, listener: Callable[[Event], object]) -> None:
        """Call `listener` with every event from now on; see `harpi.stream`."""
        ...

    def unsubscribe(self, listener: Callable[[Event], object]) -> None:
        """Call it no more; harmless where it was not subscribed."""
        ...


COMMANDS: Final[dict[str, type[Command]]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(Command)
}
"""All commands by the name that they have in JSON."""


def decode(content: bytes, *, largest: int = LARGEST_MESSAGE) -> Command:
    """Read a command from JSON.

    Args:
        content: the JSON.
        largest: bytes that it may have.

    Raises:
        UsageError: it is too long, no JSON, or no command; says which there are.
    """
    if len(content) > largest:
        raise UsageError(f"a command has at most {largest} bytes, this one has {len(content)}")
    try:
        command: Command = decode_json(content, Command)
    except msgspec.DecodeError as error:
        raise _refusal(_name_in(content), error) from None
    return command


def _name_in(content: bytes) -> str:
    """Return the name of the command that a JSON object is meant to be.

    Raises:
        UsageError: it is none.
    """
    try:
        fields = decode_json(content, object)
    except msgspec.DecodeError as error:
        raise UsageError(f"this is no JSON ({error})", remedy=_EXAMPLE) from None
    name = fields.get("command") if isinstance(fields, dict) else None
    if not isinstance(name, str):
        raise UsageError("this is no command", remedy=_EXAMPLE)
    return name


def decode_named(name: str, content: bytes) -> Command:
    """Read a command whose name stands elsewhere, as in the topic `harpi/<id>/set/<name>`.

    Args:
        name: one of `COMMANDS`.
        content: its other fields as a JSON object; empty for none.

    Raises:
        UsageError: there is no such command, or the fields are wrong.
    """
    if len(content) > LARGEST_MESSAGE:
        raise UsageError(
            f"a command has at most {LARGEST_MESSAGE} bytes, this one has {len(content)}"
        )
    if name not in COMMANDS:
        raise _refusal(name)
    try:
        fields = decode_json(content, object) if content.strip() else {}
    except msgspec.DecodeError as error:
        raise UsageError(f"{name}: this is no JSON ({error})", remedy=_takes(name)) from None
    if not isinstance(fields, dict):
        raise UsageError(f"{name}: this is no JSON object", remedy=_takes(name))
    try:
        return msgspec.convert({"command": name, **fields}, COMMANDS[name])
    except msgspec.ValidationError as error:
        raise _refusal(name, error) from None


_EXAMPLE: Final = 'Send a JSON object, such as {"command": "record", "label": "walking"}'


def _refusal(name: str, error: msgspec.DecodeError | None = None) -> UsageError:
    """Say that there is no such command, or what is wrong with its fields."""
    if name not in COMMANDS or error is None:
        shown = name if len(name) <= 48 else f"{name[:48]}..."
        return UsageError(
            f"there is no command {shown!r}", remedy=f"There are {', '.join(COMMANDS)}"
        )
    return UsageError(f"{name}: {_plainly(error)}", remedy=_takes(name))


def _takes(name: str) -> str:
    """Say which fields a command has."""
    names = COMMANDS[name].__struct_fields__
    return f"Its fields are {', '.join(names)}" if names else "It has no fields"


_KINDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
"""What the types of JSON are called."""


def _plainly(error: msgspec.DecodeError) -> str:
    """Say what is wrong with a field without the words of a schema."""
    text, _, place = str(error).partition(" - at `$")
    field = place.strip("`.") or "it"
    if lacks := re.fullmatch(r"Object missing required field `(\w+)`", text):
        return f"{lacks[1]} is missing"
    if more := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        return f"there is no field {more[1]}"
    if size := re.fullmatch(r"Expected `(\w+)` of length (<=|>=) (\d+)", text):
        kind = "characters" if size[1] == "str" else "entries"
        if size[2] == "<=":
            return f"{field} has more than {size[3]} {kind}"
        return f"{field} is empty" if size[3] == "1" else f"{field} has too few {kind}"
    if bound := re.fullmatch(r"Expected `\w+` (<=|>=|<|>) (\S+)", text):
        limit = f"{float(bound[2]):g}"
        words = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}
        return f"{field} has to be {words[bound[1]]} {limit}"
    if "matching regex" in text:
        return f"{field} has characters that cannot be shown"
    if text.startswith("Invalid value "):
        return f"{field} cannot be {text.removeprefix('Invalid value ')}"
    if other := re.fullmatch(r"Expected `([^`]*)`(?:, got `(\w+)`)?", text):
        wanted = [_KINDS.get(one, one) for one in other[1].split(" | ")]
        found = f", not {_KINDS.get(other[2], other[2])}" if other[2] else ""
        return f"{field} has to be {' or '.join(wanted)}{found}"
    return f"{field}: {text}" if place else text


def encode(message: Command | Answer | Event) -> bytes:
    """Write a command, an answer or an event as one line of JSON, without the line's end."""
    return msgspec.json.encode(message)


def checked(command: Command) -> Command:
    """Return a command as whoever receives it will read it.

    Raises:
        UsageError: a field cannot be, such as an empty label.
    """
    return decode(encode(command), largest=LARGEST_LINE)

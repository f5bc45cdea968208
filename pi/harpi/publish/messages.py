"""What harpi says over MQTT and to whoever asks it directly: the JSON and its schema.

The structures here are the only source of the schema that is published in `docs/`; a test
holds the two equal.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from harpi.commands import Evaluated, ModelFigures
from harpi.names import MODELS

if TYPE_CHECKING:
    from harpi.config.schema import DiarySection
    from harpi.diary.bouts import Bout
    from harpi.diary.keeper import News
    from harpi.timebase import Timebase
    from harpi.types import Prediction, Verdict

ONLINE: Final = b"online"

OFFLINE: Final = b"offline"
"""Payloads of `/status`; the broker itself sends the second when the daemon vanishes."""

HOP_LIMIT: Final = 1280
"""Bytes that a `/state` stays below, and with the `/history` of the same window, too, unless
the labels are very long."""

STATE_ROOM: Final = 900
"""Bytes that a `/state` keeps to where it can, by leaving out the least probable labels."""

Reason = Literal["full", "restart", "damaged", "refused"]
"""Why a gap is one."""

Version = Literal["5", "3.1.1"]
"""Version of MQTT."""

_DECIMALS: Final = 3

Time = Annotated[datetime, Meta(tz=True, description="UTC, RFC 3339")]

Probability = Annotated[float, Meta(ge=0, le=1)]

Count = Annotated[int, Meta(ge=0)]


class Opinion(Struct, frozen=True, kw_only=True):
    """What one model says of a window."""

    answer: Annotated[
        str | None, Meta(description="the activity; null when untrained or unknown")
    ]
    confidence: Annotated[float, Meta(ge=0, le=1, description="of the most probable label")]
    probabilities: Annotated[
        dict[str, Probability],
        Meta(description="most probable first; what rounds to 0 or has no room is left out"),
    ]
    unknown: Annotated[bool, Meta(description="the window is unlike anything it learnt")]
    trained: Annotated[bool, Meta(description="it has learnt something to answer with")]
    latency_ms: Annotated[float, Meta(ge=0, description="time that the model took")]

    @classmethod
    def of(cls, prediction: Prediction, latency: float) -> Opinion:
        """Round a prediction; `latency` in seconds."""
        ranked = sorted(
            zip(prediction.labels, prediction.probabilities.tolist(), strict=True),
            key=lambda pair: -pair[1],
        )
        rounded = ((label, round(share, _DECIMALS)) for label, share in ranked)
        return cls(
            answer=prediction.answer,
            confidence=round(min(prediction.confidence, 1.0), _DECIMALS),
            probabilities={label: min(share, 1.0) for label, share in rounded if share > 0},
            unknown=prediction.unknown,
            trained=prediction.trained,
            latency_ms=round(latency * 1000, _DECIMALS),
        )

    def shortened(self, labels: int) -> Opinion:
        """The same with only the most probable labels."""
        kept = dict(list(self.probabilities.items())[:labels])
        return msgspec.structs.replace(self, probabilities=kept)


NO_OPINION: Final = Opinion(
    answer=None, confidence=0, probabilities={}, unknown=False, trained=False, latency_ms=0
)
"""Of whoever has nothing to say, and of a harpi that gave no answer of its own yet."""


class State(Struct, frozen=True, kw_only=True):
    """One window, harpi's answer and what its three models say; retained, one for each hop."""

    time: Annotated[Time, Meta(description="when this was said")]
    sequence: Annotated[
        int,
        Meta(
            ge=0,
            description="number of the same verdict on `/history`; where that is off, counts "
            "the windows since the start",
        ),
    ]
    start: Annotated[Time, Meta(description="first sample of the window")]
    end: Annotated[Time, Meta(description="last sample of the window")]
    activity: Annotated[
        Opinion,
        Meta(
            description="harpi's answer: the models together, over time; `answer` is null when "
            "untrained, unknown or not worn"
        ),
    ] = NO_OPINION
    knn: Opinion
    generic: Opinion
    personal: Opinion
    worn: Annotated[
        bool | None, Meta(description="a body carries the sensor; null where nobody looked")
    ] = None

    @classmethod
    def of(cls, verdict: Verdict, sequence: int, timebase: Timebase) -> State:
        """Put a verdict into words, with the times of its window in UTC."""
        now, monotonic = datetime.now(UTC), timebase.monotonic()
        window = verdict.window
        opinions = {
            name: Opinion.of(prediction, verdict.latencies[name])
            for name, prediction in verdict.predictions.items()
        }
        answer = verdict.answer
        together = Opinion.of(answer, verdict.latencies.get(answer.model, 0.0))
        return cls(
            time=now,
            sequence=sequence,
            start=now + timedelta(seconds=window.start - monotonic),
            end=now + timedelta(seconds=window.end - monotonic),
            activity=msgspec.structs.replace(together, answer=verdict.activity),
            worn=verdict.worn,
            **opinions,
        )

    def encode(self) -> bytes:
        """Write as JSON of less than `STATE_ROOM` bytes, or `HOP_LIMIT` with long labels."""
        payload = msgspec.json.encode(self)
        names = ("activity", *MODELS)
        opinions: dict[str, Opinion] = {name: getattr(self, name) for name in names}
        keep = max(len(opinion.probabilities) for opinion in opinions.values())
        while len(payload) >= STATE_ROOM and keep > 0:
            keep -= 1
            shorter = {name: opinion.shortened(keep) for name, opinion in opinions.items()}
            payload = msgspec.json.encode(msgspec.structs.replace(self, **shorter))
        return payload


class Implausible(Struct, frozen=True, kw_only=True):
    """Something that the sensor shows and that cannot be true."""

    kind: Annotated[
        str,
        Meta(
            description="constant: it does not change; rail: at the end of its range; gravity: "
            "no acceleration on earth; quiet: less than its own noise"
        ),
    ]
    axes: Annotated[tuple[str, ...], Meta(description="of ax, ay, az, gx, gy, gz")]
    since: Annotated[Time, Meta(description="first sample that it is true of")]
    problem: Annotated[str, Meta(description="the same in words")]


class SensorFigures(Struct, frozen=True, kw_only=True):
    """How the sensor does; figures are since the start unless they say otherwise."""

    state: Annotated[str, Meta(description="running, asleep (nothing moves), recovering")]
    chip: str
    rate_hz: Annotated[float, Meta(ge=0, description="samples per second, as achieved")]
    jitter_ms: Annotated[
        float,
        Meta(ge=0, description="standard deviation of the samples' times to the clock fit"),
    ]
    clock_ppm: Annotated[float, Meta(description="error of the chip's clock, + is fast")]
    samples: Count
    lost: Annotated[int, Meta(ge=0, description="samples known to be missing")]
    gaps: Count
    recoveries: Annotated[int, Meta(ge=0, description="times the chip was set up again")]
    bus_share: Annotated[float, Meta(ge=0, description="share of the time the bus is in use")]
    temperature_c: Annotated[float | None, Meta(description="of the chip")]
    bus_khz: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="clock of the bus; null where no transfer was long enough"),
    ] = None
    fault: Annotated[
        str | None,
        Meta(description="what is recovered from, and what to do; null when well"),
    ] = None
    implausible: Annotated[
        tuple[Implausible, ...],
        Meta(description="what the values show that cannot be true, now"),
    ] = ()
    saturated_accel: Annotated[
        int, Meta(ge=0, description="samples at the end of the accelerometer's range")
    ] = 0
    saturated_gyro: Annotated[
        int, Meta(ge=0, description="samples at the end of the gyroscope's range")
    ] = 0
    disturbed: Annotated[
        int, Meta(ge=0, description="times that its registers were found changed")
    ] = 0


class RecognitionFigures(Struct, frozen=True, kw_only=True):
    """How the recognisers do."""

    windows: Count
    skipped: Annotated[int, Meta(ge=0, description="samples lost to windows by overload")]
    failed: Annotated[int, Meta(ge=0, description="windows that a model refused")]


class LinkFigures(Struct, frozen=True, kw_only=True):
    """How the link to the broker does."""

    sent: Count
    dropped: Annotated[int, Meta(ge=0, description="messages given up for newer ones")]
    connections: Annotated[int, Meta(ge=0, description="1 when it never broke")]
    waiting: Annotated[int, Meta(ge=0, description="of `/history`, for the broker")] = 0
    given_up: Annotated[
        int, Meta(ge=0, description="of `/history`, for want of room or by the broker")
    ] = 0
    version: Annotated[
        Version | None, Meta(description="of MQTT; null without a connection")
    ] = None


class Health(Struct, frozen=True, kw_only=True):
    """How the device does; retained, every `mqtt.health_seconds`."""

    time: Time
    version: str
    uptime_s: Annotated[float, Meta(ge=0)]
    sensor: SensorFigures
    recognition: RecognitionFigures
    mqtt: LinkFigures
    models: Annotated[dict[str, ModelFigures], Meta(description="by name of the model")]
    faults: Annotated[
        dict[str, int], Meta(description="of harpi itself since the start, by thread")
    ] = {}

    def encode(self) -> bytes:
        """Write as JSON."""
        return msgspec.json.encode(self)


class Answered(Struct, frozen=True, kw_only=True):
    """What one model answered, in short."""

    answer: str | None
    confidence: Probability


class _Numbered(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    stream: Annotated[str, Meta(description="name of the numbering; a new one begins anew")]
    sequence: Annotated[int, Meta(ge=0, description="one more than in the message before")]


NOT_ANSWERED: Final = Answered(answer=None, confidence=0)


class LoggedVerdict(_Numbered, frozen=True, tag="verdict"):
    """What harpi and its models say of one window; `answer` is null as in `/state`."""

    start: Annotated[Time, Meta(description="first sample of the window")]
    end: Annotated[Time, Meta(description="last sample of the window")]
    knn: Answered
    generic: Answered
    personal: Answered
    activity: Answered = NOT_ANSWERED
    worn: bool | None = None

    @classmethod
    def of(cls, state: State, stream: str, sequence: int) -> LoggedVerdict:
        """Shorten a state."""
        return cls(
            stream=stream,
            sequence=sequence,
            start=state.start,
            end=state.end,
            activity=_in_short(state.activity),
            knn=_in_short(state.knn),
            generic=_in_short(state.generic),
            personal=_in_short(state.personal),
            worn=state.worn,
        )


class LoggedResult(_Numbered, frozen=True, tag="result"):
    """How training ended, with what was measured on held-out takes."""

    time: Time
    result: Annotated[str, Meta(description="taken, kept, cancelled or failed")]
    message: str
    advice: tuple[str, ...] = ()


class LoggedEvaluation(_Numbered, frozen=True, tag="evaluation"):
    """What came of an evaluation; the request `report` gives the whole report."""

    evaluation: Evaluated


class Gap(_Numbered, frozen=True, tag="gap"):
    """The messages from `first` to `sequence` will not come."""

    first: Count
    reason: Annotated[
        Reason,
        Meta(
            description="full: no room for them; restart: lost with power, or never used; "
            "damaged: the disk gave back others than it was given; refused: the broker ends "
            "the connection for them"
        ),
    ]


Logged: TypeAlias = LoggedVerdict | LoggedResult | LoggedEvaluation | Gap
"""What comes on `/history`."""


def compose_gap(stream: str, first: int, last: int, reason: Reason) -> bytes:
    """Write the message that says that first to last will never come."""
    return msgspec.json.encode(Gap(stream=stream, sequence=last, first=first, reason=reason))


def _in_short(opinion: Opinion) -> Answered:
    return Answered(answer=opinion.answer, confidence=opinion.confidence)


class ActivityTotal(Struct, frozen=True, kw_only=True):
    """How long an activity lasted today, in all."""

    seconds: Annotated[float, Meta(ge=0)]
    bouts: Annotated[int, Meta(ge=0, description="that touch the day")]


class NudgeDue(Struct, frozen=True, kw_only=True):
    """What the wearer has done for longer than they want to (`diary.nudge_minutes`)."""

    activity: str
    minutes: Annotated[float, Meta(ge=0, description="for how long")]


class DiaryToday(Struct, frozen=True, kw_only=True):
    """The wearer's day until now; retained, once a minute and when a bout has ended."""

    date: Annotated[str, Meta(description="the local day, ISO 8601")]
    start: Annotated[Time, Meta(description="the local midnight at which it began")]
    time: Annotated[Time, Meta(description="when this was said")]
    activities: Annotated[
        dict[str, ActivityTotal], Meta(description="by activity, what lasted longest first")
    ]
    unknown: ActivityTotal
    not_worn: ActivityTotal
    nudge: Annotated[NudgeDue | None, Meta(description="what should end now")] = None
    goal_minutes: Annotated[
        float | None, Meta(description="of the activities of the goal; null without a goal")
    ] = None
    goal_done_minutes: float = 0.0

    @classmethod
    def of(cls, news: News, section: DiarySection) -> DiaryToday:
        """Tell of a day what it amounts to."""
        today, nothing = news.today, ActivityTotal(seconds=0, bouts=0)
        found = {
            total.name: ActivityTotal(seconds=round(total.seconds, 1), bouts=total.bouts)
            for total in today.totals
        }
        known = {total.name for total in today.totals if total.kind == "activity"}
        done = sum(t.seconds for t in today.totals if t.activity in section.goal_activities)
        due = news.nudge
        return cls(
            date=today.date.isoformat(),
            start=datetime.fromtimestamp(today.start, UTC),
            time=datetime.now(UTC),
            activities={name: total for name, total in found.items() if name in known},
            unknown=nothing if "unknown" in known else found.get("unknown", nothing),
            not_worn=nothing if "not worn" in known else found.get("not worn", nothing),
            nudge=NudgeDue(activity=due.activity, minutes=due.minutes) if due else None,
            goal_minutes=section.goal_minutes,
            goal_done_minutes=round(done / 60, 1),
        )


class EndedBout(Struct, frozen=True, kw_only=True):
    """A bout that has ended: one activity from when to when, or none that harpi knows."""

    kind: Literal["activity", "unknown", "not_worn"]
    activity: Annotated[str | None, Meta(description="null but for the kind `activity`")]
    start: Time
    end: Time
    seconds: Annotated[float, Meta(ge=0)]
    confidence: Annotated[
        Probability | None, Meta(description="mean of the answer's; null without one")
    ]
    interruptions: Annotated[
        int, Meta(ge=0, description="how often the answer was another for a moment")
    ]
    position: Annotated[str, Meta(description="where on the body the sensor was")]
    models: Annotated[str, Meta(description="which base and head said so")]

    @classmethod
    def of(cls, bout: Bout) -> EndedBout:
        """Tell of a bout."""
        return cls(
            kind=bout.kind,
            activity=bout.activity,
            start=datetime.fromtimestamp(bout.start, UTC),
            end=datetime.fromtimestamp(bout.end, UTC),
            seconds=round(bout.seconds, 2),
            confidence=None if bout.confidence is None else round(min(bout.confidence, 1), 3),
            interruptions=bout.interruptions,
            position=bout.position,
            models=bout.models,
        )


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of the payloads, by the last part of their topic."""
    from harpi.commands import Event, Situation
    from harpi.evaluation.report import Report

    references, definitions = msgspec.json.schema_components(
        [State, Health, Situation, Event, Logged, Report, DiaryToday, EndedBout],
        ref_template="#/$defs/{name}",
    )
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MQTT payloads of harpi",
        "description": "Topics are <prefix>/<device>/<name>. All but `event`, `history`, "
        "`report` and `bout` are retained; `status` is the plain text `online` or `offline`.",
        "properties": dict(
            zip(
                ("state", "health", "session", "event", "history", "report", "diary", "bout"),
                references,
                strict=True,
            )
        ),
        "$defs": definitions,
    }
    return _as_published(whole)  # type: ignore[no-any-return]


def _as_published(schema: Any) -> Any:
    """Give a schema in one form, in which no release of msgspec differs from another.

    They indent the text of docstrings differently, and order the alternatives of a union
    differently; neither means anything.
    """
    from inspect import cleandoc

    if isinstance(schema, list):
        return [_as_published(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    published = {key: _as_published(part) for key, part in schema.items()}
    if isinstance(text := published.get("description"), str):
        published["description"] = cleandoc(text)
    if "anyOf" in published:
        published["anyOf"].sort(key=lambda part: (part.get("type") == "null", str(part)))
    return published


class BrokerCondition(Struct, frozen=True, kw_only=True):
    """How the link to the broker stands."""

    address: str
    """Host and port."""
    connected: bool


class StoreCondition(Struct, frozen=True, kw_only=True):
    """How much room the takes have."""

    path: str
    used_mb: float
    limit_mb: int
    """Size at which recording is refused."""
    free_mb: float
    """What the disk has left."""


class PageCondition(Struct, frozen=True, kw_only=True):
    """How the page does."""

    url: str | None
    """Where a browser on this computer finds it; None where it cannot be had."""


class CalibrationCondition(Struct, frozen=True, kw_only=True):
    """What is taken out of the signal."""

    used: bool
    """The calibration of the chip is this chip's."""
    gyro: datetime | None = None
    """When the gyroscope was calibrated; None where it was not."""
    accel: datetime | None = None
    """When the accelerometer was."""
    residual_mg: float | None = None
    """What the fit of the accelerometer left, mg."""
    temperature_c: float | None = None
    """Of the chip at that time, °C."""
    mounting: datetime | None = None
    """When it was found how the strap is turned; None where that is not known."""
    turned_degrees: float | None = None
    """By how much it is turned against the first time."""


class RecentFigures(Struct, frozen=True, kw_only=True):
    """What was counted in the last five minutes; `health` has the totals since the start."""

    samples: int = 0
    """Samples that the sensor path delivered."""
    lost: int = 0
    """Samples known to be missing; those of a longer gap too, where it ended since."""
    gaps: int = 0
    """Gaps that ended."""
    disturbed: int = 0
    """Times that the chip's registers were found changed."""
    saturated_accel: int = 0
    """Samples at the end of the accelerometer's range."""
    saturated_gyro: int = 0
    """Samples at the end of the gyroscope's range."""
    blocks_failed: int = 0
    """Blocks of samples that could not be handed on."""
    windows_failed: int = 0
    """Windows that a model failed on."""
    skipped: int = 0
    """Samples lost to windows by overload."""


class Condition(Struct, frozen=True, kw_only=True):
    """How the device does at one moment."""

    device: str
    health: Health
    recent: RecentFigures = RecentFigures()
    broker: BrokerCondition | None = None
    """None where MQTT is switched off."""
    store: StoreCondition | None = None
    """None where the store cannot be used; `problems` says why."""
    page: PageCondition | None = None
    """None where it is switched off."""
    calibration: CalibrationCondition | None = None
    problems: tuple[str, ...] = ()
    """What is wrong and what to do about it, the worst first; sentences."""
    hints: tuple[str, ...] = ()
    """What is doubtful about how the sensor is worn, and what to do about it; sentences."""

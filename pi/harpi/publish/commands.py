"""Commands over MQTT: what is sent to `/set`, and what is answered on `/event`."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from harpi.commands import (
    LARGEST_MESSAGE,
    Answer,
    Command,
    Evaluated,
    Event,
    SessionApi,
    decode,
    decode_named,
)
from harpi.config.schema import CommandsSection
from harpi.errors import HarpiError, UsageError
from harpi.evaluation.runs import LAST, RunLog
from harpi.files import decode_json
from harpi.publish.messages import LoggedEvaluation, LoggedResult
from harpi.publish.publisher import MqttPublisher

SOURCE: Final = "mqtt"

WAITING: Final = 16
"""Requests that may wait while one is done; more are answered with a refusal."""

REFUSALS_PER_MINUTE: Final = 60
"""Answers to requests beyond the allowance: a flood must not become two."""

REMEMBERED: Final = 64
"""Requests with an id whose answers are remembered."""

AGAIN_SECONDS: Final = 60.0
"""For so long the same request with the same id is one that MQTT has delivered twice."""

_JOIN_SECONDS: Final = 2.0

log = logging.getLogger(__name__)


class MqttCommands:
    """Obeys what is sent to `/set`, and tells what happens on `/event` and `/session`.

    Requests are done one after the other on a thread of the door's own, between `start` and
    `stop`: the session may wait for a disk, the link never does.

    Args:
        publisher: the link to the broker, not started yet.
        room: who obeys.
        section: how many commands are done.
        runs: the log of evaluations.
    """

    def __init__(
        self, publisher: MqttPublisher, room: SessionApi, section: CommandsSection, runs: RunLog
    ) -> None:
        self._runs = runs
        self._publisher = publisher
        self._room = room
        self._section = section
        self._allowance = Allowance(section.per_minute, section.burst)
        self._refusals = Allowance(REFUSALS_PER_MINUTE, section.burst)
        self._done = Done()
        self._requests: queue.Queue[tuple[str, bytes] | None] = queue.Queue(WAITING)
        self._thread = publisher.supervisor.thread(self._work, "mqtt-commands")
        room.subscribe(self._tell)
        publisher.publish_session(room.situation)
        publisher.listen(self._take)

    def start(self) -> None:
        """Begin to obey."""
        self._thread.start()

    def stop(self) -> None:
        """End after the request that is being done; harmless when it was not started."""
        if self._thread.ident is None:
            return
        while True:
            try:
                self._requests.put_nowait(None)
                break
            except queue.Full:
                self._requests.get_nowait()
        self._thread.join(_JOIN_SECONDS)

    # --- on the thread of the link ------------------------------------------------------

    def _take(self, topic: str, payload: bytes) -> None:
        if not self._allowance.spend():
            self._turn_away(
                topic,
                payload,
                f"too many commands; harpi does {self._section.per_minute:g} a minute, and "
                f"{self._section.burst} at once",
            )
            return
        try:
            self._requests.put_nowait((topic, payload))
        except queue.Full:
            self._turn_away(topic, payload, f"{WAITING} commands wait already")

    def _turn_away(self, topic: str, payload: bytes, problem: str) -> None:
        if not self._refusals.spend():
            return
        try:
            identity = Request.read(topic, payload).identity
        except UsageError:
            identity = None
        error = UsageError(problem, remedy="Wait a little, then send it again")
        log.warning("%s", error)
        self._answer(identity, ok=False, message=str(error))

    # --- on the thread of the door ------------------------------------------------------

    def _work(self) -> None:
        while (request := self._requests.get()) is not None:
            self._obey(*request)

    def _obey(self, topic: str, payload: bytes) -> None:
        identity = None
        try:
            request = Request.read(topic, payload)
            identity = request.identity
            command = request.command()
        except UsageError as error:
            log.warning("%s", error)
            self._answer(identity, ok=False, message=str(error))
            return
        if isinstance(command, Repeat):
            self._repeat(identity, command)
            return
        if isinstance(command, ReportRequest):
            self._report(identity, command)
            return
        if (done := self._done.find(request)) is not None:
            self._answer(
                identity,
                ok=done.ok,
                message=f"This came twice and was done once: {done.message}",
            )
            return
        try:
            answer = self._room.command(command, SOURCE)
        except Exception:
            log.exception("a command from the broker failed")
            self._answer(identity, ok=False, message="This failed; the log of harpi says why.")
        else:
            self._done.note(request, answer)
            self._answer(identity, answer=answer, ok=answer.ok, message=answer.message)

    def _repeat(self, identity: str | None, request: Repeat) -> None:
        asked = max(0, request.last - request.first + 1)
        count = self._publisher.repeat(request.first, request.last)
        self._answer(
            identity,
            ok=count == asked,
            message=f"{count} of {asked} messages are sent again"
            + ("." if count == asked else "; the others are no longer kept."),
        )

    def _report(self, identity: str | None, request: ReportRequest) -> None:
        try:
            report = self._runs.read().find(LAST if request.run is None else str(request.run))
            self._publisher.publish_report(msgspec.json.encode(report))
        except HarpiError as error:
            self._answer(identity, ok=False, message=str(error))
        else:
            self._answer(identity, ok=True, message=f"Run {report.number} is on /report.")

    def _answer(
        self, identity: str | None, *, ok: bool, message: str, answer: Answer | None = None
    ) -> None:
        self._publisher.publish_event(
            Event(
                kind="answer",
                time=datetime.now(UTC),
                source=SOURCE,
                id=identity,
                ok=ok,
                message=message,
                situation=answer.situation if answer else self._room.situation,
                warnings=answer.warnings if answer else (),
            )
        )

    # --- on whichever thread it happens ---------------------------------------------------

    def _tell(self, event: Event) -> None:
        self._publisher.publish_session(event.situation)
        # What this door asked is answered by `_answer`, with the id of the request.
        if not (event.kind == "answer" and event.source == SOURCE):
            self._publisher.publish_event(event)
        if event.outcome is not None:
            self._log_training(event, event.outcome)
        if event.evaluation is not None:
            self._log_evaluation(event.evaluation)

    def _log_training(self, event: Event, result: str) -> None:
        self._publisher.record(
            lambda stream, number: msgspec.json.encode(
                LoggedResult(
                    stream=stream,
                    sequence=number,
                    time=event.time,
                    result=result,
                    message=event.message,
                    advice=event.advice,
                )
            )
        )

    def _log_evaluation(self, evaluation: Evaluated) -> None:
        self._publisher.record(
            lambda stream, number: msgspec.json.encode(
                LoggedEvaluation(stream=stream, sequence=number, evaluation=evaluation)
            )
        )


COMMAND: Final = "set"
"""Topic, below the device's own, of a command that names itself in its payload."""

Identity = Annotated[str, Meta(min_length=1, max_length=64)]


class Repeat(Struct, frozen=True, forbid_unknown_fields=True):
    """Say the messages from `first` to `last` of `/history` again."""

    first: Annotated[int, Meta(ge=0)]
    last: Annotated[int, Meta(ge=0)]


class ReportRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Say the whole report of an evaluation on `/report`."""

    run: Annotated[int, Meta(ge=1)] | None = None
    """Its number; the last one where not given."""


ASIDE: Final[dict[str, type[Repeat | ReportRequest]]] = {
    "repeat": Repeat,
    "report": ReportRequest,
}
"""The requests that ask for what was said or written before, and command nothing."""

_EXAMPLES: Final = {"repeat": '{"first": 120, "last": 140}', "report": '{"run": 3}'}


class Request(NamedTuple):
    """A request as it came; `identity` is None where it has none."""

    name: str | None
    identity: str | None
    fields: bytes

    @classmethod
    def read(cls, topic: str, payload: bytes) -> Request:
        """Take a message apart.

        Args:
            topic: `set` or `set/<name>`.
            payload: a JSON object with the fields of the command, and `id` where the answer
                is to carry it; `set/<name>` does without a payload where there are none.

        Raises:
            UsageError: it is too long, no JSON object, or its `id` is none.
        """
        name = topic.removeprefix(COMMAND).removeprefix("/") or None
        if len(payload) > LARGEST_MESSAGE:
            raise UsageError(
                f"a command has at most {LARGEST_MESSAGE} bytes, this one has {len(payload)}"
            )
        if not payload.strip():
            return cls(name, None, b"")
        try:
            fields = decode_json(payload, dict[str, msgspec.Raw])
            raw = fields.pop("id", None)
            identity = None if raw is None else decode_json(raw, Identity)
        except msgspec.DecodeError as error:
            raise UsageError(
                f"this is no command ({error})",
                remedy='Send a JSON object, as {"label": "walking", "id": "1"} to set/record',
            ) from None
        return cls(name, identity, msgspec.json.encode(fields))

    def command(self) -> Command | Repeat | ReportRequest:
        """Give the command, or what is asked for aside of commands.

        Raises:
            UsageError: there is no such command, or its fields are wrong.
        """
        if self.name is None:
            return decode(self.fields)
        if (kind := ASIDE.get(self.name)) is None:
            return decode_named(self.name, self.fields)
        try:
            return decode_json(self.fields or b"{}", kind)
        except msgspec.DecodeError as error:
            raise UsageError(
                f"these are no fields of {self.name} ({error})",
                remedy=f"It takes a JSON object as {_EXAMPLES[self.name]}",
            ) from None


class Done:
    """Remembers the answers to requests with an id: QoS 1 may deliver one twice.

    Not safe for several threads.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: dict[Request, tuple[float, Answer]] = {}

    def find(self, request: Request) -> Answer | None:
        """Give the answer to the same request; None where it is a new one."""
        when, answer = self._answers.get(request, (0.0, None))
        return answer if self._clock() - when < AGAIN_SECONDS else None

    def note(self, request: Request, answer: Answer) -> None:
        """Remember what was answered; the oldest is forgotten."""
        if request.identity is None:
            return
        self._answers.pop(request, None)
        if len(self._answers) >= REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[request] = (self._clock(), answer)


class Allowance:
    """How much may happen: `burst` at once, and `per_minute` in the long run.

    Not safe for several threads.
    """

    def __init__(
        self, per_minute: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._then = clock()

    def spend(self) -> bool:
        """Use one up; False where none is left."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._then) * self._per_second)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

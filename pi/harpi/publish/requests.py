"""What is sent to `/set`: a command, who asked, and how often that may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from harpi.commands import LARGEST_MESSAGE, Command, decode, decode_named
from harpi.decoding import decode_json
from harpi.errors import UsageError

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

"""From harpi's answer of every hop to bouts: one activity, from when to when.

The answers of neighbouring hops flicker, above all where one activity ends and the next begins.
The bouts are the sequence that costs least: each second in which a bout names something else
than the answer costs a second, and each change of bout costs `CHANGE_SECONDS` (the Potts
model; found by Viterbi, IEEE Trans. Inf. Theory 13:260, 1967). So what is shorter than that is
given to a neighbour, what is shorter than twice that does not interrupt the activity around it,
and no other rule for shortest lengths or for merging is needed. Bouts that are made into bouts
once more stay as they are.

Not to be worn and to be unknown are bouts, too. Where no signal came for a while there is none.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Literal

from msgspec import Struct, structs

from harpi.types import Verdict

CHANGE_SECONDS: Final = 6.0
"""What a change of bout costs; measured, see docs/diary.md."""

LAG_SECONDS: Final = 1.5
"""How much later than a change the answer changes, in the middle; measured likewise."""

PAUSE_SECONDS: Final = 10.0
"""Longest time without signal within a bout."""

MOST_PENDING: Final = 600
"""Hops that may be undecided; then the likeliest bouts are taken as they are."""

Kind = Literal["activity", "unknown", "not_worn"]


class Bout(Struct, frozen=True, kw_only=True):
    """One activity from when to when, or being unknown, or not being worn."""

    kind: Kind
    activity: str | None
    """What the wearer did; None but for the kind `activity`."""
    start: float
    end: float
    """Seconds since 1970, UTC."""
    confidence: float | None = None
    """Mean of the answer's while it named the activity; None but for the kind `activity`."""
    interruptions: int = 0
    """How often the answer was another for a moment."""
    position: str = "unspecified"
    """Where on the body the sensor was."""
    models: str = ""
    """Which base and head said so."""
    number: int = 0
    """In the diary; 0 where it is not there yet."""
    corrected: bool = False
    """The wearer said what it was."""
    going_on: bool = False
    """It had not ended when it was saved last."""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start

    @property
    def name(self) -> str:
        """What people are shown: the activity, `unknown` or `not worn`."""
        return self.activity or self.kind.replace("_", " ")

    def moved(self, seconds: float) -> Bout:
        """Return the same at another time."""
        return structs.replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True, slots=True)
class Hop:
    """What harpi says at the end of one window.

    Attributes:
        start, end: of the window, seconds since 1970, UTC.
        kind: as of a bout.
        activity: likewise.
        confidence: of the answer.
        position: where on the body the sensor is.
        models: which base and head said so.
    """

    start: float
    end: float
    kind: Kind
    activity: str | None = None
    confidence: float = 0.0
    position: str = "unspecified"
    models: str = ""

    @classmethod
    def of(cls, verdict: Verdict, offset: float, position: str = "", models: str = "") -> Hop:
        """Take what matters of a verdict; `offset` is what monotonic seconds lack to UTC."""
        activity = verdict.activity
        kind: Kind = "unknown" if activity is None else "activity"
        if verdict.worn is False:
            kind = "not_worn"
        window = verdict.window
        return cls(
            window.start + offset,
            window.end + offset,
            kind,
            activity,
            verdict.answer.confidence,
            position,
            models,
        )


_What = tuple[Kind, str | None]


class BoutMaker:
    """Makes bouts of hops, as they come; belongs to one thread.

    Args:
        change: what a change of bout costs, seconds.
        lag: how much later than a change the answer changes, seconds.
        pause: longest time without signal within a bout, seconds.
    """

    def __init__(
        self,
        change: float = CHANGE_SECONDS,
        lag: float = LAG_SECONDS,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._change = round(1000 * change)
        self._lag = lag
        self._pause = pause
        self._done: list[Bout] = []
        self._seen: float | None
        self._covered: float
        self._early: Hop | None
        self._open: _Piece | None
        self._hops: deque[Hop]
        # For each hop, who is better entered from whom than kept to: the way back.
        self._entered: deque[dict[_What, _What]]
        # Of the cheapest sequence that ends in each, milliseconds: whole ones add up exactly.
        self._costs: dict[_What, int]
        # Likewise in what was not said yet: all the time; None once something is decided.
        self._new: int | None
        self._reset()

    @property
    def seen(self) -> float | None:
        """When the last hop ended; None where nothing goes on."""
        return self._seen

    def push(self, hop: Hop) -> None:
        """Take the next hop; one that is not later than the last is left out."""
        if self._seen is not None:
            if hop.end <= self._seen:
                return
            if hop.start - self._seen > self._pause:
                self.finish()
        if self._seen is None:
            self._covered = hop.start
        self._seen = hop.end
        end = hop.end - self._lag
        if end > self._covered:
            self._add(replace(hop, start=self._covered, end=end))
            self._covered = end
        else:
            self._early = hop
        if len(self._hops) > MOST_PENDING:
            self._decide(len(self._hops), self._cheapest())

    def settled(self) -> list[Bout]:
        """Give the bouts that have ended and will not change, once each."""
        paths = {what: what for what in self._costs}
        least = min(self._costs.values(), default=0)
        # Else an activity yet to come may be all that there was.
        certain = self._new is None or self._new >= least + self._change
        for i in range(len(self._hops) - 1 if certain else 0, 0, -1):
            entered = self._entered[i]
            if entered:
                paths = {end: entered.get(at, at) for end, at in paths.items()}
            if len(set(paths.values())) == 1:
                self._decide(i, next(iter(paths.values())))
                break
        done, self._done = self._done, []
        return done

    def pending(self) -> list[Bout]:
        """Give what is known by now of the bouts that have not ended; the last goes on."""
        pieces = self._pieces(len(self._hops), self._cheapest()) if self._hops else []
        open_ones = [self._open.copy()] if self._open else []
        for what, hops in pieces:
            _lengthen(open_ones, what, hops)
        if not open_ones:
            if self._seen is None or self._early is None:
                return []
            open_ones = [_Piece((self._early.kind, self._early.activity), self._early)]
        bouts = [piece.bout() for piece in open_ones]
        if self._seen is not None:
            end = max(self._seen, bouts[-1].end)
            bouts[-1] = structs.replace(bouts[-1], end=end)
        return bouts

    def finish(self) -> None:
        """End the last bout: no more signal comes, or not for a while."""
        self._done += self.pending()
        self._reset()

    def shift(self, seconds: float) -> None:
        """Move what has not ended: the clock was set."""
        self._hops = deque(
            replace(hop, start=hop.start + seconds, end=hop.end + seconds) for hop in self._hops
        )
        self._done = [b.moved(seconds) for b in self._done]
        if self._open is not None:
            self._open.start += seconds
            self._open.end += seconds
        if self._early is not None:
            hop = self._early
            self._early = replace(hop, start=hop.start + seconds, end=hop.end + seconds)
        if self._seen is not None:
            self._seen += seconds
        self._covered += seconds

    # --- the cheapest sequence --------------------------------------------------------------

    def _reset(self) -> None:
        self._seen = None
        self._covered = 0.0
        self._early = None
        self._open = None
        self._hops = deque()
        self._entered = deque()
        self._costs = {}
        self._new = 0

    def _add(self, hop: Hop) -> None:
        """Go on by one hop: the cost of the cheapest sequence that ends in each kind."""
        length = round(1000 * hop.end) - round(1000 * hop.start)
        said = (hop.kind, hop.activity)
        cheapest = self._cheapest() if self._costs else said
        most = self._costs.get(cheapest, 0) + self._change
        if said not in self._costs:
            self._costs[said] = most + 1 if self._new is None else self._new
        entered: dict[_What, _What] = {}
        for what, cost in self._costs.items():
            if cost > most:
                entered[what] = cheapest
                cost = most
            self._costs[what] = cost + (0 if what == said else length)
        if self._new is not None:
            self._new += length
        self._hops.append(hop)
        self._entered.append(entered)

    def _cheapest(self) -> _What:
        return min(self._costs, key=self._costs.__getitem__)

    def _pieces(self, count: int, last: _What) -> list[tuple[_What, list[Hop]]]:
        """Cut the first hops as the sequence says that has `last` at the end of them."""
        pieces: list[tuple[_What, list[Hop]]] = []
        what = last
        for i in range(count - 1, -1, -1):
            if not pieces or pieces[-1][0] != what:
                pieces.append((what, []))
            pieces[-1][1].append(self._hops[i])
            what = self._entered[i].get(what, what)
        return [(what, hops[::-1]) for what, hops in reversed(pieces)]

    def _decide(self, count: int, last: _What) -> None:
        """Settle the first hops; what they end with goes on."""
        ended = [self._open] if self._open else []
        for what, hops in self._pieces(count, last):
            _lengthen(ended, what, hops)
        self._open = ended.pop()
        self._done += [piece.bout() for piece in ended]
        for _ in range(count):
            self._hops.popleft()
            self._entered.popleft()
        self._new = None
        if not self._hops:
            self._costs = {last: 0}


class _Piece:
    """A bout that grows."""

    def __init__(self, what: _What, hop: Hop) -> None:
        self.what = what
        self.start, self.end = hop.start, hop.end
        self.position, self.models = hop.position, hop.models
        self.seconds = self.weighed = 0.0
        self.interruptions = 0
        self.agreed = True

    def copy(self) -> _Piece:
        made = object.__new__(_Piece)
        made.__dict__.update(self.__dict__)
        return made

    def add(self, hop: Hop) -> None:
        agrees = (hop.kind, hop.activity) == self.what
        if agrees:
            self.seconds += hop.end - hop.start
            self.weighed += hop.confidence * (hop.end - hop.start)
        elif self.agreed:
            self.interruptions += 1
        self.agreed = agrees
        self.end = hop.end

    def bout(self) -> Bout:
        kind, activity = self.what
        known = kind == "activity" and self.seconds > 0
        return Bout(
            kind=kind,
            activity=activity,
            start=self.start,
            end=self.end,
            confidence=self.weighed / self.seconds if known else None,
            interruptions=self.interruptions,
            position=self.position,
            models=self.models,
        )


def _lengthen(pieces: list[_Piece], what: _What, hops: list[Hop]) -> None:
    if not pieces or pieces[-1].what != what:
        pieces.append(_Piece(what, hops[0]))
    for hop in hops:
        pieces[-1].add(hop)

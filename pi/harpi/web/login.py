"""Who may look and command: whoever has the password, or everybody where there is none."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from typing import Final

from harpi.web.throttle import Throttle

MOST_SESSIONS: Final = 64
"""Browsers that are logged in at once; one more, and the first is logged out."""

SESSION_SECONDS: Final = 30 * 24 * 3600.0
"""After this time a browser has to log in again."""

_EVERYBODY: Final = "everybody"


class TooManyFailuresError(Exception):
    """Wrong passwords came too often.

    Args:
        seconds: until the next try.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} s")
        self.seconds = seconds


class Login:
    """Checks passwords, and remembers the browsers that showed one.

    An address may fail five times and then once in ten seconds; all addresses together fifty
    times and then once a second.

    Args:
        password: None lets everybody in.
        clock: in seconds.
    """

    def __init__(
        self, password: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._password = None if password is None else _digest(password)
        self._clock = clock
        self._by_address = Throttle(5, 10.0, clock)
        self._by_all = Throttle(50, 1.0, clock)
        self._sessions: dict[str, float] = {}
        self._key = secrets.token_bytes(32)

    @property
    def required(self) -> bool:
        """Whether there is a password."""
        return self._password is not None

    def accepts(self, password: str, address: str) -> bool:
        """Whether it is the password; takes as long for a wrong one.

        Args:
            password: what was given.
            address: of who gives it.

        Raises:
            TooManyFailuresError: it is not even looked at.
        """
        if self._password is None:
            return True
        network = _network(address)
        wait = max(self._by_address.wait(network), self._by_all.wait(_EVERYBODY))
        if wait:
            raise TooManyFailuresError(wait)
        if hmac.compare_digest(_digest(password), self._password):
            return True
        self._by_address.fail(network)
        self._by_all.fail(_EVERYBODY)
        return False

    def begin(self) -> str:
        """Remember a browser that showed the password; give the secret for its cookie."""
        session = secrets.token_urlsafe(32)
        if len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session] = self._clock() + SESSION_SECONDS
        return session

    def knows(self, session: str | None) -> bool:
        """Whether the browser with this cookie may come in."""
        if self._password is None:
            return True
        # The cookie has 256 random bits: what the time of a look-up tells is of no use.
        end = self._sessions.get(session or "")
        return end is not None and self._clock() < end

    def end(self, session: str | None) -> None:
        """Forget a browser."""
        self._sessions.pop(session or "", None)

    def token(self, session: str | None) -> str:
        """Give what a browser has to send along with whatever changes something.

        Other sites may let it send requests with its cookie, but cannot read this.
        """
        whose = (session or "") if self.required else ""
        return hmac.new(self._key, whose.encode(), hashlib.sha256).hexdigest()

    def holds(self, token: str, session: str | None) -> bool:
        """Whether this is the token of that browser."""
        return hmac.compare_digest(token.encode(), self.token(session).encode())


def _digest(password: str) -> bytes:
    """Make all passwords equally long, so that comparing tells nothing of their length."""
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def _network(address: str) -> str:
    """Whoever has one IPv6 address has 2^64 of them: they count as one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)

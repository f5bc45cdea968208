"""Who may look and command, and what every request has to pass before.

Under one of the names of this device, so that no other site's name leads here (DNS
rebinding). With the cookie of a login or the password itself. And what changes something:
as JSON, from the page itself, and with the token that only the page can know (CSRF).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import re
import secrets
import socket
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harpi.config.checks import is_loopback
from harpi.web.peers import key_of, may_use

PROOF_HEADER: Final = "x-harpi-token"
"""In which the page sends its token."""

RAW: Final = "/api/parts/"
"""Below this, parts of files are sent; all else that is sent is JSON."""

OPEN: Final = ("/login", "/api/login", "/static/")
"""What can be asked for without a login."""

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "manifest-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""What every response says of how a browser shall treat it."""

_HOST: Final = re.compile(r"[\w.-]+(:\d+)?|\[[\w.:%-]+\](:\d+)?", re.ASCII)


class HostNames:
    """The names under which this device is asked for.

    Args:
        host: address that is served on.
        names: that the configuration gives besides.
    """

    def __init__(self, host: str, names: Iterable[str]) -> None:
        self._here_only = is_loopback(host)
        self._names = {"localhost", host.lower(), *(name.lower() for name in names)}
        if not self._here_only:
            own = socket.gethostname().lower()
            self._names |= {own, f"{own.partition('.')[0]}.local"}

    def __contains__(self, header: str) -> bool:
        """Whether a `Host` header names this device. A number is no name: it cannot lie."""
        if not _HOST.fullmatch(header):
            return False
        try:
            name = urlsplit(f"//{header}").hostname or ""
        except ValueError:
            return False
        try:
            address = ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return name.rstrip(".") in self._names
        return address.is_loopback or not self._here_only


class Guard:
    """Lets through what may pass, and answers the rest itself (ASGI middleware).

    Args:
        app: what is behind.
        login: who may.
        names: of this device.
        cookie: name of the cookie.
        group: `socket.group`, whose members may command harpi.
    """

    def __init__(
        self, app: ASGIApp, login: Login, names: HostNames, cookie: str, group: str | None
    ) -> None:
        self._app = app
        self._group = group
        self._login = login
        self._names = names
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        headers = Headers(scope=scope)
        scope["harpi.session"] = session = cookie_of(headers, self._cookie)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                mine = MutableHeaders(scope=message)
                mine.update(HEADERS)
                mine.setdefault("cache-control", "no-store")
            await send(message)

        app = self._refusal(scope, headers, session) or self._app
        await app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers, session: str | None) -> Response | None:
        if headers.get("host", "") not in self._names:
            return refuse(
                421, "This is not a name of this device. Its other names are set in web.names."
            )
        if not self._login.required and not may_use(
            scope["client"], scope["server"], self._group
        ):
            return refuse(
                403,
                "This user of the computer may not command harpi. Set web.password_file, or "
                "let the administrator put the user into the group in socket.group.",
            )
        path: str = scope["path"]
        by_password = False
        if not path.startswith(OPEN):
            scheme, _, password = headers.get("authorization", "").partition(" ")
            if scheme.lower() == "bearer" and self._login.required:
                if refusal := self._refusal_of(password, scope):
                    return refusal
                by_password = True
            elif not self._login.knows(session):
                if path == "/":
                    return RedirectResponse("/login", status_code=303)
                return refuse(401, "Log in first.")
        if scope["method"] in ("GET", "HEAD"):
            return None
        # Neither can be sent by a form of another site.
        wanted = "application/octet-stream" if path.startswith(RAW) else "application/json"
        if headers.get("content-type", "").partition(";")[0].strip() != wanted:
            return refuse(415, f"Send it as {wanted}.")
        # A browser never sends a password in a header by itself.
        return None if by_password else self._forgery(path, headers, session)

    def _refusal_of(self, password: str, scope: Scope) -> Response | None:
        try:
            if self._login.accepts(password.strip(), client_of(scope)):
                return None
        except TooManyFailuresError as error:
            return too_many(error)
        return refuse(401, "Wrong password.")

    def _forgery(self, path: str, headers: Headers, session: str | None) -> Response | None:
        """Refuse what another site made the browser send."""
        try:
            origin = urlsplit(headers.get("origin", "")).netloc
        except ValueError:
            origin = ""
        if not origin or origin != headers.get("host"):
            return refuse(403, "This comes from another site.")
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return refuse(403, "This comes from another site.")
        if path not in OPEN and not self._login.holds(headers.get(PROOF_HEADER, ""), session):
            return refuse(403, "The page is out of date. Load it again.")
        return None


def client_of(scope: Scope) -> str:
    """Name who asks."""
    return key_of(scope["client"], scope["server"])


def cookie_of(headers: Headers, name: str) -> str | None:
    """Give the value of a cookie; None where it was not sent."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return found.value if found else None


def refuse(status: int, why: str) -> Response:
    """Answer that something is not done, and why."""
    return JSONResponse({"ok": False, "message": why}, status)


def too_many(error: TooManyFailuresError) -> Response:
    """Answer that wrong passwords came too often."""
    seconds = math.ceil(error.seconds)
    answer = refuse(429, f"Too many wrong passwords. Try again in {seconds} s.")
    answer.headers["retry-after"] = str(seconds)
    return answer


MOST_SESSIONS: Final = 64
"""Browsers that are logged in at once; one more, and the first is logged out."""

SESSION_SECONDS: Final = 30 * 24 * 3600.0
"""After this time a browser has to log in again."""

SUSPECT_SECONDS: Final = 600.0
"""For so long who has failed waits for all others that have."""

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

    An address, or a user of this computer, may fail five times and then once in ten seconds;
    all that have failed lately, together, fifty times and then once a second. Whoever has not
    failed never waits.

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
        self._failed = Throttle(1, SUSPECT_SECONDS, clock)
        self._came_in: dict[str, None] = {}
        self._sessions: dict[str, float] = {}
        self._key = secrets.token_bytes(32)

    @property
    def required(self) -> bool:
        """Whether there is a password."""
        return self._password is not None

    def accepts(self, password: str, who: str) -> bool:
        """Whether it is the password; takes as long for a wrong one.

        Args:
            password: what was given.
            who: gives it; as of `harpi.web.peers.key_of`.

        Raises:
            TooManyFailuresError: it is not even looked at.
        """
        if self._password is None:
            return True
        wait = self._by_address.wait(who)
        if self._failed.wait(who):
            wait = max(wait, self._by_all.wait(_EVERYBODY))
        if wait:
            raise TooManyFailuresError(wait)
        if hmac.compare_digest(_digest(password), self._password):
            self._came_in.pop(who, None)
            if len(self._came_in) >= MOST_SESSIONS:
                del self._came_in[next(iter(self._came_in))]
            self._came_in[who] = None
            return True
        for throttle, key in (
            (self._by_address, who),
            (self._failed, who),
            (self._by_all, _EVERYBODY),
        ):
            throttle.fail(key)
        return False

    def has_let_in(self, who: str) -> bool:
        """Whether the right password has come from there."""
        return who in self._came_in

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


MOST_KEYS: Final = 16_384
"""Of so many is remembered how often they failed; the one that failed longest ago is
forgotten for a new one."""


class Throttle:
    """Lets fail some times at once, and then once in a while.

    Args:
        failures: that are free.
        seconds: after which one of them is forgiven.
        clock: in seconds.
    """

    def __init__(
        self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._clean_at: dict[Hashable, float] = {}
        """By who failed: when everything is forgiven; the latest to fail last."""

    def wait(self, key: Hashable) -> float:
        """Give the seconds until somebody may try again; 0 for at once."""
        debt = self._clean_at.get(key, -math.inf) - self._clock()
        return max(0.0, debt - (self._failures - 1) * self._seconds)

    def fail(self, key: Hashable) -> None:
        """Note that somebody failed."""
        now = self._clock()
        clean_at = max(self._clean_at.pop(key, now), now)
        if len(self._clean_at) >= MOST_KEYS:
            del self._clean_at[next(iter(self._clean_at))]
        self._clean_at[key] = clean_at + self._seconds

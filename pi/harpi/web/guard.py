"""What every request has to pass before anything is done for it.

Under one of the names of this device, so that no other site's name leads here (DNS
rebinding). With the cookie of a login or the password itself. And what changes something:
as JSON, from the page itself, and with the token that only the page can know (CSRF).
"""

from __future__ import annotations

import ipaddress
import math
import re
import socket
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harpi.config.checks import is_loopback
from harpi.web.login import Login, TooManyFailuresError

PROOF_HEADER: Final = "x-harpi-token"
"""In which the page sends its token."""

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
    """

    def __init__(self, app: ASGIApp, login: Login, names: HostNames, cookie: str) -> None:
        self._app = app
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
                421, "This is no name of this device. Its other names are set in web.names."
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
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return refuse(415, "Send JSON, as application/json.")
        # A browser never sends a password in a header by itself.
        return None if by_password else self._forgery(path, headers, session)

    def _refusal_of(self, password: str, scope: Scope) -> Response | None:
        try:
            if self._login.accepts(password.strip(), client_of(scope)):
                return None
        except TooManyFailuresError as error:
            return too_many(error)
        return refuse(401, "This is not the password.")

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
    """Give the address of who asks."""
    return str(scope["client"][0]) if scope.get("client") else ""


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

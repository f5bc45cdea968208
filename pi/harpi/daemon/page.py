"""The page, where it is switched on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from harpi.config.schema import Config
from harpi.errors import ControlError, StoreError
from harpi.signal.ring import Ring
from harpi.timebase import Timebase

if TYPE_CHECKING:
    from harpi.daemon.recognisers import Recognisers
    from harpi.learning.store import Store
    from harpi.publish.condition import Condition
    from harpi.session import Session
    from harpi.web.server import WebServer

log = logging.getLogger(__name__)


def make_page(
    config: Config,
    *,
    session: Session,
    ring: Ring,
    store: Store | StoreError,
    condition: Callable[[], Condition],
    recognisers: Recognisers,
    timebase: Timebase,
) -> WebServer | None:
    """Make the server of the page; None where it is switched off or cannot be.

    Raises:
        ConfigError: the password file or the certificate cannot be used.
    """
    if not config.web.enabled:
        return None
    from harpi.evaluation.runs import FILE_NAME

    try:
        from harpi.web.server import WebServer
    except ModuleNotFoundError as error:
        log.error(
            "web.enabled: the page needs %s. Install it with: pip install 'harpi[web]'. "
            "Going on without the page.",
            error.name,
        )
        return None
    from harpi.web.sources import Sources

    sources = Sources(
        room=session,
        ring=ring,
        store=store,
        condition=condition,
        evaluations=config.paths.state_folder / FILE_NAME,
        shelf=recognisers.shelf,
        base=recognisers.base,
        timebase=timebase,
    )
    return WebServer(config, sources)


def start_page(page: WebServer) -> None:
    """Serve the page; where that cannot be, say so and go on."""
    try:
        page.start()
    except ControlError as error:
        log.error("%s Going on without the page.", error)

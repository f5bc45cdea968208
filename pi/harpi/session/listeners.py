"""Whoever wants to know what happens in the session."""

from __future__ import annotations

import logging

from harpi.commands import Event, Listener

_log = logging.getLogger(__name__)


class Listeners:
    """Called with every event, in the order in which they came; one that fails deafens none.

    Listeners may come and go while others are called.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> None:
        """Call it from now on."""
        self._listeners = (*self._listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Call it no more; harmless where it was not there."""
        self._listeners = tuple(other for other in self._listeners if other != listener)

    def tell(self, event: Event) -> None:
        """Call all of them."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - one bad listener must not deafen the others
                _log.exception("a listener failed")

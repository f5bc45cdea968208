"""One stream of what happens: samples, verdicts, events of the session, news of the diary."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from harpi.supervisor import Supervisor

Happening = TypeVar("Happening")


class Stream:
    """Tells whatever happens to those who asked for its kind, in the order in which they asked.

    A listener is called on the thread on which the thing happened and must return at once: no
    waiting, no disk, no command from inside. One that fails is reported, and keeps nothing from
    the others. Listeners may come and go on any thread, also while others are called.

    Args:
        supervisor: sees the listeners that fail.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._lock = threading.Lock()
        self._listeners: dict[type, tuple[Callable[[Any], object], ...]] = {}

    def subscribe(self, kind: type[Happening], listener: Callable[[Happening], object]) -> None:
        """Call `listener` with everything of a kind from now on."""
        with self._lock:
            self._listeners[kind] = (*self._listeners.get(kind, ()), listener)

    def unsubscribe(
        self, kind: type[Happening], listener: Callable[[Happening], object]
    ) -> None:
        """Call it no more; harmless where it was not subscribed."""
        with self._lock:
            self._listeners[kind] = tuple(
                one for one in self._listeners.get(kind, ()) if one != listener
            )

    def tell(self, happened: object) -> None:
        """Tell what happened."""
        for listener in self._listeners.get(type(happened), ()):
            try:
                listener(happened)
            except Exception as error:  # noqa: BLE001 - told; the others are to hear of it
                self._supervisor.report(threading.current_thread().name, error)

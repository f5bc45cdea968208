"""Talking to systemd: ready, status, watchdog, stopping (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Tells the service manager how the daemon is; silent where there is none.

    Args:
        environment: where `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are looked
            up; the process's where not given.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        variables = os.environ if environment is None else environment
        address = variables.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = _watchdog_seconds(variables)

    @property
    def managed(self) -> bool:
        """Whether there is a service manager that listens."""
        return bool(self._address)

    @property
    def watchdog_seconds(self) -> float | None:
        """Silence after which the manager restarts the daemon; None where it does not."""
        return self._watchdog if self._address else None

    def ready(self) -> None:
        """Say that the start is complete."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Give one line for `systemctl status`."""
        self._send(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as gate:
            gate.setblocking(False)
            try:
                gate.sendto(message.encode(), self._address)
            except OSError:
                # A manager that is gone or busy must not hold the daemon up.
                return


def _watchdog_seconds(variables: Mapping[str, str]) -> float | None:
    microseconds = variables.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if variables.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 1e6

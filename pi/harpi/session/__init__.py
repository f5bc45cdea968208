"""The session: where samples and commands meet, and the only place where things change."""

from harpi.session.machine import Session

__all__ = ["Session"]

"""The session: where samples and commands meet, and the only place where things change."""

from harpi.session.session import Session

__all__ = ["Session"]

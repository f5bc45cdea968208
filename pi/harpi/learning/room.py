"""How much room the takes have left, by their own limit and on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harpi.config.schema import StoreSection
from harpi.errors import StoreFull
from harpi.learning.database import Database

MB: Final = 1_000_000
"""Bytes in a megabyte, as disks are sold."""


@dataclass(frozen=True, slots=True)
class Room:
    """Room at one moment.

    Attributes:
        used: bytes that the store takes up.
        free: bytes that its disk has left.
        limits: the limits that apply.
        where: the file that it is about.
    """

    used: int
    free: int
    limits: StoreSection
    where: str

    @classmethod
    def of(cls, database: Database, limits: StoreSection) -> Room:
        """Look how much room there is now."""
        used, free = database.used_bytes(), database.free_bytes()
        return cls(used, free, limits, str(database.path))

    def refusal(self) -> StoreFull | None:
        """The error with which a recording is refused now; None while there is room."""
        if self.used >= self.limits.limit_mb * MB:
            return StoreFull(
                f"the takes fill {self.used / MB:.0f} of {self.limits.limit_mb} MB",
                where=self.where,
                remedy="Purge deleted takes with `harpi takes purge`, export and delete old "
                "ones, or raise store.limit_mb",
            )
        if self.free < self.limits.keep_free_mb * MB:
            return StoreFull(
                f"the disk has only {self.free / MB:.0f} MB left, of which harpi leaves "
                f"{self.limits.keep_free_mb} MB to others",
                where=self.where,
                remedy="Free some space, purge deleted takes with `harpi takes purge`, or "
                "lower store.keep_free_mb",
            )
        return None

    def warning(self) -> str | None:
        """What to tell a person before it is too late; None while there is plenty."""
        if self.refusal() is not None:
            return str(self.refusal())
        if self.used >= self.limits.warn_mb * MB:
            return (
                f"The takes fill {self.used / MB:.0f} MB; at {self.limits.limit_mb} MB "
                "recording is refused. `harpi takes purge` makes room."
            )
        spare = self.limits.limit_mb - self.limits.warn_mb
        if self.free < (self.limits.keep_free_mb + spare) * MB:
            return (
                f"The disk has {self.free / MB:.0f} MB left; below "
                f"{self.limits.keep_free_mb} MB recording is refused."
            )
        return None

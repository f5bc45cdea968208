"""Who may use the sensor: one program at a time; daemon, doctor or calibration."""

from __future__ import annotations

from typing import Final

from harpi.config.schema import Config
from harpi.errors import AlreadyRunning
from harpi.learning.filelock import FileLock

FILE_NAME: Final = "sensor.lock"
"""Name of the lock within the folder `paths.runtime`."""


class SensorClaim:
    """The right to the sensor of a configuration, from now until `release`.

    Where the folder cannot be written, nobody else of this user's can have claimed it, and
    the claim is taken as granted.

    Args:
        config: which sensor.

    Raises:
        AlreadyRunning: another program of harpi uses it.
    """

    def __init__(self, config: Config) -> None:
        folder = config.paths.runtime_folder
        self._lock = FileLock(folder / FILE_NAME)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = self._lock.acquire()
        except OSError:
            return
        if not free:
            raise AlreadyRunning(
                "another program of harpi uses the sensor",
                where=str(folder / FILE_NAME),
                remedy="End it first: 'sudo systemctl stop harpi', or what runs in another "
                "terminal",
            )

    def release(self) -> None:
        """Give the sensor back; releasing twice is harmless."""
        self._lock.release()

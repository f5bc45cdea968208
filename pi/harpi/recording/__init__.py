"""Recordings of motion: what the emulator plays and what harpi hands to other programs."""

from harpi.recording.recording import Recording, read_each, write_together

__all__ = ["Recording", "read_each", "write_together"]

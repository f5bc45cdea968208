"""Recordings of motion: what the emulator plays and what harpi hands to other programs."""

from harpi.recording.raw import Hints
from harpi.recording.recording import (
    Recording,
    read_each,
    read_understood,
    read_whole,
    write_together,
)
from harpi.recording.understood import Understood

__all__ = [
    "Hints",
    "Recording",
    "Understood",
    "read_each",
    "read_understood",
    "read_whole",
    "write_together",
]

"""The doctor: looks at every part that harpi depends on, and says what to do about it."""

from harpi.doctor.context import Finding
from harpi.doctor.runner import CHECKS, examine

__all__ = ["CHECKS", "Finding", "examine"]

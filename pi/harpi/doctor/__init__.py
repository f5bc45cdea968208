"""The doctor: looks at every part that harpi depends on, and says what to do about it."""

from harpi.doctor.examination import CHECKS, examine
from harpi.doctor.finding import Finding

__all__ = ["CHECKS", "Finding", "examine"]

"""What can be wrong in the workshop; leaves of harpi's one tree of errors."""

from __future__ import annotations

from harpi.errors import HarpiError


class WorkshopError(HarpiError):
    """Base of everything the workshop raises on purpose."""

    exit_code = 2


class MissingLibrary(WorkshopError, ImportError):
    """A command needs a library that is not installed."""


class BaseRefused(WorkshopError, ValueError):
    """A base model that cannot be read, or cannot be cut where it was asked for."""


class WeightsUnreachable(BaseRefused):
    """Weights that would have to be downloaded, and cannot be."""


class HeadRefused(WorkshopError, ValueError):
    """A head that cannot be trained with builtin operators, or that does not fit the base."""


class ConversionRefused(WorkshopError, ValueError):
    """A converted file that failed one of the guards, or options that contradict."""


class DataRefused(WorkshopError, ValueError):
    """A data set that is missing, damaged, or not what its name says."""

    exit_code = 4


class OutputFailed(WorkshopError, OSError):
    """A result that could not be written; nothing half-written is left behind."""

    exit_code = 6


class ExportRefused(WorkshopError, ValueError):
    """A model that another format cannot hold, or that answers differently there."""

"""The daemon: builds the pieces from the configuration, starts and ends them."""

from harpi.daemon.daemon import Daemon

__all__ = ["Daemon"]

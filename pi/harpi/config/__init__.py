"""The configuration: what can be set, where it is read from, and what is refused."""

from harpi.config.schema import Config

__all__ = ["Config"]

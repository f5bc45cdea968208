"""All that is wrong with a configuration, told at once."""

from __future__ import annotations

from collections.abc import Sequence

from harpi.errors import ConfigError


class InvalidConfig(ConfigError):
    """A configuration with one or more mistakes; its text has one line for each.

    Args:
        problems: what is wrong, at least one.
    """

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        super().__init__(first.problem, where=first.where, remedy=first.remedy)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

"""What is known of steps, seen and to come, and how long a work takes still."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spreads:
    """Standard deviations of logarithms of seconds: how far apart things are.

    Attributes
    ----------
    machine, kind, step
        Of machines; of one machine's kinds of steps about it; of steps of one kind.
    once
        Of a step from time to time.
    again
        Of a step that this machine has done before, from what it took then.
    tried
        Of a step from what a trial on a small piece says; that is off alike for all steps of a kind.
    """

    machine: float = 0.7
    kind: float = 0.35
    step: float = 0.35
    once: float = 0.15
    again: float = 0.2
    tried: float = 0.25


@dataclass(frozen=True)
class Usual:
    """What a step takes as a rule.

    Attributes
    ----------
    key, kind
        Which step, and what kind of work it is.
    seconds
        What it took on this machine, or else by the table: all of it, or a unit where that is said.
    by_table
        Seconds of a unit by the table, for who compares the two; None where that has nothing like it.
    runs
        In how many earlier runs on this machine it was measured; 0 for one that was tried there at most.
    """

    key: str
    kind: str
    seconds: float
    by_table: float | None = None
    runs: int = 0

    @property
    def measured(self) -> bool:
        """Whether it was done on this machine before."""
        return self.runs > 0


@dataclass(frozen=True)
class Seen:
    """What is known of a step that has begun.

    Attributes
    ----------
    usual
        None where nothing is known.
    spent
        Seconds since it began, or that it took.
    share
        Of its work done, as it last said; 0 where it says nothing.
    at_share
        Seconds after which it said so.
    """

    usual: Usual | None
    spent: float
    share: float = 0.0
    at_share: float = 0.0

    @property
    def since(self) -> float:
        """Seconds since it last said how far it is."""
        return max(self.spent - self.at_share, 0.0)


@dataclass(frozen=True)
class TimeLeft:
    """How long a work takes still, in seconds.

    Attributes
    ----------
    seconds
        As likely more as less.
    least, most
        With four chances in five it lies between these.
    """

    seconds: float
    least: float
    most: float


NOTHING_LEFT = TimeLeft(0.0, 0.0, 0.0)

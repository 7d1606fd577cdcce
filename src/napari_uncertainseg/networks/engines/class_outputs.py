"""What the channels of a network with several classes mean, until its maps lie on the scan's own grid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassOutputs:
    """Channels of a network that gives logits of several classes.

    They travel together, because a softmax of what was resampled is not the resampled softmax.

    Attributes
    ----------
    target
        Numbers of the channels that make the target.
    overlapping
        Whether each class has a probability of its own (a sigmoid); otherwise they share one (a softmax).
    """

    target: tuple[int, ...]
    overlapping: bool

    @classmethod
    def of_network(cls, channels: int, target: tuple[int, ...], *, overlapping: bool) -> ClassOutputs | None:
        """What is known of a network's channels; None where one logit says all that there is to say."""
        return cls(target, overlapping) if channels > (1 if overlapping else 2) else None

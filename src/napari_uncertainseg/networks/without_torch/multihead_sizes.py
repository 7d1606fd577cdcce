"""What an engine needs to know of a multi-head network, from its shape alone: no network is built for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def multihead_sizes(features: Sequence[int], outputs: int) -> dict[str, Any]:
    """Sizes of a `MultiHeadUNet`, by the names that `Engine` has for them.

    Parameters
    ----------
    features
        Channels per resolution, finest first.
    outputs
        Heads of all styles.
    """
    divisor = 2 ** (len(features) - 1)
    return {
        "divisor": divisor,
        "smallest": 2 * divisor,
        "width": features[0],
        "heads_count": outputs,
        "mask_shapes": tuple((1, f, 1, 1, 1) for f in features[1:]),
    }

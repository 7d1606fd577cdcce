"""What is unusual in a result by itself, for models of which nobody says what scans they learnt from.

These are no statistics of a model: fixed bounds, far beyond what labelled scans gave (docs/audit.md). A
result that passes says nothing about the scan.
"""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._checks import as_mask, as_numbers, as_probabilities
from napari_uncertainseg.nouns import Noun, is_lesion
from napari_uncertainseg.prediction.prediction import Prediction

LEAST_HIGHEST = 0.5
"""Below this the largest probability in the brain says that the model sees nothing at all."""
LEAST_OF_MEASURED = 0.9
"""The same for models whose folder says what scans they learnt from: labelled scans have 0.99 at least."""
MOST_SHARE = 0.10
"""Of the brain that may be lesion; labelled scans have up to 0.05."""
MOST_ENTROPY = 0.1
"""Mean over the brain, nats; labelled scans have up to 0.035."""


def unusual_parts(
    probability: np.ndarray,
    entropy: np.ndarray,
    brain: np.ndarray,
    noun: Noun | None = None,
    *,
    measured: bool = False,
) -> list[str]:
    """In what a result is unusual, a part of a sentence each; nothing where it is not.

    Parameters
    ----------
    probability
        Mean, 0 to 1, any shape.
    entropy
        Of it, nats, the same shape.
    brain
        A mask of the same shape; nothing is said where it is empty.
    noun
        What is segmented, in words: only lesions are known to be a small part of the brain.
    measured
        Whether the model is one of ours, whose folder says what scans it learnt from.

    Raises
    ------
    InputError
        If an array is not of its kind.
    """
    noun = Noun() if noun is None else noun
    inside = as_mask(brain, "The brain")
    p = as_probabilities(probability)[inside]
    if not p.size:
        return []
    highest, share = float(p.max()), float((p >= 0.5).mean())
    mean = float(as_numbers(entropy, "The entropy")[inside].mean())
    parts = []
    if highest < (LEAST_OF_MEASURED if measured else LEAST_HIGHEST):
        parts.append(
            f"no voxel has a probability above {highest:.2f}: either there is no {noun.one}, or the model "
            "cannot read such a scan"
        )
    if is_lesion(noun.one) and share > MOST_SHARE:
        parts.append(f"{100 * share:.0f} % of the brain is outlined")
    if mean > MOST_ENTROPY:
        parts.append(f"the model is uncertain nearly everywhere (mean entropy {mean:.2f} nats)")
    return parts


def unusual_result(prediction: Prediction) -> list[str]:
    """`unusual_parts` of a prediction."""
    return prediction.derived(_of_prediction)


def _of_prediction(prediction: Prediction) -> list[str]:
    measured = "unlike_seen_scans" in prediction.information
    maps = prediction.probability, prediction.entropy, prediction.brain
    return unusual_parts(*maps, prediction.noun, measured=measured)

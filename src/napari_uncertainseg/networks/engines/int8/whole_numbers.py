"""What a network needs to compute with whole numbers of 8 bits: a few numbers for each convolution.

``int8.json`` beside the weights holds them, `experiments/int8.py` makes it. For each weight file, by its
hash, it says which convolutions may be rounded, between which values their input lies, and where wanted what
is added to their output so that its mean stays as it was (bias correction: Nagel et al., arXiv 1906.04721).
The rounded weights follow from the weights themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from napari_uncertainseg.disk.checked_json import read_json_if_there
from napari_uncertainseg.disk.validation import Strict, validated

WHOLE_NUMBERS = "int8.json"
_MOST_BYTES = 1 << 20
_LARGEST = 65504.0

Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST, description="a number")]


class RoundedLayer(Strict):
    """One convolution whose input and weights are rounded.

    Attributes
    ----------
    low, high
        Between which its input lies; what is beyond is cut off.
    shift
        Added to its output, for each channel; nothing where it is empty. Where a norm follows at once, it is
        added after the norm.
    """

    low: float = Field(ge=-_LARGEST, le=0, description="a number of at most 0")
    high: float = Field(gt=0, le=_LARGEST, description="a number above 0")
    shift: tuple[Number, ...] = Field(
        default=(), max_length=2048, strict=False, description="a list of up to 2048 numbers"
    )


RoundedLayers = Mapping[str, RoundedLayer]
"""By the names of the network's modules, as in ``encoder.1.0.0``."""


class WholeNumbers(Strict):
    """What ``int8.json`` holds.

    Attributes
    ----------
    about
        Where the numbers are from.
    networks
        The layers by the SHA-256 of the weights that they belong to.
    """

    version: Literal[1] = Field(description="1")
    about: str = Field(default="", description="text")
    networks: dict[str, dict[str, RoundedLayer]] = Field(
        max_length=64, description="an object: for each hash of weights its layers"
    )

    def of(self, sha256: str) -> RoundedLayers | None:
        """The layers that go with weights of this hash; None where there are none."""
        return self.networks.get(sha256) or None


def read_whole_numbers(folder: Path) -> WholeNumbers | None:
    """The numbers in a model's folder; None where there are none.

    Raises
    ------
    InputError
        If the file is there and cannot be read, or holds anything else.
    """
    path = folder / WHOLE_NUMBERS
    content = read_json_if_there(path, most_bytes=_MOST_BYTES)
    return None if content is None else validated(WholeNumbers, content, str(path))

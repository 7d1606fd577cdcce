"""What a network needs to compute with whole numbers of 8 bits: a few numbers for each convolution.

``int8.json`` beside the weights holds them, `experiments/int8.py` makes it. For each weight file, by its
hash, it says which convolutions may be rounded, and which numbers the 256 levels of their inputs stand for.
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
Step = Annotated[float, Field(gt=0, le=_LARGEST, description="a number above 0")]


class RoundedLayer(Strict):
    """One convolution whose input and weights are rounded.

    Level q of channel c stands for ``offsets[c] + (q - zero) * steps[c]``.

    Attributes
    ----------
    steps
        From one level to the next: a number for all channels of the input, or one for each.
    zero
        The level that stands for 0, or for the offset; what is below level 0 or above 255 is cut off.
    offsets
        Likewise, for one channel or each; 0 where it is empty. They keep the mean of what LeakyReLU leaves
        below 0, which is smaller than a step. Not for transposed convolutions. Around the image an input
        counts as its offset.
    """

    steps: tuple[Step, ...] = Field(
        min_length=1, max_length=2048, strict=False, description="a list of 1 to 2048 numbers above 0"
    )
    zero: int = Field(ge=0, le=255, description="a whole number from 0 to 255")
    offsets: tuple[Number, ...] = Field(
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

    version: Literal[2] = Field(description="2")
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

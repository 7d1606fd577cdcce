"""How a bundle's network is run and what its outputs mean: inferer, post-processing, channel names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.modalities import FURTHER_MODALITIES, MODALITIES, REFERENCE
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.formats.monai.components import Component
from napari_uncertainseg.networks.formats.monai.configuration import plain_name

_MASK_ONLY = ("KeepLargestConnectedComponentd", "RemoveSmallObjectsd", "FillHolesd", "LabelFilterd")
"""What changes the mask after the threshold; lesions are made from the probabilities here."""
NOT_READ = (
    "Invertd",
    "SaveImaged",
    "EnsureTyped",
    "ToTensord",
    "CastToTyped",
    "EnsureChannelFirstd",
    "Lambdad",
)
"""Post-processing that is done otherwise here: maps always lie on the scan's own grid."""
_SPEED_ONLY = ("sw_batch_size", "sw_device", "device", "progress", "cache_roi_weight_map", "cpu_thresh",
               "buffer_steps", "buffer_dim")  # fmt: skip
"""Options of an inferer that do not change its numbers."""

_TARGETS = re.compile(r"lesion|plaque|wmh|hyperintens|(?<![a-z])ms(?![a-z])", re.IGNORECASE)
_NO_TARGET = re.compile(r"background|^bg$", re.IGNORECASE)
_NO_NAME = re.compile(r"(image|img|channel|input|scan|mri?|data)?[ _-]*\d*", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What the outputs mean.

    Attributes
    ----------
    sigmoid
        Whether each channel has a probability of its own.
    threshold
        Probability at and above which a voxel belongs to the target.
    notes
        What is not honoured, one sentence each.
    """

    sigmoid: bool
    threshold: float = 0.5
    notes: tuple[str, ...] = ()


def read_inferer(one: Component | None, place: str) -> Patches:
    """The windows of a ``SlidingWindowInferer``.

    Raises
    ------
    InputError
        If it is another one, or lacks sizes.
    """
    if one is None or one.kind != "SlidingWindowInferer":
        raise InputError(f"{place} should be a SlidingWindowInferer.")
    one.check_known(("roi_size", "overlap", "mode", "sigma_scale", "padding_mode", "cval"), _SPEED_ONLY)
    sides = one.options.get("roi_size")
    sides = [sides] * 3 if isinstance(sides, int) else sides
    if (
        not isinstance(sides, list)
        or len(sides) != 3
        or not all(type(side) is int and 8 <= side <= 512 for side in sides)
    ):
        raise one.refuse("'roi_size' should be three numbers of voxels, each from 8 to 512")
    overlap, sigma = one.number("overlap", 0.25), one.number("sigma_scale", 0.125)
    mode = one.options.get("mode", "constant")
    if overlap is None or sigma is None or not (0 <= overlap < 0.95 and 0.01 <= sigma <= 10):
        raise one.refuse("'overlap' should be a number from 0 to 0.94")
    if mode not in ("constant", "gaussian") or one.options.get("padding_mode", "constant") != "constant":
        raise one.refuse("'mode' should be constant or gaussian, and 'padding_mode' constant")
    if one.number("cval", 0.0):
        raise one.refuse("'cval' should be 0")
    x, y, z = sides
    return Patches((x, y, z), overlap, "regular", mode, sigma)


def read_answer(transforms: Sequence[Component], channels: int, place: str) -> Answer:
    """What post-processing makes of the outputs.

    Raises
    ------
    InputError
        If it says neither sigmoid nor softmax, or holds what would change the probabilities.
    """
    sigmoid: bool | None = None
    threshold, notes = 0.5, []
    for one in transforms:
        if one.kind == "Activationsd":
            one.check_known(("sigmoid", "softmax", "keys", "allow_missing_keys"))
            if one.truth("sigmoid") or one.truth("softmax"):
                sigmoid = one.truth("sigmoid")
        elif one.kind == "AsDiscreted":
            one.check_known(("argmax", "threshold", "keys", "allow_missing_keys"), ("to_onehot", "rounding"))
            if one.truth("argmax") and sigmoid is None:
                sigmoid = False
            threshold = one.number("threshold", threshold) or threshold
        elif one.kind in _MASK_ONLY:
            notes.append(
                f"The bundle's {one.kind[:-1]} is not done: lesions are made from the probabilities."
            )
        else:
            raise one.refuse(f"the post-processing {one.kind} is not honoured")
    if sigmoid is None or (not sigmoid and channels == 1):
        raise InputError(f"{place} should say by Activationsd whether outputs become a sigmoid or a softmax.")
    if not 0 < threshold < 1:
        raise InputError(f"{place}: 'threshold' should be between 0 and 1.")
    return Answer(sigmoid, threshold, tuple(notes))


def names_of_channels(metadata: Mapping[str, Any], side: str, place: str) -> list[str]:
    """Names in ``channel_def`` of the only input or output, in their order; none where there are none.

    Raises
    ------
    InputError
        If they are no numbered names.
    """
    found: Any = metadata.get("network_data_format", {})
    for step in (side, None):
        found = found if isinstance(found, Mapping) else {}
        found = found.get(step, {}) if step else next(iter(found.values()), {})
    defined = found.get("channel_def", {}) if isinstance(found, Mapping) else {}
    if not isinstance(defined, Mapping) or len(defined) > 256:
        raise InputError(f"{place}: 'channel_def' of '{side}' should name each channel by its number.")
    numbers = [str(number) for number in range(len(defined))]
    if sorted(defined) != sorted(numbers) or not all(isinstance(name, str) for name in defined.values()):
        raise InputError(f"{place}: 'channel_def' of '{side}' should name each channel by its number.")
    return [defined[number].strip()[:60] for number in numbers]


def modalities_of(names: Sequence[str], metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """What a network reads, by the names of its channels.

    Parameters
    ----------
    names
        Of the channels.
    metadata
        Of the bundle: where a name says nothing, and there is only one, its other texts are searched.
    """
    found: list[str] = []
    for name in names:
        guess = _modality(name)
        if guess is None and len(names) == 1 and _NO_NAME.fullmatch(name):
            guess = next((g for text in _texts(metadata) if (g := _modality(text)) is not None), None)
        base = guess or plain_name(name.lower(), "image")
        copies = sum(other == base or other.startswith(f"{base}-") for other in found)
        found.append(f"{base}-{copies + 1}" if copies else base)
    return tuple(found)


def _modality(text: str) -> str | None:
    lower = text.lower()
    order = [REFERENCE, *FURTHER_MODALITIES, *(name for name in MODALITIES if name != REFERENCE)]
    table = {**MODALITIES, **FURTHER_MODALITIES}
    return next((name for name in order if re.search(table[name].words, lower)), None)


def _texts(metadata: Mapping[str, Any]) -> list[str]:
    inputs: Any = metadata.get("network_data_format", {})
    inputs = inputs.get("inputs", {}) if isinstance(inputs, Mapping) else {}
    first: Any = next(iter(inputs.values()), {}) if isinstance(inputs, Mapping) else {}
    said = [first.get("modality") if isinstance(first, Mapping) else None]
    said += [metadata.get(key) for key in ("image_classes", "name", "task", "description")]
    return [text for text in said if isinstance(text, str)]


def target_of(names: Sequence[str], *, sigmoid: bool) -> tuple[tuple[int, ...], str]:
    """Which channels make the target, and its name.

    What is called lesion, or something of its kind; else all but the background.
    """
    lesions = [n for n, name in enumerate(names) if _TARGETS.search(name) and not _NO_TARGET.search(name)]
    first = 0 if sigmoid or len(names) == 1 else 1
    others = [n for n in range(first, len(names)) if not _NO_TARGET.search(names[n])]
    chosen = lesions or others or list(range(first, len(names)))
    if lesions or len(chosen) != 1 or re.fullmatch(r"class \d+", names[chosen[0]]):
        return tuple(chosen), "lesion" if lesions or len(chosen) == 1 else "target"
    return tuple(chosen), names[chosen[0]]

"""How a bundle's network is run and what its outputs mean: inferer, post-processing, channel names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.modalities import modality_called
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.foreign_steps import Step
from napari_uncertainseg.networks.formats.monai.components import Component
from napari_uncertainseg.networks.formats.monai.configuration import plain_name
from napari_uncertainseg.networks.formats.monai.geometry import first
from napari_uncertainseg.networks.formats.monai.sizes import Edge, Fit
from napari_uncertainseg.nouns import LESION, is_lesion, noun_of

_MASK_ONLY = (
    "KeepLargestConnectedComponentd",
    "RemoveSmallObjectsd",
    "FillHolesd",
    "LabelFilterd",
    "MapLabelValued",
    "LabelToContourd",
)
"""What changes the mask after the threshold; lesions are made from the probabilities here."""
_DONE_OTHERWISE = (
    "SaveImaged",
    "EnsureTyped",
    "ToTensord",
    "ToDeviced",
    "ToNumpyd",
    "CastToTyped",
    "EnsureChannelFirstd",
    "SqueezeDimd",
    "DeleteItemsd",
    "SelectItemsd",
    "CopyItemsd",
    "Identityd",
)
"""Post-processing that changes no probability."""
UNREAD: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Lambdad", *_DONE_OTHERWISE, *_MASK_ONLY), ()),
    "Invertd": ("nearest_interp",),
}
"""Post-processing of which only these options are looked at: maps always lie on the scan's own grid."""
_SPEED_ONLY = ("sw_batch_size", "sw_device", "device", "progress", "cache_roi_weight_map", "cpu_thresh",
               "buffer_steps", "buffer_dim")  # fmt: skip
"""Options of an inferer that do not change its numbers."""

_NO_TARGET = re.compile(r"background|^bg$", re.IGNORECASE)
_NO_NAME = re.compile(r"(image|img|channel|input|scan|mri?|data)?[ _-]*\d*", re.IGNORECASE)
_UNNAMED = re.compile(r"class \d+")


@dataclass(frozen=True)
class Answer:
    """What the outputs mean.

    Attributes
    ----------
    sigmoid
        Whether each channel has a probability of its own.
    threshold
        Probability at and above which a voxel belongs to the target.
    as_logits
        Whether outputs come back onto the scan's grid before they become probabilities.
    nearest
        Whether maps come back by the nearest voxel, and not in the way of the scans.
    notes
        What is not honoured, one sentence each.
    """

    sigmoid: bool
    threshold: float = 0.5
    as_logits: bool = False
    nearest: bool = False
    notes: tuple[str, ...] = ()


def read_inferer(one: Component | None, place: str) -> tuple[Patches | None, tuple[Step, ...]]:
    """The windows of an inferer.

    Returns
    -------
    Patches, tuple of Step
        None for the whole scan at once; and what is done to scans that are smaller than a window.

    Raises
    ------
    InputError
        If it is another inferer than SlidingWindowInferer and SimpleInferer, or lacks sizes.
    """
    if one is not None and one.kind == "SimpleInferer":
        return None, ()
    if one is None or one.kind not in _SLIDING:
        raise InputError(f"{place} should be a SlidingWindowInferer or a SimpleInferer.")
    one.check_known(("roi_size", "overlap", "mode", "sigma_scale", "padding_mode", "cval"), _SPEED_ONLY)
    said = one.options.get("roi_size")
    sides = [n for n in (said if isinstance(said, list) else [said] * 3) if type(n) is int and 8 <= n <= 512]
    if len(sides) != 3 or (isinstance(said, list) and len(said) != 3):
        raise one.refuse("'roi_size' should be three numbers of voxels, each from 8 to 512")
    overlaps = one.options.get("overlap")
    overlap = _the_one(overlaps) if isinstance(overlaps, list) else one.number("overlap", 0.25)
    sigma = one.number("sigma_scale", 0.125)
    if overlap is None or sigma is None or not (0 <= overlap < 0.95 and 0.01 <= sigma <= 10):
        raise one.refuse("'overlap' should be a number from 0 to 0.94")
    mode, edge = one.options.get("mode", "constant"), one.options.get("padding_mode", "constant")
    if mode not in ("constant", "gaussian") or edge not in _EDGES:
        raise one.refuse(
            "'mode' should be constant or gaussian, and 'padding_mode' constant, replicate or reflect"
        )
    x, y, z = sides
    value = one.number("cval", 0.0) or 0.0
    small = () if edge == "constant" and not value else (Fit((x, y, z), edge=_EDGES[edge], value=value),)
    return Patches((x, y, z), overlap, "regular", mode, sigma), small


_SLIDING = ("SlidingWindowInferer", "SlidingWindowInfererAdapt")
_EDGES: Mapping[str, Edge] = {"constant": "constant", "replicate": "edge", "reflect": "reflect"}


def _the_one(values: Sequence[Any]) -> float | None:
    """What is the same for each axis."""
    same = bool(values) and all(isinstance(one, int | float) and one == values[0] for one in values)
    return float(values[0]) if same else None


def read_answer(transforms: Sequence[Component], channels: int, place: str) -> Answer:
    """What post-processing makes of the outputs.

    Raises
    ------
    InputError
        If it says neither sigmoid nor softmax, or holds what would change the probabilities.
    """
    sigmoid: bool | None = None
    threshold, discrete, inverted, as_logits, nearest = 0.5, False, False, False, False
    notes: list[str] = []
    for one in transforms:
        if one.kind == "Activationsd":
            one.check_known(("sigmoid", "softmax", "keys", "allow_missing_keys"), ("other", "dim"))
            if _said(one, "sigmoid") or _said(one, "softmax"):
                sigmoid, as_logits = _said(one, "sigmoid"), inverted
        elif one.kind == "AsDiscreted":
            one.check_known(("argmax", "threshold", "keys", "allow_missing_keys"), ("to_onehot", "rounding"))
            if _said(one, "argmax") and sigmoid is None:
                sigmoid, as_logits = False, inverted
            threshold, discrete = _threshold_of(one, threshold), True
        elif one.kind == "Invertd":
            inverted, nearest = True, _said(one, "nearest_interp", True)
        elif one.kind in _MASK_ONLY or (one.kind == "Lambdad" and discrete):
            notes.append(
                f"The bundle's {one.kind[:-1]} is not done: lesions are made from the probabilities."
            )
        elif one.kind == "Lambdad":
            raise one.refuse("a Lambdad is code, which is not run")
        elif one.kind not in _DONE_OTHERWISE:
            raise one.refuse(f"the post-processing {one.kind} is not honoured")
    if sigmoid is None or (not sigmoid and channels == 1):
        raise InputError(f"{place} should say by Activationsd whether outputs become a sigmoid or a softmax.")
    if not 0 < threshold < 1:
        raise InputError(f"{place}: 'threshold' should be between 0 and 1.")
    return Answer(sigmoid, threshold, as_logits, nearest, tuple(notes))


def _said(one: Component, name: str, otherwise: bool = False) -> bool:
    """An option that may be given for each key, first that of the prediction."""
    value = first(one.options.get(name))
    return otherwise if value is None else replace(one, options={name: value}).truth(name)


def _threshold_of(one: Component, usual: float) -> float:
    said = first(one.options.get("threshold"))
    if said is None or isinstance(said, bool):  # before MONAI 0.9 it was whether, and not which
        return usual
    return replace(one, options={"threshold": said}).required("threshold")


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


def modalities_of(
    names: Sequence[str], metadata: Mapping[str, Any], told: Mapping[int, str]
) -> tuple[str, ...]:
    """What a network reads, by the names of its channels.

    Parameters
    ----------
    names
        Of the channels.
    metadata
        Of the bundle: where a name says nothing, and there is only one, its other texts are searched.
    told
        What the user says of some of them, by their numbers.
    """
    found: list[str] = []
    for number, name in enumerate(names):
        guess = told.get(number) or modality_called(name)
        if guess is None and len(names) == 1 and _NO_NAME.fullmatch(name):
            guess = next((g for text in _texts(metadata) if (g := modality_called(text)) is not None), None)
        base = guess or plain_name(name.lower(), "image")
        copies = sum(other == base or other.startswith(f"{base}-") for other in found)
        found.append(f"{base}-{copies + 1}" if copies else base)
    return tuple(found)


def _texts(metadata: Mapping[str, Any]) -> list[str]:
    inputs: Any = metadata.get("network_data_format", {})
    inputs = inputs.get("inputs", {}) if isinstance(inputs, Mapping) else {}
    image: Any = next(iter(inputs.values()), {}) if isinstance(inputs, Mapping) else {}
    said = [image.get("modality") if isinstance(image, Mapping) else None]
    said += [metadata.get(key) for key in ("image_classes", "name", "task", "description")]
    return [text for text in said if isinstance(text, str)]


def targets(names: Sequence[str], *, sigmoid: bool) -> tuple[int, ...]:
    """Numbers of the outputs that can be a target: all but the background, the first where none says so."""
    start = 0 if sigmoid or len(names) == 1 or any(map(_NO_TARGET.search, names)) else 1
    some = tuple(n for n in range(start, len(names)) if not _NO_TARGET.search(names[n]))
    return some or tuple(range(start, len(names)))


def target_of(names: Sequence[str], *, sigmoid: bool) -> tuple[int, ...]:
    """Numbers of the outputs that make the target: what is called lesion, or all but the background."""
    some = targets(names, sigmoid=sigmoid)
    return tuple(n for n in some if is_lesion(names[n])) or some


def target_name(names: Sequence[str], chosen: Sequence[int]) -> str:
    """What the target is called."""
    several = [names[number] for number in chosen]
    return LESION if len(several) == 1 and _UNNAMED.fullmatch(several[0]) else noun_of(several)

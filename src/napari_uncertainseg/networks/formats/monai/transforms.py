"""A bundle's preprocessing as steps that are known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from napari_uncertainseg.networks.foreign_intensities import Blank, Clip, Intensities, MapRange, ZScore
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing, Step
from napari_uncertainseg.networks.formats.monai.components import Component
from napari_uncertainseg.networks.formats.monai.geometry import ANYWHERE, READ_GEOMETRY

_WITHOUT_EFFECT = (
    "LoadImaged",
    "EnsureChannelFirstd",
    "AddChanneld",
    "AsChannelFirstd",
    "EnsureTyped",
    "ToTensord",
    "CastToTyped",
    "DeleteItemsd",
    "SelectItemsd",
    "ToDeviced",
    "Identityd",
)
"""What reading a scan does anyway, or concerns types only."""

Channels = tuple[int, ...] | None


def read_preprocessing(transforms: Sequence[Component], scans: int) -> tuple[ForeignPreprocessing, list[str]]:
    """Read transforms in their order.

    Parameters
    ----------
    transforms
        Of the bundle.
    scans
        How many channels the network reads.

    Returns
    -------
    ForeignPreprocessing
        The steps.
    list of str
        The bundle's names of the scans, in the order of the channels: one name for all, or one each.

    Raises
    ------
    InputError
        With the first transform, or option, that is not honoured.
    """
    names: list[str] = ["image"]
    joined: str | None = None
    steps: list[Step] = []
    for one in transforms:
        keys = _keys(one)
        if one.kind == "CropForegroundd":
            _check_source(one, names, joined)
        if one.kind == "LoadImaged":
            names = [key for key in keys if key not in ("label", "pred")]
        elif one.kind == "ConcatItemsd":
            if sorted(keys) != sorted(names) or one.options.get("dim", 0) != 0:
                raise one.refuse("ConcatItemsd should join all scans that are loaded, as channels")
            if any(step.only for step in steps if isinstance(step, Intensities)) and keys != names:
                raise one.refuse("ConcatItemsd should name the scans in the order in which they are loaded")
            names, joined = keys, one.options.get("name")
        elif one.kind in READ_GEOMETRY:
            if _channels(one, keys, names, joined, scans) is not None:
                raise one.refuse(f"{one.kind} should be for all scans alike")
            steps.append(READ_GEOMETRY[one.kind](one))
        elif one.kind in _READ:
            steps += _READ[one.kind](one, _channels(one, keys, names, joined, scans))
        elif one.kind not in _WITHOUT_EFFECT:
            raise one.refuse(f"the transform {one.kind} is not honoured")
    return ForeignPreprocessing(tuple(steps)), names


def _keys(one: Component) -> list[str]:
    keys = one.options.get("keys", ["image"])
    keys = [keys] if isinstance(keys, str) else keys
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise one.refuse(f"'keys' of {one.kind} should be names")
    return keys


def _check_source(one: Component, names: list[str], joined: str | None) -> None:
    """Refuse a box that is made by one scan of several: here all of them count."""
    source = one.options.get("source_key")
    if len(names) > 1 and source != joined:
        which = f"'source_key' of {one.kind} is {str(source)[:40]!r}"
        raise one.refuse(f"{which}, one of {len(names)} scans, which is not honoured")


def _channels(one: Component, keys: list[str], names: list[str], joined: str | None, scans: int) -> Channels:
    """Which channels a transform is for; None for all."""
    if (joined is not None and joined in keys) or len(names) == 1 or set(names) <= set(keys):
        return None
    chosen = tuple(names.index(key) for key in keys if key in names)
    if not chosen or len(names) != scans:
        raise one.refuse(f"'keys' of {one.kind} name no scan that was loaded")
    return chosen


def _z_score(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("subtrahend", "divisor", "nonzero", "channel_wise", *ANYWHERE))
    nonzero, together = one.truth("nonzero"), not one.truth("channel_wise") and channels is None
    given = [one.options.get("subtrahend"), one.options.get("divisor")]
    if not any(isinstance(value, list) for value in given):
        mean, deviation = one.number("subtrahend"), one.number("divisor")
        return [ZScore(only=channels, together=together, nonzero=nonzero, mean=mean, deviation=deviation)]
    longest = max(len(value) for value in given if isinstance(value, list))
    columns = [value if isinstance(value, list) else [value] * longest for value in given]
    if together or channels is not None or longest > 64 or any(len(column) != longest for column in columns):
        raise one.refuse(
            f"'subtrahend' and 'divisor' of {one.kind} should be numbers, or one for each channel"
        )
    parts = [Component(one.kind, {"m": m, "d": d}, one.place) for m, d in zip(*columns, strict=True)]
    return [
        ZScore(only=(n,), nonzero=nonzero, mean=part.number("m"), deviation=part.number("d"))
        for n, part in enumerate(parts)
    ]


def _min_max(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("minv", "maxv", "channel_wise", *ANYWHERE))
    end = (one.number("minv", 0.0), one.number("maxv", 1.0))
    if end[0] is None or end[1] is None:
        raise one.refuse(f"'minv' and 'maxv' of {one.kind} should be numbers")
    together = not one.truth("channel_wise") and channels is None
    return [MapRange(only=channels, together=together, end=(end[0], end[1]))]


def _range(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("a_min", "a_max", "b_min", "b_max", "clip", *ANYWHERE))
    start = one.required("a_min"), one.required("a_max")
    if start[0] == start[1]:
        raise one.refuse(f"'a_min' and 'a_max' of {one.kind} should differ")
    end, clip = _end(one)
    return [MapRange(only=channels, start=start, end=end, clip=clip)]


def _percentiles(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("lower", "upper", "b_min", "b_max", "clip", "relative", "channel_wise", *ANYWHERE))
    start = one.required("lower"), one.required("upper")
    if not 0 <= start[0] < start[1] <= 100:
        raise one.refuse(f"'lower' and 'upper' of {one.kind} should be percentiles")
    end, clip = _end(one)
    if one.truth("relative"):
        low, high = (end[0] + (end[1] - end[0]) * share / 100 for share in start)
        end = low, high
    together = not one.truth("channel_wise") and channels is None
    return [MapRange(only=channels, together=together, start=start, percentiles=True, end=end, clip=clip)]


def _end(one: Component) -> tuple[tuple[float, float], bool]:
    """What a range becomes, and whether what is beyond is cut off; 0 to 1 where nothing is said."""
    low, high = one.number("b_min"), one.number("b_max")
    if (low is None) != (high is None) or (low is None and one.truth("clip")):
        raise one.refuse(f"'b_min' and 'b_max' of {one.kind} should be numbers")
    return ((0.0, 1.0) if low is None or high is None else (low, high)), one.truth("clip")


def _clip(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("lower", "upper", "channel_wise", "sharpness_factor", *ANYWHERE))
    low, high = one.number("lower"), one.number("upper")
    low, high = 0.0 if low is None else low, 100.0 if high is None else high
    if not 0 <= low <= high <= 100 or one.options.get("sharpness_factor") is not None:
        raise one.refuse(
            f"'lower' and 'upper' of {one.kind} should be percentiles, and 'sharpness_factor' is not honoured"
        )
    together = not one.truth("channel_wise") and channels is None
    return [Clip(only=channels, together=together, low=low, high=high)]


def _threshold(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("threshold", "above", "cval", *ANYWHERE))
    value = one.required("cval") if "cval" in one.options else 0.0
    return [
        Blank(only=channels, threshold=one.required("threshold"), above=one.truth("above", True), value=value)
    ]


_READ: Mapping[str, Callable[[Component, Channels], list[Step]]] = {
    "NormalizeIntensityd": _z_score,
    "ScaleIntensityd": _min_max,
    "ScaleIntensityRanged": _range,
    "ScaleIntensityRangePercentilesd": _percentiles,
    "ClipIntensityPercentilesd": _clip,
    "ThresholdIntensityd": _threshold,
}

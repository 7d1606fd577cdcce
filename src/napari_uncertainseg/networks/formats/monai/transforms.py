"""A bundle's preprocessing as steps that are known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from napari_uncertainseg.networks.foreign_intensities import MapRange, ZScore
from napari_uncertainseg.networks.foreign_steps import Crop, ForeignPreprocessing, Reorient, Resample, Step
from napari_uncertainseg.networks.formats.monai.components import Component

_ANYWHERE = (
    "keys",
    "allow_missing_keys",
    "lazy",
    "dtype",
    "device",
    "track_meta",
    "meta_keys",
    "meta_key_postfix",
)
"""Options that change nothing here: numbers are float32 throughout."""
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
            if any(step.only for step in steps if isinstance(step, MapRange | ZScore)) and keys != names:
                raise one.refuse("ConcatItemsd should name the scans in the order in which they are loaded")
            names, joined = keys, one.options.get("name")
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


def _orientation(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("axcodes", "as_closest_canonical", *_ANYWHERE))
    codes = "RAS" if one.truth("as_closest_canonical") else one.options.get("axcodes")
    if isinstance(codes, list) and all(isinstance(code, str) for code in codes):
        codes = "".join(codes)
    axes = {frozenset("LR"), frozenset("PA"), frozenset("IS")}
    if not isinstance(codes, str) or len(codes) != 3 or len({a for a in axes for c in codes if c in a}) != 3:
        raise one.refuse(f"'axcodes' of {one.kind} should be three letters such as \"RAS\"")
    return _of_all(one, channels, Reorient(codes))


def _spacing(one: Component, channels: Channels) -> list[Step]:
    one.check_known(
        ("pixdim", "mode", "padding_mode", "diagonal", *_ANYWHERE), ("align_corners", "recompute_affine")
    )
    sizes = one.options.get("pixdim")
    sizes = sizes if isinstance(sizes, list) else [sizes]
    if not 1 <= len(sizes) <= 3 or not all(isinstance(size, int | float) and size < 100 for size in sizes):
        raise one.refuse(f"'pixdim' of {one.kind} should be up to three voxel sizes in mm")
    sizes = [*sizes, *[sizes[-1]] * (3 - len(sizes))]
    if any(0 < size < 0.05 for size in sizes):
        raise one.refuse(f"'pixdim' of {one.kind} should be voxel sizes of at least 0.05 mm")
    mode = _first(one.options.get("mode", "bilinear"))
    orders: Mapping[Any, Literal[0, 1, 3]] = {"bilinear": 1, "nearest": 0, 0: 0, 1: 1, 3: 3}
    edges = _first(one.options.get("padding_mode", "border"))
    if not isinstance(mode, str | int) or mode not in orders or edges not in ("border", "nearest"):
        raise one.refuse(f"'mode' of {one.kind} should be bilinear or nearest, and 'padding_mode' border")
    if one.truth("diagonal"):
        raise one.refuse(f"'diagonal' of {one.kind} is not honoured")
    x, y, z = (float(size) if size > 0 else None for size in sizes)
    return _of_all(one, channels, Resample((x, y, z), orders[mode]))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _crop(one: Component, channels: Channels) -> list[Step]:
    one.check_known(
        ("source_key", "margin", "k_divisible", "allow_smaller", *_ANYWHERE),
        ("start_coord_key", "end_coord_key", "mode"),
    )
    if _first(one.options.get("k_divisible", 1)) != 1:
        raise one.refuse(f"'k_divisible' of {one.kind} is not honoured")
    margin = one.options.get("margin", 0)
    if isinstance(margin, bool) or not isinstance(margin, int) or not 0 <= margin <= 1000:
        raise one.refuse(f"'margin' of {one.kind} should be one number of voxels")
    pads = margin > 0 and not one.truth("allow_smaller")
    return _of_all(one, channels, Crop("positive", margin, pads))


def _of_all(one: Component, channels: Channels, step: Step) -> list[Step]:
    if channels is not None:
        raise one.refuse(f"{one.kind} should be for all scans alike")
    return [step]


def _z_score(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("subtrahend", "divisor", "nonzero", "channel_wise", *_ANYWHERE))
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
    one.check_known(("minv", "maxv", "channel_wise", *_ANYWHERE))
    end = (one.number("minv", 0.0), one.number("maxv", 1.0))
    if end[0] is None or end[1] is None:
        raise one.refuse(f"'minv' and 'maxv' of {one.kind} should be numbers")
    together = not one.truth("channel_wise") and channels is None
    return [MapRange(only=channels, together=together, end=(end[0], end[1]))]


def _range(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("a_min", "a_max", "b_min", "b_max", "clip", *_ANYWHERE))
    start, end = (
        (one.required("a_min"), one.required("a_max")),
        (one.required("b_min"), one.required("b_max")),
    )
    if start[0] == start[1]:
        raise one.refuse(f"'a_min' and 'a_max' of {one.kind} should differ")
    return [MapRange(only=channels, start=start, end=end, clip=one.truth("clip"))]


def _percentiles(one: Component, channels: Channels) -> list[Step]:
    one.check_known(("lower", "upper", "b_min", "b_max", "clip", "relative", "channel_wise", *_ANYWHERE))
    start, end = (
        (one.required("lower"), one.required("upper")),
        (one.required("b_min"), one.required("b_max")),
    )
    if one.truth("relative") or not 0 <= start[0] < start[1] <= 100:
        raise one.refuse(
            f"'lower' and 'upper' of {one.kind} should be percentiles, 'relative' is not honoured"
        )
    together = not one.truth("channel_wise") and channels is None
    return [
        MapRange(
            only=channels, together=together, start=start, percentiles=True, end=end, clip=one.truth("clip")
        )
    ]


_READ: Mapping[str, Callable[[Component, Channels], list[Step]]] = {
    "Orientationd": _orientation,
    "Spacingd": _spacing,
    "CropForegroundd": _crop,
    "NormalizeIntensityd": _z_score,
    "ScaleIntensityd": _min_max,
    "ScaleIntensityRanged": _range,
    "ScaleIntensityRangePercentilesd": _percentiles,
}

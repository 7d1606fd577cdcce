"""A bundle's transforms that turn, resample, pad, cut or stretch, as steps that are known here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from napari_uncertainseg.networks.foreign_steps import Crop, Reorient, Size, Step
from napari_uncertainseg.networks.formats.monai.components import Component
from napari_uncertainseg.networks.formats.monai.respacing import Respace
from napari_uncertainseg.networks.formats.monai.sizes import Edge, Fit, Stretch

ANYWHERE = ("keys", "allow_missing_keys", "lazy", "track_meta", "meta_keys", "meta_key_postfix", "overwrite")
"""Options that change nothing here."""
_LONGEST = 2048
"""Voxels of a side."""
_MODES = {"bilinear": "bilinear", "nearest": "nearest", "0": "nearest", "1": "bilinear", "3": "cubic"}
_EDGES = {"border": "border", "nearest": "border", "zeros": "zeros", "reflection": "reflection"}
_PADS: Mapping[str, Edge] = {
    "constant": "constant",
    "edge": "edge",
    "replicate": "edge",
    "reflect": "reflect",
}
_ABOVE = re.compile(r"lambda (\w+): ?\(?\1 ?(>|!=) ?(-?\d+(?:\.\d*)?)\)?")
"""The only functions that choose the foreground, as text: all voxels above a number, or that are not 0."""


def _orientation(one: Component) -> Step:
    one.check_known(("axcodes", "as_closest_canonical", *ANYWHERE), ("labels",))
    codes = "RAS" if one.truth("as_closest_canonical") else one.options.get("axcodes")
    if isinstance(codes, list) and all(isinstance(code, str) for code in codes):
        codes = "".join(codes)
    axes = {frozenset("LR"), frozenset("PA"), frozenset("IS")}
    if not isinstance(codes, str) or len(codes) != 3 or len({a for a in axes for c in codes if c in a}) != 3:
        raise one.refuse(f"'axcodes' of {one.kind} should be three letters such as \"RAS\"")
    return Reorient(codes)


def _spacing(one: Component) -> Step:
    one.check_known(
        ("pixdim", "mode", "padding_mode", "diagonal", "align_corners", "scale_extent", *ANYWHERE),
        ("recompute_affine",),
    )
    sizes = one.options.get("pixdim")
    sizes = sizes if isinstance(sizes, list) else [sizes]
    if not 1 <= len(sizes) <= 3 or not all(isinstance(size, int | float) and size < 100 for size in sizes):
        raise one.refuse(f"'pixdim' of {one.kind} should be up to three voxel sizes in mm")
    sizes = [*sizes, *[sizes[-1]] * (3 - len(sizes))]
    if any(0 < size < 0.05 for size in sizes):
        raise one.refuse(f"'pixdim' of {one.kind} should be voxel sizes of at least 0.05 mm")
    mode = _MODES.get(str(first(one.options.get("mode", "bilinear"))))
    edges = _EDGES.get(str(first(one.options.get("padding_mode", "border"))))
    if mode is None or edges is None:
        raise one.refuse(
            f"'mode' of {one.kind} should be bilinear or nearest, and 'padding_mode' border, zeros or "
            "reflection"
        )
    for name in ("diagonal", "scale_extent"):
        if one.truth(name):
            raise one.refuse(f"'{name}' of {one.kind} is not honoured")
    corners = first(one.options.get("align_corners", False))
    x, y, z = (float(size) if size > 0 else None for size in sizes)
    return Respace((x, y, z), mode, edges, corners is True)  # type: ignore[arg-type]


def _foreground(one: Component) -> Step:
    one.check_known(
        ("source_key", "margin", "k_divisible", "allow_smaller", "select_fn", "mode", *ANYWHERE),
        ("start_coord_key", "end_coord_key"),
    )
    margin, divisor = one.options.get("margin", 0), first(one.options.get("k_divisible", 1))
    if type(margin) is not int or not 0 <= margin <= 1000:
        raise one.refuse(f"'margin' of {one.kind} should be one number of voxels")
    if type(divisor) is not int or not 1 <= divisor <= 256 or _differs(one.options.get("k_divisible")):
        raise one.refuse(f"'k_divisible' of {one.kind} should be one number of voxels")
    pads = margin > 0 and not one.truth("allow_smaller")
    if (pads or divisor > 1) and first(one.options.get("mode", "constant")) != "constant":
        raise one.refuse(f"'mode' of {one.kind} should be constant")
    chosen = _ABOVE.fullmatch(str(one.options.get("select_fn", "lambda x: x > 0")).removeprefix("$").strip())
    if chosen is None or (chosen[2] == "!=" and float(chosen[3])):
        raise one.refuse(f"'select_fn' of {one.kind} is code, and only 'lambda x: x > 0' is understood")
    keep = "positive" if chosen[2] == ">" else "nonzero"
    return Crop(keep, margin, pads, float(chosen[3]), divisor)  # type: ignore[arg-type]


def _differs(value: Any) -> bool:
    return isinstance(value, list) and len(set(map(str, value))) > 1


def _pad(one: Component) -> Step:
    """SpatialPadd, DivisiblePadd and BorderPadd."""
    name = {"SpatialPadd": "spatial_size", "DivisiblePadd": "k", "BorderPadd": "spatial_border"}[one.kind]
    one.check_known((name, "method", *_PAD_OPTIONS, *ANYWHERE))
    sides = three(one, name, least=-1 if name == "spatial_size" else 0)
    edge, value, where = _padding(one)
    if name == "spatial_size":
        return Fit(least=sides, edge=edge, value=value, where=where)  # type: ignore[arg-type]
    if name == "k":
        divisor = tuple(max(1, n) for n in sides)
        return Fit(divisor=divisor, edge=edge, value=value, where=where)  # type: ignore[arg-type]
    return Fit(border=sides, edge=edge, value=value)


_PAD_OPTIONS = ("mode", "value", "constant_values")


def _padding(one: Component) -> tuple[Edge, float, str]:
    edge = _PADS.get(str(first(one.options.get("mode", "constant"))))
    where = one.options.get("method", "symmetric")
    value = one.number("value", one.number("constant_values", 0.0))
    if edge is None or where not in ("symmetric", "end") or value is None:
        raise one.refuse(
            f"'mode' of {one.kind} should be constant, edge or reflect, and 'method' symmetric or end"
        )
    return edge, value, where


def _middle(one: Component) -> Step:
    """CenterSpatialCropd and CenterScaleCropd."""
    if one.kind == "CenterSpatialCropd":
        one.check_known(("roi_size", *ANYWHERE))
        return Fit(most=_limits(three(one, "roi_size", least=-1)))
    one.check_known(("roi_scale", *ANYWHERE))
    said = one.options.get("roi_scale")
    shares = said if isinstance(said, list) else [said] * 3
    if len(shares) != 3 or not all(isinstance(share, int | float) and 0 < share <= 1 for share in shares):
        raise one.refuse(f"'roi_scale' of {one.kind} should be one or three shares from 0 to 1")
    x, y, z = map(float, shares)
    return Fit(share=(x, y, z))


def _pad_or_cut(one: Component) -> Step:
    one.check_known(("spatial_size", "method", *_PAD_OPTIONS, *ANYWHERE))
    size = three(one, "spatial_size", least=-1)
    edge, value, where = _padding(one)
    return Fit(least=size, most=_limits(size), edge=edge, value=value, where=where)  # type: ignore[arg-type]


def _limits(size: Size) -> Size:
    """A side that is not positive stays as it is."""
    x, y, z = (n if n > 0 else _LONGEST * 8 for n in size)
    return x, y, z


def _stretch(one: Component) -> Step:
    one.check_known(("spatial_size", "size_mode", "mode", "align_corners", "anti_aliasing", *ANYWHERE))
    size, mode = three(one, "spatial_size", least=1), first(one.options.get("mode", "area"))
    mode = "trilinear" if mode in ("bilinear", "linear") else mode
    if mode not in ("area", "nearest", "nearest-exact", "trilinear"):
        raise one.refuse(f"'mode' of {one.kind} should be area, trilinear or nearest")
    if one.options.get("size_mode", "all") != "all" or one.truth("anti_aliasing"):
        raise one.refuse(f"'size_mode' of {one.kind} should be all, and 'anti_aliasing' false")
    corners = first(one.options.get("align_corners"))
    return Stretch(size, mode, corners if isinstance(corners, bool) else None)  # type: ignore[arg-type]


def first(value: Any) -> Any:
    """The first of several options, where one is given for each key."""
    return value[0] if isinstance(value, list) and value else value


def three(one: Component, name: str, *, least: int) -> Size:
    """An option that is a number of voxels for each axis, or one for all.

    Raises
    ------
    InputError
        If it is not.
    """
    said = one.options.get(name)
    sides = said if isinstance(said, list) else [said] * 3
    whole = [side for side in sides if type(side) is int and least <= side <= _LONGEST]
    if len(sides) != 3 or len(whole) != 3:
        raise one.refuse(f"'{name}' of {one.kind} should be one or three numbers of voxels")
    x, y, z = whole
    return x, y, z


READ_GEOMETRY: Mapping[str, Callable[[Component], Step]] = {
    "Orientationd": _orientation,
    "Spacingd": _spacing,
    "CropForegroundd": _foreground,
    "SpatialPadd": _pad,
    "DivisiblePadd": _pad,
    "BorderPadd": _pad,
    "CenterSpatialCropd": _middle,
    "CenterScaleCropd": _middle,
    "ResizeWithPadOrCropd": _pad_or_cut,
    "Resized": _stretch,
}
"""How each of them is read; all scans have to be treated alike by them."""

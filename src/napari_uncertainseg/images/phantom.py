"""A simulated patient: FLAIR and T1 of a brain with lesions whose every voxel is known.

Anatomy comes from the MNI152 (ICBM 2009a) template and tissue maps that nilearn ships,
bent by a smooth random deformation. Nothing here is a real patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid, Volume

_BORDER = 10  # voxels kept around the template's brain: room for the deformation


@dataclass(frozen=True)
class PhantomModel:
    """What is drawn. Intensities are shares of the brightest usual tissue; lengths are mm.

    Attributes
    ----------
    places
        Lesions around the ventricles, in deep white matter, below the cortex.
    median_volume, volume_spread
        Log-normal volumes: median (mm3) and standard deviation of the logarithm.
    contrast
        Brightness over the tissue, lowest and highest; of the faint share likewise.
    lookalikes
        Bright spots in white matter and cortex that are no lesions.
    """

    places: tuple[int, int, int] = (16, 9, 5)
    median_volume: float = 70.0
    volume_spread: float = 1.1
    volume_range: tuple[float, float] = (8.0, 3000.0)
    contrast: tuple[float, float] = (0.25, 0.5)
    faint: float = 0.2
    faint_contrast: tuple[float, float] = (0.1, 0.18)
    lookalikes: int = 10
    bias: float = 0.1
    noise: float = 0.025
    texture: float = 0.02
    deformation: float = 3.0


@dataclass(frozen=True, eq=False)
class Phantom:
    """Simulated scans and the truth, on one grid."""

    flair: Volume
    t1: Volume
    truth: Volume


def simulate_patient(seed: int = 7, model: PhantomModel | None = None) -> Phantom:
    """Draw a simulated patient.

    Parameters
    ----------
    seed
        The same seed gives the same patient.

    Returns
    -------
    Phantom
        1 mm, skull-stripped, MNI152 space; ``truth`` is 1 where a lesion fills at least half
        of a voxel.

    Raises
    ------
    InputError
        If nilearn is not installed.
    """
    model = model or PhantomModel()
    rng = np.random.default_rng(seed)
    anatomy, affine = _template()
    template, white, grey = _deform(anatomy, model.deformation, rng)
    brain = ndimage.binary_erosion(ndimage.binary_fill_holes(template > 0.05), iterations=1)
    ventricle_distance = _ventricle_distance(template, white + grey, brain)
    t1 = np.where(brain, template, 0)
    flair = _flair(template, white, grey)
    flair += 0.06 * np.exp(-ventricle_distance / 1.5) * (white > 0.3)  # the rim that every FLAIR shows
    lesions, gain = _lesions(white, grey, ventricle_distance, brain, model, rng)
    flair += gain - _lookalikes(white, grey, model, rng)
    t1 -= 0.6 * gain
    grid = Grid.from_file(brain.shape, affine)
    finished = [_acquire(image, brain, model, rng) for image in (flair, t1)]
    return Phantom(
        _volume(finished[0], grid, "simulated FLAIR", "flair"),
        _volume(finished[1], grid, "simulated T1", "t1"),
        _volume((lesions >= 0.5).astype(np.uint8), grid, "simulated truth", None),
    )


def _volume(array: np.ndarray, grid: Grid, name: str, modality: str | None) -> Volume:
    return Volume(np.ascontiguousarray(grid.to_canonical(array)), grid, name, modality)


def _template() -> tuple[np.ndarray, np.ndarray]:
    """T1, white and grey matter of the template, shape (3, x, y, z), 0 to 1, and the affine."""
    try:
        from nilearn import datasets
    except ImportError as error:
        raise InputError(
            'The simulated case needs nilearn: `pip install "napari-uncertainseg[samples]"`.'
        ) from error
    images = [
        datasets.load_mni152_template(resolution=1),
        datasets.load_mni152_wm_template(resolution=1),
        datasets.load_mni152_gm_template(resolution=1),
    ]
    arrays = np.stack([image.get_fdata(dtype=np.float32) for image in images])
    arrays /= arrays.max(axis=(1, 2, 3), keepdims=True)
    inside = np.argwhere(arrays[0] > 0.05)
    low = np.maximum(inside.min(axis=0) - _BORDER, 0)
    high = inside.max(axis=0) + _BORDER + 1
    affine = images[0].affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    part = (slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))
    return np.clip(arrays[part], 0, 1), affine


def _smooth_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random field, mean 0, standard deviation 1, drawn on a coarse grid."""
    step = max(1.0, sigma / 2)
    coarse = tuple(int(np.ceil(n / step)) + 2 for n in shape)
    field = ndimage.gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), sigma / step, mode="wrap")
    field = (field - field.mean()) / field.std()
    if step == 1.0:
        return field[tuple(slice(0, n) for n in shape)]
    return ndimage.affine_transform(
        field, (1 / step,) * len(shape), output_shape=shape, order=1, mode="nearest"
    )


def _deform(arrays: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    shape = arrays.shape[1:]
    where = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij"))
    for axis in range(3):
        where[axis] += amount * _smooth_noise(shape, 22.0, rng)
    return np.stack([ndimage.map_coordinates(a, where, order=1) for a in arrays])


def _ventricle_distance(template: np.ndarray, tissue: np.ndarray, brain: np.ndarray) -> np.ndarray:
    """Distance to the lateral ventricles, mm: the largest fluid space deep in the brain."""
    deep = ndimage.distance_transform_edt(brain) > 22
    fluid = deep & (template < 0.5) & (tissue < 0.6)
    labels, n = ndimage.label(fluid)
    if n == 0:
        raise InputError("The template holds no ventricles; another version of nilearn is needed.")
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return ndimage.distance_transform_edt(~np.isin(labels, np.flatnonzero(sizes > 300))).astype(np.float32)


def _flair(template: np.ndarray, white: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """FLAIR-like contrast: fluid dark, grey matter brighter than white.

    Half from the tissue maps, half from the T1 template, which is sharper.
    """
    from_tissue = 0.10 + 0.45 * white + 0.62 * grey
    from_t1 = np.interp(template, (0, 0.30, 0.62, 0.72, 0.88, 1.0), (0.05, 0.10, 0.72, 0.70, 0.55, 0.52))
    return (0.35 * from_tissue + 0.65 * from_t1).astype(np.float32)


def _lesions(
    white: np.ndarray,
    grey: np.ndarray,
    distance: np.ndarray,
    brain: np.ndarray,
    model: PhantomModel,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Share of each voxel that is lesion, and how much brighter it makes the FLAIR."""
    cortex = ndimage.distance_transform_edt(grey < 0.6)
    inner = brain & (white > 0.75)
    regions = (
        inner & (distance > 1) & (distance < 6),
        inner & (distance > 8) & (cortex > 4),
        brain & (white > 0.6) & (cortex < 3) & (distance > 15),
    )
    share, gain = np.zeros(white.shape, np.float32), np.zeros(white.shape, np.float32)
    stretch = np.array(np.gradient(ndimage.gaussian_filter(distance, 2)))
    for region, count in zip(regions, model.places, strict=True):
        places = np.argwhere(region)
        for centre in places[rng.choice(len(places), count, replace=False)]:
            volume = float(
                np.clip(rng.lognormal(np.log(model.median_volume), model.volume_spread), *model.volume_range)
            )
            bounds = model.faint_contrast if rng.random() < model.faint else model.contrast
            axis = stretch[(slice(None), *centre)] if region is regions[0] else rng.standard_normal(3)
            box, blob = _blob(centre, volume, axis, white.shape, rng)
            blob = blob * np.clip(white[box] * 1.6 + grey[box] * 0.5, 0, 1)
            share[box] = np.maximum(share[box], blob)
            gain[box] = np.maximum(gain[box], blob * rng.uniform(*bounds))
    return share, gain


def _blob(
    centre: np.ndarray, volume: float, axis: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[tuple[slice, ...], np.ndarray]:
    """An uneven ellipsoid, longer along ``axis``, as the share that it fills of each voxel."""
    long = rng.uniform(1.2, 2.0)
    radius = (3 * volume / (4 * np.pi * long)) ** (1 / 3)
    reach = int(np.ceil(radius * long * 1.5)) + 2
    box = tuple(slice(max(0, c - reach), min(n, c + reach + 1)) for c, n in zip(centre, shape, strict=True))
    away = np.stack(
        np.meshgrid(
            *(np.arange(b.start, b.stop) - c for b, c in zip(box, centre, strict=True)), indexing="ij"
        )
    )
    away = away + rng.uniform(-0.5, 0.5, 3)[:, None, None, None]
    unit = axis / (np.linalg.norm(axis) + 1e-6)
    along = np.tensordot(unit, away, 1)
    across = np.sqrt(np.maximum((away**2).sum(axis=0) - along**2, 0))
    rough = 1 + 0.18 * _smooth_noise(along.shape, max(1.5, radius / 2), rng)
    edge = radius * rough - np.hypot(along / long, across)
    return box, (1 / (1 + np.exp(-np.clip(edge / 0.35, -30, 30)))).astype(np.float32)


def _lookalikes(
    white: np.ndarray, grey: np.ndarray, model: PhantomModel, rng: np.random.Generator
) -> np.ndarray:
    """What may be taken for lesions and is none, to be subtracted: spots in cortex, pale patches."""
    out = np.zeros(white.shape, np.float32)
    for tissue, brightness, volume in ((grey > 0.85, 0.15, 25.0), (white > 0.9, 0.06, 250.0)):
        places = np.argwhere(tissue)
        for centre in places[rng.choice(len(places), model.lookalikes // 2, replace=False)]:
            box, blob = _blob(centre, volume, rng.standard_normal(3), white.shape, rng)
            out[box] -= brightness * blob * rng.uniform(0.7, 1.2)
    return out


def _acquire(
    image: np.ndarray, brain: np.ndarray, model: PhantomModel, rng: np.random.Generator
) -> np.ndarray:
    """What a scanner adds: blur, texture, bias field, Rician noise; 0 outside the brain."""
    seen = ndimage.gaussian_filter(image, 0.45)
    seen *= 1 + model.texture * _smooth_noise(image.shape, 1.2, rng)
    seen *= np.exp(model.bias * 0.5 * _smooth_noise(image.shape, 45.0, rng))
    real = seen + model.noise * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = model.noise * rng.standard_normal(image.shape, dtype=np.float32)
    return np.where(brain, 1000 * np.hypot(real, imaginary), 0).astype(np.float32)

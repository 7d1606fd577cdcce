"""Between volumes and SimpleITK's images and transforms, for registration."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_uncertainseg.images.volume import Volume


def itk_image(volume: Volume) -> Any:
    """Image in RAS space taken as ITK's own: registration does not care which way it is mirrored."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.asarray(volume.data, np.float32))
    image.SetSpacing(tuple(reversed(volume.grid.spacing)))
    image.SetOrigin(tuple(float(x) for x in volume.grid.affine[:3, 3]))
    return image


def matrix_of(transform: Any) -> np.ndarray:
    """4x4 of an ITK transform, by where it takes four points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    out = np.eye(4)
    out[:3, 3] = origin
    for axis in range(3):
        out[:3, axis] = np.array(transform.TransformPoint(tuple(np.eye(3)[axis]))) - origin
    return out

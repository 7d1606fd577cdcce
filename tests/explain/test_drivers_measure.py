"""What is measured of lesions: against closed forms, scikit-image and the whole scan."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.drivers.definitions import driver_columns, driver_of
from napari_uncertainseg.explain.drivers.measure import measure_drivers
from napari_uncertainseg.lesions.shapes.shape import measure_shape


def ellipsoid(radii: tuple[float, ...], spacing: tuple[float, ...]) -> np.ndarray:
    """Voxels whose middle lies in it."""
    steps = [np.arange(-int(r / s) - 2, int(r / s) + 3) * s for r, s in zip(radii, spacing, strict=True)]
    places = np.meshgrid(*steps, indexing="ij")
    return sum((x / r) ** 2 for x, r in zip(places, radii, strict=True)) <= 1


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 0.8, 0.8), (0.5, 0.9, 0.7)])
def test_the_shape_of_a_ball_and_of_an_ellipsoid_is_right_on_any_voxels(
    spacing: tuple[float, float, float],
) -> None:
    ball = measure_shape(ellipsoid((10, 10, 10), spacing), spacing)
    assert ball.mesh_mm3 == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)
    assert ball.surface_mm2 == pytest.approx(4 * np.pi * 100, rel=0.15)  # steps make it larger, never smaller
    assert ball.surface_mm2 > 4 * np.pi * 100
    assert 0.85 < ball.sphericity < 0.95
    assert (ball.elongation, ball.flatness) == pytest.approx((0, 0), abs=0.03)
    long = measure_shape(ellipsoid((6, 9, 18), spacing), spacing)
    assert (long.elongation, long.flatness) == pytest.approx((1 / 2, 2 / 3), abs=0.02)
    assert long.sphericity < ball.sphericity


def test_a_box_and_one_voxel_have_exact_shapes() -> None:
    box = measure_shape(np.ones((4, 20, 30), bool), (2.0, 1.0, 1.0))
    assert box.elongation == pytest.approx(1 - 20 / 30)
    assert box.flatness == pytest.approx(1 - 8 / 30)
    assert box.surface_mm2 == pytest.approx(2 * (8 * 20 + 8 * 30 + 20 * 30), rel=0.05)
    one = measure_shape(np.ones((1, 1, 1), bool), (1.0, 1.0, 1.0))  # the mesh is an octahedron
    assert (one.surface_mm2, one.mesh_mm3) == pytest.approx((np.sqrt(3), 1 / 6))
    thick = measure_shape(np.ones((1, 1, 1), bool), (6.0, 1.0, 1.0))
    assert thick.elongation == pytest.approx(1 - 1 / 6)
    assert thick.flatness == pytest.approx(1 - 1 / 6)


def test_the_mesh_is_that_of_marching_cubes() -> None:
    from skimage.measure import marching_cubes, mesh_surface_area

    rng, spacing = np.random.default_rng(3), (2.0, 1.0, 0.5)
    for _ in range(3):
        mask = ndimage.gaussian_filter(rng.normal(size=(14, 16, 18)), 2) > 0.02
        points, faces, *_ = marching_cubes(np.pad(mask, 1).astype(float), 0.5, spacing=spacing)
        corners = points[faces]
        volume = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
        own = measure_shape(mask, spacing)
        assert own.surface_mm2 == pytest.approx(mesh_surface_area(points, faces), rel=0.03)
        assert own.mesh_mm3 == pytest.approx(abs(volume), rel=0.02)


def test_lesions_are_measured_in_millimetres_with_their_surroundings() -> None:
    spacing = (4.0, 1.0, 1.0)
    labels = np.zeros((9, 40, 40), np.uint16)
    labels[4, 10:13, 10:14] = 2
    labels[4, 10:13, 20:22] = 5  # 7 mm from the first
    labels[8, 35:38, 35:38] = 9
    brain = np.zeros(labels.shape, bool)
    brain[:, 3:39, 3:39] = True
    rng = np.random.default_rng(0)
    flair = 50 + rng.normal(0, 2, labels.shape) + 20 * (labels > 0)
    table = measure_drivers(labels, spacing, brain, {"flair": flair, "t1": -3 * flair})
    assert list(table.index) == [2, 5, 9]
    assert table["volume_mm3"].tolist() == [48, 24, 36]
    assert table["neighbours"].tolist() == [1, 1, 0]
    assert set(table["slice_mm"]) == {4.0}
    # The deviation is that of the tissue, lesions left out: 2; so the noise is one deviation.
    assert table["contrast_flair"].to_numpy() == pytest.approx([10, 10, 10], rel=0.15)
    assert table["contrast_t1"].to_numpy() == pytest.approx([-10, -10, -10], rel=0.15)
    assert table["noise"].to_numpy() == pytest.approx([1, 1, 1], rel=0.2)
    assert table["to_edge_mm"].tolist() == [7, 7, 1]  # voxels between them
    assert set(table["place"]) == {"unknown"} and table["to_cortex_mm"].isna().all()
    assert driver_columns(list(table.columns)) == list(table.columns)
    assert all(driver_of(name).definition for name in table.columns if name != "place")


def test_the_rim_holds_no_other_lesion_and_no_background() -> None:
    labels = np.zeros((1, 20, 20), np.uint8)
    labels[0, 5:8, 5:8], labels[0, 5:8, 9:12] = 1, 2
    brain = np.ones(labels.shape, bool)
    brain[0, :4] = False
    flair = np.where(labels == 2, 1e6, 10.0) + np.where(labels == 1, 5, 0) + np.where(brain, 0, -1e6)
    flair += np.arange(20)[None, :, None] % 3  # so that it has a deviation
    table = measure_drivers(labels, (1.0, 1.0, 1.0), brain, {"flair": flair})
    distance = ndimage.distance_transform_edt(labels != 1)
    rim = (distance <= 3) & (labels == 0) & brain
    tissue = flair[brain & (labels == 0)]
    deviation = 1.4826 * np.median(np.abs(tissue - np.median(tissue)))
    expected = (flair[labels == 1].mean() - flair[rim].mean()) / deviation
    assert table.loc[1, "contrast_flair"] == pytest.approx(expected)


def test_what_is_not_known_is_nan_and_places_are_taken_by_number() -> None:
    labels = np.zeros((3, 6, 6), np.uint8)
    labels[1, 2, 2] = 3
    places = pd.DataFrame({"place": ["juxtacortical"], "to_cortex_mm": [1.5], "to_edge_mm": [4.0]}, index=[3])
    nothing = np.zeros(labels.shape, bool)
    row = measure_drivers(labels, (1.0, 1.0, 1.0), nothing, {"flair": np.ones(labels.shape)}, places).loc[3]
    assert (row["place"], row["to_cortex_mm"], row["to_edge_mm"]) == ("juxtacortical", 1.5, 4.0)
    assert np.isnan(row["to_ventricle_mm"]) and np.isnan(row["contrast_flair"]) and np.isnan(row["noise"])
    assert measure_drivers(np.zeros_like(labels), (1.0, 1.0, 1.0), nothing, {}).empty
    with pytest.raises(InputError, match="three sides"):
        measure_drivers(labels, (1.0, 0.0, 1.0), nothing, {})

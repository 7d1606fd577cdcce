"""What the network says when the scans are changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.counterfactual import (
    AS_IT_IS,
    FILLED,
    counterfactuals,
    filled,
    missed_sentence,
)

from .conftest import box_mask, make_scene

SHAPE = (20, 20, 20)
LESION = box_mask(SHAPE, slice(8, 12), slice(8, 12), slice(8, 12))


def flair_reader(bias=-4.0, t1=0.0) -> nn.Module:
    network = nn.Conv3d(3, 1, 1)
    with torch.no_grad():
        network.weight[:] = torch.tensor([4.0, t1, 0.0])[:, None, None, None]
        network.bias[:] = bias
    return network


def lesion_scene(network=None, **changes):
    """White matter with some noise; a lesion that is 2 units brighter on FLAIR."""
    scene = make_scene(network or flair_reader(), shape=SHAPE)
    scene.image[:] = 0.05 * scene.image
    scene.image[1] += 1.0
    scene.image[0][LESION] += 2.0
    return replace(scene, **changes)


def test_filled_looks_like_its_surroundings_and_leaves_the_rest_alone():
    scene = lesion_scene()
    other = box_mask(SHAPE, slice(14, 16), slice(8, 10), slice(8, 10))
    scene.image[0][other] += 2.0
    out = filled(scene.image, scene.modalities, LESION, other)
    assert abs(out[0][LESION].mean()) < 0.2 and 0.02 < out[0][LESION].std() < 0.2
    np.testing.assert_array_equal(out[0][other], scene.image[0][other])
    np.testing.assert_array_equal(out[:, :4], scene.image[:, :4])
    np.testing.assert_array_equal(out, filled(scene.image, scene.modalities, LESION, other))


def test_scans_normalised_otherwise_are_filled_the_same_way():
    scene = lesion_scene()
    foreign = 300 + 100 * scene.image
    out = filled(foreign, scene.modalities, LESION, np.zeros_like(LESION), ours=False)
    assert abs(out[0][LESION].mean() - 300) < 25


def test_table_and_sentence():
    table = counterfactuals(lesion_scene(), LESION)
    assert table["change"].tolist()[:2] == [AS_IT_IS, "10 % fainter"] and FILLED in table["change"].tolist()
    assert table["change"].tolist()[-3:] == ["without T1", "without T2", "FLAIR alone"]
    steps = table[table["fainter"].notna()]
    assert (np.diff(steps["mean_probability"]) < 0).all()
    # 4 * 2 * (1 - f) reaches 4 until f = 0.5; noise moves single voxels by less than one step of 10 %
    missed = steps["fainter"][~steps["found"]].min()
    assert 0.5 <= missed <= 0.7
    assert (
        missed_sentence(table)
        == f"The model would have missed this lesion if it were {100 * missed:.0f} % fainter."
    )
    assert table["doubt"][0] == 0.0 and np.isnan(steps["doubt"].iloc[-1])
    assert (table["entropy"] >= 0).all() and (table["entropy"] <= np.log(2) + 1e-6).all()


def test_scan_that_the_network_needs():
    scene = lesion_scene(flair_reader(bias=-14.0, t1=10.0))
    table = counterfactuals(scene, LESION).set_index("change")
    assert table.loc[AS_IT_IS, "found"] and table.loc["without T2", "found"]
    assert not table.loc["without T1", "found"] and not table.loc["FLAIR alone", "found"]


def test_scan_that_was_not_given_is_not_taken_away():
    scene = lesion_scene()
    scene.image[1:] = 0
    assert not counterfactuals(scene, LESION)["change"].str.startswith("without").any()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([False, False, False], "does not find this lesion, even as it is"),
        ([True, True, True], "would still find a lesion here"),
        ([True, True, False], "only if it were not there at all"),
        ([True, False, False], "if it were 20 % fainter"),
    ],
)
def test_sentences(found, said):
    table = pd.DataFrame({"fainter": [0.0, 0.2, 1.0, np.nan], "found": [*found, False]})
    assert said in missed_sentence(table)


def test_one_voxel_and_the_edge():
    scene = lesion_scene()
    for place in ((0, 0, 0), (10, 10, 10)):
        table = counterfactuals(scene, box_mask(SHAPE, *place))
        assert np.isfinite(table["mean_probability"]).all()


def test_nothing_around_to_fill_with():
    scene = lesion_scene()
    with pytest.raises(InputError, match="no white matter around"):
        counterfactuals(scene, np.ones(SHAPE, bool))

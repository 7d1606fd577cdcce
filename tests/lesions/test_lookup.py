"""Components at voxels that are asked for are those of the labelled map."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.lesions.hierarchy import Hierarchy
from napari_uncertainseg.lesions.lookup import Lookup

SHAPE = (4, 5, 6)
MEMBERS = st.one_of(
    hnp.arrays(np.float32, (3, *SHAPE), elements=st.floats(0, 1, width=32)),
    hnp.arrays(np.float16, (2, *SHAPE), elements=st.sampled_from([0, 0.05, 0.3, 0.5, 0.7, 1])),
    hnp.arrays(np.float64, (1, *SHAPE), elements=st.sampled_from([0.0, 0.5, 0.6])),
)


@settings(deadline=None, max_examples=200)
@given(
    members=MEMBERS,
    threshold=st.sampled_from([0.05, 0.3, 0.4999, 0.5, 0.6, 0.9, 1.0]),
    seed=st.integers(0, 99),
)
def test_each_voxel_is_in_the_component_that_labelling_finds(members, threshold, seed):
    where = np.random.default_rng(seed).permutation(np.prod(SHAPE))[:70]
    lookup = Lookup.from_hierarchies([Hierarchy.from_map(m, 0.05) for m in members])
    found = list(lookup.at(where, threshold))
    assert len(found) == len(members)
    for member, (component, sizes) in zip(members, found, strict=True):
        labels, n = label_mask(member.astype(np.float32) >= np.float32(threshold))
        theirs = labels.ravel()[where]
        np.testing.assert_array_equal(component > 0, theirs > 0)
        counts = np.bincount(labels.ravel(), minlength=n + 1)
        seen = theirs > 0
        np.testing.assert_array_equal(sizes[component[seen]], counts[theirs[seen]])
        pairs = set(zip(component[seen].tolist(), theirs[seen].tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        assert sizes[0] == 0 and sizes.sum() == counts[1:].sum()


def test_maps_below_the_floor_have_no_component():
    lookup = Lookup.from_hierarchies([Hierarchy.from_map(np.zeros(SHAPE, np.float32), 0.05)] * 2)
    for component, sizes in lookup.at(np.arange(10), 0.5):
        assert not component.any() and not sizes.any()


def test_a_threshold_below_the_floor_is_refused():
    lookup = Lookup.from_hierarchies([Hierarchy.from_map(np.ones(SHAPE, np.float32), 0.3)])
    with pytest.raises(ValueError, match="below the floor"):
        list(lookup.at(np.arange(3), 0.2))

"""The model that made results: there is none where they came from maps."""

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.maker import made_by_model, model_of
from napari_uncertainseg.inference.provenance import READY
from napari_uncertainseg.inference.ready_members import MODEL


def test_ready_maps_were_made_by_no_model_though_they_have_a_hash_of_their_own():
    said = {"model": MODEL, "method": READY, "model_sha256": "c8" * 32}
    assert not made_by_model(said) and not made_by_model({}) and made_by_model({**said, "method": "one-pass"})
    with pytest.raises(InputError, match="no model made these results"):
        model_of("out: ", said, ["bundled"])

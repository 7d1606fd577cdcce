"""Members of several classes: against numpy's plain softmax after the way back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from napari_uncertainseg.images.preparation.foreign import ForeignInput
from napari_uncertainseg.inference import class_collector
from napari_uncertainseg.inference.class_collector import ClassCollector
from napari_uncertainseg.networks.engines.class_outputs import ClassOutputs

NAMES = ("background", "core", "oedema")
BOX = (slice(1, 7), slice(0, 4), slice(1, 6))


def halved(array: np.ndarray) -> np.ndarray:
    """The way back to twice as many slices, with a voxel around."""
    out = np.zeros((8, 4, 7), np.float32)
    out[1:-1, :, 1:-1] = np.repeat(array, 2, axis=0)
    out[2:-2:2, :, 1:-1] = (array[1:] + array[:-1]) / 2
    return out


def source_and_logits(moves: str, members: int = 3) -> tuple[ForeignInput, np.ndarray]:
    rng = np.random.default_rng(3)
    inside = rng.random((6, 4, 5)) > 0.1
    source = ForeignInput({}, np.ones((3, 4, 5), bool), BOX, inside, (8, 4, 7), halved, moves)
    return source, rng.normal(0, 3, (members, 3, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("moves", ["logits", "probabilities"])
@pytest.mark.parametrize("kept", [True, False])
def test_classes_share_a_softmax(moves, kept, monkeypatch):
    monkeypatch.setattr(class_collector, "_TOGETHER", 7)
    if not kept:
        monkeypatch.setattr(class_collector, "MOST_BYTES", 100)
    source, logits = source_and_logits(moves)
    collector = ClassCollector(source, NAMES, ClassOutputs((1, 2), overlapping=False))
    members = []
    for member in logits:
        if moves == "logits":
            p = special.softmax(np.stack([halved(one)[BOX] for one in member]).astype(float), axis=0)
        else:
            p = np.stack([halved(one)[BOX] for one in special.softmax(member.astype(float), axis=0)])
        members.append(np.where(source.inside, p, 0))
        np.testing.assert_allclose(collector.add(member), members[-1][1:].sum(axis=0), atol=1e-6)
    found = collector.result()
    if not kept:
        assert found is None and "3 classes" in collector.notes[0]
        return
    mean = np.mean(members, axis=0)
    assert found.names == NAMES and found.target == (1, 2) and not found.overlapping
    assert found.probability.dtype == np.float16 and collector.notes == ()
    np.testing.assert_allclose(found.probability, mean, atol=3e-4)
    inside = source.inside
    entropy = stats.entropy(mean[:, inside], axis=0)
    np.testing.assert_allclose(found.entropy[inside], entropy, atol=1e-5)
    shared = np.mean([stats.entropy(p[:, inside], axis=0) for p in members], axis=0)
    np.testing.assert_allclose(found.mutual_information[inside], entropy - shared, atol=1e-5)
    assert not found.entropy[~inside].any() and not found.probability[:, ~inside].any()
    assert found.on_grid(found.entropy, (8, 4, 7))[BOX].max() == found.entropy.max()


@pytest.mark.parametrize("kept", [True, False])
def test_regions_have_a_probability_each_and_no_entropy_together(kept, monkeypatch):
    if not kept:
        monkeypatch.setattr(class_collector, "MOST_BYTES", 100)
    source, logits = source_and_logits("logits")
    collector = ClassCollector(source, NAMES, ClassOutputs((0, 2), overlapping=True))
    members = [special.expit(np.stack([halved(one)[BOX] for one in member])) for member in logits]
    for member, p in zip(logits, members, strict=True):
        wanted = np.where(source.inside, p[[0, 2]].max(axis=0), 0)
        np.testing.assert_allclose(collector.add(member), wanted, atol=1e-6)
    found = collector.result()
    if kept:
        wanted = np.where(source.inside, np.mean(members, axis=0), 0)
        np.testing.assert_allclose(found.probability, wanted, atol=3e-4)
        assert found.overlapping and found.entropy is None and found.mutual_information is None

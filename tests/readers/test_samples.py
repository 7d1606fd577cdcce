"""The simulated case and patient 07."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cc3d
import numpy as np
import pooch
import pytest

from napari_uncertainseg import InputError, samples
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.widgets.scans import sample_layers


@pytest.mark.slow
def test_the_simulated_case_is_whole_and_says_what_it_is(simulated_cache, monkeypatch):
    monkeypatch.setattr(samples, "_simulate", lambda *_: pytest.fail("it was made twice"))
    case = samples.simulated_case(simulated_cache)
    assert case.simulated
    assert all("simulated" in volume.name for volume in (*case.scans, *case.masks))
    assert len(case.raters) == 3
    lesions = int(cc3d.connected_components(case.truth.data, connectivity=26).max())
    assert 15 <= lesions <= 40
    inside = case.truth.data > 0
    assert case.flair.data[inside].mean() > 1.2 * np.median(case.flair.data[case.flair.data > 0])
    for rater in case.raters:
        outline = rater.data > 0
        assert 0.4 < 2 * (outline & inside).sum() / (outline.sum() + inside.sum()) < 1
    assert prepare(case.images).brain_source == "already stripped"
    assert len(list(simulated_cache.iterdir())) == 1


@pytest.mark.slow
def test_a_damaged_cache_is_made_again(simulated_cache, tmp_path):
    cache = Path(shutil.copytree(simulated_cache, tmp_path / "cache"))
    home = next(cache.iterdir())
    file = home / "simulated_FLAIR.nii.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    again = samples.simulated_case(cache)
    assert again.flair.data.any()
    assert file.read_bytes() == whole  # the same seed gives the same case


def test_patient_07_comes_from_the_named_folder(shared_data, monkeypatch):
    monkeypatch.setenv(samples.DATA_VARIABLE, str(shared_data))
    said: list[str] = []
    monkeypatch.setattr(sample_layers, "show_notice", said.append)
    layers = sample_layers.patient07_layers()
    assert [kind for _, _, kind in layers] == ["image", "image", "image", "labels"]
    assert "CC BY" in said[0]
    assert "Lesjak" in said[0]


def test_the_download_is_pinned_and_is_what_the_folder_holds(shared_data):
    assert re.search(r"/[0-9a-f]{40}/", samples._SOURCE), "a commit, not a branch that moves"
    for name, (_, sha256) in samples._REMOTE.items():
        assert sha256_of(shared_data / "3d-mr-ms" / "patient07" / f"{name}.nii.gz") == sha256


def test_a_download_that_was_tampered_with_is_refused(monkeypatch, tmp_path):
    monkeypatch.delenv(samples.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(samples, "cache_folder", lambda: tmp_path / "cache")
    other = tmp_path / "served"
    other.write_bytes(b"something else")
    monkeypatch.setattr(
        pooch.core, "choose_downloader", lambda *a, **k: lambda url, target, *b: shutil.copy(other, target)
    )
    with pytest.raises(InputError, match="checksum differs"):
        samples.patient07()
    assert not [p for p in tmp_path.rglob("*.nii.gz") if p.is_file()]


def test_without_a_connection_one_clear_sentence(monkeypatch, tmp_path):
    monkeypatch.delenv(samples.DATA_VARIABLE, raising=False)

    def offline(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(InputError, match=r"connect to the internet, or set UNCERTAINSEG_DATA"):
        samples.patient07()
    monkeypatch.setenv(samples.DATA_VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match=r"FLAIR\.nii\.gz: not found"):
        samples.patient07()

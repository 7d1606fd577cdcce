"""Through napari's plugin engine: files in, layers out, and back."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml
from napari.components import ViewerModel
from napari.layers import Labels, Layer
from npe2 import PluginManager, PluginManifest

import napari_uncertainseg
from napari_uncertainseg.evaluate.shapes.mesh_files import SUFFIXES
from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.images.formats import formats
from napari_uncertainseg.images.formats.formats import FORMATS, NIFTI, FileFormat, format_of, name_patterns
from napari_uncertainseg.images.formats.raw_image import RawImage
from napari_uncertainseg.widgets import menu, readers
from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.scans import layer_reader

MANIFEST = Path(napari_uncertainseg.__file__).with_name("napari.yaml")


@pytest.fixture
def messages(monkeypatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(layer_reader, "show_notice", said.append)
    return said


@pytest.fixture
def scan(tmp_path) -> Path:
    affine = np.array([[-0.7, 0, 0, 100], [0, -0.7, 0.4, 90], [0, 0.07, 4, -70], [0, 0, 0, 1.0]])
    array = np.random.default_rng(0).normal(100, 20, (12, 14, 16)).astype(np.float32)
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "sub_FLAIR.nii.gz")
    return tmp_path / "sub_FLAIR.nii.gz"


def test_the_manifest_names_what_exists():
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.contributions.readers[0].accepts_directories


def test_a_scan_goes_through_napari_and_comes_back_exactly(scan, tmp_path, messages):
    read = readers.get_reader(str(scan))
    layers = [Layer.create(*one) for one in read(str(scan))]
    viewer = ViewerModel()
    viewer.add_layer(layers[0])
    data, arguments, kind = viewer.layers[0].as_layer_data_tuple()
    assert kind == "image"
    out = tmp_path / "out.nii.gz"
    assert readers.write_layer(str(out), data, arguments) == [str(out)]
    one, other = nib.load(scan), nib.load(out)
    assert np.array_equal(one.get_fdata(), other.get_fdata())
    assert np.array_equal(one.affine, other.affine)


def test_labels_open_as_labels(scan, tmp_path, messages):
    first = nib.load(scan)
    for name, array in (("some", first.get_fdata() > 120), ("none", np.zeros(first.shape))):
        nib.save(nib.Nifti1Image(array.astype(np.uint8), first.affine), tmp_path / f"{name}.nii")
        layer = Layer.create(*layer_reader.read_layers(str(tmp_path / f"{name}.nii"))[0])
        assert isinstance(layer, Labels)
        assert int(layer.data.sum()) == int(array.sum())


def test_of_four_dimensions_the_first_volume_is_opened_and_it_is_said(tmp_path, messages):
    array = np.random.default_rng(0).normal(size=(6, 7, 8, 3)).astype(np.float32)
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "four.nii")
    data = layer_reader.read_layers(str(tmp_path / "four.nii"))[0][0]
    assert np.array_equal(data, array[..., 0].T)
    assert messages == ["four.nii holds 3 volumes; the first one (index 0) was opened."]


def test_other_files_are_left_to_other_readers(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert readers.get_reader(str(tmp_path / "notes.txt")) is None
    assert readers.get_reader(str(tmp_path)) is None
    assert readers.get_reader([]) is None


def test_all_real_samples_open(shared_data, messages):
    folder = shared_data / "reader-samples"
    paths = [str(p) for p in sorted(folder.iterdir()) if p.suffix in (".mgz", ".nrrd") or p.is_dir()]
    assert len(paths) == 5
    kinds = [kind for _, _, kind in readers.get_reader(paths)(paths)]
    assert kinds == ["image", "labels", "image", "image", "image"]
    slices = [str(folder / "dicom-mr-t1" / f"00000{i}.dcm") for i in range(4)]
    assert len(readers.get_reader(slices)(slices)) == 1


def test_flair_and_t1_of_one_visit_overlay(shared_data, messages):
    folder = shared_data / "3d-mr-ms-longitudinal/patient01"
    flair, t1 = (
        Layer.create(*layer_reader.read_layers(str(folder / f"study2_{m}.nii.gz"))[0])
        for m in ("FLAIR", "T1W")
    )
    grids = [layer.metadata["uncertainseg"]["grid"] for layer in (flair, t1)]
    point = (10.0, -20.0, 15.0, 1.0)
    places = [
        np.array(layer.data_to_world(np.linalg.solve(grid.affine, point)[:3]))
        for layer, grid in zip((flair, t1), grids, strict=True)
    ]
    assert np.linalg.norm(places[0] - places[1]) < 0.1  # mm


@pytest.mark.parametrize("name", ["MR.1.2.840.113654.2", "i4004.MRDC.4", "4.dicom", "FLAIR.Nii", "x.IMA"])
def test_napari_offers_our_reader_whatever_a_scanner_names_its_files(name):
    manager = PluginManager()
    manager.register(PluginManifest.from_file(MANIFEST))
    offered = {one.command for one in manager.iter_compatible_readers([f"/scans/{name}"])}
    assert offered == {"napari-uncertainseg.get_reader"}
    assert not list(manager.iter_compatible_readers(["/scans/cells 0.5 um.tif"]))


def test_dicom_files_of_any_name_open_as_one_layer(tmp_path, messages):
    from ..images.dicom_series import make_series

    folder = make_series(tmp_path / "s", "axial")
    for k, file in enumerate(sorted(folder.iterdir())):
        file.rename(folder / f"i4004.MRDC.{k}")
    paths = [str(path) for path in sorted(folder.iterdir())]
    assert [layer[0].shape for layer in readers.get_reader(paths)(paths)] == [(7, 12, 10)]
    assert readers.get_reader(str(tmp_path / ("n" * 300))) is None


def test_manifest_and_docks_agree():
    """Each dock has its entry in napari's menu, and each entry a dock."""
    manifest = PluginManifest.from_file(MANIFEST)
    entries = {}
    for widget in manifest.contributions.widgets:
        command = next(c for c in manifest.contributions.commands if c.id == widget.command)
        entries[command.python_name] = f"{widget.display_name} ({manifest.display_name})"
    assert entries == {f"{menu.__name__}:{dock.key}_dock": dock.window_name for dock in DOCKS}
    for dock in DOCKS:
        assert getattr(menu, f"{dock.key}_dock").key == dock.key
    assert len({dock.key for dock in DOCKS}) == len(DOCKS)
    with pytest.raises(AttributeError):
        menu.no_dock  # noqa: B018


def test_the_manifest_offers_every_file_format():
    """A new format is one entry in the table, and its names in napari.yaml."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    (reader,) = manifest["contributions"]["readers"]
    assert reader["filename_patterns"] == list(name_patterns())
    images, labels, surfaces = manifest["contributions"]["writers"]
    for writer in (images, labels):
        assert set(writer["filename_extensions"]) == set(NIFTI.suffixes)
    assert set(surfaces["filename_extensions"]) == set(SUFFIXES)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_known_by_its_suffix(tmp_path, name):
    for suffix in FORMATS[name].suffixes:
        path = tmp_path / f"scan{suffix.upper()}"
        path.write_bytes(b"x")
        assert format_of(path) is FORMATS[name]
    assert format_of(tmp_path / "scan.txt") is None


def test_a_new_format_is_one_entry(tmp_path, monkeypatch):
    def load(path, index):
        return RawImage(np.arange(24.0).reshape(2, 3, 4), np.eye(4))

    monkeypatch.setattr(formats, "FORMATS", {**FORMATS, "new": FileFormat("new", (".new",), load)})
    path = tmp_path / "scan.new"
    path.write_bytes(b"x")
    assert readers.get_reader(str(path)) is not None
    assert read_image(path).data.shape == (4, 3, 2)
    assert "*.new" in formats.name_patterns() and formats.formats_in_words().endswith("or new")

"""Each form that bundles of the model zoo have: it runs, and gives what MONAI gives, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.kinds import read_model

from ..zoo_bundles import RUN, Form, made
from .test_monai_bundle import write_scan

pytest.importorskip("monai")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai")
CPU = cpu_device("torch")


def of_monai(form: Form, folder: Path, weights: str, scans: dict[str, list[Path]]) -> np.ndarray:
    """Probabilities of all classes by what MONAI instantiates, without what makes a mask of them."""
    from monai.bundle import ConfigParser
    from monai.data import list_data_collate
    from monai.transforms import (
        Activationsd,
        AsDiscreted,
        Compose,
        Invertd,
        KeepLargestConnectedComponentd,
        Lambdad,
        SaveImaged,
    )

    parser = ConfigParser(form.content)
    network = made(form.content["whole" if "whole" in form.content else "network_def"])
    network.load_state_dict(torch.load(folder / "models" / weights, weights_only=True))
    preprocessing = parser.get_parsed_content("preprocessing")
    inferer = parser.get_parsed_content("inferer")
    post = parser.get_parsed_content("postprocessing").transforms
    only_mask = AsDiscreted | SaveImaged | Lambdad | KeepLargestConnectedComponentd
    post = [one for one in post if not isinstance(one, only_mask)]
    if not any(isinstance(one, Activationsd) for one in post):
        post = [Activationsd("pred", softmax=True), *post]
    if not any(isinstance(one, Invertd) for one in post):
        post = [*post, Invertd("pred", preprocessing, "image", nearest_interp=False)]
    files = {key: [str(path) for path in paths] for key, paths in scans.items()}
    data = preprocessing({key: paths if len(paths) > 1 else paths[0] for key, paths in files.items()})
    with torch.no_grad():
        data["pred"] = inferer(list_data_collate([data])["image"], network.eval())[0]
    return Compose(post)(data)["pred"].numpy()


SLOW = ("swin_unetr_btcv_segmentation",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in RUN]
)
def test_a_form_gives_what_monai_gives(tmp_path, name):
    form = RUN[name]
    folder = form.write(tmp_path / "bundle")
    model = read_model(folder)
    model.check_runs()
    contrasts = [1.0 - 0.3 * n for n in range(len(model.modalities))]
    paths = [write_scan(tmp_path / "scans", n, f"{n}.nii.gz", one) for n, one in enumerate(contrasts)]
    phases = form.content.get("phases")
    scans = {key: [path] for key, path in zip(phases, paths, strict=True)} if phases else {"image": paths}
    wanted = of_monai(form, folder, model.weights[0].name, scans)
    assert len(wanted) == len(model.classes)
    several = wanted[list(model.target_classes)]
    wanted = several.max(axis=0) if model.answer.sigmoid else several.sum(axis=0)
    volumes = {modality: read_volume(path) for modality, path in zip(model.modalities, paths, strict=True)}
    found = Segmenter(model, device=CPU).predict(volumes)
    ours, region = found.grid.to_file(found.probability)[0], found.grid.to_file(found.brain)[0]
    threshold = model.threshold if len(model.target_classes) == 1 else float(np.median(wanted[region]))
    difference = np.abs(ours - wanted)[region]
    assert region.mean() > 0.1 and wanted[region].std() > 0.005
    assert difference.max() < 2e-3
    first, second = (ours >= threshold)[region], (wanted >= threshold)[region]
    assert 1 - 2 * (first & second).sum() / (first.sum() + second.sum()) <= 0.002

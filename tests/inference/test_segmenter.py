"""From a scan to a prediction: what each method promises, on the scan's own grid."""

from __future__ import annotations

import json
from dataclasses import replace
from shutil import copytree

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference import tiling
from napari_uncertainseg.inference.prediction_accumulator import PredictionAccumulator
from napari_uncertainseg.inference.provenance import describe_scan
from napari_uncertainseg.inference.sampling import FLIPS, METHODS, Pass, SamplingSetting, flips
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.inference.tiling import Windows
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.engines.torch_engine import TorchEngine
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

TORCH = cpu_device("torch").at("float32")
MAPS = ("probability", "entropy", "expected_entropy", "mutual_information", "variance", "disagreement")


@pytest.fixture
def predict(ensemble_folder, scan, brain_mask):
    def run(method="one-pass", scan=scan, mask=brain_mask, progress=None, **options):
        segmenter = Segmenter(ensemble_folder, method=method, device=TORCH, **options)
        return segmenter.predict({"flair": scan}, mask=mask, **({"progress": progress} if progress else {}))

    return run


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_consistent_maps(predict, scan, method):
    p = predict(method, members=2)
    assert p.grid is scan.grid and len(p.members) == 2
    for name in MAPS:
        array = getattr(p, name)
        assert array.shape == scan.data.shape and array.dtype == np.float32
        assert np.isfinite(array).all() and not array[~p.brain].any() and array.min() >= 0
    assert p.probability.max() <= 1 and p.entropy.max() <= np.log(2) + 1e-6
    assert p.variance.max() <= 0.25 + 1e-6 and 0 < p.disagreement.max() <= 0.25
    assert p.mutual_information.max() > 0
    assert any("than One pass" in note for note in p.information["notes"]) == (method == "layers")
    np.testing.assert_allclose(p.entropy, p.expected_entropy + p.mutual_information, atol=1e-5)
    whole = np.zeros((2, *scan.data.shape), np.float32)
    whole[(slice(None), *p.members.box)] = p.members.values
    seen = p.probability > 0.1
    np.testing.assert_allclose(whole.mean(0)[seen], p.probability[seen], atol=2e-3)
    np.testing.assert_allclose(whole.var(0)[seen], p.variance[seen], atol=2e-3)


def test_the_information_says_what_made_it(predict, scan, ensemble_folder):
    p = predict("mc-dropout", members=3, seed=5)
    told = json.loads(json.dumps(dict(p.information)))
    assert (told["method"], told["members"], told["seed"], told["model"]) == ("mc-dropout", 3, 5, "three")
    assert told["model_sha256"] == find_model(ensemble_folder).sha256 and p.threshold == 0.4
    assert told["device"] == TORCH.name and told["inputs"]["flair"]["name"] == scan.name
    assert set(told["seconds"]) == {"prepare", "network", "members", "maps"} and told["versions"]["torch"]


def test_a_model_that_knows_it_says_how_probably_each_lesion_is_real(
    ensemble_folder, scan, brain_mask, tmp_path
):
    folder = copytree(ensemble_folder, tmp_path / "three")
    weights = {"largest_probability": {"weight": 1.0, "centre": 0.0}, "depth": {"weight": 0.5, "centre": 3.0}}
    numbers = {
        "version": 1, "methods": ["one-pass"], "thresholds": [0.2, 0.8], "candidate_threshold": 0.1,
        "orders": True, "constant": -1.0, "weights": weights,
        "lesions": 40, "real": 20, "brier": 0.1, "brier_of_share": 0.2,
    }  # fmt: skip
    (folder / "real_probability.json").write_text(json.dumps(numbers))
    made = Segmenter(folder, device=TORCH).predict({"flair": scan}, mask=brain_mask)
    assert set(made.information["seconds"]) == {"prepare", "network", "members", "maps", "real_probability"}
    seen = np.flatnonzero((made.probability >= 0.05) & made.brain)
    np.testing.assert_array_equal(made.voxel_features.where, seen)
    found = rank_lesions(made)
    assert found.by_p_real and found.table["p_real"].between(0, 1).all() and found.count
    write_results(tmp_path / "out", made, found)
    again = read_saved_results(tmp_path / "out").prediction
    assert again.real_probability == made.real_probability == find_model(folder).real_probability
    np.testing.assert_array_equal(again.voxel_features.values, made.voxel_features.values)
    for threshold in (0.3, 0.4, 0.6):
        now, was = (rank_lesions(p, threshold).table["p_real"] for p in (again, made))
        np.testing.assert_allclose(now, was)
    other = Segmenter(folder, method="flips", device=TORCH).predict({"flair": scan}, mask=brain_mask)
    assert other.voxel_features is None and other.real_probability is None  # it was fitted on another method
    assert "p_real" not in rank_lesions(other).table


def test_members_are_the_heads_of_a_plain_pass(predict, scan, brain_mask, ensemble_folder):
    p = predict("one-pass")
    source = prepare({"flair": scan}, mask=brain_mask).network_input(1.0)
    image = torch.zeros(1, 3, *(-(-n // 4) * 4 for n in source.brain.shape))
    z, y, x = source.brain.shape
    image[0, 0, :z, :y, :x] = torch.from_numpy(source.channels["flair"])
    with torch.inference_mode():
        heads = find_model(ensemble_folder).network()(image)[0, :, :z, :y, :x].sigmoid().numpy()
    heads *= source.brain
    np.testing.assert_allclose(p.probability[source.box], heads.mean(0), atol=1e-4)
    np.testing.assert_allclose(p.disagreement[source.box], heads.var(0), atol=1e-4)


def test_dropout_repeats_by_seed_and_runs_the_encoder_once(predict, monkeypatch):
    calls = {"encode": 0, "decode": 0}

    def count(name: str) -> None:
        original = getattr(TorchEngine, name)

        def counted(self, *args):
            calls[name] += 1
            return original(self, *args)

        monkeypatch.setattr(TorchEngine, name, counted)

    for name in calls:
        count(name)
    first = predict("mc-dropout", members=4, seed=1)
    assert calls == {"encode": 1, "decode": 4}
    assert np.array_equal(first.probability, predict("mc-dropout", members=4, seed=1).probability)
    assert not np.array_equal(first.probability, predict("mc-dropout", members=4, seed=2).probability)


class _Directional(Engine):
    """Looks at the next voxel along x: what it says depends on how the scan lies."""

    def heads(self, image):
        return torch.roll(image[0], -1, dims=3)


def test_flips_are_flipped_back(model_folder):
    image = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    windows = Windows(image, _Directional(TORCH, divisor=4, smallest=8, width=4), 10**6)
    passes = list(flips(SamplingSetting(find_model(model_folder), lambda index: windows, len(FLIPS))))
    assert len(passes) == 8 and len(set(FLIPS)) == 8
    for axes, found in zip(FLIPS, passes, strict=True):
        # flipped along x, the next voxel is the one before
        shift = 1 if 3 in axes else -1
        assert torch.allclose(found.finished().members[0], torch.roll(image[0], shift, dims=2).sigmoid())


def test_a_scan_that_the_model_does_not_read_is_left_out(model_folder, scan, brain_mask, tmp_path):
    two = copytree(model_folder, tmp_path / "two")
    content = json.loads((two / "model.json").read_text()) | {"modalities": ["flair", "t1"]}
    (two / "model.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"encoder\.0\.0\.0\.weight is .* should be"):
        Segmenter(two, device=TORCH).predict({"flair": scan, "t2": scan}, mask=brain_mask)


def test_the_temperature_divides_the_logits(model_folder, scan, brain_mask, tmp_path):
    warm = copytree(model_folder, tmp_path / "warm")
    content = json.loads((warm / "model.json").read_text()) | {"temperature": 2.0}
    (warm / "model.json").write_text(json.dumps(content))
    plain, soft = (
        Segmenter(f, device=TORCH, members=1).predict({"flair": scan}, mask=brain_mask).probability
        for f in (model_folder, warm)
    )
    inside = (plain > 0) & (plain < 1)
    logit = np.log(plain[inside] / (1 - plain[inside]))
    np.testing.assert_allclose(soft[inside], 1 / (1 + np.exp(-logit / 2)), atol=1e-3)


def test_another_grid_keeps_every_identity(predict, scans):
    thick = scans((14, 60, 50), (4.0, 0.72, 0.72))
    mask = Volume((thick.data != 0).astype(np.uint8), thick.grid, "mask")
    p = predict("one-pass", scan=thick, mask=mask)
    assert p.probability.shape == (14, 60, 50) and p.probability.max() > 0.1
    np.testing.assert_allclose(p.entropy, p.expected_entropy + p.mutual_information, atol=1e-5)
    q = np.clip(p.probability.astype(float), 1e-12, 1 - 1e-12)
    np.testing.assert_allclose(p.entropy, -q * np.log(q) - (1 - q) * np.log(1 - q), atol=1e-5)
    whole = np.zeros((len(p.members), *p.probability.shape), np.float32)
    whole[(slice(None), *p.members.box)] = p.members.values
    np.testing.assert_allclose(whole.mean(0), p.probability, atol=0.05)


def test_further_scans_are_read(model_folder, scan, brain_mask):
    t2 = Volume(scan.data[::-1].copy(), scan.grid, "t2")
    with_t2 = Segmenter(model_folder, device=TORCH).predict({"flair": scan, "t2": t2}, mask=brain_mask)
    without = Segmenter(model_folder, device=TORCH).predict({"flair": scan}, mask=brain_mask)
    assert set(with_t2.information["inputs"]) == {"flair", "t2"}
    assert not np.array_equal(with_t2.probability, without.probability)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "no method 'magic'"),
        ({"members": 0}, "at least 1"),
        ({"members": 2.5}, "at least 1"),
        ({"members": True}, "at least 1"),
        ({"members": 99}, "at most 3 members"),
        ({"method": "flips", "members": 9}, "at most 8"),
        ({"method": "ensemble"}, "needs several networks.*'tiny' does not have"),
        ({"device": "tpu"}, "no device 'tpu'"),
    ],
)
def test_what_cannot_be_is_said_at_once(model_folder, options, message):
    with pytest.raises(InputError, match=message):
        Segmenter(model_folder, **({"device": "cpu"} | options))


def test_a_result_says_that_a_gpu_was_not_used(model_folder, scan, brain_mask):
    note = "The GPU does not work (no kernel image): the CPU was used instead."
    made = Segmenter(model_folder, device=replace(TORCH, note=note))
    assert note in made.predict({"flair": scan}, mask=brain_mask).information["notes"]


def test_bad_modalities_are_refused(model_folder, scan):
    segmenter = Segmenter(model_folder, device=TORCH)
    with pytest.raises(InputError, match="no modality 'ct'"):
        segmenter.predict({"ct": scan})
    with pytest.raises(InputError, match="FLAIR is missing"):
        segmenter.predict({"t1": scan})


def test_progress_grows_to_one_and_names_the_members(predict):
    told: list[tuple[str, float]] = []
    predict("mc-dropout", members=3, progress=lambda stage, fraction: told.append((stage, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and fractions[0] >= 0 and told[-1] == ("done", 1.0)
    assert {"member 1 of 3", "member 3 of 3"} <= {stage for stage, _ in told}


@pytest.mark.parametrize("method", METHODS)
def test_cancel_ends_a_run_at_the_next_question(ensemble_folder, scans, method):
    scan = scans((96, 96, 96))
    mask = Volume((scan.data > 0).astype(np.uint8), scan.grid, "mask")
    segmenter = Segmenter(ensemble_folder, method=method, device=TORCH)
    asked = []

    def progress(stage: str, fraction: float) -> None:
        asked.append(stage)
        if stage.startswith("member"):
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter.predict({"flair": scan}, mask=mask, progress=progress)
    assert sum(stage.startswith("member") for stage in asked) == 1


def test_out_of_memory_leads_to_smaller_windows_with_a_note(predict, monkeypatch):
    original = TorchEngine.heads

    def short(self, image):
        if image[0, 0].numel() > 30_000:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")
        return original(self, image)

    whole = predict()
    monkeypatch.setattr(TorchEngine, "heads", short)
    tiled = predict()
    assert any("smaller windows" in note for note in tiled.information["notes"])
    assert not any("smaller windows" in note for note in whole.information["notes"])
    assert np.corrcoef(whole.probability[whole.brain], tiled.probability[whole.brain])[0, 1] > 0.8


def test_no_memory_at_all_is_one_sentence(predict, monkeypatch):
    def never(self, image):
        raise MemoryError

    monkeypatch.setattr(TorchEngine, "heads", never)
    with pytest.raises(InputError, match="not enough free memory"):
        predict()


def test_the_network_is_built_once(ensemble_folder, scan, brain_mask, monkeypatch):
    segmenter = Segmenter(ensemble_folder, device=TORCH)
    first = segmenter.predict({"flair": scan}, mask=brain_mask)
    monkeypatch.setattr(type(segmenter.model), "engine", None)
    second = segmenter.predict({"flair": scan}, mask=brain_mask)
    assert np.array_equal(first.probability, second.probability)


def collect(source, shape, members):
    collector = PredictionAccumulator(source, shape)
    for member in members:
        collector.add(Pass(member[None], torch.zeros(member.shape)))
    return collector.result()


def test_members_are_kept_only_where_they_saw_something(scan, brain_mask):
    source = prepare({"flair": scan}, mask=brain_mask).network_input(1.0)
    member = torch.zeros(source.brain.shape)
    centre = tuple(n // 2 for n in member.shape)
    member[centre] = 0.9
    other = torch.zeros_like(member)
    other[centre[0] + 3, centre[1], centre[2]] = 0.5
    found = collect(source, scan.data.shape, [member, other, torch.zeros_like(member)])
    assert found.members.values.shape == (3, 4, 1, 1) and found.members.values.dtype == np.float16
    on_scan = tuple(c + s.start for c, s in zip(centre, source.box, strict=True))
    assert found.members.box[0] == slice(on_scan[0], on_scan[0] + 4)
    assert found.maps["probability"][on_scan] == pytest.approx(0.3, abs=1e-3)
    nothing = collect(source, scan.data.shape, [torch.zeros_like(member)] * 2)
    assert nothing.members.values.shape == (2, 0, 0, 0) and len(nothing.members) == 2


def test_the_exact_way_and_the_way_back_agree(scan, brain_mask):
    source = prepare({"flair": scan}, mask=brain_mask).network_input(1.0)
    member = torch.rand(source.brain.shape, generator=torch.Generator().manual_seed(0))
    found = collect(source, scan.data.shape, [member])
    assert np.array_equal(found.maps["probability"], source.back(member.numpy()))


def test_maps_and_members_make_no_float64(scan, brain_mask, monkeypatch):
    """Whatever the network says is float32 or smaller from there to the scan's grid."""
    source = prepare({"flair": scan}, mask=brain_mask).network_input(1.5)
    kinds = set()
    back = type(source).back

    def watched(self, array):
        found = back(self, array)
        kinds.update((array.dtype, found.dtype))
        return found

    monkeypatch.setattr(type(source), "back", watched)
    found = collect(source, scan.data.shape, [torch.rand(source.brain.shape) for _ in range(2)])
    assert kinds == {np.dtype(np.float32)}
    assert {m.dtype for m in found.maps.values()} == {np.dtype(np.float32)}
    assert found.members.values.dtype == np.float16


def test_few_free_bytes_are_heeded(predict, monkeypatch):
    monkeypatch.setattr(tiling, "_free_bytes", lambda kind: 8_000_000)
    assert any("several windows" in note for note in predict().information["notes"])


def test_a_scan_that_is_not_where_it_was_when_the_run_is_over(tmp_path):
    """Too long a name here; a share that does not answer any more raises the same."""
    grid = Grid((2, 3, 4), np.eye(4)[[2, 1, 0, 3]])
    for path in (None, tmp_path / "gone.nii.gz", tmp_path / ("a" * 300)):
        about = describe_scan(Volume(np.ones(grid.shape, np.float32), grid, "FLAIR", "flair", path))
        assert about["sha256"] is None and len(about["scan_sha256"]) == 64
        assert about["path"] == (None if path is None else str(path))

"""What a run records can be read again, with TensorBoard and without."""

import json
import sys

import pytest
import torch

from napari_uncertainseg.training.monitor import Monitor, example


def test_figures_and_pictures_can_be_read_again(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monitor = Monitor(tmp_path, 0)
    monitor.tell(1, {"loss": 2.0, "dice": 0.5})
    monitor.tell(2, {"loss": 1.0, "dice": 0.75}, torch.zeros(1, 4, 16))
    monitor.close()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == [{"step": 1, "loss": 2.0, "dice": 0.5}, {"step": 2, "loss": 1.0, "dice": 0.75}]
    board = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [(e.step, e.value) for e in board.Scalars("loss")] == [(1, 2.0), (2, 1.0)]
    (name,) = board.Tags()["images"]
    assert board.Images(name)[0].step == 2


def test_without_tensorboard_the_lines_are_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monitor = Monitor(tmp_path, 0)
    monitor.tell(1, {"loss": 2.0})
    monitor.close()
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1, "loss": 2.0}\n'
    assert not (tmp_path / "tensorboard").exists()


def test_the_picture_shows_the_slice_with_most_lesion():
    image, reference = torch.full((3, 4, 5, 6), 0.5), torch.zeros(4, 5, 6)
    reference[2, 1, 1:3] = 1
    heads = torch.stack([reference, torch.zeros_like(reference)])
    shown = example(image, reference, heads)
    assert shown.shape == (1, 5, 24)
    flair, outline, probability, variance = shown[0].split(6, dim=1)
    assert (flair == 0.5).all()
    assert torch.equal(outline, reference[2])
    assert torch.equal(probability, reference[2] / 2)
    assert torch.equal(variance, reference[2])

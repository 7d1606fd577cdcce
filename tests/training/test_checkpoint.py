"""A run resumes only from what it left itself; anything else is named."""

import shutil
import signal

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_uncertainseg import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.training import trainer
from napari_uncertainseg.training.checkpoint import check_same, made_from, read_checkpoint
from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.interruption import Interruption, Stopped
from napari_uncertainseg.training.trainer import _Run

pytest.importorskip("ignite", reason="training needs the extra 'train'")


def begin(path, step=0):
    """A run as far as a step, without the training; returns its checkpoint."""
    configuration = read_configuration(path)
    configuration.output.mkdir(exist_ok=True)
    run = _Run(configuration)
    run.step = step
    run.save()
    return run.checkpoint


def refusal(path):
    with pytest.raises(InputError) as answer:
        _Run(read_configuration(path))
    return str(answer.value)


def interrupt(at):
    """A progress callback that presses Ctrl+C during a step."""

    def progress(stage, fraction):
        if stage.startswith(f"step {at} "):
            signal.raise_signal(signal.SIGINT)

    return progress


def test_a_checkpoint_that_is_damaged_or_foreign_is_refused(write_run):
    path = write_run()
    checkpoint = begin(path)
    assert _Run(read_configuration(path)).step == 0
    whole = checkpoint.read_bytes()
    for content in (b"", b"letters", whole[: len(whole) // 2]):
        checkpoint.write_bytes(content)
        assert "checkpoint.pt is damaged" in refusal(path)
    torch.save({"model": torch.zeros(1)}, checkpoint)
    assert "checkpoint.pt is no checkpoint of this version" in refusal(path)
    torch.save([1, 2], checkpoint)
    assert "no checkpoint of this version" in refusal(path)


def test_a_checkpoint_is_not_executed(write_run, tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    path = write_run()
    torch.save({"network": Harm()}, begin(path))
    assert "damaged" in refusal(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("part", ["network", "average", "optimiser"])
def test_a_checkpoint_of_another_network_is_refused(write_run, part):
    path = write_run()
    checkpoint = begin(path)
    state = read_checkpoint(checkpoint)
    other = MultiHeadUNet(3, (2, 4), 3)
    parts = {
        "network": other.state_dict(),
        "average": {},
        "optimiser": torch.optim.AdamW([next(other.parameters())]).state_dict(),
    }
    torch.save({**state, part: parts[part]}, checkpoint)
    assert "does not fit this network" in refusal(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"patch": "patch = 12"}, "[data] patch was 8, is 12"),
        ({"heads": "heads = 3"}, "[network] heads was 2, is 3"),
        ({"features": "features = [2, 3]"}, "[network] features was [2, 4], is [2, 3]"),
        ({"warmup": "warmup = 2\nseed = 1"}, "warmup was 1, is 2; [optimisation] seed was 0, is 1"),
        ({"subjects": 'subjects = ["a/"]\nmasks = "masks"'}, "masks/b.nii.gz was not used"),
    ],
)
def test_a_changed_configuration_is_refused_by_its_keys(write_run, changes, says):
    begin(write_run(), step=1)
    answer = refusal(write_run(**changes))
    assert says in answer
    assert "put that back" in answer and "another 'output'" in answer


def test_other_scans_are_refused_and_moved_ones_are_not(write_run, folder):
    begin(write_run(), step=1)
    shutil.copytree(folder / "data", folder / "moved")
    moved = write_run(folder='folder = "moved"', name='name = "other"')
    assert _Run(read_configuration(moved)).step == 1
    scan = folder / "moved" / "a" / "T1.nii.gz"
    old = nibabel.load(scan)
    nibabel.save(nibabel.Nifti1Image(np.asarray(old.dataobj) + 1, old.affine), scan)
    assert "a/t1 has other content" in refusal(moved)
    scan.unlink()
    assert "a/t1 is not used" in refusal(moved)


def test_steps_may_change_exactly_while_the_learning_rate_stays(write_run):
    for steps, other in ((4, 9), (9, 4), (4, 3)):
        old = read_configuration(write_run(steps=f"steps = {steps}"))
        new = read_configuration(write_run(steps=f"steps = {other}"))
        for step in range(min(steps, other) + 1):
            state = {"made_from": made_from(old), "step": step}
            same = all(
                trainer.learning_rate(s, old.optimisation) == trainer.learning_rate(s, new.optimisation)
                for s in range(step)
            )
            if same:
                check_same(state, made_from(new), old.output)
            else:
                with pytest.raises(InputError, match=r"steps was .*start_from"):
                    check_same(state, made_from(new), old.output)


def test_weights_to_start_from_must_be_whole_and_fit(write_run, folder):
    path = write_run(output='output = "out"\nstart_from = "w.safetensors"')
    weights = folder / "w.safetensors"
    given = MultiHeadUNet(3, (2, 4), 2).state_dict()
    save_file(given, weights)
    begun = _Run(read_configuration(path))
    for name, value in begun.average.module.state_dict().items():
        assert torch.equal(value, given[name])
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "w.safetensors' are corrupt" in refusal(path)
    save_file(MultiHeadUNet(3, (2, 4), 3).state_dict(), weights)
    assert "heads" in (answer := refusal(path)) and "'start_from' and [network] must agree" in answer


def test_after_ctrl_c_the_same_command_ends_where_it_would_have(write_run, folder):
    whole = load_file(trainer.train(write_run(output='output = "whole"')) / "weights.safetensors")
    path = write_run()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Stopped, match="at step 3 of 4"):
        trainer.train(path, progress=interrupt(3))
    assert signal.getsignal(signal.SIGINT) is before
    assert read_checkpoint(folder / "out" / "checkpoint.pt")["step"] == 3
    resumed = load_file(trainer.train(path) / "weights.safetensors")
    for name, value in whole.items():
        assert torch.equal(value, resumed[name])


def test_the_command_line_says_in_one_line_how_it_goes_on(monkeypatch, capsys, write_run):
    def stop(path, *, seed, progress):
        assert seed == 5
        raise Stopped("stopped; the same command resumes at step 3 of 4")

    monkeypatch.setattr(trainer, "train", stop)
    with pytest.raises(SystemExit) as status:
        main(["train", str(write_run()), "--seed", "5"])
    assert status.value.code == 130
    assert capsys.readouterr().err == "uncertainseg: stopped; the same command resumes at step 3 of 4\n"


def test_a_second_ctrl_c_does_not_wait():
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked
        signal.raise_signal(signal.SIGINT)


def test_an_output_that_cannot_be_made_is_named(write_run, folder):
    (folder / "out").touch()
    with pytest.raises(InputError, match="choose another 'output'"):
        trainer.train(write_run())

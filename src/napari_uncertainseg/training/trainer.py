"""Training on MONAI's engine: resumable at any step, the same for the same seed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Subset

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._parallel import usable_processors
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.networks.engines.precision import Precision
from napari_uncertainseg.networks.model import INTENSITIES
from napari_uncertainseg.networks.multihead import MultiHeadUNet, copied_to_styles
from napari_uncertainseg.networks.weights import bytes_of, check_fit, read_weights
from napari_uncertainseg.training.checkpoint import check_same, made_from, read_checkpoint
from napari_uncertainseg.training.configuration import Configuration, OptimisationConfiguration
from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.interruption import Interruption, Stopped, ignore_interruptions
from napari_uncertainseg.training.losses import (
    by_volume,
    distinct,
    multi_head_loss,
    of_style,
    raters_of_heads,
)
from napari_uncertainseg.training.monitor import EXAMPLE_EVERY, Monitor, example
from napari_uncertainseg.training.patches import Patches
from napari_uncertainseg.training.sources.cohort import read_cohort
from napari_uncertainseg.training.validation import Validation, scores

_CHECKPOINT = "checkpoint.pt"
_SAVE_EVERY = 25
_MOST_WORKERS = 8


def learning_rate(step: int, settings: OptimisationConfiguration) -> float:
    """Learning rate at a step: linear warm-up, a plateau, cosine to 0 over the last steps."""
    up = min(1.0, (step + 1) / max(1, settings.warmup))
    left = (settings.steps - step) / max(1, settings.decay)
    down = 0.5 * (1 - math.cos(math.pi * min(1.0, max(0.0, left))))
    return settings.learning_rate * up * down


class _Run:
    """A network in training, and how it is saved and found again."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.settings = configuration.optimisation
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(self.settings.seed)
        self.precision = Precision.fastest(self.device)
        self.styles = configuration.data.styles
        shape = configuration.network
        network = MultiHeadUNet(
            len(MODALITIES), shape.features, shape.heads, styles=max(1, len(self.styles)), thin=shape.thin
        )
        # torch's stubs do not know memory_format
        self.network = network.to(self.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average = AveragedModel(
            self.network, multi_avg_fn=get_ema_multi_avg_fn(self.settings.average), use_buffers=True
        ).eval()
        self.optimiser = torch.optim.AdamW(self.network.parameters(), weight_decay=1e-4)
        self.step = 0
        self.made_from = made_from(configuration)
        self.picture: Tensor | None = None
        if self.checkpoint.exists():
            self._resume()
        elif configuration.start_from is not None:
            self._start_from(configuration.start_from)

    @property
    def checkpoint(self) -> Path:
        return self.configuration.output / _CHECKPOINT

    def _start_from(self, path: Path) -> None:
        expected = self.network.state_dict()
        weights = copied_to_styles(read_weights(path, most_bytes=bytes_of(expected)), self.network)
        try:
            check_fit(weights, expected, path)
        except InputError as error:
            raise InputError(f"{str(error).rstrip('.')}; 'start_from' and [network] must agree.") from error
        weights = {k: v.float() for k, v in weights.items()}
        self.network.load_state_dict(weights)
        self.average.module.load_state_dict(weights)

    def _resume(self) -> None:
        state = read_checkpoint(self.checkpoint)
        check_same(state, self.made_from, self.checkpoint)
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self.checkpoint} does not fit this network: delete it to start again, "
                "or choose another 'output'."
            ) from error
        self.step = state["step"]
        # Versions that did not say it always trained in bf16.
        self.precision = Precision(self.device.type, state.get("precision", "bf16"))

    def save(self) -> None:
        """Write the checkpoint; a kill while writing leaves the one before."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "made_from": self.made_from,
            "precision": self.precision.name,
        }
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def save_model(self) -> Path:
        """Write the averaged weights, half precision, as a model folder that `models add` takes."""
        folder = self.configuration.output / "model"
        folder.mkdir(exist_ok=True)
        state = self.average.module.state_dict()
        weights = {k: v.detach().half().contiguous().cpu() for k, v in state.items()}
        temporary = folder / "weights.tmp"
        save_file(weights, temporary, metadata={"name": self.configuration.name, "step": str(self.step)})
        temporary.replace(folder / "weights.safetensors")
        description = json.dumps(self._description(), indent=2) + "\n"
        (folder / "model.json").write_text(description, encoding="utf-8")
        return folder

    def _description(self) -> dict[str, Any]:
        """What `networks.catalog` reads of a model."""
        shape = self.configuration.network
        trained_on = ", ".join(self.configuration.data.trained_on)
        return {
            "name": self.configuration.slug,
            "version": "1",
            "description": f"Trained for {self.step} steps on {trained_on}.",
            "architecture": {
                "kind": "multihead-unet",
                "features": list(shape.features),
                "heads": shape.heads,
                "thin": shape.thin,
            },
            **({"styles": list(self.styles)} if self.styles else {}),
            "modalities": list(MODALITIES),
            "intensities": INTENSITIES,
            "spacing": 1.0,
            "smoothing": self.configuration.smoothing,
            "threshold": 0.5,
            "dropout": self.settings.dropout,
            "weights": ["weights.safetensors"],
        }

    def update(self, engine: Any, batch: dict[str, Tensor]) -> dict[str, float]:
        """One optimiser step; called by MONAI's engine."""
        started = time.perf_counter()
        self.network.train()
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + self.step)
        image = batch["image"].to(self.device, memory_format=torch.channels_last_3d)
        raters = by_volume(batch["raters"].to(self.device))
        reference = batch["reference"].to(self.device)[:, None].float()
        weight = batch["weight"].to(self.device)[:, None].float()
        heads = self.configuration.network.heads
        ordered = self.settings.sampling == "volume"
        choice = raters_of_heads(raters.shape[1], heads, None if ordered else generator)
        masks = self.network.sample_masks(self.settings.dropout, batch=len(image), generator=generator)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.settings)
        self.optimiser.zero_grad(set_to_none=True)
        with self.precision.autocast():
            logits, layers = self.network.decode_layers(
                self.network.encode(image), [m.to(self.device) for m in masks]
            )
        style = batch["style"].to(self.device)
        logits, *layers = (of_style(x.float(), style, self.network.styles) for x in (logits, *layers))
        loss = multi_head_loss(
            logits,
            layers,
            raters,
            reference,
            weight,
            choice,
            regions=distinct(batch["regions"].to(self.device)),
            lesions=self.settings.lesion_loss,
            disagreement=self.settings.disagreement,
            calibration=self.settings.calibration,
            binning=self.settings.binning,  # type: ignore[arg-type]
        )
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        if self.step % _SAVE_EVERY == 0 or self.step == self.settings.steps:
            self.save()
        heads_now = torch.sigmoid(logits.detach())
        if self.step % EXAMPLE_EVERY == 0:
            self.picture = example(image[0], reference[0, 0], heads_now[0])
        return {
            "loss": float(loss.detach()),
            **scores(heads_now.mean(1), reference[:, 0], weight[:, 0] > 0),
            "learning_rate": learning_rate(self.step - 1, self.settings),
            "seconds": time.perf_counter() - started,
        }


def _workers(device: torch.device) -> int:
    """Processes that draw patches: several beside a GPU, one where the network needs the cores itself."""
    return min(_MOST_WORKERS, max(1, usable_processors() - 1)) if device.type == "cuda" else 1


@contextmanager
def _threads_beside_workers(device: torch.device) -> Iterator[None]:
    """Leave the drawing of patches a processor of its own: threads wait for the slowest of them."""
    before = torch.get_num_threads()
    if device.type != "cuda":
        torch.set_num_threads(max(1, min(before, usable_processors() - _workers(device))))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _loader(patches: Patches, first: int, batch: int, device: torch.device) -> DataLoader[dict[str, Tensor]]:
    """Batches of the patches from one on, in their order: the same with any number of workers."""
    return DataLoader(
        Subset(patches, range(first, len(patches))),
        batch_size=batch,
        num_workers=_workers(device),
        prefetch_factor=4,
        pin_memory=device.type == "cuda",
        worker_init_fn=ignore_interruptions,
    )


def train(configuration_path: Path | str, *, seed: int | None = None, progress: Progress = silent) -> Path:
    """Train a network, or resume a run that was stopped.

    Parameters
    ----------
    configuration_path
        TOML file, see `training.configuration`.
    seed
        In place of the configuration's own; the `output` then ends in ``-seed`` and the number.
    progress
        Told each step.

    Returns
    -------
    pathlib.Path
        The model folder.

    Raises
    ------
    InputError
        If the configuration, its data or what a stopped run left cannot be used, or a package is missing.
    Stopped
        After Ctrl+C, when the step in progress was finished and saved.
    """
    configuration = read_configuration(configuration_path, seed=seed)
    try:
        import ignite.engine  # noqa: F401
        import monai.engines  # noqa: F401
    except ImportError as error:
        raise InputError('Training needs more packages: pip install "napari-uncertainseg[train]".') from error
    try:
        configuration.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{configuration_path}: the folder {configuration.output} cannot be made ({error.strerror}): "
            "choose another 'output'."
        ) from error
    progress("reading the files", 0.0)
    run = _Run(configuration)
    if run.step < configuration.optimisation.steps:
        _go_on(run, progress)
    return run.save_model()


def _go_on(run: _Run, progress: Progress) -> None:
    """Train from the run's step to its last one."""
    from ignite.engine import Events
    from monai.engines import SupervisedTrainer

    data, settings = run.configuration.data, run.settings
    validation = None
    if settings.validate_every:
        validation = Validation(run.configuration, run.network, run.precision)
    cohort = read_cohort(data, run.configuration.cache)
    patches = Patches(data, cohort, seed=settings.seed, length=settings.steps * settings.batch)
    engine = SupervisedTrainer(
        device=run.device,
        max_epochs=1,
        train_data_loader=_loader(patches, run.step * settings.batch, settings.batch, run.device),
        network=run.network,
        optimizer=run.optimiser,
        loss_function=multi_head_loss,
        iteration_update=run.update,
        decollate=False,
    )
    monitor, interruption = Monitor(run.configuration.output, run.step), Interruption()

    def tell(engine: Any) -> None:
        values = dict(engine.state.output)
        if validation is not None and run.step % settings.validate_every == 0:
            values |= validation.measure(run.average.module)
        monitor.tell(run.step, values, run.picture)
        run.picture = None
        stage = f"step {run.step} of {settings.steps}, loss {values['loss']:.3f}"
        progress(stage, run.step / settings.steps)
        if interruption.asked:
            engine.terminate()

    engine.add_event_handler(Events.ITERATION_COMPLETED, tell)
    try:
        with interruption, _threads_beside_workers(run.device):
            engine.run()
    finally:
        monitor.close()
    if run.step < settings.steps:
        run.save()
        raise Stopped(f"stopped; the same command resumes at step {run.step} of {settings.steps}")

"""A scan in, a :class:`Prediction` out."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD, LOWEST_CANDIDATES
from napari_uncertainseg.images.preparation.foreign import prepare_foreign
from napari_uncertainseg.images.preparation.found_brain import FoundBrain, accept
from napari_uncertainseg.images.preparation.prepare import NetworkInput, Prepared, prepare
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.inference.pace.trial import can_be_tried, try_network
from napari_uncertainseg.inference.prediction_accumulator import AccumulatedMaps, PredictionAccumulator
from napari_uncertainseg.inference.provenance import (
    about_model,
    about_scans,
    describe_scan,
    note_on_target,
    versions,
)
from napari_uncertainseg.inference.sampling import SamplingSetting, check_method
from napari_uncertainseg.inference.scan_recalibration import ScanRecalibration, recalibration_of_scan
from napari_uncertainseg.inference.scans_of_model import check_modalities, prepare_for
from napari_uncertainseg.inference.tiling import Windows, is_out_of_memory, retry_with_smaller_windows
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import Device, choose_device, cpu_device
from napari_uncertainseg.networks.engines.engine import Engine, never
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.networks.real_probability import RealProbability
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.prediction.voxel_features import VoxelFeatures
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import Course, course_of, end_own
from napari_uncertainseg.uncertainty.real_probability.voxel_features import measure_voxel_features


class Segmenter:
    """Segments scans with one model, one method and one device.

    It keeps the network between scans, so that a second run starts at once. It may be used from any
    thread; runs wait for each other.

    Parameters
    ----------
    model
        ``"bundled"``, a name from the catalogue, a model folder, or a :class:`Model`.
    method
        ``"one-pass"``, ``"layers"``, ``"mc-dropout"``, ``"flips"`` or ``"ensemble"``.
    members
        How many; the method's usual number if None.
    target
        Of a model with several classes: which of them are segmented, together; the model's own if None.
    device
        ``"auto"``, ``"cpu"``, ``"cpu-float32"``, ``"cpu-int8"`` or ``"cuda"``, see `choose_device`.
    seed
        Of ``mc-dropout``.
    window_share
        Of the largest window that memory seems to allow, how much is used, see `retry_with_smaller_windows`.

    Raises
    ------
    InputError
        If the model, the method, the members, the target or the device cannot be used.

    Examples
    --------
    >>> segmenter = Segmenter("bundled")
    >>> prediction = segmenter.predict({"flair": read_volume("flair.nii.gz")})  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path | Model = "bundled",
        *,
        method: str = "one-pass",
        members: int | None = None,
        target: Sequence[str] | None = None,
        device: str | Device = "auto",
        seed: int = 0,
        window_share: float = 1.0,
    ) -> None:
        known = model if isinstance(model, Model) else find_model(model)
        self.model = known if target is None else known.with_target(target)
        self._method, self.members = check_method(method, self.model, members)
        self.device = self.suited(device if isinstance(device, Device) else choose_device(device))
        self.seed = seed
        self.window_share = window_share
        self._engines: dict[tuple[str, int], Engine] = {}
        self._lock = threading.Lock()

    @property
    def method(self) -> str:
        """Name of the method."""
        return self._method.name

    @property
    def device_name(self) -> str:
        """The device as shown to the user, e.g. ``"CPU, 2 threads, bf16 (OpenVINO)"``."""
        return self.device.name

    def predict(
        self,
        images: Mapping[str, Volume],
        *,
        mask: Volume | None = None,
        brain: FoundBrain | None = None,
        look: Callable[[FoundBrain], object] = accept,
        skull: str = "auto",
        bias_correction: str = "auto",
        progress: Progress = silent,
    ) -> Prediction:
        """Segment one visit.

        Parameters
        ----------
        images
            Scans by modality: the model's `main` one, and others where the user has them. What the model
            knows and the user lacks is a channel of zeros, unless the model needs it; what it does not know
            is left out.
        mask
            The user's own brain mask. A model made elsewhere prepares the scans in its own way: for it mask,
            brain, skull and bias_correction are of no use.
        brain
            Instead of a mask: a brain that is known already, on the FLAIR's grid.
        look
            Called with the brain before the network starts; what it raises ends the run.
        skull
            ``"removed"`` or ``"present"`` where the user knows it, otherwise ``"auto"``.
        bias_correction
            Whether to correct the scans' bias fields first (N4): ``"on"``, ``"off"``, or ``"auto"``, where
            the scans still show the skull.
        progress
            Called many times a second. What it raises ends the run within a second, and nothing of
            the run is left.

        Raises
        ------
        InputError
            If a modality is unknown, one is missing that the model needs, the scans do not fit each other,
            the network's answers are not usable, or memory does not suffice.
        """
        check_modalities(images, self.model)
        course = course_of(progress)
        with self._lock:
            try:
                own = partial(
                    prepare, mask=mask, brain=brain, look=look, skull=skull, bias_correction=bias_correction
                )
                foreign = partial(prepare_foreign, mask=mask, look=look)
                with ThreadPoolExecutor(1) as beside:
                    run = _Run(self, images, course, beside)
                    prediction = run(partial(prepare_for, self.model, own, foreign))
                end_own(course, progress)
                return prediction
            finally:
                for engine in self._engines.values():
                    engine.check = never

    def suited(self, device: Device) -> Device:
        """The same device, in float32 where nobody measured what int8 costs this model and method."""
        whole = device.precision == "int8" and self.model.runs_int8(self.method)
        return device if whole else device.without_int8()

    def has_engine(self, device: Device, index: int) -> bool:
        """Whether a network is loaded."""
        return (device.kind, index) in self._engines

    def _engine(self, device: Device, index: int) -> Engine:
        if (device.kind, index) not in self._engines:
            self._engines[device.kind, index] = self.model.engine(device, index)
        return self._engines[device.kind, index]


@dataclass
class _Run:
    """One scan on its way through the segmenter."""

    segmenter: Segmenter
    images: Mapping[str, Volume]
    course: Course
    beside: Executor
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    device: Device | None = None
    loaded: bool = False
    moved: ScanRecalibration = ScanRecalibration()  # noqa: RUF009 - frozen

    def __call__(self, prepare_scans: Callable[..., tuple[Prepared, NetworkInput]]) -> Prediction:
        model = self.segmenter.model
        used = {modality: self.images[modality] for modality in model.modalities if modality in self.images}
        self.notes += [
            f"The model '{model.name}' does not read {title_of(modality)}: it was left out."
            for modality in self.images
            if modality not in used
        ]
        scans = self.beside.submit(lambda: {modality: describe_scan(one) for modality, one in used.items()})
        looked: list[Future[ScanRecalibration]] = []

        def look(seen: Prepared) -> None:
            looked.append(self.beside.submit(recalibration_of_scan, model, self.segmenter.method, used, seen))

        self._expect(used)
        self._try_network()
        with self._stage("prepare"):
            prepared, source = prepare_scans(used, progress=self.course, meanwhile=look)
            self.moved = looked[0].result()
        self.notes += [*prepared.notes, *model.notes, *note_on_target(model), *self.moved.notes]
        self.notes += filter(None, (self.segmenter._method.note, self.segmenter.device.note))
        with self._stage("network"):
            self._load_first()
        with self._stage("members"):
            collected = self._members(prepared, source)
        self.seconds["members"] = round(self.seconds["members"] - self.seconds["maps"], 3)
        self.notes += collected.notes
        features = self._voxel_features(prepared, collected)
        return Prediction(
            grid=prepared.grid,
            maps=collected.maps,
            brain=prepared.brain,
            members=collected.members,
            threshold=self.moved.line.move(model.threshold),
            candidate_threshold=max(LOWEST_CANDIDATES, self.moved.line.move(CANDIDATE_THRESHOLD)),
            information=self._information(used, prepared, scans.result()),
            voxel_features=features,
            classes=collected.classes,
            real_probability=None if features is None else self._real_probability,
        )

    @property
    def _real_probability(self) -> RealProbability | None:
        """What the model says of lesions being real, for this method and the probabilities that it gives."""
        known = self.segmenter.model.real_probability
        if known is None or self.segmenter.method not in known.methods:
            return None
        return known.moved(self.moved.line)

    def _voxel_features(self, prepared: Prepared, collected: AccumulatedMaps) -> VoxelFeatures | None:
        """What the probability of being real needs; None where the model has none for this method."""
        if self._real_probability is None:
            self.course.expect({steps.FEATURES: 0})
            return None
        voxels = steps.millions(prepared.grid.shape)
        with self._stage("real_probability"), self.course.step(steps.FEATURES, voxels, "measuring lesions"):
            probability = collected.maps["probability"]
            return measure_voxel_features(prepared.channels, probability, prepared.brain, prepared.grid)

    def _devices(self) -> list[Device]:
        device = self.segmenter.device
        return [device] if device.kind == "cpu" else [device, self.segmenter.suited(cpu_device())]

    def _load_first(self) -> None:
        """Load the first network, so that its time is not taken for that of the members."""
        try:
            self._engine_for(self._devices()[0], 0)
        except Exception as error:
            if not is_out_of_memory(error):  # then another device may have room for it, see `_members`
                raise

    def _try_network(self) -> None:
        """Where nobody knows what this network takes here, ask it first: then the time left can be told."""
        segmenter, device = self.segmenter, self._devices()[0]
        model, members = segmenter.model, segmenter.members
        passes = steps.passing(segmenter.method, model.name, members, loaded=self.loaded)
        unknown = self.course.wants_trial(key for key, size in passes.items() if size)
        if unknown and can_be_tried(model, device):
            with self._stage("network"):
                self._load_first()
                if segmenter.has_engine(device, 0):
                    try_network(self.course, segmenter._engine(device, 0), segmenter._method, model, members)

    def _engine_for(self, device: Device, index: int) -> Engine:
        segmenter, key = self.segmenter, steps.of_model(steps.NETWORK, "load", self.segmenter.model.name)
        if segmenter.has_engine(device, index):
            self.course.expect({key: 0})
            return segmenter._engine(device, index)
        with self.course.step(key, stage="loading the network"):
            return segmenter._engine(device, index)

    def _expect(self, used: Mapping[str, Volume]) -> None:
        """Say what is to be done, as far as that is known before anything is."""
        segmenter, main = self.segmenter, used[self.segmenter.model.main]
        name, voxels = segmenter.model.name, steps.millions(main.grid.shape)
        self.loaded = segmenter.has_engine(self._devices()[0], 0)
        count, method, members = len(used), segmenter.method, segmenter.members
        self.course.expect(steps.segmenting(count, voxels, method, name, members, loaded=self.loaded))

    def _members(self, prepared: Prepared, source: NetworkInput) -> AccumulatedMaps:
        modalities = self.segmenter.model.modalities
        nothing = np.zeros(source.brain.shape, np.float32)
        image = np.stack([source.channels.get(m, nothing) for m in modalities])
        return retry_with_smaller_windows(
            lambda engine, largest: self._collect(engine, largest, image, source, prepared.grid.shape),
            [partial(self._engine_for, device, 0) for device in self._devices()],
            source.brain.shape,
            len(modalities),
            self._tell,
            self.segmenter.window_share,
        )

    def _collect(
        self,
        engine: Engine,
        largest: int,
        image: np.ndarray,
        source: NetworkInput,
        shape: tuple[int, int, int],
    ) -> AccumulatedMaps:
        """Run the method from its beginning, with windows of at most `largest` voxels."""
        self.device = engine.device
        segmenter, known = self.segmenter, dict[int, Windows]()
        collector = PredictionAccumulator(source, shape, segmenter.model.classes)
        placed = engine.place(image)

        def windows(index: int) -> Windows:
            if index not in known:
                known.clear()
                own = self._engine_for(engine.device, index)
                own.check = check
                known[index] = Windows(placed, own, largest)
            return known[index]

        check = self._checker(collector, known)
        line = self.moved.line.after(segmenter.model.temperature)
        setting = SamplingSetting(segmenter.model, windows, segmenter.members, segmenter.seed, line)
        passes = iter(segmenter._method.passes(setting))
        box = steps.millions(source.brain.shape)
        expected = steps.passing(
            segmenter.method, segmenter.model.name, segmenter.members, loaded=self.loaded, box=box
        )
        self.course.expect(expected)
        self.seconds["maps"] = 0.0
        for (key, size), most in zip(expected.items(), (1, None), strict=True):
            if not size:
                continue
            with self.course.step(key, size):
                check()
                for new in itertools.islice(passes, most):
                    with self._stage("maps"):
                        collector.add(new)
                    check()
        self.device = engine.device  # a network made elsewhere may have changed to torch
        with self._stage("maps"), self.course.step(steps.MAPS, steps.millions(shape), "making the maps"):
            return collector.result()

    def _checker(self, collector: PredictionAccumulator, known: Mapping[int, Windows]) -> Callable[[], None]:
        """Tells the member, and what share of the first pass, or of those after it, is done, by windows."""
        count = self.segmenter.members

        def check() -> None:
            done = collector.count
            windows = sum(each.share_done for each in known.values())
            windows = windows if windows < 1 else 0.0  # the last pass, which has been counted
            share = windows if done == 0 else (done - 1 + windows) / max(count - 1, 1)
            self.course(f"member {min(done + 1, count)} of {count}", share)

        return check

    def _tell(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        spent = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.seconds[name] = round(spent, 3)

    def _information(
        self, used: Mapping[str, Volume], prepared: Prepared, inputs: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        segmenter, model = self.segmenter, self.segmenter.model
        assert self.device is not None
        return {
            **about_scans(used[model.main], inputs, prepared),
            **about_model(model),
            "method": segmenter.method,
            "members": segmenter.members,
            "seed": segmenter.seed,
            "device": self.device.name,
            "seconds": dict(self.seconds),
            "notes": list(self.notes),
            "versions": versions(self.device),
            **self.moved.information,
        }

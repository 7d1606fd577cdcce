"""The case of a window as a whole: whose it is, closing it, and asking before a second one comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ReferenceType, WeakSet, ref

from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.belonging import ScanOrigin, belongs, contradiction, same_patient
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.widgets.another_scan import AnotherScan
from napari_uncertainseg.widgets.case_opener import CaseOpener
from napari_uncertainseg.widgets.open_docks import OpenDocks
from napari_uncertainseg.widgets.scans.beneath import Beneath
from napari_uncertainseg.widgets.scans.chosen_scans import ChosenScans
from napari_uncertainseg.widgets.scans.layer_reader import LayerData
from napari_uncertainseg.widgets.scans.patient import (
    case_name_of,
    described,
    is_strange,
    origin_of,
    strange_scan,
)
from napari_uncertainseg.widgets.scans.segmented_scan import inputs_of, name_of, origin_of_results
from napari_uncertainseg.widgets.scans.volumes import KEY, is_brain, is_result
from napari_uncertainseg.widgets.segment.leaving_case import close_case
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import MASK_LOST, ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.responsive.freed_memory import FreedMemory
from napari_uncertainseg.widgets.shared.responsive.leaving import ManyLeaving
from napari_uncertainseg.widgets.shared.responsive.napari_adding import remove_quietly
from napari_uncertainseg.widgets.shared.responsive.sessions_beforehand import SessionsBeforehand
from napari_uncertainseg.widgets.shared.responsive.spared_objects import SparedObjects
from napari_uncertainseg.widgets.shared.responsive.turns import Turns
from napari_uncertainseg.widgets.shared.responsive.units import UnitsBeforehand

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.evaluate.saved_results import SavedResults
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_CLOSE, _ANOTHER, _ADD = "Close the case", "Another patient", "Add it to this window"
_SAME_DROP_MS = 2000
"""So long after an answer the next file is one of the same drop: a scan takes a while to be read."""
_NOT_NOW = "An exercise or a replay is running: end it first."


class CaseDesk:
    """Does what :class:`~napari_uncertainseg.widgets.scans.cases.Cases` says, in one window.

    Parameters
    ----------
    window
        Qt parent of questions.
    case, layers, opener
        What is open, its layers, and who has added some.
    docks
        Those that are open: one may need the case.
    in_exercise
        Whether an exercise or a replay is on screen.
    show, open_docks
        Shows a folder of results that was read; opens the docks of the arrangement.
    """

    def __init__(
        self,
        window: QWidget,
        case: Case,
        layers: ReviewLayers,
        opener: CaseOpener,
        docks: OpenDocks,
        in_exercise: Callable[[], bool],
        show: Callable[[SavedResults, Path, LayerData | None], bool],
        open_docks: Callable[[], None],
    ) -> None:
        self.chosen = ChosenScans()
        self._window, self._case, self._layers, self._opener = window, case, layers, opener
        self._docks, self._is_exercise = docks, in_exercise
        self._show, self._open_docks = show, open_docks
        self._results: tuple[ReferenceType[Prediction], Path] | None = None
        self._painted: set[str] = set()
        self._listed: WeakSet[Layer] = WeakSet()
        """Layers that came with a case of a list."""
        self._listed_prediction: Callable[[], Prediction | None] = lambda: None
        self._goes_on = False
        self._answer: tuple[bool, ScanOrigin] | None = None
        """What the user said of a file a moment ago, and of which: napari hands over each file alone."""
        self._same_drop = QTimer()
        self._same_drop.setSingleShot(True)
        self._same_drop.setInterval(_SAME_DROP_MS)
        self._same_drop.timeout.connect(self._forget_answer)
        self._beneath = Beneath(layers.viewer)
        self._turns, viewer = Turns(), layers.viewer
        first = SparedObjects(viewer, case), UnitsBeforehand(window), SessionsBeforehand(case, window)
        rest = ManyLeaving(viewer), FreedMemory(viewer), AnotherScan(layers, case)
        self._helpers = self._beneath, *first, *rest
        self._connections = Connections((layers.labels_edited, self._on_painted))

    def _on_painted(self, name: str) -> None:
        self._painted.add(name)

    # -- what is open ---------------------------------------------------------------------------

    @property
    def flair(self) -> Layer | None:
        """The layer of the scan that is, or would be, segmented."""
        return self._layers.scan.layer() if self._case.prediction is not None else self.chosen.flair

    @property
    def name(self) -> str:
        """Of the case, or of the scan that is chosen; empty where there is neither."""
        flair = self.flair
        return name_of(self._case) or ("" if flair is None else case_name_of(flair))

    @property
    def results(self) -> Path | None:
        """The folder that the case was opened from, if it was."""
        prediction, folder = self._results or (lambda: None, None)
        return folder if prediction() is not None and prediction() is self._case.original else None

    def opened_from(self, folder: Path) -> None:
        """Remember the folder of the results that are open now."""
        if self._case.original is not None:
            self._results = ref(self._case.original), folder

    @property
    def in_exercise(self) -> bool:
        """Whether an exercise or a replay is on screen."""
        return self._is_exercise()

    @property
    def blinded(self) -> bool:
        """Whether it is, or somebody reads a second or third time who must not know the first."""
        recorder = self._case.review.recorder
        return self.in_exercise or (recorder is not None and recorder.session.kind == "qc")

    @property
    def arriving(self) -> bool:
        """Whether scans that were read are still being shown, one by one."""
        return bool(len(self._turns))

    def complete(self) -> None:
        """Show at once what is still to come: whoever asks whose case is open must see all of it."""
        self._turns.now()

    # -- closing --------------------------------------------------------------------------------

    def may_close(self) -> bool:
        """Ask where work would be lost; True where nothing would be, or the user agrees.

        Raises
        ------
        InputError
            If the case cannot be closed now.
        """
        self.check_free()
        lost = self._would_be_lost()
        question = f"{lost}Close {self.name} anyway?"
        return not lost or ask_yes_no_cancel(self._window, _CLOSE, question, _CLOSE, None) is True

    def close(self) -> None:
        """Close the case, and take its scans and results out of the window. The caller asks first.

        Raises
        ------
        InputError
            If the case cannot be closed now.
        """
        self.check_free()
        self.complete()  # a scan of a case that has come in part only would be nobody's, and stay
        own, viewer = self._own_layers(), self._layers.viewer
        close_case(self._case)
        remove_quietly(viewer, [x for x in viewer.layers if x in own or is_result(x)])
        self._painted.clear()
        self._opener.forget()
        self._results = None

    def begin(self, layers: Sequence[LayerData]) -> None:
        """Close the case, and show scans of another in place of it: the first one, the others hidden.

        Raises
        ------
        InputError
            If the case cannot be closed now.
        """
        self.close()
        self._open_docks()
        scans = [i for i, (_, _, kind) in enumerate(layers) if kind == "image"]
        shown = [
            (data, {**options, "visible": i not in scans[1:]}, kind)
            for i, (data, options, kind) in enumerate(layers)
        ]
        # One in a turn, the first scan last: Run is offered once all are there.
        self._turns.add(self._make_room)
        self._turns.add(*(partial(self._layers.add, [layer]) for layer in reversed(shown)))
        self._turns.add(self._layers.viewer.reset_view)

    def _make_room(self) -> None:
        """In a turn before the first scan: napari makes its sliders, which takes half as long as a scan."""
        viewer = self._layers.viewer
        if not viewer.layers:
            viewer.dims.ndim = max(viewer.dims.ndim, 3)

    def check_free(self) -> None:
        """Raise `InputError` where the case cannot be closed now."""
        reasons = (widget.holds_case for widget in self._docks.widgets)
        reason = next(filter(None, reasons), _NOT_NOW if self.in_exercise else "")
        if reason:
            raise InputError(reason)

    def _would_be_lost(self) -> str:
        """What closing would lose, in sentences; empty where all is saved."""
        painted = [layer.name for layer in self._own_layers() if layer.name in self._painted]
        sentences = []
        if self._case.review.unsaved:
            sentences.append(f"Verdicts or painting on {self.name} are in no session and were not exported. ")
        if self._case.unsaved_mask:
            sentences.append(MASK_LOST)
        if painted:
            sentences.append(f"What you painted on {', '.join(map(repr, painted))} was not saved. ")
        return "".join([*sentences, "That would be lost.\n\n"]) if sentences else ""

    def _own_layers(self) -> list[Layer]:
        """The layers of the case: its scans, masks and references, but nothing that the user made."""
        flair, scan = self.flair, self._layers.scan
        own: list[Layer] = [*self.chosen.layers, *scan.layers(), *self._opener.added]
        for layer in self._layers.viewer.layers:
            if layer not in own and self._is_of(layer, flair):
                own.append(layer)
        return own

    def _is_of(self, layer: Layer, flair: Layer | None) -> bool:
        """Whether a layer was read from a file and seems to be of the case."""
        if not isinstance(layer, Image | Labels) or is_result(layer):
            return False
        from_file = KEY in layer.metadata or layer.source.path is not None
        if flair is None or not from_file:
            return False
        if is_brain(layer):
            return self._layers.scan.hashes.drawn_on(layer, flair)
        ours, theirs = origin_of(layer), origin_of(flair)
        if isinstance(layer, Labels) and ours.grid is not None and theirs.grid is not None:
            # masks lie in folders of their own often
            return ours.grid.same_as(theirs.grid) and not contradiction(ours, theirs)
        return belongs(ours, theirs)

    # -- a second patient -----------------------------------------------------------------------

    def admit(self, layers: Sequence[LayerData]) -> bool:
        """Ask about scans of another patient than the case's; False where they are not to be shown."""
        self.complete()
        open_now, scans = self._origin(), [x for x in map(described, layers) if x is not None]
        if open_now is None or self.in_exercise:
            return True
        if self._answer is not None:
            asked = self._answer[1]
            if any(same_patient(x, open_now).why and not same_patient(x, asked).why for x, _ in scans):
                self._same_drop.start()
                return self._answer[0]
        strange = next((x for x, modality in scans if is_strange(x, modality, open_now)), None)
        if strange is None:
            return True
        allowed = self._ask(strange, same_patient(strange, open_now).why)
        self._answer = allowed, strange
        self._same_drop.start()
        return allowed

    def beside(self, layers: Sequence[LayerData]) -> list[LayerData]:
        """Layers that were let in, as they are to be added: what is not of the case lies hidden below it."""
        flair, open_now = self.flair, self._origin()
        if flair is None or open_now is None:
            return list(layers)
        which = [
            i for i, x in enumerate(map(described, layers)) if x is not None and self._covers(*x, open_now)
        ]
        return self._beneath.put(layers, which, flair, self.name)

    def _covers(self, scan: ScanOrigin, modality: str | None, open_now: ScanOrigin) -> bool:
        """Whether a scan could be taken for one of the case; before a run, only what is asked about."""
        segmented = self._case.prediction is not None
        return not belongs(scan, open_now) and (segmented or is_strange(scan, modality, open_now))

    def _forget_answer(self) -> None:
        self._answer = None

    def _origin(self) -> ScanOrigin | None:
        """Of whom the case is that is open."""
        flair = self.flair
        if flair is not None:
            return origin_of(flair)
        return None if self._case.prediction is None else self._layers.scan.origin()

    def _ask(self, strange: ScanOrigin, why: str) -> bool:
        other, lost = case_name(strange.path, strange.name), self._would_be_lost()
        question = (
            f"{strange_scan(other, self.name, why)}\n\n"
            f"{lost}A window shows one patient at a time unless you add another."
        )
        close = f"Close {_short(self.name)} and open this"
        answer = ask_yes_no_cancel(self._window, _ANOTHER, question, close, _ADD)
        if answer:
            self.close()
        return answer is not None

    # -- results --------------------------------------------------------------------------------

    def show_results(self, restored: SavedResults, folder: Path, reference: LayerData | None = None) -> bool:
        """Show a folder of results that was read; False where the user keeps what is open.

        Layers of the case before go where scans come with the results, or where these are of another
        patient, but for those on which the user painted. A mask to compare with is shown with it.
        """
        self.complete()
        why = self._other_patient(restored)
        with self._giving_way(origin_of_results(restored), why, comes=bool(restored.scans)) as agreed:
            return agreed and self._show(restored, folder, reference)

    def show_listed(self, restored: SavedResults, folder: Path, reference: LayerData | None = None) -> bool:
        """The same for a case of a list. From one of the list to the next nothing is asked."""
        with self._going_on():
            return self.show_results(restored, folder, reference)

    @contextmanager
    def giving_way_to_listed(self, layers: Iterable[LayerData]) -> Iterator[bool]:
        """While scans of a case of a list are shown in place of the case: False where the user keeps that.

        From one case of the list to the next nothing is asked.
        """
        self.complete()
        scans = [found[0] for found in map(described, layers) if found is not None]
        open_now = self._origin()
        whys = [(each, same_patient(each, open_now).why) for each in scans] if open_now is not None else []
        theirs, why = next((each for each in whys if each[1]), (scans[0], ""))
        with self._going_on(), self._giving_way(theirs, why, comes=False) as agreed:
            yield agreed

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """While a case of a list comes; it is remembered as such, by its layers or its prediction."""
        layers, flair, before = self._layers.viewer.layers, self.flair, self._case.original
        there, of_list = set(layers), self._listed_prediction() is before
        self._goes_on = flair in self._listed if flair is not None else of_list
        try:
            yield
        finally:
            self._goes_on = False
            self._listed.update(layer for layer in layers if layer not in there)
            if (original := self._case.original) is not before:  # one that the reader keeps is what it was
                self._listed_prediction = (lambda: None) if original is None else ref(original)

    @contextmanager
    def _giving_way(self, theirs: ScanOrigin, why: str, *, comes: bool) -> Iterator[bool]:
        """While another case comes, with scans or without; layers of the one before go."""
        own = self._own_layers() if comes or why else []
        with self._opener.replacing([layer for layer in own if layer.name not in self._painted]):
            yield self._goes_on or self._may_leave_for(theirs, why)

    def _other_patient(self, restored: SavedResults) -> str:
        """Why results seem to be of another patient than the case; empty where they do not.

        The very scan may have been copied: then only its folder speaks against it.
        """
        flair, open_now = self.flair, self._origin()
        why = "" if open_now is None else same_patient(origin_of_results(restored), open_now).why
        if why and flair is not None and self._layers.scan.hashes.of(flair) in inputs_of(restored.prediction):
            return ""
        return why

    def _may_leave_for(self, theirs: ScanOrigin, why: str) -> bool:
        """Ask before another patient comes in place of the case; its review would be left."""
        if not why or self.in_exercise:  # then nothing is opened anyway, and it is said why
            return True
        question = (
            f"{strange_scan(case_name(theirs.path, theirs.name), self.name, why)}\n\n"
            f"A window shows one patient at a time. What is saved of {self.name} stays saved."
        )
        close = f"Close {_short(self.name)} and open this"
        return ask_yes_no_cancel(self._window, _ANOTHER, question, close, None) is True

    def cleanup(self) -> None:
        """Let go of the layers. May be called twice."""
        self._same_drop.stop()
        for helper in self._helpers:
            helper.cleanup()
        self._turns.drop()
        self._connections.disconnect_all()


def _short(name: str, most: int = 40) -> str:
    return name if len(name) <= most else f"{name[: most // 2]} … {name[-most // 2 :]}"

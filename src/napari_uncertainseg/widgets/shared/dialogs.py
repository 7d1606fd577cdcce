"""Questions to the user: which file or folder, which answer. File dialogs open in the folder last used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.history import get_open_history, get_save_history, update_open_history, update_save_history
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_uncertainseg._base import visible
from napari_uncertainseg.images.formats.formats import FORMATS
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip

if TYPE_CHECKING:
    import numpy as np

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.review.verdicts import Verdict


_SUFFIXES = tuple(suffix for each in FORMATS.values() for suffix in each.suffixes)


def ask_file(parent: QWidget, title: str, name: str, kinds: str, *, may_exist: bool = False) -> Path | None:
    """Ask for a file to write; the dialog warns about one that exists. None if the user cancels.

    Parameters
    ----------
    parent, title
        The dialog's.
    name
        Proposed file name.
    kinds
        Qt's filter, such as ``"Table (*.tsv)"``; its first ending is added where the user types none.
    may_exist
        Do not warn about one that exists: it is opened, not replaced.
    """
    start = Path(get_save_history()[0]) / name
    if may_exist:
        quiet = QFileDialog.Option.DontConfirmOverwrite
        chosen, _ = QFileDialog.getSaveFileName(parent, title, str(start), kinds, options=quiet)
    else:
        chosen, _ = QFileDialog.getSaveFileName(parent, title, str(start), kinds)
    if not chosen:
        return None
    update_save_history(chosen)
    path = Path(chosen)
    return path if path.suffix else path.with_suffix(start.suffix)


def ask_folder(parent: QWidget, title: str) -> Path | None:
    """Ask for a folder to write into; None if the user cancels."""
    chosen = QFileDialog.getExistingDirectory(parent, title, get_save_history()[0])
    if not chosen:
        return None
    update_save_history(str(Path(chosen) / "lesions.tsv"))
    return Path(chosen)


def ask_new_folder(parent: QWidget, title: str, name: str) -> Path | None:
    """Ask for the name of a folder that is not there yet; None if the user cancels.

    A dialog for folders takes only those that are there, so that this one is for a file's name.

    Parameters
    ----------
    parent, title
        The dialog's.
    name
        Proposed name.
    """
    start = Path(get_save_history()[0]) / name
    quiet = QFileDialog.Option.DontConfirmOverwrite
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(start), "Folder (*)", options=quiet)
    if not chosen:
        return None
    update_save_history(chosen)
    return Path(chosen)


def ask_yes_no_cancel(parent: QWidget, title: str, question: str, yes: str, no: str | None) -> bool | None:
    """Ask a question whose buttons say what they do; None where the user cancels."""
    box = QMessageBox(QMessageBox.Icon.Question, title, visible(question), parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    first = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    second = None if no is None else box.addButton(no, QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    return True if clicked is first else False if second is not None and clicked is second else None


def may_replace(parent: QWidget, folder: Path) -> bool:
    """Ask whether results in a folder that is not empty may be replaced."""
    answer = QMessageBox.question(
        parent,
        "Replace results?",
        plain_tooltip(f"{folder} is not empty.\n\nOnly results of this program will be replaced."),
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
        QMessageBox.StandardButton.Cancel,
    )
    return answer == QMessageBox.StandardButton.Yes


def ask_table(parent: QWidget, title: str) -> Path | None:
    """A table to read, from where something was opened last; None if the user gives up."""
    kinds = "Table (*.tsv *.txt);;All files (*)"
    chosen, _ = QFileDialog.getOpenFileName(parent, title, get_open_history()[0], kinds)
    return _remembered(chosen, chosen)


def ask_scans(parent: QWidget, title: str) -> list[Path]:
    """Files of scans to read, from where something was opened last; none if the user gives up."""
    kinds = f"Scans ({' '.join(f'*{suffix}' for suffix in _SUFFIXES)});;All files (*)"
    chosen, _ = QFileDialog.getOpenFileNames(parent, title, get_open_history()[0], kinds)
    if chosen:
        update_open_history(chosen[0])
    return [Path(each) for each in chosen]


def ask_record(parent: QWidget, title: str) -> Path | None:
    """A JSON file to read, from where something was opened last; None if the user gives up."""
    kinds = "JSON (*.json);;All files (*)"
    chosen, _ = QFileDialog.getOpenFileName(parent, title, get_open_history()[0], kinds)
    return _remembered(chosen, chosen)


def ask_zip(parent: QWidget, title: str) -> Path | None:
    """A zip file to read, from where something was opened last; None if the user gives up."""
    kinds = "Zip file (*.zip *.ZIP)"
    chosen, _ = QFileDialog.getOpenFileName(parent, title, get_open_history()[0], kinds)
    return _remembered(chosen, chosen)


def ask_dataset(parent: QWidget, title: str) -> Path | None:
    """A folder to read, beside that which was opened last; None if the user gives up."""
    chosen = QFileDialog.getExistingDirectory(parent, title, get_open_history()[0])
    return _remembered(chosen, str(Path(chosen) / "cases"))


def _remembered(chosen: str, inside: str) -> Path | None:
    if not chosen:
        return None
    update_open_history(inside)
    return Path(chosen)


MASK_LOST = "The mask of several readers was not saved (Result, Save). "
"""Said where it would go."""


class DiscardQuestion:
    """Asks before a job, and again about what the reader did while it ran.

    Parameters
    ----------
    parent
        Qt parent of the question.
    case
        Whose work would be lost.
    title, question
        What is asked.
    yes
        The button that discards the work.
    ends_case
        Whether the case ends with it, and with the case a mask of several readers that is in no file.
    """

    def __init__(
        self, parent: QWidget, case: Case, title: str, question: str, yes: str, *, ends_case: bool = True
    ) -> None:
        self._parent, self._case, self._asked = parent, case, (title, question, yes)
        self._ends_case = ends_case
        self._agreed_mask = False
        self._agreed: tuple[tuple[Verdict, ...], np.ndarray | None] = ((), None)

    def allows(self) -> bool:
        """Whether the work may be discarded; True where nothing would be lost."""
        return self._allows_mask() and self._allows_review()

    def _allows_mask(self) -> bool:
        if not (self._ends_case and self._case.unsaved_mask) or self._agreed_mask:
            return True
        title, _, yes = self._asked
        question = f"{MASK_LOST}It would be lost. Go on anyway?"
        self._agreed_mask = bool(ask_yes_no_cancel(self._parent, title, question, yes, None))
        return self._agreed_mask

    def _allows_review(self) -> bool:
        case = self._case
        verdicts, edit = self._agreed
        if not case.review.unsaved or (case.review.verdicts == verdicts and case.review.edit is edit):
            return True
        allowed = bool(ask_yes_no_cancel(self._parent, *self._asked, None))
        if allowed:
            self._agreed = case.review.verdicts, case.review.edit
        return allowed

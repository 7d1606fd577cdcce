"""What the first file of sessions needs is read before it is needed, and nothing is kept of it."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

import pytest
from qtpy.QtCore import QObject

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.store import store as stores
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.responsive import sessions_beforehand
from napari_uncertainseg.widgets.shared.responsive.sessions_beforehand import SessionsBeforehand


@pytest.fixture
def made(monkeypatch, tmp_path, qtbot):
    """Where files of sessions are made, and in which thread, as if this were the first of them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sessions_beforehand, "_LIBRARY", "not.yet.imported")
    found, store = [], stores.Store

    def noted(target):
        found.append((Path(target), threading.current_thread()))
        return store(target)

    monkeypatch.setattr(stores, "Store", noted)
    return found


@pytest.fixture
def ready(qtbot):
    case, parent = Case(), QObject()
    ready = SessionsBeforehand(case, parent)
    yield case, ready
    ready.cleanup()
    ready.cleanup()


def wait(qtbot, ready) -> None:
    qtbot.waitUntil(lambda: ready._job.state is JobState.IDLE)


def test_it_is_made_in_the_background_with_the_first_scan_and_thrown_away(
    made, ready, qtbot, tmp_path, flair
) -> None:
    case, ready = ready
    assert not made
    case.set_images({"flair": flair})
    wait(qtbot, ready)
    case.set_images({})
    wait(qtbot, ready)
    ((path, thread),) = made
    assert path.parent.parent == tmp_path and thread is not threading.main_thread()
    assert not list(tmp_path.iterdir()) and "alembic.command" in sys.modules


def test_a_program_that_has_made_one_makes_none(made, ready, qtbot, monkeypatch, flair) -> None:
    monkeypatch.setattr(sessions_beforehand, "_LIBRARY", "sys")
    case, ready = ready
    case.set_images({"flair": flair})
    wait(qtbot, ready)
    assert not made


@pytest.mark.parametrize("error", [InputError("The disk is full."), PermissionError("no")])
def test_where_it_cannot_be_made_nothing_is_said(ready, qtbot, monkeypatch, flair, error) -> None:
    def fail(target):
        raise error

    monkeypatch.setattr(sessions_beforehand, "_LIBRARY", "not.yet.imported")
    monkeypatch.setattr(stores, "Store", fail)
    case, ready = ready
    failed = []
    ready._job.failed.connect(failed.append)
    case.set_images({"flair": flair})
    wait(qtbot, ready)
    assert not failed

"""What every test shares: folders of its own, the real data, a real viewer, and a look for leaks."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from .leaks import new_threads, new_widgets, wait_until_empty
from .memory_folder import folder_for
from .own_screen import take_screen
from .widgets import kept_window

take_screen()  # before anything asks for one
CHECKOUT = Path(__file__).resolve().parents[1]
HAS_SCREEN = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
OWN_VIEWER = {"make_viewer", "make_napari_viewer", "make_napari_viewer_proxy"}
VIEWER_FIXTURES = {*OWN_VIEWER, "kept_viewer"}


def _isolate() -> Path:
    """Point every user folder into a temporary one, before anything reads where they are."""
    home = folder_for(os.getpid())
    for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
        os.environ[f"XDG_{kind}_HOME"] = str(home / kind.lower())
    for kind in ("APPDATA", "LOCAL_APPDATA"):  # what platformdirs asks on Windows
        os.environ[f"WIN_PD_OVERRIDE_{kind}"] = str(home / kind.lower())
    os.environ["NAPARI_CONFIG"] = str(home / "napari" / "settings.yaml")
    os.environ["NAPARI_STRICT_QT"] = "1"
    # Mesa compiles each shader of each window: that takes longer than to draw with one that is not optimised.
    os.environ.setdefault("GALLIVM_PERF", "nopt")
    os.environ["NAPARI_ENSURE_PLUGIN_MAIN_THREAD"] = "1"
    # A container may see many more cores than it may use; workers side by side share them, whatever the
    # process that began them took for itself: threads waiting for others' cores made tests ten times slower.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores //= int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    given = int(os.environ.get("OMP_NUM_THREADS", "4"))
    os.environ["OMP_NUM_THREADS"] = str(max(1, min(given, cores)))
    if not HAS_SCREEN:
        # Tables and plots work there; a napari canvas does not, see `viewer` below.
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    return home


HOME = _isolate()
hypothesis.settings.register_profile("busy", deadline=None)  # no test may fail because a machine is busy
hypothesis.settings.load_profile("busy")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have `tmp_path` beside the user folders; ``--basetemp=FOLDER`` keeps what tests write."""
    if not config.option.basetemp and "PYTEST_DEBUG_TEMPROOT" not in os.environ:
        config.option.basetemp = str(HOME / "t")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that open a viewer, skip them where there is no screen, and run them last.

    In a file those that share a window come last: a test with one of its own would close it.
    """
    no_screen = pytest.mark.skip(
        reason="a real viewer needs a screen: run under xvfb-run, as `make test` does"
    )
    not_posix = pytest.mark.skip(reason="needs links, pipes, signals or modes as Linux and macOS have them")
    for item in items:
        if item.get_closest_marker("posix") and os.name != "posix":
            item.add_marker(not_posix)
        fixtures = set(getattr(item, "fixturenames", ()))
        if VIEWER_FIXTURES & fixtures:
            item.add_marker("viewer")
        if item.get_closest_marker("viewer") and not HAS_SCREEN:
            item.add_marker(no_screen)
    files = {path: place for place, path in enumerate(dict.fromkeys(item.path for item in items))}
    items.sort(key=lambda item: (_turn(item), files[item.path], "kept_viewer" in item.fixturenames))


def _turn(item: pytest.Item) -> int:
    """Quick tests first, then the slow ones; with a viewer the other way round: workers end together."""
    viewer, slow = (item.get_closest_marker(name) is not None for name in ("viewer", "slow"))
    return 3 - slow if viewer else slow


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say at once what failed and why: a run that is stopped from outside prints no summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        reason = getattr(getattr(report.longrepr, "reprcrash", None), "message", str(report.longrepr))
        print(f"\nfailed ({report.when}): {report.nodeid}: {reason[:300]}", file=sys.__stderr__, flush=True)


def pytest_collection_finish() -> None:
    """Take what is loaded by now out of garbage collection: napari collects at each layer that goes."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Do the same after the first window, which loads most of napari; of a test nothing lives by then."""
    told = yield
    if not _LOADED and OWN_VIEWER & set(getattr(item, "fixturenames", ())):
        _LOADED.append(item.nodeid)
        gc.collect()
        gc.freeze()
    return told


_LOADED: list[str] = []
"""The test that opened the first window."""


@pytest.fixture(scope="session")
def user_folders() -> Path:
    """The temporary folder that holds caches, settings and data of this run."""
    return HOME


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds pyproject.toml; skips where the tests run without it."""
    if not (CHECKOUT / "pyproject.toml").is_file():
        pytest.skip("not a source checkout: there is no pyproject.toml above the tests")
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data: ``UNCERTAINSEG_DATA``, or ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("UNCERTAINSEG_DATA") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not a folder; UNCERTAINSEG_DATA can name another")
    return folder


@pytest.fixture(scope="session")
def simulated_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the simulated case, made once for all workers; to be read only."""
    pytest.importorskip("nilearn")
    from napari_uncertainseg import samples

    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "simulated"
    samples.simulated_case(cache)
    return cache


PATIENCE_MS = 60_000
"""How long a test waits at least for what must happen; it goes on as soon as that has happened."""


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """pytest-qt's, but patient: times that tests give are the usual ones, and a machine may be busy."""
    for name in ("waitUntil", "waitSignal", "waitSignals"):
        setattr(qtbot, name, _patient(getattr(qtbot, name)))
    return qtbot


def _patient(wait: Callable[..., Any]) -> Callable[..., Any]:
    def waiting(*args: Any, timeout: int = PATIENCE_MS, **options: Any) -> Any:
        return wait(*args, timeout=max(timeout, PATIENCE_MS), **options)

    return waiting


@pytest.fixture(scope="session")
def _work_spared() -> None:
    """Windows share what they would each make anew."""
    from .spared_work import spare

    spare()


@pytest.fixture
def make_viewer(
    make_napari_viewer: Callable[..., Any], qtbot: Any, _work_spared: None
) -> Iterator[Callable[..., Any]]:
    """Make a real napari viewer, shown, 1280x800; it is closed and looked over for leaks afterwards."""
    made = []

    def make(**options: Any) -> Any:
        viewer = make_napari_viewer(**{"show": True, "strict_qt": "raise", **options})
        viewer.window.resize(1280, 800)
        made.append(viewer)
        return viewer

    yield make
    while made:
        made.pop().close()
    # Only a running event loop carries out deleteLater: as in the program, not as in processEvents().
    qtbot.wait(50)


@pytest.fixture(autouse=True)
def _no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test with a viewer or with ``qtbot`` that leaves a widget or a thread behind."""
    if not (VIEWER_FIXTURES | {"qtbot"}) & set(request.fixturenames):
        yield
        return
    app = request.getfixturevalue("qapp")
    if "kept_viewer" in request.fixturenames:
        request.getfixturevalue("window_that_is_kept")  # what it has was there before the test
    elif OWN_VIEWER & set(request.fixturenames):
        kept_window.close()
    widgets, threads = set(app.topLevelWidgets()), set(threading.enumerate())
    yield
    if (
        request.session.testsfailed
        and getattr(request.node, "rep_call", None)
        and request.node.rep_call.failed
    ):
        return  # the traceback itself holds on to widgets
    left = wait_until_empty(lambda: [w for w in new_widgets(app, widgets) if not kept_window.has(w)])
    assert not left, f"widgets left behind: {[(type(w).__name__, w.objectName()) for w in left]}"
    left = wait_until_empty(lambda: new_threads(threads))
    assert not left, f"threads left running: {left}"


@contextmanager
def counted_python_calls() -> Iterator[list[int]]:
    """How many Python functions are called: says whether work grows too fast on any machine, however busy."""
    count = [0]

    def on_event(frame: object, event: str, argument: object) -> None:
        count[0] += event == "call"

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        yield count
    finally:
        sys.setprofile(before)


@pytest.fixture
def python_calls():
    return counted_python_calls

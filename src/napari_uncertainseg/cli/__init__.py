"""The ``uncertainseg`` command: what the window does, without a window.

Exit status: 0 done, 1 an internal error, 2 an input that cannot be used, 3 some visits of a run failed,
130 interrupted.
"""

from __future__ import annotations

import atexit
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from napari_uncertainseg._base import Cancelled, InputError, one_line
from napari_uncertainseg.cli.contents import check_contents
from napari_uncertainseg.cli.guard import check_files
from napari_uncertainseg.cli.parser import parse
from napari_uncertainseg.cli.terminal import plain_streams

_WITH_PYDICOM = ("view", "demo", "bench", "models", "rank", "session", "train")
"""Commands that read no scan at first, or in whose process other programs run, which may want it."""
DONE, INTERNAL_ERROR, BAD_INPUT, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        What follows ``uncertainseg`` on the command line; ``sys.argv`` when None.

    Returns
    -------
    int
        The exit status.
    """
    with plain_streams():
        status = _run(parse(arguments), alone=arguments is None)
    if status == INTERRUPTED and arguments is None:
        _leave_at_once(status)
    return status


def _leave_at_once(status: int) -> NoReturn:
    """End the process: taking torch down the usual way takes seconds, in which Ctrl-C seems not to work."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    atexit._run_exitfuncs()
    os._exit(status)


def _import_nibabel() -> None:
    """Import it without pydicom, which takes as long again: it would only read what headers say of DICOM.

    For this process alone; others may want that. Whoever reads DICOM imports pydicom as ever.
    """
    if "pydicom" in sys.modules:
        return
    sys.modules["pydicom"] = None  # type: ignore[assignment]
    try:
        import_module("nibabel")
    finally:
        del sys.modules["pydicom"]


def _run(options: Namespace, *, alone: bool) -> int:
    try:
        check_files(options)
        if alone and options.command not in _WITH_PYDICOM:
            _import_nibabel()
        check_contents(options)
        options.run(options)
        sys.stdout.flush()
    except InputError as error:
        return _say(str(error), BAD_INPUT)
    except (KeyboardInterrupt, Cancelled):
        return _say("interrupted; nothing was left half written", INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nobody is left to tell
        return INTERNAL_ERROR
    except MemoryError:
        return _say(
            "there is not enough memory for this; close other programs or ask for fewer members", BAD_INPUT
        )
    except Exception as error:
        if options.debug:
            raise
        return _say(
            f"internal error ({type(error).__name__}: {one_line(str(error))}); please report it "
            "with what `uncertainseg --debug` prints for the same command",
            INTERNAL_ERROR,
        )
    return DONE


def _say(message: str, status: int) -> int:
    print(f"uncertainseg: {one_line(message)}", file=sys.stderr)
    return status

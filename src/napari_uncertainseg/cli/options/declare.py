"""How the options of a command are declared: which are files that are read, and which are written."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_uncertainseg.disk.outputs import Kind

NOTICE = "For research only: this is not a medical device."


def command(commands: argparse._SubParsersAction, name: str, home: str, help: str) -> argparse.ArgumentParser:
    """Add a command, which a function of its name in a module of `cli` carries out."""
    parser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", epilog=NOTICE)
    parser.set_defaults(run=later(home, name))
    # Taken after the command too; SUPPRESS keeps what was said before it.
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


RESULTS, RESULTS_WITH_MEMBERS, SCAN, MODEL = "results", "results with members", "scan", "model"
"""What a file or folder that is read may hold, see `cli.contents`."""
MISSING = "{}: there is no such file or folder."
"""What is said of an option's file that is not there."""


def reads(
    parser: argparse.ArgumentParser,
    *names: str,
    table: bool = False,
    missing: str | None = MISSING,
    holds: str | None = None,
    **options: Any,
) -> None:
    """An option that names a file or folder which is read: nothing is ever written over it.

    Parameters
    ----------
    table
        Whether its cells name further files.
    missing
        What is said where it is not there, before anything heavy is imported; None where it may be missing,
        or be something else than a file, such as the name of a model.
    holds
        What it must hold, one of the kinds above; looked at before anything heavy is imported, in the order
        of the options.
    """
    dest = parser.add_argument(*names, **{"type": Path, **options}).dest
    parser.set_defaults(reads={**(parser.get_default("reads") or {}), dest: table})
    if holds is not None:
        parser.set_defaults(holds={**(parser.get_default("holds") or {}), dest: holds})
    if missing is not None:
        parser.set_defaults(needed={**(parser.get_default("needed") or {}), dest: missing})


def writes(parser: argparse.ArgumentParser, *names: str, kind: Kind, **options: Any) -> None:
    """An option that names what is written, of a kind; `cli.guard` looks at it before any work."""
    dest = parser.add_argument(*names, **{"type": Path, **options}).dest
    parser.set_defaults(writes={**(parser.get_default("writes") or {}), dest: kind})


def later(home: str, name: str) -> Callable[[argparse.Namespace], None]:
    """Look a command up when it is run: its imports take seconds."""

    def run(options: argparse.Namespace) -> None:
        getattr(importlib.import_module(f"napari_uncertainseg.cli.{home}"), name)(options)

    return run

"""OpenVINO, imported so that it reports nothing to anyone."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from typing import Any

_REPORTER = "openvino_telemetry"
_LOCK = threading.Lock()


def import_openvino() -> Any:
    """Import OpenVINO, the one place where this package does.

    On import and when it converts a network, OpenVINO tells its makers over the network. What runs
    beside patients' scans reports nothing: while OpenVINO is imported its reporting module cannot be
    found, and OpenVINO then uses a stub of its own. Afterwards everything is as it was. Where other
    software has imported OpenVINO before, that software has decided.

    Returns
    -------
    module
        ``openvino``.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    with _LOCK:
        if "openvino" in sys.modules:
            return import_module("openvino")
        there = {_REPORTER: sys.modules[_REPORTER]} if _REPORTER in sys.modules else {}
        sys.modules[_REPORTER] = None  # type: ignore[assignment]
        try:
            return import_module("openvino")
        finally:
            del sys.modules[_REPORTER]
            sys.modules.update(there)

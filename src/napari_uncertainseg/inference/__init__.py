"""From a scan to a prediction with its doubt."""

import sys

# OpenVINO reports to its makers over the network that it was imported. What runs beside patients'
# scans reports nothing: where this package cannot be imported OpenVINO uses a stub of its own.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

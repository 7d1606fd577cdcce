"""From a scan to a prediction with its doubt."""

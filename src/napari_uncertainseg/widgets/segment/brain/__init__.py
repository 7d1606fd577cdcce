"""The brain that a run goes by: given, found, looked at, mended."""

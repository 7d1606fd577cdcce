"""The mouse as on a workstation, and window and level of the scan on top."""

"""Challenge measures of a cohort: as their authors compute them, and with faults mended."""

"""File formats: NIfTI, mgz, nrrd and DICOM, read with nothing mended."""

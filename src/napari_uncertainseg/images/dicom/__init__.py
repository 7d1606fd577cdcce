"""Results as DICOM objects of the scan that they are of: segmentation, report, and the series they go by."""

"""Readers of image files of other libraries: DICOM, and TIFF of any bands and type of number."""

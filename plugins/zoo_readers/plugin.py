"""Readers of image files that neither Pillow nor NumPy can read."""

from collections.abc import Iterator

from zoo.plugin import PictureReader, hookimpl


@hookimpl
def zoo_picture_readers() -> Iterator[PictureReader]:
    yield PictureReader(
        "DICOM",
        "zoo_readers.dicom:read",
        summary="Medical images, in the unit of their rescaling",
        suffixes=(".dcm", ".dicom"),
        needs="pydicom",
        install="pip install 'visionzoo[dicom]'",
        magics=((128, b"DICM"),),
    )
    yield PictureReader(
        "TIFF",
        "zoo_readers.tiff:read",
        summary="TIFF and GeoTIFF of any number of bands and type of number, where Pillow does not read them",
        suffixes=(".tif", ".tiff"),
        needs="tifffile",
        install="pip install 'visionzoo[tiff]'",
        magics=((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
    )

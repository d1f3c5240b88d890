"""Declarations only. Nothing here may import torch."""

from zoo.plugin import Architecture, Augmentation, Dataset, Metric, hookimpl


@hookimpl
def zoo_datasets():
    yield Dataset(
        "study",
        "zoo_medical.study:Study",
        summary="Greyscale images of 8 or 16 bits (PNG, npy) in a table with patients",
        tags=("medical", "x-ray", "16 bit"),
        in_chans=1,
        opens=(".study",),
        symmetries=(),
    )
    yield Dataset(
        "phantoms",
        "zoo_medical.study:Phantoms",
        summary="Drawn discs with or without a nodule, four images per patient",
        tags=("medical", "drawn"),
        in_chans=1,
        input_size=32,
        example={"patients": 8},
    )


@hookimpl
def zoo_architectures():
    return [
        Architecture(
            "xray_net",
            "zoo_medical.nets:XrayNet",
            summary="Three stages with group norm, for greyscale images",
            tags=("medical", "small"),
            aliases=("xnet",),
            input_size=32,
            mean=(0.5,),
            std=(0.25,),
        )
    ]


@hookimpl
def zoo_metrics():
    return [
        Metric(
            "sensitivity_at_specificity",
            "zoo_medical.clinical:SensitivityAtSpecificity",
            summary="Highest sensitivity at a given specificity; mean over classes, one against the rest",
        ),
        Metric(
            "missed",
            "zoo_medical.clinical:Missed",
            summary="Fraction of the images of a class that are missed; lower is better",
            higher_is_better=False,
        ),
    ]


@hookimpl
def zoo_augmentations():
    yield Augmentation("detector_noise", "zoo_medical.noise:DetectorNoise", summary="Noise and exposure of a detector")

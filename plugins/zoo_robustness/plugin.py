"""The contributions of the plugin ``robustness``."""

from __future__ import annotations

from zoo.plugin import Analysis, AnalysisOption, hookimpl

_OPTIONS = (
    AnalysisOption("--corruptions", "corruptions", "Evaluate on corrupted images: 15 kinds at 5 strengths."),
    AnalysisOption("--strengths", "strengths", "Strengths of the corruptions, 1 to 5.", "N,N", int, several=True),
    AnalysisOption("--only", "only", "Corruptions or their categories, such as noise,fog.", "NAME,NAME", several=True),
    AnalysisOption("--corrupted-images", "images", "Number of images to corrupt, drawn at random.", "N", int),
)


@hookimpl
def zoo_analyses() -> list[Analysis]:
    """``--corruptions`` of ``zoo evaluate``."""
    summary = "Accuracy on images with the corruptions of ImageNet-C"
    target = "zoo_robustness.analysis:Corruptions"
    return [Analysis("corruptions", target, summary=summary, tags=("robustness",), options=_OPTIONS)]

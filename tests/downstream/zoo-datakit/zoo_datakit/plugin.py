from zoo.plugin import CacheKind, Dataset, Exporter, ModelSource, hookimpl

DATASETS = [
    Dataset(
        "coco",
        "zoo_datakit.annotations:Coco",
        summary="Image labels from the annotations of a COCO file",
        tags=("files", "json", "multi-label"),
        opens=(".coco",),
    ),
    Dataset(
        "onehot",
        "zoo_datakit.annotations:OneHot",
        summary="A CSV file with one column of 0 and 1 for each class",
        tags=("files", "table", "multi-label"),
        splits=("train",),
        symmetries=("horizontal_flip",),
    ),
]


@hookimpl
def zoo_datasets():
    return DATASETS


@hookimpl
def zoo_exporters():
    return (
        Exporter(
            "kit",
            "zoo_datakit.kit:write",
            summary="Weights and zoo.json in one zip file, read back by zoo-datakit",
            reader="zoo_datakit.kit:read",
            suffix=".kit",
        ),
    )


@hookimpl
def zoo_model_sources():
    yield ModelSource("kit", "zoo_datakit.shelf:fetch", summary="Models on the team's shelf, $DATAKIT_SHELF")


@hookimpl
def zoo_cache_kinds():
    yield CacheKind("datakit", "models from the shelf", "fetched again")

"""Components of the plugin zoo_callbacks."""

from collections.abc import Iterator

from zoo.plugin import TrainingCallback, hookimpl


@hookimpl
def zoo_callbacks() -> Iterator[TrainingCallback]:
    yield TrainingCallback(
        "stop_at",
        "zoo_callbacks.callbacks:StopAt",
        summary="Stop once a metric of an epoch reaches a value",
        tags=("early stopping",),
        example={"value": 0.5},
    )
    yield TrainingCallback(
        "gradient_norm",
        "zoo_callbacks.callbacks:GradientNorm",
        summary="Record the mean norm of the gradients in each epoch's line of metrics.jsonl",
        tags=("diagnostics",),
    )
    yield TrainingCallback(
        "keep_weights",
        "zoo_callbacks.callbacks:KeepWeights",
        summary="Keep the weights of every few epochs in the run's folder",
        tags=("snapshots",),
    )

"""Components of the plugin zoo_samplers."""

from collections.abc import Iterator

from zoo.plugin import Sampler, hookimpl


@hookimpl
def zoo_samplers() -> Iterator[Sampler]:
    yield Sampler(
        "shuffle",
        "zoo_samplers.samplers:shuffle",
        summary="Every image once in random order",
        tags=("multi-label",),
    )
    yield Sampler(
        "balanced",
        "zoo_samplers.samplers:balanced",
        summary="All classes equally often: images of small classes come more than once",
        tags=("imbalance",),
    )

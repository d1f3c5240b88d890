"""Components of the plugin zoo_simple."""

from zoo.plugin import Architecture, hookimpl


@hookimpl
def zoo_architectures():
    yield Architecture(
        "simple_cnn",
        "zoo_simple.cnn:simple_cnn",
        summary="Sequence of 3x3 convolutions; by default the cats-and-dogs network of the tutorial",
        tags=("cnn", "small"),
        input_size=150,
    )
    yield Architecture(
        "simple_rnn",
        "zoo_simple.rnn:simple_rnn",
        summary="Recurrent network that reads an image row by row",
        tags=("rnn", "lstm", "gru", "small"),
        input_size=32,
    )

"""The tutorial's classifier in Keras 3: what `zoo run simple_cnn cats_dogs --recipe article` is compared with.

In an environment of its own:

    pip install keras tensorflow-cpu pillow
    python tests/benchmarks/keras_article.py FOLDER [SEED] [EPOCHS]

FOLDER has train/ and val/, each with a folder for each class. Prints a line of JSON an epoch and one at the end.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def images(keras: Any, folder: str, split: str) -> Any:
    """One image at a time, decoded once, kept in memory, pixels in 0..1."""
    dataset = keras.utils.image_dataset_from_directory(
        f"{folder}/{split}", label_mode="binary", image_size=(150, 150), batch_size=None, shuffle=False
    )
    return dataset.map(lambda pixels, label: (pixels / 255.0, label)).cache()


def network(keras: Any) -> Any:
    """150 px; three convolutions and pools; dense 512, dropout 0.5, one sigmoid: 19,034,177 parameters."""
    layers = keras.layers
    convolutions = [
        layer
        for channels in (32, 64, 128)
        for layer in (layers.Conv2D(channels, 3, activation="relu"), layers.MaxPooling2D(2))
    ]
    head = [
        layers.Flatten(),
        layers.Dense(512, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(1, activation="sigmoid"),
    ]
    model = keras.Sequential([keras.Input((150, 150, 3)), *convolutions, *head])
    assert model.count_params() == 19_034_177
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def main(folder: str, seed: int = 0, epochs: int = 30) -> None:
    """Train and print."""
    import keras

    keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    train = images(keras, folder, "train").shuffle(2000, reshuffle_each_iteration=True).batch(32).prefetch(2)
    val = images(keras, folder, "val").batch(32).prefetch(2)

    def tell(epoch: int, logs: dict[str, float]) -> None:
        seconds = round(time.perf_counter() - started, 1)
        say({"epoch": epoch + 1, "seconds": seconds, **{k: round(float(v), 4) for k, v in logs.items()}})

    callback = keras.callbacks.LambdaCallback(on_epoch_end=tell)
    history = network(keras).fit(train, validation_data=val, epochs=epochs, verbose=0, callbacks=[callback]).history
    accuracies = history["val_accuracy"]
    say({"keras": keras.__version__, "seed": seed, "best": max(accuracies), "last": accuracies[-1]})


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))

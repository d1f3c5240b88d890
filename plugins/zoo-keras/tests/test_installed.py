"""The plugin as pip installs it: commands are typed, and do what they do with any architecture."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
from PIL import Image

BUILDER = """
from zoo_keras import keras_architecture


@keras_architecture
def leaves(num_classes, input_shape=(16, 16, 3), width: int = 8):
    import keras
    from keras import layers

    rows = [layers.Conv2D(width, 3, activation="relu"), layers.BatchNormalization(), layers.RandomFlip()]
    rows += [layers.GlobalAveragePooling2D(), layers.Dropout(0.2, seed=1)]
    return keras.Sequential([keras.Input(input_shape), *rows, layers.Dense(num_classes, activation="softmax")])
"""
SMALL = ("--epochs", "2", "--image-size", "16", "--set", "architecture.width=12")


def done(outcome: CompletedProcess[str]) -> str:
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def test_listing_is_quick_and_loads_no_keras(zoo: Any):
    listed = json.loads(done(zoo("list", "architecture", "--search", "keras", "--json")))
    ids = {row["id"] for row in listed}
    assert {"keras/tutorial_cnn", "keras/MobileNetV3Small", "keras/saved"} <= ids
    assert "19,034,177 parameters" in done(zoo("info", "keras/tutorial_cnn"))


def test_a_builder_is_trained_killed_and_resumed_evaluated_and_exported(
    zoo: Any, work: Path, kill_at_first_checkpoint: Any
):
    (work / "my_keras.py").write_text(BUILDER)
    line = 'leaves: {target: "./my_keras.py:leaves"}'
    (work / "registry.yaml").write_text(f"version: 1\ncomponents:\n  architecture:\n    {line}\n")
    result = json.loads(done(zoo("run", "leaves", "digits", *SMALL, "--name", "leaves", "--json")))
    assert result["status"] == "completed"
    assert result["job"]["architecture"]["width"] == 12
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(work / "digit.png")
    told = json.loads(done(zoo("predict", "leaves", work / "digit.png", "--json")))
    assert len(told["predictions"]) == 1
    assert str(result["metrics"]["val"]["accuracy"])[:8] in done(zoo("evaluate", "leaves", "--json"))
    for form in ("onnx", "pt2", "torchscript", "safetensors"):
        assert "all 360 val images compared with the run" in done(zoo("export", "leaves", "--format", form))
    often = ("--set", "train.checkpoint_s=0.01")
    done(zoo("run", "leaves", "digits", *SMALL, *often, "--name", "whole"))
    again = ("run", "runs/whole/job.yaml", "--name", "killed", "--resume")
    kill_at_first_checkpoint(*again)
    done(zoo(*again))
    weights = [(work / "runs" / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1]


def test_a_file_is_taken_in_and_predicts_and_is_learned_from(zoo: Any, work: Path, keras: Any):
    layers = keras.layers
    rows = [layers.Rescaling(1 / 255), layers.Conv2D(8, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input((16, 16, 3)), *rows, layers.Dense(1, activation="sigmoid")])
    model.save(work / "mine.keras")
    said = done(zoo("import", "mine.keras", "--classes", "cats,dogs", "--name", "mine"))
    assert "keras/saved" in said
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(work / "photo.png")
    told = json.loads(done(zoo("predict", "mine", work / "photo.png", "--json")))["predictions"][0]
    wanted = float(model(pixels[None].astype(np.float32))[0, 0])
    found = {row["class"]: row["probability"] for row in told["top"]}
    assert abs(found["dogs"] - wanted) < 1e-5


def test_what_the_plugin_owes(zoo: Any):
    said = zoo("plugins", "check", "keras")
    assert said.returncode == 0, said.stdout + said.stderr
    assert " failed" not in said.stdout

"""Descriptions of keys: those of the docstrings, and of what the docstrings leave to the reader."""

from __future__ import annotations

JOB = {
    "architecture": "The network: a name, or a mapping of name and parameters. See: zoo list architectures",
    "dataset": "The images: a name or a folder, or a mapping of name and parameters such as root.",
    "task": "What is learned of an image: one class, any of several labels, numbers, or one of ordered classes.",
    "loss": "The loss: a name, or a mapping of name and parameters.",
    "metrics": "Metrics beyond loss, accuracy, precision, recall and F1, which every run has.",
    "augment": "Augmentations, in their order.",
    "callbacks": "Callbacks of the training, in their order.",
    "train": "Settings of the training.",
    "data": "Settings of images and batches.",
    "device": "Device: auto, cpu, mps, cuda or cuda:N.",
    "precision": "Number format of the training.",
    "memory_format": "Memory layout of the images.",
    "compile": "Use torch.compile.",
    "tta": "Test-time augmentation.",
    "seed": "Random seed.",
    "pretrained": "Begin with the pretrained weights of the network's library.",
    "weights": "File of the weights to begin with: safetensors or .pth, or the name of a run.",
    "teacher": "Run whose model is the teacher in distillation.",
    "recipe": "Recipe of registry.yaml that gives the values not set here, or none.",
}
TRAIN = {
    "epochs": "Number of epochs.",
    "batch_size": "Number of images in a batch, or auto.",
    "image_size": "Side of the images in pixels.",
    "optimizer": "The optimizer: a name, or a mapping of name and parameters.",
    "lr": "Peak learning rate, or auto.",
    "weight_decay": "Weight decay.",
    "schedule": "The learning-rate schedule: a name, or a mapping of name and parameters.",
    "clip_norm": "Maximum norm of the gradient.",
    "ema_decay": "Decay of the exponential moving average of the weights.",
    "monitor": "Metric by which the best epoch is chosen, such as val/accuracy.",
    "patience": "Number of epochs without improvement after which the training stops.",
    "min_delta": "Smallest change of the monitored metric that counts as an improvement.",
}
DATA = {
    "in_chans": "Number of channels: 3 for colour, 1 for greyscale.",
    "resize": "squash scales both sides; crop scales the shorter side and crops the centre.",
    "interpolation": "Resampling filter.",
    "crop_pct": "Fraction of the shorter side that a centre crop keeps.",
    "mean": "Mean of pixels in 0..1, of each channel or one for all.",
    "std": "Standard deviation of pixels in 0..1, of each channel or one for all.",
    "val_fraction": "Fraction of the training images that is held out where the dataset has no val split.",
    "folds": "Number of folds of a cross-validation.",
    "fold": "The fold to hold out, from 1.",
    "on_bad_image": "Skip images that can't be decoded, or fail.",
    "max_bad_fraction": "Fraction of images that can't be decoded above which the run fails.",
    "store": "Decode once into a store on the disk, or in each epoch.",
}
RULE = {
    "images_seen": "Number of epochs that show this many images in total.",
    "steps": "Largest power of two with at least this many steps in an epoch.",
    "by": "Fact that a table depends on: images, images_per_class, classes, own_size, image_size or in_chans.",
    "up_to": "Table: the largest value of the fact, and the result up to it.",
    "above": "Result above the table.",
    "symmetry": "True if the symmetry preserves the classes of the dataset.",
    "unknown": "Result where it is unknown whether the symmetry does.",
    "at_least": "Lower bound.",
    "at_most": "Upper bound; of the image size also architecture.",
}
WHEN = {
    "trained": "The network begins with pretrained weights or those of a file.",
    "freeze": "The frozen layers: backbone, or a number of blocks.",
    "architecture": "Patterns of names, such as timm/resnet*.",
    "dataset": "Patterns of names.",
    "source": "Source of the images of a dataset that has several, such as drawn or photos.",
    "images": "Range of the number of training images.",
    "image_size": "Range of the side in pixels: the requested one, else that of the images.",
    "classes": "Range of the number of classes.",
    "in_chans": "Range of the number of channels.",
}
RECIPE = {
    "summary": "One line about the recipe.",
    "source": "Origin of the values, for readers.",
    "expect": "Value that the recipe has reached, and how it was measured: metric, value, photos, measured.",
    "when": "Conditions of the jobs that select the recipe automatically.",
    "budget": "Variants for --budget, each a part of a job, the cheapest first.",
    "backbone": "Pretrained network that the console suggests for few images: architecture and reached.",
}
SECTIONS = {
    "version": "Version of the format.",
    "plugins": "Required and disabled plugins, and settings by plugin.",
    "aliases": "Further names, by kind: short name and the name it stands for.",
    "components": "Local components, by kind and name.",
    "recipes": "Defaults of jobs, by name. A recipe ARCHITECTURE+DATASET is selected by its name.",
    "catalogue": "Plugins that zoo plugins install NAME knows, by name.",
}
PLUGINS = {
    "require": "Requirements such as zoo-acme>=0.1, without which no command runs.",
    "disable": "Names of plugins that are not imported.",
    "*": "Settings of the plugin of that name.",
}
CATALOGUE = {
    "package": "Requirement for the installer, such as zoo-acme.",
    "summary": "One line about the plugin.",
    "provides": "Names or patterns of its components, by kind.",
    "license": "SPDX identifier of its license.",
    "source": "Address or folder of its source.",
}
LOCAL = {
    "target": "Factory: ./my_models.py:TinyNet, relative to this file, or package.module:name.",
    "base": "Name of a registered component whose factory is used, instead of target.",
    "params": "Defaults of the factory's parameters; a relative root is relative to this file.",
    "summary": "One line for zoo list.",
    "tags": "Words for zoo list --search.",
    "aliases": "Further names of the component.",
    "example": "Parameters for zoo plugins check.",
    "deprecated": "Replacement that a warning names, such as: use acme/new",
    "renamed": "Old names of parameters, each with the new one.",
    "higher_is_better": "Whether a higher value is better.",
    "tasks": "Supported tasks: single-label, multi-label, regression, ordinal.",
    "suffixes": "Suffixes of the files that the importer reads.",
    "group": "Group that the command belongs to; empty for zoo itself.",
    "heading": "Heading of zoo --help that the command is listed under.",
    "reader": "Reader of the exported files: package.module:attribute.",
    "suffix": "Suffix of the exported files.",
}

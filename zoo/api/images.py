"""Public: images and datasets, decoded as the zoo decodes them.

Example::

    from zoo.api.images import Shape, open_image, to_pixels

    pixels = to_pixels(open_image("photo.jpg"), *Shape(96, 3))  # uint8 (96, 96, 3)
"""

from __future__ import annotations

from zoo.data.batches import Batches, Normalize, pixels_of
from zoo.data.decode import (
    ARRAYS,
    Pixels,
    Shape,
    ValuesKept,
    WrongChannels,
    decode_errors,
    framed,
    full_size,
    loses_values,
    open_image,
    opened,
    read_item,
    to_pixels,
)
from zoo.data.depth import EIGHT, depth_notices, depth_of
from zoo.data.fingerprint import threaded
from zoo.data.groups import groups_of
from zoo.data.item_names import ItemNames, name_of
from zoo.data.labels import Label, is_multilabel, label_indices
from zoo.data.open import (
    TEST,
    TRAIN,
    VAL,
    Opener,
    form_of,
    open_training,
    renumbered,
    same_task,
    training_splits,
)
from zoo.data.own_values import in_own_range, viewable
from zoo.data.split import Labels, Split, class_counts
from zoo.data.splits import fold_numbers, hold_out, hold_out_fold, label_map
from zoo.data.store import decode_split, labels_of
from zoo.data.window import mostly_8_bits, other_unit, resolve_window, with_contrast_notice
from zoo.runner.build import build_list, build_opener, seed_everything

__all__ = [
    "ARRAYS",
    "EIGHT",
    "TEST",
    "TRAIN",
    "VAL",
    "Batches",
    "ItemNames",
    "Label",
    "Labels",
    "Normalize",
    "Opener",
    "Pixels",
    "Shape",
    "Split",
    "ValuesKept",
    "WrongChannels",
    "build_list",
    "build_opener",
    "class_counts",
    "decode_errors",
    "decode_split",
    "depth_notices",
    "depth_of",
    "fold_numbers",
    "form_of",
    "framed",
    "full_size",
    "groups_of",
    "hold_out",
    "hold_out_fold",
    "in_own_range",
    "is_multilabel",
    "label_indices",
    "label_map",
    "labels_of",
    "loses_values",
    "mostly_8_bits",
    "name_of",
    "open_image",
    "open_training",
    "opened",
    "other_unit",
    "pixels_of",
    "read_item",
    "renumbered",
    "resolve_window",
    "same_task",
    "seed_everything",
    "threaded",
    "to_pixels",
    "training_splits",
    "viewable",
    "with_contrast_notice",
]

"""The file format .kit: a zip file with zoo.json and one .npy for each tensor."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from zoo.api.images import to_pixels
from zoo.api.models import Preprocessing


def write(bundle: Path, path: Path, network: torch.nn.Module, compress: bool = True) -> None:
    """Write a .kit file.

    Args:
        bundle: folder with zoo.json.
        path: file to write.
        network: its weights are written.
        compress: smaller and slower.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        archive.writestr("zoo.json", (bundle / "zoo.json").read_bytes())
        for name, tensor in network.state_dict().items():
            buffer = io.BytesIO()
            np.save(buffer, tensor.detach().cpu().numpy(), allow_pickle=False)
            archive.writestr(f"tensors/{name}.npy", buffer.getvalue())


class Reader:
    def __init__(self, card, network):
        self.card, self.network = card, network
        self.shape = Preprocessing(**card["preprocessing"])

    def __call__(self, images):
        pixels = np.stack([to_pixels(_picture(image), *self.shape.shape) for image in images])
        pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.shape.mean, self.shape.std))
        with torch.inference_mode():
            logits = self.network((pixels - mean) / std).float()
        if self.card["task"] == "multi-label":
            return logits.sigmoid().numpy()
        return (logits / self.card.get("temperature", 1.0)).softmax(1).numpy()


def _picture(image):
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def read(path: Path, build) -> Reader:
    """Open a .kit file."""
    with zipfile.ZipFile(path) as archive:
        card = json.loads(archive.read("zoo.json"))
        tensors = {
            Path(name).name.removesuffix(".npy"): torch.from_numpy(np.load(io.BytesIO(archive.read(name))))
            for name in archive.namelist()
            if name.startswith("tensors/")
        }
    network = build(card)
    network.load_state_dict(tensors)
    return Reader(card, network.eval())

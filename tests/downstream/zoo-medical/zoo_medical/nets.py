import torch
from torch import nn


class XrayNet(nn.Module):
    """Convolutions with group norm, then the mean and the maximum of the last map.

    Args:
        num_classes: outputs.
        in_chans: channels of the images.
        width: channels of the first stage.
        dropout: probability before the last layer.
    """

    def __init__(self, num_classes: int, in_chans: int = 1, *, width: int = 8, dropout: float = 0.0):
        super().__init__()
        layers, before = [], in_chans
        for factor in (1, 2, 4):
            layers += [nn.Conv2d(before, factor * width, 3, padding=1), nn.GroupNorm(4, factor * width), nn.SiLU()]
            layers += [nn.MaxPool2d(2)]
            before = factor * width
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * before, num_classes)

    def get_classifier(self):
        return self.head

    def forward(self, x):
        maps = self.body(x)
        return self.head(self.dropout(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)))

"""What a clinician asks for."""

import torch


class SensitivityAtSpecificity:
    """Highest sensitivity among thresholds with at least the given specificity, one class against the rest, averaged.

    Args:
        num_classes: number of classes.
        specificity: in 0..1.
    """

    def __init__(self, num_classes: int, specificity: float = 0.9):
        if not 0 <= specificity <= 1:
            raise ValueError(f"specificity must be in 0..1, not {specificity}")
        self.num_classes, self.specificity = num_classes, specificity
        self.reset()

    def reset(self):
        self._scores, self._targets = [], []

    def update(self, logits, targets):
        self._scores.append(logits.softmax(dim=1).cpu())
        self._targets.append(targets.cpu())

    def compute(self) -> float:
        scores, targets = torch.cat(self._scores), torch.cat(self._targets)
        found = []
        for k in range(self.num_classes):
            positive, negative = scores[targets == k, k], scores[targets != k, k]
            if len(positive) == 0 or len(negative) == 0:
                continue
            threshold = torch.quantile(negative, self.specificity, interpolation="higher")
            found.append((positive > threshold).float().mean().item())
        return sum(found) / len(found) if found else 0.0


class Missed:
    """Fraction of the images of one class that got another prediction.

    Args:
        num_classes: number of classes.
        positive: index of the class; the last by default.
    """

    def __init__(self, num_classes: int, positive: int = -1):
        self.positive = positive % num_classes
        self.reset()

    def reset(self):
        self.missed = self.seen = 0

    def update(self, logits, targets):
        ours = targets == self.positive
        self.seen += int(ours.sum())
        self.missed += int((ours & (logits.argmax(dim=1) != self.positive)).sum())

    def compute(self):
        return self.missed / max(self.seen, 1)

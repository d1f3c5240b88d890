"""A good metric, and for each check one that breaks it."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot


class Good:
    """Fraction of samples whose most probable class is right."""

    def __init__(self, num_classes: int):
        self.num_classes = num_classes
        self.reset()

    def reset(self) -> None:
        self.right, self.seen = 0.0, 0

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.right += (logits.argmax(1) == targets).sum().item()
        self.seen += len(targets)

    def compute(self) -> float | Tensor:
        return self.right / self.seen


class Table(Good):
    """Good, too: counts of right answers, a number for each class."""

    def reset(self) -> None:
        self.counts = torch.zeros(self.num_classes)

    def update(self, logits: Tensor, targets: Tensor) -> None:
        right = targets[logits.argmax(1) == targets]
        self.counts += torch.bincount(right, minlength=self.num_classes)

    def compute(self) -> Tensor:
        return self.counts


class Errors(Good):
    """Good where its component says that lower is better."""

    def compute(self) -> float:
        return 1 - self.right / self.seen


class OtherFirst(Good):
    """Its first parameter is not the runner's."""

    def __init__(self, classes: int = 3):
        super().__init__(classes)


class NoReset:
    """A method is missing."""

    def __init__(self, num_classes: int):
        self.seen = 0

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.seen += len(targets)

    def compute(self) -> float:
        return 1.0


class MeanOfBatches(Good):
    """Batches weigh alike, whatever their size."""

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.right += (logits.argmax(1) == targets).float().mean().item()
        self.seen += 1


class Remembers(Good):
    """A reset that leaves what was seen."""

    def reset(self) -> None:
        self.right, self.seen = getattr(self, "right", 0.0), getattr(self, "seen", 0)


class NotANumber(Good):
    """Zero divided by zero."""

    def compute(self) -> float:
        return float("nan")


class ChangesWhenAsked(Good):
    """compute() counts as a sample."""

    def compute(self) -> float:
        value = self.right / self.seen
        self.seen += 1
        return value


class HoldsTheGraph(Good):
    """The mean probability of the right class, with its gradient."""

    def update(self, logits: Tensor, targets: Tensor) -> None:
        probs = logits.double().softmax(1)
        self.right = self.right + probs.gather(1, targets[:, None]).sum()
        self.seen += len(targets)


class ThreeClasses(Good):
    """Three classes, whatever is asked."""

    def update(self, logits: Tensor, targets: Tensor) -> None:
        one_hot(targets, 3)
        super().update(logits, targets)


class Spread(Good):
    """Good, too: of the features."""

    def update(self, logits: Tensor, targets: Tensor, features: Tensor) -> None:  # type: ignore[override]
        super().update(features[:, : logits.shape[1]], targets)

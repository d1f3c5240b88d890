"""A good loss, and for each check one that breaks it."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot


class Good:
    """Cross entropy, with labels or shares."""

    def __init__(self, gamma: float = 1.0, num_classes: int = 3):
        self.gamma = gamma

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.gamma * cross_entropy(logits, targets)


class LabelsOnly(Good):
    """Good, too: soft targets are for it to refuse."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        if targets.ndim > 1:
            raise ValueError("labels only")
        return super().__call__(logits, targets)


class NotMade(Good):
    """Its constructor raises."""

    def __init__(self) -> None:
        raise ValueError("gamma must be positive")


class Unreduced(Good):
    """A value for each sample."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets, reduction="none")


class Overflows(Good):
    """The exponential of large logits is infinite."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        shares = one_hot(targets, logits.shape[1]).float() if targets.ndim == 1 else targets
        return ((2 * logits).exp().sum(1).log() - (2 * logits * shares).sum(1)).mean()


class RootAtZero(Good):
    """A square root at 0 has no slope."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits, targets) + (0 * logits).sqrt().sum()


class OneOfAll(Good):
    """Takes multiple labels an image for one, and so for sure of none."""

    def __init__(self, gamma: float = 1.0, num_classes: int = 3, multilabel: bool = False):
        super().__init__(gamma, num_classes)
        self.multilabel = multilabel

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(-logits if self.multilabel else logits, targets)


class Uphill(Good):
    """The right value with the gradient turned round."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        value = super().__call__(logits, targets)
        return 2 * value.detach() - value


class AfraidOfLargeLogits(Good):
    """A penalty that outweighs being right."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits, targets) + 100 * (logits.abs() - 4.2).relu().mean()


class FondOfDoubt(Good):
    """Least for the same logit everywhere."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits, targets) - 5 * torch.exp(-1e4 * logits.square().mean())


class CountsPlaces(Good):
    """A sample weighs more the later it comes."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        values = cross_entropy(logits, targets, reduction="none")
        return (values * torch.linspace(1, 2, len(values))).mean()


class OtherForShares(Good):
    """Shares of classes mean something else than labels."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits, targets) * (1 if targets.ndim == 1 else 2)


class Misweighed(Good):
    """It divides by something else than it says."""

    def weight_of(self, targets: Tensor) -> Tensor:
        return (targets == 0).sum() + 1.0


class WeighsEach(Good):
    """The weight of each image in place of their sum."""

    def weight_of(self, targets: Tensor) -> Tensor:
        return torch.ones(len(targets))


class Drawn(Good):
    """Good, too: noise that other checks tolerate."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits + 1e-5 * torch.randn_like(logits), targets)

    def weight_of(self, targets: Tensor) -> None:
        return None


class MisweighedDraws(Drawn):
    """A random loss that divides by something else than it says."""

    def weight_of(self, targets: Tensor) -> Tensor:
        return ((targets if targets.ndim == 1 else targets.argmax(1)) == 0).sum() + 0.5


class Weighted(Good):
    """Good, too: class weights, by which labels and soft targets are divided."""

    def __init__(self, class_weights: list[float] | None = None, num_classes: int = 3):
        super().__init__()
        self.weights = torch.tensor(class_weights or [1.0] * num_classes)

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets, self.weights, reduction="sum") / self.weight_of(targets)

    def weight_of(self, targets: Tensor) -> Tensor:
        return self.weights[targets].sum() if targets.ndim == 1 else (targets @ self.weights).sum()


class WeightedLabels(Weighted):
    """Soft targets are divided by their number, but their weight is returned."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets, self.weights)


class OfBatches(Good):
    """Good, too: logits are scaled by their spread over the batch."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits + 0.5 * logits / (logits.square().mean() + 1e-3).sqrt(), targets)


class DeclaredOfBatches(OfBatches):
    """Good, too, and it says so."""

    needs_whole_batch = True


class ThreeClasses(Good):
    """Weights for three classes, whatever is asked."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets, weight=torch.ones(3))


class Greedy(Good):
    """It empties the targets that it was given."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        value = super().__call__(logits, targets.clone())
        targets.zero_()
        return value


class Untyped(Good):
    """A parameter without a type."""

    def __init__(self, gamma=1.0):
        super().__init__(gamma)


class WrongDefault(Good):
    """A default that is no number."""

    def __init__(self, gamma: float = "one"):  # type: ignore[assignment]
        super().__init__()


class NoDefault(Good):
    """A parameter that has to be set."""

    def __init__(self, gamma: float):
        super().__init__(gamma)


class NoDocstring(Good):
    def __init__(self, gamma: float = 1.0):
        super().__init__(gamma)


_SOURCE = """class Sourceless(Good):
    'From no file.'
    def __init__(self): super().__init__()
"""
_made: dict = {"Good": Good}
exec(compile(_SOURCE, "-", "exec"), _made)
Sourceless = _made["Sourceless"]


class Angles(nn.Module):
    """Good, too: with trained vectors of the classes, and on features."""

    def __init__(self, num_classes: int, num_features: int, classes: list[str]):
        super().__init__()
        assert len(classes) == num_classes
        self.weight = nn.Parameter(torch.randn(num_classes, num_features))

    def forward(self, logits: Tensor, targets: Tensor, features: Tensor) -> Tensor:
        cosines = nn.functional.normalize(features) @ nn.functional.normalize(self.weight).T
        return cross_entropy(logits, targets) + cross_entropy(4 * cosines, targets)


class IdleWeight(nn.Module):
    """A weight that its value does not depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.used * cross_entropy(logits, targets)


class Errors(Good):
    """Good, too: squared errors of values, else cross entropy."""

    def __init__(self, regression: bool = False):
        super().__init__()
        self.regression = regression

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.mse_loss(logits, targets) if self.regression else super().__call__(logits, targets)


class FarFromValues(Errors):
    """The farther from the values, the better."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits, targets) * (-1 if self.regression else 1)


class RootOfErrors(Errors):
    """A square root at 0 has no slope."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().__call__(logits, targets) + (0 * logits).sqrt().sum()


class SumOfErrors(Errors):
    """A weight that is not its divisor."""

    def weight_of(self, targets: Tensor) -> Tensor:
        return (targets > 0).sum() + 1.0


class BrokenLink(Errors):
    """It can't say which outputs it needs."""

    @staticmethod
    def link(levels: list[float]) -> dict:
        """Needs what no job sets."""
        return {"kind": "quantiles", "levels": levels}


class Ends(Good):
    """Good, too: two quantiles of each value."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        error = targets[..., None] - logits.unflatten(1, (-1, 2))
        return torch.maximum(error * torch.tensor([0.1, 0.9]), error * torch.tensor([-0.9, -0.1])).mean()

    @staticmethod
    def link() -> dict:
        """Two outputs for each value."""
        return {"kind": "quantiles", "levels": [0.1, 0.9]}


class Above(Good):
    """Good, too: an output for each rank to exceed."""

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        count = logits.shape[1] + 1
        rows = one_hot(targets, count).float() if targets.ndim == 1 else targets
        above = rows.flip(1).cumsum(1).flip(1)[:, 1:]
        return nn.functional.binary_cross_entropy_with_logits(logits, above)

    @staticmethod
    def link() -> dict:
        """An output less than there are classes."""
        return {"kind": "cumulative"}


class UnknownLink(Above):
    """A link that nobody can read."""

    @staticmethod
    def link() -> dict:
        """Of an unknown kind."""
        return {"kind": "ladder"}

"""Knowledge distillation: a network learns from another's answers beside the labels.

Hinton et al. 2015, arXiv:1503.02531. Teacher and student look at the very same pictures, augmented as they are (Beyer
et al. 2022, arXiv:2106.05237).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, logsigmoid, softmax


def soft_loss(logits: Tensor, teacher_logits: Tensor, temperature: float, *, multilabel: bool = False) -> Tensor:
    """``T^2 * KL(teacher || student)`` of probabilities softened by T; the mean over images, a scalar.

    The square keeps the size of the gradients, which soften as 1 / T^2 (Hinton et al. 2015, section 2).

    Args:
        logits: (N, K), the student's.
        teacher_logits: (N, K).
        temperature: over 0; the higher it is, the more the teacher's small probabilities count.
        multilabel: each class is a yes or no of its own, and the mean is over images and classes.
    """
    student, teacher = logits.float() / temperature, teacher_logits.float() / temperature
    if multilabel:
        yes, sure, doubt = teacher.sigmoid(), logsigmoid(teacher), logsigmoid(-teacher)
        each = yes * (sure - logsigmoid(student)) + (1 - yes) * (doubt - logsigmoid(-student))
        return temperature**2 * each.mean()
    return temperature**2 * kl_div(log_softmax(student, 1), softmax(teacher, 1), reduction="batchmean")


@dataclass(frozen=True)
class Distillation:
    """What a training minimises with a teacher: ``(1 - weight) * loss + weight * soft_loss``.

    Args:
        teacher: a batch of the student's images (n, C, H, W) -> logits (n, K), classes in the student's order, without
            a gradient.
        weight: the teacher's share, in 0..1; at 1 the labels count for nothing.
        temperature: as :func:`soft_loss` has it.
        multilabel: as :func:`soft_loss` has it.
    """

    teacher: Callable[[Tensor], Tensor]
    weight: float
    temperature: float
    multilabel: bool = False

    def __call__(self, loss: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        """What is minimised, a scalar.

        Args:
            loss: of the labels, a scalar.
            logits: (n, K), the student's for the images.
        """
        if self.weight == 0:
            return loss
        soft = soft_loss(logits, self.teacher(images), self.temperature, multilabel=self.multilabel)
        if self.weight == 1:  # a loss of labels that is infinite would be no number, times 0
            return soft
        return (1 - self.weight) * loss + self.weight * soft

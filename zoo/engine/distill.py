"""Knowledge distillation: train a network on the predictions of a teacher as well as on the labels.

Hinton et al. 2015, arXiv:1503.02531. Teacher and student get the same augmented images (Beyer et al. 2022,
arXiv:2106.05237).
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
        logits: (N, K), logits of the student.
        teacher_logits: (N, K).
        temperature: above 0; a higher value gives the teacher's small probabilities more weight.
        multilabel: classes are independent binary labels, and the mean is over images and classes.
    """
    student, teacher = logits.float() / temperature, teacher_logits.float() / temperature
    if multilabel:
        yes, sure, doubt = teacher.sigmoid(), logsigmoid(teacher), logsigmoid(-teacher)
        each = yes * (sure - logsigmoid(student)) + (1 - yes) * (doubt - logsigmoid(-student))
        return temperature**2 * each.mean()
    return temperature**2 * kl_div(log_softmax(student, 1), softmax(teacher, 1), reduction="batchmean")


def value_loss(values: Tensor, teacher_values: Tensor, temperature: float) -> Tensor:
    """Mean squared difference of standardised values (N, K), a scalar; the temperature has no effect."""
    del temperature
    return (values.float() - teacher_values.float()).square().mean()


@dataclass(frozen=True)
class Distillation:
    """Training objective with a teacher: ``(1 - weight) * loss + weight * soft_loss``.

    Args:
        teacher: function of the student's images (n, C, H, W) that returns logits (n, K) without gradient, with classes
            in the student's order.
        weight: weight of the distillation loss, in 0..1; at 1 the labels are ignored.
        temperature: see :func:`soft_loss`.
        soft: distillation loss of the student's and the teacher's logits.
    """

    teacher: Callable[[Tensor], Tensor]
    weight: float
    temperature: float
    soft: Callable[[Tensor, Tensor, float], Tensor] = soft_loss

    def __call__(self, loss: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        """Combine the loss of the labels with the distillation loss, a scalar.

        Args:
            loss: loss of the labels, a scalar.
            logits: (n, K), logits of the student for ``images``, (n, C, H, W).
        """
        if self.weight == 0:
            return loss
        soft = self.soft(logits, self.teacher(images), self.temperature)
        if self.weight == 1:  # 0 times an infinite loss would be NaN
            return soft
        return (1 - self.weight) * loss + self.weight * soft

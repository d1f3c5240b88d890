"""Components of the plugin zoo_optim."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Family, Optimizer, Schedule, hookimpl

# Name, target, summary, and the learning rate and weight decay that the optimizer was designed for.
_OWN = (
    ("sgd", "zoo_optim.optim:sgd", "Stochastic gradient descent with Nesterov momentum", 0.1, 5e-4),
    ("adam", "torch.optim:Adam", "Adam (Kingma & Ba 2014)", 1e-3, 1e-4),
    ("adamw", "torch.optim:AdamW", "Adam with decoupled weight decay (Loshchilov & Hutter 2017)", 1e-3, 0.05),
    ("nadam", "torch.optim:NAdam", "Adam with Nesterov momentum (Dozat 2016)", 1e-3, 1e-4),
    ("radam", "torch.optim:RAdam", "Adam that warms up by itself (Liu et al. 2019)", 1e-3, 1e-4),
    ("rmsprop", "torch.optim:RMSprop", "Gradients over a running root mean square (Hinton 2012)", 1e-3, 1e-4),
    ("adagrad", "torch.optim:Adagrad", "Gradients over the root of all squares so far (Duchi et al. 2011)", 1e-2, 1e-4),
    (
        "adadelta",
        "torch.optim:Adadelta",
        "Step sizes from running averages of gradients and steps (Zeiler 2012)",
        1.0,
        1e-4,
    ),
    ("adamax", "torch.optim:Adamax", "Adam with the infinity norm (Kingma & Ba 2014)", 2e-3, 1e-4),
    (
        "muon",
        "zoo_optim.muon:muon",
        "Momentum made orthogonal for matrices, AdamW for the rest (Jordan et al. 2024)",
        0.02,
        0.05,
    ),
)
_TAGS = {
    "sgd": ("torch", "momentum"),
    "adamw": ("torch", "weight decay"),
    "nadam": ("torch", "nesterov"),
    "radam": ("torch", "rectified"),
    "muon": ("momentum", "newton-schulz"),
}


@hookimpl
def zoo_optimizers() -> Iterator[Optimizer | Family]:
    for name, target, what, lr, weight_decay in _OWN:
        tags, summary = _TAGS.get(name, ("torch",)), f"{what}; lr around {lr:g}"
        yield Optimizer(name, target, summary=summary, tags=tags, lr=lr, weight_decay=weight_decay)
    yield Family(
        "optimizer",
        "zoo_optim.optim:timm_optimizer",
        "zoo_optim:timm_optimizers.txt",
        summary="An optimizer of timm: Lion, LAMB, Adan, AdaMuon and others, with cautious and decoupled variants",
        tags=("timm",),
        samples=("lion", "lamb", "adan", "adopt", "madgrad", "nadamw", "adafactor", "novograd", "laprop"),
    )


@hookimpl
def zoo_schedules() -> Iterator[Schedule]:
    yield Schedule(
        "constant",
        "zoo_optim.schedules:constant",
        summary="The same learning rate throughout",
        tags=("none", "flat"),
    )
    yield Schedule(
        "one_cycle",
        "zoo_optim.schedules:one_cycle",
        summary="Up from lr / 25, then down to almost nothing along cosines (Smith & Topin 2017)",
        tags=("warmup", "super-convergence"),
    )
    yield Schedule(
        "cosine",
        "zoo_optim.schedules:cosine",
        summary="A short linear warm-up, then half a cosine down (Loshchilov & Hutter 2016)",
        tags=("warmup", "annealing"),
    )
    yield Schedule(
        "linear",
        "zoo_optim.schedules:linear",
        summary="A short linear warm-up, then straight down",
        tags=("warmup",),
    )
    yield Schedule(
        "step",
        "zoo_optim.schedules:step",
        summary="Divided by ten at one half and at three quarters of the training",
        tags=("milestones", "multistep"),
    )
    yield Schedule(
        "polynomial",
        "zoo_optim.schedules:polynomial",
        summary="Down to 0 along a power of what is left of the training",
        tags=("poly", "decay"),
    )
    yield Schedule(
        "plateau",
        "zoo_optim.plateau:plateau",
        summary="Divided by ten whenever the monitored value got no better for six epochs",
        tags=("warmup", "reduce on plateau", "adaptive"),
    )

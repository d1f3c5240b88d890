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
    ("radam", "torch.optim:RAdam", "Adam with rectified warm-up (Liu et al. 2019)", 1e-3, 1e-4),
    ("rmsprop", "torch.optim:RMSprop", "Gradients divided by a running root mean square (Hinton 2012)", 1e-3, 1e-4),
    (
        "adagrad",
        "torch.optim:Adagrad",
        "Gradients divided by the root of the sum of all squares (Duchi et al. 2011)",
        1e-2,
        1e-4,
    ),
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
        "Orthogonalised momentum for matrices, AdamW for other parameters (Jordan et al. 2024)",
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
        summary="Optimizers of timm: Lion, LAMB, Adan, AdaMuon and others, with cautious and decoupled variants",
        tags=("timm",),
        facts="zoo_optim:timm_optimizers.tsv",
        samples=("lion", "lamb", "adan", "adopt", "madgrad", "nadamw", "adafactor", "novograd", "laprop"),
    )


@hookimpl
def zoo_schedules() -> Iterator[Schedule]:
    yield Schedule(
        "constant",
        "zoo_optim.schedules:constant",
        summary="Constant learning rate",
        tags=("none", "flat"),
    )
    yield Schedule(
        "one_cycle",
        "zoo_optim.schedules:one_cycle",
        summary="Cosine warm-up from lr / 25, then cosine annealing to almost 0 (Smith & Topin 2017)",
        tags=("warmup", "super-convergence"),
    )
    yield Schedule(
        "cosine",
        "zoo_optim.schedules:cosine",
        summary="Linear warm-up, then cosine annealing (Loshchilov & Hutter 2016)",
        tags=("warmup", "annealing"),
    )
    yield Schedule(
        "linear",
        "zoo_optim.schedules:linear",
        summary="Linear warm-up, then linear decay",
        tags=("warmup",),
    )
    yield Schedule(
        "step",
        "zoo_optim.schedules:step",
        summary="Divided by ten at one half and three quarters of the training",
        tags=("milestones", "multistep"),
    )
    yield Schedule(
        "polynomial",
        "zoo_optim.schedules:polynomial",
        summary="Polynomial decay to 0",
        tags=("poly", "decay"),
    )
    yield Schedule(
        "plateau",
        "zoo_optim.plateau:plateau",
        summary="Divided by ten when the monitored metric has not improved for six epochs",
        tags=("warmup", "reduce on plateau", "adaptive"),
    )

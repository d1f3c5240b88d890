"""The zoo's optimizers and learning-rate schedules."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Family, Optimizer, Schedule, hookimpl


@hookimpl
def zoo_optimizers() -> Iterator[Optimizer | Family]:
    yield Optimizer(
        "sgd",
        "zoo_optim.optim:sgd",
        summary="Stochastic gradient descent with Nesterov momentum; lr around 0.1",
        lr=0.1,
        weight_decay=5e-4,
        tags=("torch", "momentum"),
    )
    yield Optimizer(
        "adam",
        "torch.optim:Adam",
        summary="Adam (Kingma & Ba 2014); lr around 1e-3",
        tags=("torch",),
        lr=1e-3,
        weight_decay=1e-4,
    )
    yield Optimizer(
        "adamw",
        "torch.optim:AdamW",
        summary="Adam with decoupled weight decay (Loshchilov & Hutter 2017); lr around 1e-3",
        lr=1e-3,
        weight_decay=0.05,
        tags=("torch", "weight decay"),
    )
    yield Optimizer(
        "nadam",
        "torch.optim:NAdam",
        summary="Adam with Nesterov momentum (Dozat 2016); lr around 1e-3",
        lr=1e-3,
        weight_decay=1e-4,
        tags=("torch", "nesterov"),
    )
    yield Optimizer(
        "radam",
        "torch.optim:RAdam",
        summary="Adam that warms up by itself (Liu et al. 2019); lr around 1e-3",
        lr=1e-3,
        weight_decay=1e-4,
        tags=("torch", "rectified"),
    )
    yield Optimizer(
        "rmsprop",
        "torch.optim:RMSprop",
        summary="Gradients over a running root mean square (Hinton 2012); lr around 1e-3",
        lr=1e-3,
        weight_decay=1e-4,
        tags=("torch",),
    )
    yield Optimizer(
        "adagrad",
        "torch.optim:Adagrad",
        summary="Gradients over the root of all squares so far (Duchi et al. 2011); lr around 1e-2",
        lr=1e-2,
        weight_decay=1e-4,
        tags=("torch",),
    )
    yield Optimizer(
        "adadelta",
        "torch.optim:Adadelta",
        summary="Step sizes from running averages of gradients and steps (Zeiler 2012); lr around 1",
        lr=1,
        weight_decay=1e-4,
        tags=("torch",),
    )
    yield Optimizer(
        "adamax",
        "torch.optim:Adamax",
        summary="Adam with the infinity norm (Kingma & Ba 2014); lr around 2e-3",
        lr=2e-3,
        weight_decay=1e-4,
        tags=("torch",),
    )
    yield Optimizer(
        "muon",
        "zoo_optim.muon:muon",
        summary="Momentum made orthogonal for matrices, AdamW for the rest (Jordan et al. 2024); lr around 0.02",
        lr=0.02,
        weight_decay=0.05,
        tags=("momentum", "newton-schulz"),
    )
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

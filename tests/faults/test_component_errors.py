"""A slip in a component, of each kind and wherever it is called: the message names the component, its file and line."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from zoo.registry.tracebacks import code_of

PLUGIN = """
from zoo.plugin import *

@hookimpl
def zoo_architectures():
    yield Architecture("bad_net", "zoo_acme_parts:Net")
    yield Architecture("odd_net", "zoo_acme_parts:make_net")

@hookimpl
def zoo_datasets():
    yield Dataset("bad_data", "zoo_acme_parts:Data", splits=("train",))

@hookimpl
def zoo_losses():
    yield Loss("bad_loss", "zoo_acme_parts:make_loss")

@hookimpl
def zoo_metrics():
    yield Metric("bad_metric", "zoo_acme_parts:Score")

@hookimpl
def zoo_augmentations():
    yield Augmentation("bad_augment", "zoo_acme_parts:Augment")

@hookimpl
def zoo_optimizers():
    yield Optimizer("bad_optimizer", "zoo_acme_parts:Steps")

@hookimpl
def zoo_schedules():
    yield Schedule("bad_schedule", "zoo_acme_parts:Rates")

@hookimpl
def zoo_samplers():
    yield Sampler("bad_sampler", "zoo_acme_parts:make_order")

@hookimpl
def zoo_callbacks():
    yield TrainingCallback("bad_callback", "zoo_acme_parts:Watch")

@hookimpl
def zoo_exporters():
    yield Exporter("bad_export", "zoo_acme_parts:export", suffix=".bad")

@hookimpl
def zoo_importers():
    yield Importer("bad_import", "zoo_acme_parts:read", suffixes=(".bad",))

@hookimpl
def zoo_commands():
    yield Command("bad-command", "zoo_acme_parts:command", summary="Fail")

@hookimpl
def zoo_run_start(run):
    import zoo_acme_parts
    zoo_acme_parts.watch(run)
"""
# Each slip is made where its word is in PARTS: the line says so itself.
PARTS = """
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from zoo.api.running import Callback


class Net(nn.Module):
    def __init__(self, num_classes, in_chans=3, image_size=8):
        super().__init__()
        SLIP("net made")
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_chans * image_size**2, num_classes))

    def forward(self, images):
        SLIP("net used")
        if SLIPS("wrong shape"): images = images[:, :, 1:]
        if SLIPS("net trained") and self.training: images.no_such_word
        return self.layers(images)


def make_net(num_classes, in_chans=3, image_size=8):
    if SLIPS("odd net made"): raise TypeError("no such thing")
    return Net(num_classes, in_chans, image_size)


class Data:
    classes = ["light", "dark"]

    def __init__(self, root=None, split="train"):
        SLIP("data made")

    def __len__(self):
        return 32

    def __getitem__(self, i):
        from PIL import Image
        SLIP("data used")
        return Image.new("RGB", (8, 8), (i % 2 * 200, i, i)), i % 2


def make_loss():
    SLIP("loss made")

    def loss(logits, targets):
        if SLIPS("loss used") and logits.requires_grad: logits.no_such_word
        return cross_entropy(logits, targets)

    return loss


class Score:
    def __init__(self, num_classes):
        SLIP("metric made")

    def reset(self):
        pass

    def update(self, logits, targets):
        SLIP("metric used")

    def compute(self):
        SLIP("metric computed")
        return 1.0


class Augment:
    def __init__(self, size):
        SLIP("augment made")

    def __call__(self, images, targets):
        SLIP("augment used")
        return images, targets


class Steps(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr)
        SLIP("optimizer made")

    def step(self, closure=None):
        SLIP("optimizer used")
        return super().step(closure)


class Rates(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer, total_steps):
        super().__init__(optimizer)
        SLIP("schedule made")

    def get_lr(self):
        SLIP("schedule used")
        return [group["lr"] for group in self.optimizer.param_groups]


def make_order(count):
    SLIP("sampler made")

    def order(epoch):
        SLIP("sampler used")
        return torch.arange(count)

    return order


class Watch(Callback):
    def __init__(self):
        SLIP("callback made")

    def step_end(self, state):
        SLIP("callback used")

    def epoch_end(self, run, epoch):
        SLIP("callback used late")


def export(bundle, path):
    SLIP("exporter used")


def read(file):
    SLIP("importer used")


def command(arguments):
    SLIP("command used")
    return 0


def watch(run):
    SLIP("hook used")
"""


def parts(slip: str) -> tuple[str, int]:
    """The components with one slip, and its line."""
    lines = PARTS.splitlines()
    (at,) = (i for i, text in enumerate(lines) if f'SLIP("{slip}")' in text or f'SLIPS("{slip}")' in text)
    lines[at] = lines[at].replace(f'SLIP("{slip}")', "object().no_such_word").replace(f'SLIPS("{slip}")', "True")
    text = "\n".join(lines)
    text = re.sub(r'SLIP\("[^"]*"\)', "pass", text)
    return re.sub(r'SLIPS\("[^"]*"\)', "False", text), at + 1


RUN = ("run", "acme/bad_net", "acme/bad_data", "--epochs", "1", "--recipe", "none", "--image-size", "8", "--quiet")
WITH = ("loss=bad_loss", "metrics=[bad_metric]", "augment=[bad_augment]")
WITH += ("train.optimizer=bad_optimizer", "train.schedule=bad_schedule")
WITH += ("train.sampler=bad_sampler", "callbacks=[bad_callback]")
TRAIN = (*RUN, *(word for each in WITH for word in ("--set", each)))
ODD = tuple("acme/odd_net" if word == "acme/bad_net" else word for word in TRAIN)
SLIPS = {
    "net made": ("architecture 'acme/bad_net'", TRAIN),
    "net used": ("architecture 'acme/bad_net'", TRAIN),
    "net trained": ("architecture 'acme/bad_net'", TRAIN),
    "odd net made": ("architecture 'acme/odd_net'", ODD),
    "data made": ("dataset 'acme/bad_data'", TRAIN),
    "data used": ("dataset 'acme/bad_data'", TRAIN),
    "loss made": ("loss 'acme/bad_loss'", TRAIN),
    "loss used": ("loss 'acme/bad_loss'", TRAIN),
    "metric made": ("metric 'acme/bad_metric'", TRAIN),
    "metric used": ("metric 'acme/bad_metric'", TRAIN),
    "metric computed": ("metric 'acme/bad_metric'", TRAIN),
    "augment made": ("augmentation 'acme/bad_augment'", TRAIN),
    "augment used": ("augmentation 'acme/bad_augment'", TRAIN),
    "optimizer made": ("optimizer 'acme/bad_optimizer'", TRAIN),
    "optimizer used": ("optimizer 'acme/bad_optimizer'", TRAIN),
    "schedule made": ("schedule 'acme/bad_schedule'", TRAIN),
    "schedule used": ("schedule 'acme/bad_schedule'", TRAIN),
    "sampler made": ("sampler 'acme/bad_sampler'", TRAIN),
    "sampler used": ("sampler 'acme/bad_sampler'", TRAIN),
    "callback made": ("callback 'acme/bad_callback'", TRAIN),
    "callback used": ("callback 'acme/bad_callback'", TRAIN),
    "callback used late": ("callback 'acme/bad_callback'", TRAIN),
    "command used": ("command 'bad-command'", ("bad-command",)),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_a_plugin(slip: str, make_plugin, zoo):
    text, line = parts(slip)
    make_plugin("acme", PLUGIN, zoo_acme_parts=text)
    whose, words = SLIPS[slip]
    code, _, err = zoo(*words)
    assert code in (1, 2)
    for word in (whose, "zoo-acme 1.2.3", f"zoo_acme_parts.py:{line}"):
        assert word in err
    assert "no_such_word" in err or "no such thing" in err
    assert "defect" not in err
    assert "Traceback" not in err


def test_the_runs_own_result_says_so_too(make_plugin, zoo, read_result):
    text, line = parts("metric computed")
    make_plugin("acme", PLUGIN, zoo_acme_parts=text)
    assert zoo(*TRAIN, "--name", "odd")[0] == 1
    reason = read_result("runs/odd")["stop_reason"]
    for word in ("metric 'acme/bad_metric'", "zoo-acme 1.2.3", f"zoo_acme_parts.py:{line})"):
        assert word in reason


def test_a_shape_that_does_not_fit_is_told_with_its_line(make_plugin, zoo):
    text, _ = parts("wrong shape")
    make_plugin("acme", PLUGIN, zoo_acme_parts=text)
    code, _, err = zoo(*TRAIN)
    assert code == 2
    assert "architecture 'acme/bad_net'" in err
    line = next(i for i, each in enumerate(text.splitlines(), 1) if "return self.layers(images)" in each)
    assert f"zoo_acme_parts.py:{line}" in err


def test_a_plugin_without_a_slip_trains_and_a_hook_with_one_is_named(make_plugin, zoo):
    text, line = parts("hook used")
    make_plugin("acme", PLUGIN, zoo_acme_parts=text)
    words = [word for word in TRAIN if word != "--quiet"]
    code, out, err = zoo(*words, "--name", "well")
    assert code == 0, err
    said = " ".join((out + err).split())
    assert "plugin 'acme': zoo_run_start failed" in said
    _, told, _ = zoo("plugins", "doctor", "acme")
    assert f'zoo_acme_parts.py", line {line}' in told

    for slip, whose, words in (
        ("exporter used", "exporter 'acme/bad_export'", ("export", "well", "--format", "bad_export")),
        ("importer used", "importer 'acme/bad_import'", ("import", "model.bad", "--format", "bad_import")),
    ):
        text, line = parts(slip)
        Path("model.bad").write_bytes(b"bad")
        _replace("zoo_acme_parts", text)
        code, _, err = zoo(*words)
        assert code in (1, 2)
        for word in (whose, "zoo-acme 1.2.3", f"zoo_acme_parts.py:{line}", "no_such_word"):
            assert word in err, slip
        assert "defect" not in err


def _replace(module: str, text: str) -> None:
    """Other code in a module's file."""
    import importlib

    Path(sys.modules[module].__file__).write_text(text + "\n# anew\n")
    shutil.rmtree(Path(sys.modules[module].__file__).parent / "__pycache__", ignore_errors=True)
    del sys.modules[module]
    importlib.invalidate_caches()


LOCAL = """
import torch
from torch import nn
import helpers


class Net(nn.Module):
    def __init__(self, num_classes, in_chans=3, image_size=8):
        super().__init__()
        self.layer = nn.Linear(in_chans * image_size**2, num_classes)

    def forward(self, images):
        return self.layers(images.flatten(1))


class Loss:
    def __call__(self, logits, targets):
        return helpers.hinge(logits, targets)
"""
RUN_LOCAL = ("run", "my_net", "digits", "--recipe", "none", "--image-size", "8", "--quiet", "--epochs", "1")


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two components in a file of the working folder, with another file beside it."""
    monkeypatch.delitem(sys.modules, "helpers", raising=False)
    monkeypatch.syspath_prepend(Path.cwd())
    components = {
        "architecture": {"my_net": {"target": "./parts.py:Net"}},
        "loss": {"mine": {"target": "./parts.py:Loss"}},
    }
    Path("registry.yaml").write_text(json.dumps({"components": components}))
    Path("parts.py").write_text(LOCAL)
    Path("helpers.py").write_text("def hinge(logits, targets):\n    return logits.no_such_word\n")


def test_a_slip_in_a_users_own_forward(local, zoo):
    code, _, err = zoo(*RUN_LOCAL)
    assert code == 1
    for word in (
        "architecture 'local/my_net'",
        "registry.yaml",
        "parts.py:13",
        "'Net' object has no",
        "'layers'",
    ):
        assert word in err
    assert "defect" not in err


def test_a_slip_in_a_file_beside_the_component(local, zoo):
    code, _, err = zoo("run", "simple_cnn", *RUN_LOCAL[2:], "--set", "architecture.channels=[8]", "--set", "loss=mine")
    assert code == 1
    for word in ("loss 'local/mine'", "helpers.py:2", "no_such_word"):
        assert word in err
    assert "defect" not in err


def test_a_file_that_cannot_be_imported_is_told_with_its_line(local, zoo):
    Path("parts.py").write_text(LOCAL.replace("import helpers", "helpers = no_such_word"))
    code, _, err = zoo(*RUN_LOCAL)
    assert code == 2
    for word in ("'local/my_net'", "parts.py:4", "no_such_word"):
        assert word in err


@pytest.mark.parametrize("what", ["raise SystemExit(3)", "raise RecursionError", "assert False", "raise MemoryError"])
def test_whatever_a_component_raises_is_its_own(what: str, local, zoo):
    Path("parts.py").write_text(LOCAL.replace("return self.layers(images.flatten(1))", what))
    code, _, err = zoo(*RUN_LOCAL)
    assert code in (1, 2)
    for word in ("architecture 'local/my_net'", "parts.py:13"):
        assert word in err
    assert "defect" not in err


def test_an_object_of_a_library_is_the_components_that_made_it(local, zoo, tmp_path: Path, monkeypatch):
    """None of the frames is in a component's own code: timm's networks and torch's losses are so."""
    (tmp_path / "no_zoo_library.py").write_text(LOCAL.replace("import helpers", ""))
    monkeypatch.syspath_prepend(tmp_path)
    Path("parts.py").write_text("from no_zoo_library import Net\n")
    code, _, err = zoo(*RUN_LOCAL)
    assert code == 1
    for word in ("architecture 'local/my_net'", "no_zoo_library.py:13"):
        assert word in err


def test_a_defect_of_the_zoo_is_still_called_one(zoo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.commands.catalogue.describe", lambda entry: entry.no_such_word)
    code, _, err = zoo("list", "losses", "--json")
    assert code == 1
    assert "This is a defect" in err


def test_the_core_is_nobodys_component():
    """A run with a budget is timed on noise that the core makes: no defect is the noise's ever after."""
    assert code_of("zoo.runner.noise") is None
    assert code_of("zoo_losses.losses") is not None


def test_float_targets_of_an_augmentation_are_refused(make_plugin, zoo):
    text = PARTS.replace("        return images, targets\n", "        return images, targets.float()\n")
    make_plugin("acme", PLUGIN, zoo_acme_parts=re.sub(r"SLIPS?\([^)]*\)", "False", text))
    code, _, err = zoo(*TRAIN)
    assert code == 1
    said = "augmentation 'acme/bad_augment' of plugin 'acme' (zoo-acme 1.2.3) returned targets (8,) float32"
    assert said in " ".join(err.split())


NET, LOSS, METRIC = "architecture 'acme/bad_net'", "loss 'acme/bad_loss'", "metric 'acme/bad_metric'"
OPTIMIZER, SCHEDULE = "optimizer 'acme/bad_optimizer'", "schedule 'acme/bad_schedule'"
SAMPLER, CALLBACK = "sampler 'acme/bad_sampler'", "callback 'acme/bad_callback'"
AUGMENT, DATASET = "augmentation 'acme/bad_augment'", "dataset 'acme/bad_data'"
RATES = "class Rates(torch.optim.lr_scheduler.LRScheduler):\n"
BARE = "class Rates:\n    def __new__(cls, *given): return object.__new__(cls)\n    state_dict = dict\n\n"
BARE += "    def __init__(self, *given): pass\n\nclass Unused(torch.optim.lr_scheduler.LRScheduler):\n"
FORWARD = "        return self.layers(images)\n"
CROSS = "        return cross_entropy(logits, targets)\n"


def gives(result: str, said: str = "", whose: str = LOSS) -> tuple[str, str, str, str]:
    """A loss, or a network, with another result in training."""
    if whose == NET:
        return FORWARD, f"        x = self.layers(images)\n        return {result} if self.training else x\n", NET, said
    usual = "cross_entropy(logits, targets)"
    return CROSS, f"        return {result} if logits.requires_grad else {usual}\n", LOSS, said


# What no frame of the traceback says: the call itself fails, or what it gave, or torch's engine.
UNSEEN = {
    "forward with another signature": ("def forward(self, images)", "def forward(self, images, mask)", NET, "mask"),
    "logits are None": gives("None", "NoneType", NET),
    "logits without a gradient": gives("x.detach()", "", NET),
    "in-place operation": gives("x.exp().add_(x.exp().exp_()).relu_().mul_(x).exp_().add_(1)", "inplace", NET),
    "loss with another signature": ("def loss(logits, targets)", "def loss(logits)", LOSS, "positional argument"),
    "loss is None": gives("None", "NoneType"),
    "loss is a number": gives("0.5", "float"),
    "loss without a gradient": gives("cross_entropy(logits, targets).detach()"),
    "loss for each image": gives("cross_entropy(logits, targets, reduction='none')", "scalar"),
    "a key": gives("{'x': 1}['nope']", "failed: KeyError: 'nope' ("),
    "an index": gives("[0][7]", "failed: IndexError: list index out of range ("),
    "no message": gives("(_ for _ in ()).throw(AssertionError())", "failed: AssertionError ("),
    "no words": gives("(_ for _ in ()).throw(type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})())", "Odd ("),
    "end of an iteration": gives("next(iter([]))", "StopIteration"),
    "metric without compute": ("def compute(self)", "def calculate(self)", METRIC, "compute"),
    "metric without reset": ("def reset(self)", "def clear(self)", METRIC, "reset"),
    "metric with another signature": ("def update(self, logits, targets)", "def update(self, x)", METRIC, "positional"),
    "metric that gives None": ("return 1.0", "return None", METRIC, "None"),
    "metric that gives a word": ("return 1.0", "return 'good'", METRIC, "'str'"),
    "augmentation with another signature": (
        "__call__(self, images, targets)",
        "__call__(self, x)",
        AUGMENT,
        "positional",
    ),
    "optimizer with arguments": ("def step(self, closure=None)", "def step(self, closure, more)", OPTIMIZER, "more"),
    "schedule without step": (RATES, BARE, SCHEDULE, "step"),
    "sampler with another signature": ("def order(epoch)", "def order(x, y)", SAMPLER, "positional"),
    "sampler of floats": ("torch.arange(count)", "torch.arange(count) / 2", SAMPLER, ""),
    "sampler that gives None": ("return torch.arange(count)", "return None", SAMPLER, ""),
    "callback with another signature": ("step_end(self, state)", "step_end(self)", CALLBACK, "positional"),
    "items of three": ("i, i)), i % 2", "i, i)), i % 2, 0", DATASET, "too many values"),
    "an item is an image alone": ("i, i)), i % 2", "i, i))", DATASET, "unpack"),
    "a length that is none": ("return 32", "return 'many'", DATASET, "integer"),
    "classes are a number": ('classes = ["light", "dark"]', "classes = 2", DATASET, "int"),
    "command with another signature": ("command(arguments)", "command()", "command 'bad-command'", "positional"),
}


@pytest.mark.parametrize("slip", UNSEEN)
def test_a_slip_that_no_frame_of_the_component_shows(slip: str, make_plugin, zoo):
    old, new, whose, said = UNSEEN[slip]
    text = re.sub(r"SLIPS?\([^)]*\)", "False", PARTS)
    assert old in text
    make_plugin("acme", PLUGIN, zoo_acme_parts=text.replace(old, new, 1))
    code, _, err = zoo(*(("bad-command",) if "command" in whose else TRAIN))
    assert code in (1, 2)
    for word in (whose, "zoo-acme 1.2.3", said):
        assert word in err
    assert "defect" not in err
    assert "Traceback" not in err


def test_a_float_label_names_dataset_and_item(make_plugin, zoo):
    text = PARTS.replace("(i % 2 * 200, i, i)), i % 2", "(i % 2 * 200, i, i)), 1.7 if i == 5 else i % 2")
    make_plugin("acme", PLUGIN, zoo_acme_parts=re.sub(r"SLIPS?\([^)]*\)", "False", text))
    code, _, err = zoo(*TRAIN)
    assert code == 1
    said = "dataset 'acme/bad_data' of plugin 'acme' (zoo-acme 1.2.3), train split, item 5: a label must be an integer"
    assert said in " ".join(err.split())
    assert "1.7 (float)" in err


@pytest.mark.parametrize(
    ("old", "new", "whose", "said"),
    [
        ("def forward(self, images)", "def forward(self, images, mask)", NET, "mask"),
        (FORWARD, "        return {}['nope']\n", NET, "KeyError: 'nope'"),
        ("return Image", "return {}['nope'], Image", DATASET, "KeyError: 'nope'"),
        ("i, i)), i % 2", "i, i)), i % 2, 0", DATASET, "too many values"),
        ("return 1.0", "return {}['nope']", METRIC, "KeyError: 'nope'"),
    ],
)
def test_a_slip_in_an_evaluation(old: str, new: str, whose: str, said: str, sound_run, zoo):
    text = re.sub(r"SLIPS?\([^)]*\)", "False", PARTS)
    assert old in text
    _replace("zoo_acme_parts", text.replace(old, new, 1))
    code, _, err = zoo("evaluate", sound_run)
    assert code in (1, 2)
    for word in (whose, "zoo-acme 1.2.3", said, "zoo_acme_parts.py"):
        assert word in err
    assert "defect" not in err


@pytest.fixture
def sound_run(make_plugin, zoo) -> str:
    """A run of components without a slip."""
    make_plugin("acme", PLUGIN, zoo_acme_parts=re.sub(r"SLIPS?\([^)]*\)", "False", PARTS))
    assert zoo(*TRAIN, "--name", "sound")[0] == 0
    return "runs/sound"

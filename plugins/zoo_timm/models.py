"""timm's models by name; timm is imported on use."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from zoo.errors import RequestError

__all__ = ["LISTED", "create"]

LISTED = "1.0.31"  # the timm whose models models.txt lists

_NAMES_FILES = ("checkpoint_path", "cache_dir", "pretrained_")
"""Parameters of ``timm.create_model``, or their prefixes, that name files to read or write."""


def create(
    name: str,
    num_classes: int,
    in_chans: int = 3,
    pretrained: bool = False,
    drop_rate: float = 0.0,
    drop_path_rate: float | None = None,
    global_pool: str | None = None,
    image_size: int | None = None,
    **kwargs: Any,
) -> nn.Module:
    """Create a model of timm: images (N, in_chans, H, W) float -> logits (N, num_classes).

    Only parameters that are set are passed on, so that every model keeps its defaults.

    Args:
        name: one of ``timm.list_models()``, or of its pretrained tags (``resnet18.a1_in1k``).
        num_classes: width of the last layer, which is new unless the pretrained one has the same.
        in_chans: channels of the images; pretrained first layers are adapted.
        pretrained: load timm's weights from the Hugging Face hub, or its cache.
        drop_rate: dropout before the last layer, in 0..1.
        drop_path_rate: stochastic depth, in 0..1; not supported by every model.
        global_pool: pooling of the features, such as "avg", "max" or "avgmax"; not supported by every model.
        image_size: side of the images in pixels; used only for models with a fixed input size.
        **kwargs: further parameters of ``timm.create_model`` for this model, except names of files, since parameters
            may come from untrusted bundles and jobs.

    Raises:
        ValueError: the name, tag or a parameter is unknown, or a parameter names files.
        RuntimeError: there are no pretrained weights for the model.
        RequestError: the pretrained weights can't be downloaded, or ``ZOO_OFFLINE`` is set and they are not cached.
    """
    _refuse_files(kwargs)
    if os.environ.get("ZOO_OFFLINE", "").lower() not in ("", "0", "false"):
        os.environ["HF_HUB_OFFLINE"] = "1"  # read by the hub's client on import
    import timm

    _check_name(name)
    wanted = {
        "drop_rate": drop_rate or None,
        "drop_path_rate": drop_path_rate,
        "global_pool": global_pool,
        "img_size": _size_for(name, image_size),
        **kwargs,
    }
    settings: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
    silence = _no_answer() if pretrained else None
    try:
        with _hub(offline=silence is not None):
            return timm.create_model(
                name, pretrained=pretrained, num_classes=num_classes, in_chans=in_chans, **settings
            )
    except OSError as error:
        reason = silence or str(error).splitlines()[0]
        raise RequestError(
            f"The pretrained weights of {name!r} are not available: {reason} They are downloaded once from "
            "huggingface.co. Without network access, give a file that was downloaded elsewhere: --weights FILE. Or "
            "train from scratch, without --pretrained; for few images: zoo run simple_cnn DATASET"
        ) from error
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise ValueError(f"timm's {name} does not accept all of {', '.join(settings)}: {error}") from error


def _no_answer() -> str | None:
    """Sentence on why the hub can't be reached; None where it can, or where downloads are disabled.

    The check is done once, since the hub's client would retry for most of a minute.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.HF_HUB_OFFLINE:
        return None
    try:
        get_session().head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except Exception as error:  # of the client's library, requests or httpx
        return f"{constants.ENDPOINT} doesn't answer ({(str(error).splitlines() or [type(error).__name__])[0]})."
    return None


@contextlib.contextmanager
def _hub(*, offline: bool) -> Iterator[None]:
    """Suppress the log messages of the hub's client within the context.

    Args:
        offline: use only the client's cache.
    """
    from huggingface_hub import constants

    log = logging.getLogger("huggingface_hub")
    level, before = log.level, constants.HF_HUB_OFFLINE
    log.setLevel(logging.ERROR)
    constants.HF_HUB_OFFLINE = before or offline
    try:
        yield
    finally:
        log.setLevel(level)
        constants.HF_HUB_OFFLINE = before


def _refuse_files(given: Mapping[str, Any]) -> None:
    """Raise ValueError for parameters that make timm read a file, which timm up to 1.0.25 unpickles."""
    if refused := [name for name in given if name.startswith(_NAMES_FILES)]:
        raise ValueError(
            f"{', '.join(refused)} would name files, which parameters of a job or bundle must not. To start from "
            "weights: --pretrained, or --weights FILE"
        )


def _check_name(name: str) -> None:
    """Raise ValueError unless the installed timm has the model and its tag."""
    import timm

    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        raise ValueError(
            f"timm {timm.__version__} has no model {name!r}; see: zoo list architecture --search {base.split('_')[0]}"
        )
    if tag and name not in (known := timm.list_models(f"{base}.*", include_tags=True)):
        raise ValueError(f"timm {timm.__version__} has no weights {tag!r} of {base}; it has: {', '.join(known)}")


def _size_for(name: str, image_size: int | None) -> int | None:
    """Return ``image_size`` for a model with a fixed input size that differs from it; most models accept any size."""
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(name)
    if image_size is None or config is None or not config.fixed_input_size:
        return None
    return None if tuple(config.input_size[-2:]) == (image_size, image_size) else image_size

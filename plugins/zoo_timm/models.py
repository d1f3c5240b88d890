"""timm's models by name. timm is imported when one is made."""

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
"""Parameters of ``timm.create_model``, or their beginnings, that name files to be read or written."""


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
    """A model of timm: images (N, in_chans, H, W) float -> logits (N, num_classes).

    Only what is set is passed on, so that every model keeps its own defaults.

    Args:
        name: one of ``timm.list_models()``, or of its pretrained tags (``resnet18.a1_in1k``).
        num_classes: width of the last layer, which is new unless it is the pretrained one's.
        in_chans: channels of the images; pretrained first layers are adapted.
        pretrained: fetch timm's weights from the Hugging Face hub, or its cache.
        drop_rate: dropout before the last layer, in 0..1.
        drop_path_rate: stochastic depth, in 0..1; not every model has it.
        global_pool: how features become one vector, such as "avg", "max" or "avgmax"; not every model has a choice.
        image_size: side of the images in pixels; only models that are built for one size are told.
        **kwargs: anything else that ``timm.create_model`` takes for this model, but for what names files: parameters
            come from bundles and jobs of other people.

    Raises:
        ValueError: timm doesn't know the name or the tag, or the model not a parameter; or a parameter names files.
        RuntimeError: there are no pretrained weights for it.
        RequestError: the pretrained weights can't be fetched, or ``ZOO_OFFLINE`` is set and they are not in the cache.
    """
    _refuse_files(kwargs)
    if os.environ.get("ZOO_OFFLINE", "").lower() not in ("", "0", "false"):
        os.environ["HF_HUB_OFFLINE"] = "1"  # the hub's client reads it when it is imported
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
            f"The pretrained weights of {name!r} can't be had: {reason} They come from huggingface.co, once; "
            "without a network give a file of them: --weights FILE"
        ) from error
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise ValueError(f"timm's {name} doesn't take all of {', '.join(settings)}: {error}") from error


def _no_answer() -> str | None:
    """Why the hub can't be reached, a sentence; None where it can, or where nothing is to be downloaded.

    It is asked once, for its client would try again and again for most of a minute.
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
    """The hub's client without the lines that it logs.

    Args:
        offline: whether it looks into its cache alone.
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
    """Raise ValueError where a parameter would have timm read a file: until 1.0.25 timm unpickles it, code and all."""
    if refused := [name for name in given if name.startswith(_NAMES_FILES)]:
        raise ValueError(
            f"{', '.join(refused)} would name files to timm, and the parameters of a job or bundle name none. To begin "
            "with weights: --pretrained, or --weights FILE"
        )


def _check_name(name: str) -> None:
    """Raise ValueError unless the installed timm, perhaps another than is listed, has the model and its tag."""
    import timm

    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        raise ValueError(
            f"timm {timm.__version__} has no model {name!r}; see: zoo list architecture --search {base.split('_')[0]}"
        )
    if tag and name not in (known := timm.list_models(f"{base}.*", include_tags=True)):
        raise ValueError(f"timm {timm.__version__} has no weights {tag!r} of {base}; it has: {', '.join(known)}")


def _size_for(name: str, image_size: int | None) -> int | None:
    """``image_size`` where a model is built for one size and this is another; most take any size as they are."""
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(name)
    if image_size is None or config is None or not config.fixed_input_size:
        return None
    return None if tuple(config.input_size[-2:]) == (image_size, image_size) else image_size

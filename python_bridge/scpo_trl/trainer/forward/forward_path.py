"""Which savings a forward pass may use with a model: the fastest that is known to give the same numbers."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from scpo_trl.errors import UserError

logger = logging.getLogger(__name__)

SAVINGS = ("trim_logits", "shared_prefix", "causal_kernel", "encode_once", "cached_features")

# Known to attend causally over one row of tokens with rotary positions, image tokens among them, and to take a mask of
# four dimensions; checked by tests, each against the plain pass.
_SHARED_PREFIX_MODELS = frozenset({"llava"})
_SHARED_PREFIX_TEXT_MODELS = frozenset({"llama", "mistral", "qwen2", "qwen3", "vicuna"})
_SHARED_PREFIX_ATTENTION = frozenset({"sdpa", "eager", "flex_attention"})

# Known to send an image's pixels through `vision_tower` alone and to read its hidden states.
_TOWER_MODELS = frozenset({"llava", "vipllava"})


@dataclass(frozen=True)
class ForwardPath:
    """The savings that a forward pass uses; each leaves the log-probabilities what they are.

    Attributes:
        trim_logits: Logits only at positions that predict a token of a completion.
        shared_prefix: Both texts on an image share one row after their common prompt.
        causal_kernel: With it, the prompt and the first text attend without a mask, and only the second has one.
        encode_once: An image used in several rows goes through the vision tower once.
        cached_features: What a frozen vision tower says of an image is kept.
    """

    trim_logits: bool = False
    shared_prefix: bool = False
    causal_kernel: bool = False
    encode_once: bool = False
    cached_features: bool = False

    def named(self) -> str:
        """The savings in use, for a log."""
        return ", ".join(name for name in SAVINGS if getattr(self, name)) or "none"


PLAIN = ForwardPath()
"""Every sequence in a row of its own, every logit."""


def choose_path(model: nn.Module, switched_off: Sequence[str] = ()) -> ForwardPath:
    """The fastest path that is known to be safe for a model.

    Args:
        model: The policy, unwrapped, with or without adapters, its parameters frozen or not as they will be trained.
        switched_off: Savings not to use.

    Returns:
        The path; it and the reasons against the other savings are logged in one line.

    Raises:
        UserError: `switched_off` names no saving.
    """
    for name in switched_off:
        if name not in SAVINGS:
            raise UserError(f"switched-off saving {name!r}: expected one of {', '.join(SAVINGS)}")
    base = base_model(model)
    against = {
        "trim_logits": _against_trimming(base),
        "shared_prefix": _against_shared_prefix(base),
        "encode_once": _against_tower(base),
        "cached_features": _against_tower(base) or _against_caching(base),
    }
    against.update(dict.fromkeys(switched_off, "switched off"))
    if "causal_kernel" not in against:
        shares = against["shared_prefix"] is None
        against["causal_kernel"] = _against_causal_kernel(base) if shares else "needs shared_prefix"
    path = ForwardPath(**{name: reason is None for name, reason in against.items()})
    reasons = "; ".join(f"{name}: {reason}" for name, reason in against.items() if reason is not None)
    logger.info("forward pass uses %s%s", path.named(), f" ({reasons})" if reasons else "")
    return path


def base_model(model: nn.Module) -> Any:
    """The model under its adapters."""
    inner = getattr(model, "get_base_model", None)
    return inner() if callable(inner) else model


def vision_tower(model: nn.Module) -> Any:
    """The vision tower of a model of the LLaVA family, or None."""
    base = base_model(model)
    inner = getattr(base, "model", base)
    return getattr(inner, "vision_tower", None)


def accepts_logits_to_keep(model: nn.Module) -> bool:
    """Whether the model's forward, under its adapters, can compute logits for some of a row's positions alone."""
    return "logits_to_keep" in inspect.signature(base_model(model).forward).parameters


def _against_trimming(base: Any) -> str | None:
    return None if accepts_logits_to_keep(base) else f"the forward of {type(base).__name__} has no logits_to_keep"


def _against_shared_prefix(base: Any) -> str | None:
    config = base.config
    text = config.get_text_config()
    if config.model_type not in _SHARED_PREFIX_MODELS:
        return f"not known to be safe for {config.model_type}"
    if text.model_type not in _SHARED_PREFIX_TEXT_MODELS:
        return f"not known to be safe for {text.model_type}"
    if getattr(text, "sliding_window", None) is not None and getattr(text, "use_sliding_window", True):
        return "the language model attends within a window"
    attention = text._attn_implementation
    if attention not in _SHARED_PREFIX_ATTENTION:
        return f"attention {attention} takes no mask of four dimensions"
    return None


def _against_causal_kernel(base: Any) -> str | None:
    attention = base.config.get_text_config()._attn_implementation
    if attention != "sdpa":
        return f"attention {attention}"
    other = next((module for module in base.model.language_model.modules() if _attends_in_its_own_way(module)), None)
    return None if other is None else f"the forward of {type(other).__name__} is not that of transformers"


def _attends_in_its_own_way(module: nn.Module) -> bool:
    """Whether a module is an attention of another library, which may not hand on keywords that it does not know."""
    kind = type(module)
    return kind.__name__.endswith("Attention") and not kind.forward.__module__.startswith("transformers.")


def _against_tower(base: Any) -> str | None:
    if base.config.model_type not in _TOWER_MODELS or vision_tower(base) is None:
        return f"not known to be safe for {base.config.model_type}"
    return None


def _against_caching(base: Any) -> str | None:
    tower = vision_tower(base)
    # Adapters make parameters of the tower trainable where its base weights are not.
    trained = next((name for name, parameter in tower.named_parameters() if parameter.requires_grad), None)
    return None if trained is None else f"the vision tower is trained ({trained})"

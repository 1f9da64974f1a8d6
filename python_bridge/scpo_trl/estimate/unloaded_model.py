"""A model as its configuration describes it: every shape and type, no weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig, AutoModelForImageTextToText, PretrainedConfig

from scpo_trl.errors import UserError
from scpo_trl.trainer.library_mistakes import first_line


def read_config(path: str, revision: str | None, trust_remote_code: bool) -> PretrainedConfig:
    """The configuration of a model.

    Args:
        path: Folder, or name on the hub, of which only the configuration is fetched.
        revision: On the hub.
        trust_remote_code: Run the code that comes with the model.

    Raises:
        UserError: There is none.
    """
    try:
        return AutoConfig.from_pretrained(path, revision=revision or "main", trust_remote_code=trust_remote_code)
    except Exception as error:
        # Folders and the hub raise a dozen kinds.
        raise UserError(
            f"model: {path} has no configuration that can be read ({type(error).__name__}: {first_line(error)}): "
            "name the folder of a model, or one on the hub that can be reached from here"
        ) from error


def unloaded_model(config: PretrainedConfig, dtype: torch.dtype, attention: str | None) -> Any:
    """The model on the meta device.

    Args:
        config: See `read_config`.
        dtype: Of the weights.
        attention: What computes the attention; None: the model's own choice.

    Raises:
        UserError: transformers has no such architecture.
    """
    options = {} if attention is None else {"attn_implementation": attention}
    try:
        with torch.device("meta"):
            model: Any = AutoModelForImageTextToText.from_config(config, dtype=dtype, **options)
    except Exception as error:
        raise UserError(
            f"model: no model can be made of its configuration ({type(error).__name__}: {first_line(error)})"
        ) from error
    return model


def without_values(model: nn.Module, fake: FakeTensorMode) -> None:
    """Puts a model of the meta device on the CPU, its weights fake, buffers of whole numbers real.

    Args:
        model: Changed in place; weights that are shared stay so.
        fake: Mode of the weights.
    """
    made: dict[int, Tensor] = {}
    for module in model.modules():
        for name, tensor in _own_tensors(module):
            if id(tensor) not in made:
                made[id(tensor)] = _like(tensor, fake)
            if isinstance(tensor, nn.Parameter):
                module._parameters[name] = made[id(tensor)]  # type: ignore[assignment]
            else:
                module._buffers[name] = made[id(tensor)]


def _own_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for held in (dict(module._parameters), dict(module._buffers)):
        yield from ((name, tensor) for name, tensor in held.items() if tensor is not None)


def _like(tensor: Tensor, fake: FakeTensorMode) -> Tensor:
    if not tensor.is_floating_point():
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    with fake:
        empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
        return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty

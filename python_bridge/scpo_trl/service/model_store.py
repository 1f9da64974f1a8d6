"""The one loaded model: from its folder, checked, and back to one."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import PIL.Image
import torch

from scpo_trl.errors import UserError
from scpo_trl.service.adapters import has_adapter, load_adapter, merged, require_same_adapter
from scpo_trl.service.errors import NotReadyError
from scpo_trl.service.model_loading import load_model, load_processor, loading_options, require_finite
from scpo_trl.service.model_source import ModelSource, ModelSources
from scpo_trl.service.own_folders import prepare_trainings
from scpo_trl.service.prompts import render_prompt
from scpo_trl.service.roots import Roots
from scpo_trl.settings.parsing import TrainingSettings
from scpo_trl.trainer.forward.forward_path import base_model
from scpo_trl.trainer.model.model_folder import save_model_folder
from scpo_trl.trainer.model.precision import stored_dtype
from scpo_trl.trainer.model.processor_fields import complete_processor


@dataclass
class LoadedModel:
    """A model and its processor.

    Attributes:
        source: Where they came from.
        model: In evaluation mode, on the device that the service computes on; a training may give it an adapter.
        processor: Its processor.
        stored_dtype: What the weights were stored in; a training of the whole model makes them float32.
        settings: Those that it was loaded with.
        trust_remote_code: Whether code that came with it was run.
        options: Arguments of `from_pretrained` that it was loaded with.
    """

    source: ModelSource
    model: Any
    processor: Any
    stored_dtype: torch.dtype
    settings: TrainingSettings
    trust_remote_code: bool
    options: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        """Class of the model, under its adapter."""
        return type(base_model(self.model)).__name__

    @property
    def parameters(self) -> int:
        """Number of weights, shared ones counted once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def image_tokens(self) -> int:
        """Tokens that one image takes in a prompt."""
        image = PIL.Image.new("RGB", (64, 64))
        inputs = self.processor(images=[image], text=[render_prompt(self.processor, "")], return_tensors="pt")
        return int((inputs["input_ids"] == self.model.config.image_token_id).sum())


class ModelStore:
    """Holds the loaded model; not for use by two threads at once."""

    def __init__(self, sources: ModelSources, roots: Roots, device: torch.device) -> None:
        self._sources = sources
        self._roots = roots
        self._device = device
        self._loaded: LoadedModel | None = None

    @property
    def device(self) -> torch.device:
        """Where models compute."""
        return self._device

    @property
    def path(self) -> str:
        """Folder or name of the loaded model; empty when none is loaded."""
        return "" if self._loaded is None else self._loaded.source.name

    def get(self) -> LoadedModel:
        """The loaded model; raises `NotReadyError` when there is none."""
        if self._loaded is None:
            raise NotReadyError("no model is loaded; call LoadModel first")
        return self._loaded

    def load(self, path: str, trust_remote_code: bool, settings: TrainingSettings) -> LoadedModel:
        """Replace the loaded model by another.

        Args:
            path: Absolute path of a folder under a root with config.json, safetensors and processor files, or with an
                adapter; or a name on the hub.
            trust_remote_code: Run the Python code that comes with it.
            settings: Of the request; those of the model count.

        Raises:
            UserError: Not such a folder, one that names files elsewhere, or the weights do not fit the architecture, or
                are not finite; settings that cannot be had here.
        """
        options = loading_options(settings, self._device)
        revision = settings.model.get("model_revision", "main")
        source = self._sources.find(path, None if revision == "main" else revision, trust_remote_code)
        # Two models need not fit at once, so the old one goes first; a failed load leaves none.
        self._loaded = None
        gc.collect()
        processor = load_processor(source.processor, path, trust_remote_code)
        model = load_model(source.folder, path, trust_remote_code, options)
        complete_processor(processor, model.config)
        stored = stored_dtype(model)
        if "device_map" not in options:
            model.to(self._device)
        if source.adapter is not None:
            model = load_adapter(model, source)
            require_same_adapter(model, settings, "settings")
            require_finite(model, path)
        self._loaded = LoadedModel(
            source=source,
            model=model.eval(),
            processor=processor,
            stored_dtype=stored,
            settings=settings,
            trust_remote_code=trust_remote_code,
            options=options,
        )
        return self._loaded

    def export(self, path: str, adapter: bool) -> str:
        """Write the loaded model and its processor to a new folder, complete or not at all.

        Args:
            path: Absolute path below a root; must not exist yet.
            adapter: Of a model with an adapter, that alone; otherwise the whole model.

        Returns:
            SHA-256 over the weights.

        Raises:
            UserError: The path is taken, its parent does not exist, or there is no adapter.
            NotReadyError: No model is loaded.
        """
        loaded = self.get()
        target = self._roots.target(path, "path")
        if target.exists():
            raise UserError(f"path: {path} exists already; remove it or choose another name")
        prepare_trainings(self._roots, target)
        if not target.parent.is_dir():
            raise UserError(f"path: no such folder: {target.parent}; create it first")
        model = loaded.model
        if adapter and not has_adapter(model):
            raise UserError("adapter: found true for a model without an adapter; leave it out")
        if has_adapter(model) and not adapter:
            model = merged(model, loaded.source, loaded.trust_remote_code, loaded.options)
        return save_model_folder(model, loaded.processor, target)

"""A vision tower that sees each image once: once a batch, or, where it is frozen, once and for all.

The tower's forward is replaced while the whole model's forward runs, so that wrappers of the model (DDP, FSDP) see
nothing of it, and the projector after the tower is trained as usual.

Shape legend: I images, F tokens of the tower, W its width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPooling

from scpo_trl.trainer.forward.feature_cache import FeatureCache
from scpo_trl.trainer.forward.forward_path import ForwardPath, vision_tower
from scpo_trl.trainer.model.model_folder import weights_sha256


class TowerFeatures:
    """Serves the hidden states that a model of the LLaVA family reads of its vision tower.

    Args:
        model: The policy, unwrapped.
        cache: Keeps features of a frozen tower.
        anywhere: Whether something holds in any of the processes that must run the tower together, as those do that
            share out its weights; each is asked at the same places.
    """

    def __init__(
        self, model: nn.Module, cache: FeatureCache | None = None, anywhere: Callable[[bool], bool] = bool
    ) -> None:
        self._tower: Any = vision_tower(model)
        config: Any = getattr(model, "config")  # noqa: B009 (adapters delegate it)
        layers = config.vision_feature_layer
        self._layers: list[int] = [layers] if isinstance(layers, int) else list(layers)
        self._cache = cache
        self._anywhere = anywhere
        self._salt, self._state = b"", self._tower_state()
        if cache is not None:
            self._name_tower()
        self.encoded = 0
        """Images that went through the tower so far."""

    @contextmanager
    def serving(self, path: ForwardPath, images: Sequence[str]) -> Iterator[None]:
        """Within, the tower's forward answers from the cache, and encodes equal images once.

        Args:
            path: Says which of the two.
            images: Letters of the images, one for each of the equal parts that the pixels consist of; parts of the same
                letter hold the same images.
        """
        tower, encode = self._tower, self._tower.forward

        def served(pixel_values: Tensor, **options: Any) -> Any:
            letters = tuple(dict.fromkeys(images))
            parts = pixel_values.chunk(len(images))
            distinct = (
                torch.cat([parts[images.index(letter)] for letter in letters]) if len(parts) > 1 else pixel_values
            )
            layers = self._features(distinct, lambda pixels: encode(pixels, **options), path)
            if len(letters) < len(images):
                order = [letters.index(letter) for letter in images]
                layers = {
                    layer: torch.cat([values.chunk(len(letters))[index] for index in order])
                    for layer, values in layers.items()
                }
            return BaseModelOutputWithPooling(hidden_states=_Layers(layers))  # type: ignore[arg-type]

        tower.forward = served
        try:
            yield
        finally:
            del tower.forward

    def _features(self, pixels: Tensor, encode: Callable[[Tensor], Any], path: ForwardPath) -> dict[int, Tensor]:
        cache = self._cache
        if cache is None or not path.cached_features:
            self.encoded += len(pixels)
            hidden = encode(pixels).hidden_states
            return {layer: hidden[layer] for layer in self._layers}
        keys = self._keys(pixels)
        known = {key: cache.get(key) for key in dict.fromkeys(keys)}
        missing = [key for key, features in known.items() if features is None]
        if self._anywhere(bool(missing)):
            self.encoded += len(missing)
            # A process that knows all its images runs the tower with one of them, for the others' sake.
            asked = missing or keys[:1]
            with torch.no_grad():
                hidden = encode(pixels[[keys.index(key) for key in asked]]).hidden_states
            stacked = torch.stack([hidden[layer] for layer in self._layers], dim=1)
            for key, features in zip(asked, stacked, strict=True):
                known[key] = features
                cache.put(key, features)
        found = [known[key] for key in keys]
        together = torch.stack([part.to(pixels.device) for part in found if part is not None])
        return {layer: together[:, position] for position, layer in enumerate(self._layers)}

    def _keys(self, pixels: Tensor) -> list[str]:
        """Names of images by what the processor made of them and by the tower: a change of either is a new name."""
        salt, kind = self._tower_salt(), pixels.device.type
        # Under mixed precision the same tower gives rounded features.
        precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        keys = []
        for image in pixels.detach().cpu().contiguous():
            digest = hashlib.blake2b(salt, digest_size=20)
            digest.update(f"{image.dtype}{list(image.shape)}{precision}".encode())
            digest.update(image.reshape(-1).view(torch.uint8).numpy().data)
            keys.append(digest.hexdigest())
        return keys

    def _tower_salt(self) -> bytes:
        state = self._tower_state()
        # Other parameters than at first are those that FSDP put in their place: a frozen tower's, to be trusted.
        if state.keys() == self._state.keys() and state != self._state:
            self._state = state
            self._name_tower()
        return self._salt

    def _tower_state(self) -> dict[int, int]:
        """The tower's parameters and how often each was changed in place."""
        return {id(parameter): parameter._version for parameter in self._tower.parameters()}

    def _name_tower(self) -> None:
        told = f"{weights_sha256(self._tower)}{self._tower.config.to_json_string()}{self._layers}"
        self._salt = hashlib.sha256(told.encode()).digest()


class _Layers:
    """Some hidden states by the number of their layer."""

    def __init__(self, layers: dict[int, Tensor]) -> None:
        self._layers = layers

    def __getitem__(self, layer: int) -> Tensor:
        return self._layers[layer]


class FeatureCacheSettings(Protocol):
    """What `SCPOConfig` says of the cache."""

    feature_cache_gb: float
    feature_cache_dir: str | None
    feature_cache_dir_gb: float


def tower_features(
    model: nn.Module, path: ForwardPath, settings: FeatureCacheSettings, anywhere: Callable[[bool], bool] = bool
) -> TowerFeatures | None:
    """What serves the vision tower's features on a path, or None where the path has no use for it.

    Args:
        model: The policy, unwrapped.
        path: Says what is saved.
        settings: Of the cache.
        anywhere: See `TowerFeatures`.
    """
    if not (path.encode_once or path.cached_features):
        return None
    cache = None
    if path.cached_features:
        gigabyte = 1024**3
        cache = FeatureCache(
            int(settings.feature_cache_gb * gigabyte),
            settings.feature_cache_dir,
            int(settings.feature_cache_dir_gb * gigabyte),
        )
    return TowerFeatures(model, cache, anywhere)

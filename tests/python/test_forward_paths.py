"""Every saving of the forward pass, alone and with the others, against the plain pass.

`SCPO_TEST_DEVICE=cuda` runs the same on a GPU, FlexAttention with it.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from stock_rows import rows_of
from transformers import LlavaForConditionalGeneration
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface
from transformers.models.llama.modeling_llama import LlamaAttention

from scpo_trl import SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.losses.quad import COMBINATIONS
from scpo_trl.trainer.forward.feature_cache import FeatureCache
from scpo_trl.trainer.forward.forward import quad_logps
from scpo_trl.trainer.forward.forward_path import PLAIN, SAVINGS, ForwardPath, choose_path
from scpo_trl.trainer.forward.prefix_attention import CAUSAL_COLUMNS, register_prefix_attention
from scpo_trl.trainer.forward.shared_prefix import share_prefixes
from scpo_trl.trainer.forward.tower_features import TowerFeatures
from scpo_trl.trainer.rows.collator import COMBINATIONS_KEY, QuadCollator

DEVICE = torch.device(os.environ.get("SCPO_TEST_DEVICE", "cpu"))
# FlexAttention has no backward pass on a CPU.
ATTENTION = ["sdpa", "eager", "flex_attention"] if DEVICE.type == "cuda" else ["sdpa", "eager"]
CLOSE: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-5}

ALL = ForwardPath(**dict.fromkeys(SAVINGS, True))
PATHS = [
    *(ForwardPath(**{saving: True}) for saving in SAVINGS),
    ForwardPath(shared_prefix=True, causal_kernel=True),
    *(ForwardPath(**{saving: saving != off for saving in SAVINGS}) for off in SAVINGS),
    ALL,
]
SUBSETS = [
    ("ww", "lw", "wl", "ll"),
    ("ww", "lw"),
    ("ww", "lw", "wl"),
    ("ww", "wl"),
    ("ww", "ll"),
    ("ww",),
    COMBINATIONS,
    ("ww", "wl", "w0", "ll", "l0", "lw"),
]


@pytest.fixture(scope="session")
def make_model(make_model: Callable[..., Any]) -> Callable[..., Any]:
    """The model on the device under test."""
    return lambda seed=0: make_model(seed).to(DEVICE)


def batch_of(processor: Any, pairs: Any, combinations: tuple[str, ...] = SUBSETS[0], count: int = 4) -> dict[str, Any]:
    rows = [{**row, COMBINATIONS_KEY: combinations} for row in rows_of(pairs, count)]
    return collated(processor, rows)


def collated(processor: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    batch = QuadCollator(processor)(rows)
    return {name: value.to(DEVICE) if isinstance(value, torch.Tensor) else value for name, value in batch.items()}


def tower_of(model: Any) -> TowerFeatures:
    return TowerFeatures(model, FeatureCache(1 << 24))


def freeze_tower(model: Any) -> Any:
    model.model.vision_tower.requires_grad_(False)
    return model


@pytest.mark.parametrize("path", PATHS, ids=ForwardPath.named)
@pytest.mark.parametrize("attention", ATTENTION)
def test_log_probs_and_gradients_are_those_of_the_plain_pass(
    make_model, make_pairs, processor, path: ForwardPath, attention: str
) -> None:
    model = freeze_tower(make_model())
    attend(model, attention)
    compare_with_plain(model, batch_of(processor, make_pairs(prompt=prompts(12))), path)


def compare_with_plain(model: Any, batch: dict[str, Any], path: ForwardPath) -> None:
    """Log-probabilities and gradients of the four sequences of four pairs, each weighted otherwise."""
    tower = tower_of(model)
    weights = torch.arange(1.0, 17.0, device=DEVICE).reshape(4, 4)

    def run(which: ForwardPath) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        model.zero_grad()
        logps = torch.stack(quad_logps(model, batch, which, tower)[:4])
        (logps * weights).sum().backward()
        return logps.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    expected, gradients = run(PLAIN)
    for _ in range(2):
        logps, found = run(path)
        torch.testing.assert_close(logps, expected, **CLOSE)
        assert set(found) == set(gradients)
        for name, gradient in gradients.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("attention", ATTENTION)
def test_heads_that_share_keys_are_exact(make_model, make_pairs, processor, attention: str) -> None:
    config = make_model().config
    config.text_config.num_key_value_heads = 1
    torch.manual_seed(0)
    model: Any = LlavaForConditionalGeneration(config)
    freeze_tower(model).to(DEVICE)
    attend(model, attention)
    compare_with_plain(model, batch_of(processor, make_pairs(prompt=prompts(12))), ALL)


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_is_computed_again_for_the_gradient_is_exact(make_model, make_pairs, processor, reentrant: bool) -> None:
    model = freeze_tower(make_model()).train()
    model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    model.enable_input_require_grads()
    compare_with_plain(model, batch_of(processor, make_pairs(prompt=prompts(12))), ALL)


def test_prompts_of_very_different_lengths_are_laid_out_for_a_mask(make_model, make_pairs, processor) -> None:
    model = freeze_tower(make_model())
    pairs = make_pairs(prompt=[" ".join(["Describe the picture ."] * (1 + 4 * (row % 2))) for row in range(12)])
    for count, causal in ((1, True), (4, False)):
        batch = batch_of(processor, pairs, count=count)
        rows = share_prefixes(batch, "sdpa", torch.float32, causal_kernel=True)
        queries, keys = rows.inputs["attention_mask"].shape[2:]
        assert keys == rows.inputs["input_ids"].shape[1]
        assert keys - queries == rows.inputs.get(CAUSAL_COLUMNS, 0)
        assert (CAUSAL_COLUMNS in rows.inputs) == causal
        expected, found = quad_logps(model, batch, PLAIN), quad_logps(model, batch, ALL, tower_of(model))
        torch.testing.assert_close(torch.stack(found[:4]), torch.stack(expected[:4]), **CLOSE)


def attend(model: Any, attention: str) -> None:
    """The language model alone, which is where the paths differ: a tower has no use for a block mask."""
    model.set_attn_implementation({"text_config": attention})
    assert model.config.get_text_config()._attn_implementation == attention


def prompts(count: int) -> list[str]:
    """Prompts of different lengths, so that they are padded."""
    return [" ".join(["Describe the picture ."] * (1 + row % 3)) for row in range(count)]


@pytest.mark.parametrize("combinations", SUBSETS, ids="-".join)
def test_any_combinations_share_their_prompts(make_model, make_pairs, processor, combinations: tuple[str, ...]) -> None:
    model = freeze_tower(make_model())
    batch, tower = batch_of(processor, make_pairs(prompt=prompts(12)), combinations), tower_of(model)
    expected, found = quad_logps(model, batch, PLAIN), quad_logps(model, batch, ALL, tower)
    for name, mine, other in zip(COMBINATIONS, found, expected, strict=True):
        assert mine.isnan().all() == (name not in combinations)
        torch.testing.assert_close(mine, other, **CLOSE, equal_nan=True)


def test_several_images_a_row(make_model, make_pairs, processor) -> None:
    pairs = make_pairs(4)
    rows = [
        {**row, "images": row["images"] * 2, "rejected_images": [*row["rejected_images"], row["images"][0]]}
        for row in rows_of(pairs)
    ]
    batch = collated(processor, rows)
    model = freeze_tower(make_model())
    tower = tower_of(model)
    for path in PATHS:
        logps = torch.stack(quad_logps(model, batch, path, tower)[:4])
        torch.testing.assert_close(logps, torch.stack(quad_logps(model, batch, PLAIN)[:4]), **CLOSE)


@pytest.mark.parametrize("attention", ATTENTION)
def test_bfloat16_stays_within_its_rounding(make_model, make_pairs, processor, attention: str) -> None:
    model = freeze_tower(make_model()).to(torch.bfloat16)
    attend(model, attention)
    batch = batch_of(processor, make_pairs())
    exact = torch.stack(quad_logps(make_model(), batch, PLAIN)[:4])
    batch["pixel_values"] = batch["pixel_values"].to(torch.bfloat16)
    plain = torch.stack(quad_logps(model, batch, PLAIN)[:4])
    fast = torch.stack(quad_logps(model, batch, ALL, tower_of(model))[:4])
    rounding = (plain - exact).abs().max().item()
    assert plain.dtype == fast.dtype == torch.float32
    assert 0 < (fast - exact).abs().max().item() <= 2 * rounding


@pytest.mark.parametrize("attention", ATTENTION)
def test_autocast_stays_within_its_rounding(make_model, make_pairs, processor, attention: str) -> None:
    model = freeze_tower(make_model())
    attend(model, attention)
    batch = batch_of(processor, make_pairs())
    exact = torch.stack(quad_logps(make_model(), batch, PLAIN)[:4])
    with torch.autocast(DEVICE.type, torch.bfloat16):
        plain = torch.stack(quad_logps(model, batch, PLAIN)[:4])
        fast = torch.stack(quad_logps(model, batch, ALL, tower_of(model))[:4])
        fast.sum().backward()
    rounding = (plain - exact).abs().max().item()
    assert 0 < (fast - exact).abs().max().item() <= 2 * rounding


def test_every_image_goes_through_the_tower_once(make_model, make_pairs, processor) -> None:
    model, pairs = freeze_tower(make_model()), make_pairs()
    batch = batch_of(processor, pairs)
    seen: list[int] = []
    model.model.vision_tower.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    once = TowerFeatures(model)
    quad_logps(model, batch, PLAIN)
    quad_logps(model, batch, ForwardPath(encode_once=True), once)
    assert (seen, once.encoded) == ([16, 16], 8)
    cached = tower_of(model)
    for _ in range(2):
        quad_logps(model, batch, ALL, cached)
    assert cached.encoded == 8


def test_a_changed_tower_or_image_is_encoded_anew(make_model, make_pairs, processor, tmp_path: Path) -> None:
    model = freeze_tower(make_model())
    path = ForwardPath(cached_features=True)
    tower = TowerFeatures(model, FeatureCache(1 << 24, tmp_path, 1 << 24))
    batch = batch_of(processor, make_pairs())
    quad_logps(model, batch, path, tower)
    with torch.no_grad():
        model.model.vision_tower.embeddings.patch_embedding.weight.mul_(1.5)
    changed = quad_logps(model, batch, path, tower)
    assert tower.encoded == 16
    torch.testing.assert_close(changed.ww, quad_logps(model, batch, PLAIN).ww, **CLOSE)
    batch["pixel_values"] = batch["pixel_values"] * 0.9
    quad_logps(model, batch, path, tower)
    assert tower.encoded == 24
    # Another process finds them in the folder, those of this tower alone.
    again = TowerFeatures(model, FeatureCache(1 << 24, tmp_path, 1 << 24))
    quad_logps(model, batch, path, again)
    assert again.encoded == 0
    another = freeze_tower(make_model(1))
    other = TowerFeatures(another, FeatureCache(1 << 24, tmp_path, 1 << 24))
    quad_logps(another, batch, path, other)
    assert other.encoded == 8


def test_the_cache_stays_within_its_bounds(tmp_path: Path) -> None:
    one = torch.ones(100)
    cache = FeatureCache(1000, tmp_path, 1500)
    for name in "abcde":
        cache.put(name, one)
    assert cache.held_bytes == 800
    assert cache.disk_held_bytes <= 1500
    assert len(list(tmp_path.glob("*.safetensors"))) == cache.disk_held_bytes // 480
    assert cache.get("a") is None
    assert torch.equal(cache.get("e"), one)  # type: ignore[arg-type]
    # A torn file is no file.
    newest = tmp_path / "e.safetensors"
    newest.write_bytes(newest.read_bytes()[:50])
    assert FeatureCache(1000, tmp_path, 1500).get("e") is None
    assert FeatureCache(0).get("e") is None


def test_the_path_is_chosen_from_what_the_model_allows(make_model, caplog: pytest.LogCaptureFixture) -> None:
    model = make_model()
    with caplog.at_level(logging.INFO, "scpo_trl"):
        path = choose_path(model)
    assert path == replace(ALL, cached_features=False)
    assert len(caplog.messages) == 1
    used = "uses trim_logits, shared_prefix, causal_kernel, encode_once"
    assert f"{used} (cached_features: the vision tower is trained" in caplog.text
    assert choose_path(freeze_tower(model)) == ALL
    for off in SAVINGS:
        expected = replace(ALL, **{off: False})
        assert choose_path(model, [off]) == (
            replace(expected, causal_kernel=False) if off == "shared_prefix" else expected
        )
    with pytest.raises(UserError, match="'speed': expected one of trim_logits, shared_prefix"):
        choose_path(model, ["speed"])


def test_adapters_in_the_tower_forbid_its_cache(make_model) -> None:
    everywhere = get_peft_model(make_model(), LoraConfig(target_modules=["q_proj", "v_proj"]))
    assert not choose_path(everywhere).cached_features
    language = LoraConfig(target_modules=r".*language_model.*\.(q_proj|v_proj)")
    assert choose_path(get_peft_model(make_model(), language)) == ALL


def test_other_attention_falls_back(make_model) -> None:
    model = make_model()
    attend(model, "eager")
    assert choose_path(model).shared_prefix
    assert not choose_path(model).causal_kernel
    model.config.get_text_config()._attn_implementation = "flash_attention_2"
    assert not choose_path(model).shared_prefix


def test_an_attention_of_another_library_gets_a_whole_mask(make_model, make_pairs, processor) -> None:
    class ForgetfulAttention(LlamaAttention):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            kwargs.pop(CAUSAL_COLUMNS, None)
            return super().forward(*args, **kwargs)

    model = freeze_tower(make_model())
    for layer in model.model.language_model.layers:
        layer.self_attn.__class__ = ForgetfulAttention
    path = choose_path(model)
    assert path == replace(ALL, causal_kernel=False)
    compare_with_plain(model, batch_of(processor, make_pairs()), path)


def test_attention_without_the_keyword_is_what_it_was(make_model, make_pairs, processor) -> None:
    model, batch = make_model(), batch_of(processor, make_pairs())
    usual = AttentionInterface._global_mapping["sdpa"]
    AttentionInterface.register("sdpa", sdpa_attention_forward)
    before = torch.stack(quad_logps(model, batch, PLAIN)[:4])
    AttentionInterface.register("sdpa", usual)
    register_prefix_attention()
    registered = AttentionInterface._global_mapping["sdpa"]
    register_prefix_attention()
    assert AttentionInterface._global_mapping["sdpa"] is registered is not sdpa_attention_forward
    assert torch.equal(torch.stack(quad_logps(model, batch, PLAIN)[:4]), before)


def test_a_window_falls_back(make_model) -> None:
    model = make_model()
    model.config.get_text_config().sliding_window = 16
    assert not choose_path(model).shared_prefix


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_fifty_steps_lose_nothing(make_model, make_config, make_pairs, processor, kind: str) -> None:
    def losses(savings_off: list[str]) -> list[float]:
        torch.manual_seed(3)
        trainer = SCPOTrainer(
            model=make_model(),
            args=make_config(
                savings_off=savings_off,
                frozen_prefixes=["model.vision_tower"],
                learning_rate=1e-3,
                num_train_epochs=9,
                max_steps=50,
                use_cpu=DEVICE.type == "cpu",
            ),
            train_dataset=make_pairs(),
            processing_class=processor,
            peft_config=LoraConfig(r=4, target_modules=["q_proj", "v_proj"]) if kind == "lora" else None,
        )
        trainer.train()
        assert trainer.forward_path == (PLAIN if savings_off else ALL)
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]

    plain, fast = losses(list(SAVINGS)), losses([])
    assert len(plain) == 50
    assert max(abs(a - b) for a, b in itertools.zip_longest(plain, fast)) < 1e-4

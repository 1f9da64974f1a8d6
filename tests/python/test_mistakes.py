"""Mistakes that libraries find first are one line that names the setting, not a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessorPil,
)

from scpo_trl import SCPOConfig, SCPOTrainer, UserError, command
from scpo_trl.trainer.library_mistakes import library_mistakes


@pytest.fixture(scope="module")
def folders(tmp_path_factory, make_model, make_pairs, processor) -> Path:
    """A model, pairs, the adapter of a model and a folder with something else."""
    root = tmp_path_factory.mktemp("folders")
    make_model().save_pretrained(root / "model")
    processor.save_pretrained(root / "model")
    make_pairs(4).to_parquet(root / "pairs.parquet")
    get_peft_model(make_model(), LoraConfig(r=4, target_modules=["o_proj"])).save_pretrained(root / "adapter")
    processor.save_pretrained(root / "adapter")
    (root / "other").mkdir()
    (root / "file").write_text("nothing")
    return root


@pytest.fixture
def said(folders, tmp_path, capsys):
    """What the command says of a line with some options in place of those that train."""

    def say(options: dict[str, str | list[str] | None]) -> str:
        settings = {
            "model_name_or_path": str(folders / "model"),
            "dataset_name": str(folders / "pairs.parquet"),
            "output_dir": str(tmp_path / "out"),
            "bf16": "false",
            "gradient_checkpointing": "false",
            "report_to": "none",
            "save_strategy": "no",
            "use_cpu": "true",
            "disable_tqdm": "true",
            "max_steps": "1",
            **options,
        }
        words: list[str] = []
        for name, value in settings.items():
            if value is not None:
                words += [f"--{name}", *([value] if isinstance(value, str) else value)]
        assert command.main(words) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trl-scpo: ")]
        assert len(lines) == 1
        return lines[0]

    return say


@pytest.mark.parametrize("name", ["{}/nothing", "./nothing", "~/nothing", "a/b/c", "{}/file"])
def test_a_path_where_no_model_is(said, folders, name) -> None:
    path = name.format(folders)
    line = said({"model_name_or_path": path})
    assert f"model {path}: expected a folder with a model" in line
    assert ("found a file" if name == "{}/file" else "found nothing there") in line


def test_a_folder_that_holds_no_model(said, folders) -> None:
    assert f"model {folders / 'other'}: the folder has no config.json" in said(
        {"model_name_or_path": str(folders / "other")}
    )


def test_a_name_on_a_hub_that_cannot_be_reached(said) -> None:
    line = said({"model_name_or_path": "llava-hf/llava-1.5-7b-hf"})
    assert "model llava-hf/llava-1.5-7b-hf: " in line
    assert "connect to 'https://huggingface.co'" in line
    assert "give a folder" in line


def test_the_folder_of_an_adapter(said, folders) -> None:
    line = said({"model_name_or_path": str(folders / "adapter")})
    assert "holds an adapter" in line and "is_trainable=True" in line and "merge" in line


@pytest.mark.parametrize("targets", [None, ["nonsense"]])
def test_adapters_that_fit_nowhere(said, targets) -> None:
    line = said({"use_peft": "true", "lora_target_modules": targets})
    assert "peft_config: " in line and "--lora_target_modules" in line
    assert ("nonsense" in line) == (targets is not None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"attn_implementation": "flash_attention_2"}, ("attn_implementation: ", "FlashAttention2", "sdpa")),
        ({"attn_implementation": "nonsense"}, ("attn_implementation: ", "nonsense", "sdpa")),
        ({"report_to": "nonsense"}, ("report_to: ", "nonsense", "none")),
        ({"push_to_hub": "true", "hub_model_id": "me/model"}, ("push_to_hub: ", "hf auth login")),
    ],
)
def test_what_this_machine_lacks(said, options, expected) -> None:
    line = said(options)
    for part in expected:
        assert part in line


def test_a_logging_tool_that_is_not_installed(said, monkeypatch) -> None:
    monkeypatch.setattr("transformers.integrations.integration_utils.is_wandb_available", lambda: False)
    line = said({"report_to": "wandb"})
    assert "report_to: " in line and "pip install wandb" in line


def test_a_gpu_that_is_not_there(said, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("scpo_trl.trainer.config.is_torch_bf16_gpu_available", lambda: False)
    monkeypatch.setattr("transformers.training_args.is_torch_bf16_gpu_available", lambda: False)
    assert "bf16=False" in said({"bf16": None, "use_cpu": "false"})
    with pytest.raises(UserError, match="set bf16=False"):
        SCPOConfig(output_dir=str(tmp_path), learning_rate=1e-6, stages=3)


def test_settings_that_the_stock_configuration_refuses(make_config) -> None:
    with pytest.raises(UserError, match="load_best_model_at_end"):
        make_config(load_best_model_at_end=True, eval_strategy="steps", eval_steps=2)


@pytest.fixture
def make_trainer(make_model, make_pairs, make_config, processor):
    def build(**parts: Any) -> SCPOTrainer:
        given = {
            "model": None,
            "args": make_config(max_steps=1),
            "train_dataset": make_pairs(2),
            "processing_class": processor,
            **parts,
        }
        return SCPOTrainer(**{**given, "model": given["model"] or make_model()})

    return build


def test_data_sets_without_rows(make_trainer, make_pairs) -> None:
    with pytest.raises(UserError, match="train_dataset has no rows"):
        make_trainer(train_dataset=make_pairs(2).select([]))
    with pytest.raises(UserError, match="held-out has no rows"):
        make_trainer(eval_dataset={"held-out": make_pairs(2).select([])})


def test_a_tokenizer_as_processor(make_trainer, processor) -> None:
    with pytest.raises(UserError, match=r"processing_class is a .*takes no images.*AutoProcessor"):
        make_trainer(processing_class=processor.tokenizer)


def test_a_model_of_this_process_needs_its_processor(make_trainer) -> None:
    with pytest.raises(UserError, match="processing_class is missing"):
        make_trainer(processing_class=None)


def test_a_folder_without_a_processor(make_trainer, folders, tmp_path) -> None:
    shutil.copytree(folders / "model", tmp_path / "model")
    (tmp_path / "model" / "processor_config.json").unlink()
    (tmp_path / "model" / "tokenizer_config.json").unlink()
    (tmp_path / "model" / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"^processing_class") as told:
        make_trainer(model=str(tmp_path / "model"), processing_class=None)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", [PromptTuningConfig, PrefixTuningConfig])
def test_adapters_that_add_tokens(make_trainer, make_model, kind) -> None:
    config = kind(task_type="CAUSAL_LM", num_virtual_tokens=4)
    with pytest.raises(UserError, match=f"peft_config is a {kind.__name__}.*LoRA"):
        make_trainer(peft_config=config)
    if kind is PromptTuningConfig:
        with pytest.raises(UserError, match=f"peft_config is a {kind.__name__}.*LoRA"):
            make_trainer(model=get_peft_model(make_model(), config))


def test_models_that_read_images_through_queries(make_trainer, processor) -> None:
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Blip2Config(
        vision_config={**tower, "image_size": 16, "patch_size": 8},
        qformer_config={**tower, "encoder_hidden_size": 32, "vocab_size": 40},
        text_config={
            "model_type": "opt",
            "vocab_size": 40,
            "hidden_size": 32,
            "ffn_dim": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "word_embed_proj_dim": 32,
        },
        num_query_tokens=4,
        image_token_index=4,
    )
    images = BlipImageProcessorPil(size={"height": 16, "width": 16})
    with pytest.raises(UserError, match=r"Blip2ForConditionalGeneration.*Q-Former.*LLaVA"):
        make_trainer(
            model=Blip2ForConditionalGeneration(config),
            processing_class=Blip2Processor(image_processor=images, tokenizer=processor.tokenizer, num_query_tokens=4),
        )


def test_a_chat_template_that_takes_text_alone(make_trainer, processor) -> None:
    import copy

    other = copy.copy(processor)
    other.chat_template = "{% for message in messages %}{{ 'USER : ' + message['content'] }}{% endfor %}"
    with pytest.raises(UserError, match=r"row 0 cannot be rendered.*vision-language") as told:
        make_trainer(processing_class=other)
    assert "\n" not in str(told.value)


def test_faults_of_programs_keep_their_traceback() -> None:
    import peft

    with pytest.raises(AttributeError), library_mistakes():
        peft.get_peft_model(None, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="here"), library_mistakes():
        raise ValueError("here")

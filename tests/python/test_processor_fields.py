"""A LLaVA whose processor files are of an older export is read and trained as one with whole files."""

from __future__ import annotations

import copy

from service_fixtures import World

from scpo_trl import SCPOTrainer
from scpo_trl.trainer.model.model_folder import weights_sha256

pytest_plugins = ["service_fixtures"]


def older(processor):
    """Without what exports before processors counted image tokens themselves lack."""
    old = copy.deepcopy(processor)
    old.patch_size = old.vision_feature_select_strategy = None
    old.num_additional_image_tokens = 0
    return old


def test_training_is_as_with_whole_files(make_model, make_config, make_pairs, processor) -> None:
    hashes = set()
    for used in (processor, older(processor)):
        trainer = SCPOTrainer(
            model=make_model(), args=make_config(max_steps=1), train_dataset=make_pairs(4), processing_class=used
        )
        trainer.train()
        hashes.add(weights_sha256(trainer.policy))
    assert len(hashes) == 1


def test_the_service_counts_the_image_tokens_of_the_model(world: World, processor) -> None:
    whole = world.load().image_tokens
    older(processor).save_pretrained(world.model)
    assert world.load().image_tokens == whole == 4

"""The trainer beside TRL's own DPO on the doubled batch."""

from __future__ import annotations

import torch
from stock_rows import doubled, rows_of
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

from scpo_trl import SCPOTrainer
from scpo_trl.losses import LossInput, WeightedLoss, build_objective
from scpo_trl.trainer.forward.forward import quad_logps
from scpo_trl.trainer.forward.forward_path import PLAIN, ForwardPath, accepts_logits_to_keep
from scpo_trl.trainer.model.weights import blend_weights, copy_weights, weights_swapped
from scpo_trl.trainer.rows.collator import QuadCollator


def test_textual_terms_equal_twice_the_stock_dpo_loss_and_gradient(make_model, make_pairs, processor, tmp_path) -> None:
    model, reference = make_model(0), make_model(1)
    pairs = make_pairs()
    stock = DPOTrainer(
        model=model,
        ref_model=reference,
        args=DPOConfig(
            output_dir=str(tmp_path), beta=0.3, bf16=False, gradient_checkpointing=False, use_cpu=True, report_to="none"
        ),
        train_dataset=pairs,
        processing_class=processor,
    )
    rows = rows_of(pairs, 5)
    expected = stock.compute_loss(model, DataCollatorForVisionPreference(processor)(doubled(rows)))
    expected.backward()
    expected_gradient = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    batch = QuadCollator(processor)(rows)
    with torch.no_grad():
        reference_logps = quad_logps(reference, batch, ForwardPath(trim_logits=True))
    textual = {"beta": 0.3, "beta_mirror": 0.3, "visual": 0, "visual_mirror": 0}
    policy_logps = quad_logps(model, batch, ForwardPath(trim_logits=True))
    tokens = torch.ones(5)
    inputs = LossInput(policy_logps, reference_logps, tokens, tokens)
    loss = build_objective(WeightedLoss("scpo", textual))(inputs).losses.mean()
    loss.backward()
    assert loss.item() != 2 * 0.6931
    torch.testing.assert_close(loss, 2 * expected, rtol=0, atol=1e-5)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, 2 * expected_gradient[name], rtol=1e-4, atol=1e-5)

    both_directions = WeightedLoss("dpo", {"beta": 0.3, "both_directions": 1})
    both = build_objective(both_directions)(inputs).losses.mean()
    torch.testing.assert_close(both, expected, rtol=0, atol=1e-5)


def test_trimmed_logits_change_nothing(make_model, make_pairs, processor) -> None:
    model = make_model()
    assert accepts_logits_to_keep(model)
    batch = QuadCollator(processor)(rows_of(make_pairs()))
    trimmed, whole = (quad_logps(model, batch, path) for path in (ForwardPath(trim_logits=True), PLAIN))
    for name in ("ww", "lw", "wl", "ll"):
        torch.testing.assert_close(getattr(trimmed, name), getattr(whole, name), rtol=1e-6, atol=1e-5)


def test_logps_by_hand(make_model, make_pairs, processor) -> None:
    """One sequence at a time, without padding, log-softmax gathered token by token."""
    model, row = make_model(), make_pairs()[0]
    batch = QuadCollator(processor)([row])
    logps = quad_logps(model, batch, ForwardPath(trim_logits=True))
    for name, images, text in (
        ("ww", "images", "chosen"),
        ("lw", "images", "rejected"),
        ("wl", "rejected_images", "chosen"),
        ("ll", "rejected_images", "rejected"),
    ):
        prompt = f"<s> USER : <image> {row['prompt']} ASSISTANT : "
        start = processor(images=row[images], text=prompt, return_tensors="pt", add_special_tokens=False)
        ids = processor.tokenizer(f"{row[text]} </s>", add_special_tokens=False)["input_ids"]
        whole = torch.cat((start["input_ids"], torch.tensor([ids])), dim=1)
        scores = model(input_ids=whole, pixel_values=start["pixel_values"]).logits[0].log_softmax(dim=-1)
        begin = start["input_ids"].shape[1]
        expected = sum(scores[begin + k - 1, token] for k, token in enumerate(ids))
        torch.testing.assert_close(getattr(logps, name)[0], expected, rtol=1e-5, atol=1e-4)


def test_no_second_model_is_loaded(make_model, make_config, make_pairs, processor) -> None:
    model = make_model()
    assert not model.config._name_or_path
    trainer = SCPOTrainer(model=model, args=make_config(), train_dataset=make_pairs(), processing_class=processor)
    assert trainer.ref_model is None
    assert trainer.policy is model


def test_the_names_that_trl_logs(make_model, make_config, make_pairs, processor) -> None:
    trainer = SCPOTrainer(
        model=make_model(), args=make_config(loss_type="dpo"), train_dataset=make_pairs(), processing_class=processor
    )
    trainer.train()
    stock = {f"rewards/{name}" for name in ("chosen", "rejected", "accuracies", "margins")}
    assert stock | {"loss", "grad_norm", "learning_rate", "logps/chosen", "logps/rejected", "terms/textual"} <= set(
        trainer.state.log_history[0]
    )


def test_swapped_weights_come_back_to_the_bit(make_model) -> None:
    model = make_model(0)
    before, other = copy_weights(model), copy_weights(make_model(1))
    with weights_swapped(model, other):
        assert all(torch.equal(value, other[name]) for name, value in copy_weights(model).items())
    assert all(torch.equal(value, before[name]) for name, value in copy_weights(model).items())


def test_blend_by_hand() -> None:
    blended = blend_weights({"a": torch.tensor([4.0, 0.0])}, {"a": torch.tensor([0.0, 2.0])}, 0.25)
    assert blended["a"].tolist() == [1.0, 1.5]

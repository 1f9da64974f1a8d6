"""Log-probabilities as they are defined: one sequence at a time, nothing padded, cut or shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image


def contrast_rows() -> list[dict[str, Any]]:
    """Images of different sizes and proportions on the two sides, one of the rows with two images a side."""
    rng = np.random.default_rng(3)

    def picture(width: int, height: int) -> Image.Image:
        return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))

    return [
        {
            "images": [picture(32, 16)],
            "rejected_images": [picture(20, 40)],
            "prompt": "Describe the picture .",
            "chosen": "a dog and a cat .",
            "rejected": "a car .",
        },
        {
            "images": [picture(16, 16), picture(40, 20)],
            "rejected_images": [picture(24, 24), picture(33, 18)],
            "prompt": "the picture",
            "chosen": "an cup .",
            "rejected": "a tree and a ball and a cup .",
        },
    ]


def spoken(row: dict[str, Any], images: int) -> dict[str, list[dict[str, Any]]]:
    """The row's messages in parts."""
    text = {name: [{"type": "text", "text": row[name]}] for name in ("prompt", "chosen", "rejected")}
    return {
        "prompt": [{"role": "user", "content": [{"type": "image"}] * images + text["prompt"]}],
        "chosen": [{"role": "assistant", "content": text["chosen"]}],
        "rejected": [{"role": "assistant", "content": text["rejected"]}],
    }


def unpadded_logp(model: Any, processor: Any, row: dict[str, Any], combination: str) -> torch.Tensor:
    """Sum of the log-softmax gathered token by token, its text rendered here; in the model's own type."""
    images = {"w": row["images"], "l": row["rejected_images"], "0": []}[combination[1]]
    answer = "chosen" if combination[0] == "w" else "rejected"
    parts = spoken(row, len(images))
    prompt = processor.apply_chat_template(parts["prompt"], add_generation_prompt=True, tokenize=False)
    whole = processor.apply_chat_template(parts["prompt"] + parts[answer], tokenize=False)
    assert whole.startswith(prompt)
    completion = whole[len(prompt) :].strip()
    if completion == row[answer]:  # the template does not end it
        completion += processor.tokenizer.eos_token
    shown = {"images": [images]} if images else {}
    start = processor(text=[prompt], add_special_tokens=False, return_tensors="pt", **shown)
    ids = processor.tokenizer(completion, add_special_tokens=False)["input_ids"]
    begin = start["input_ids"].shape[1]
    inputs = {
        name: values.to(model.dtype) if values.is_floating_point() else values
        for name, values in start.items()
        if name != "attention_mask"
    }
    inputs["input_ids"] = torch.cat((start["input_ids"], torch.tensor([ids])), dim=1)
    for name in ("token_type_ids", "mm_token_type_ids"):
        if name in start:
            inputs[name] = torch.cat((start[name], torch.zeros(1, len(ids), dtype=torch.long)), dim=1)
    scores = model(**inputs).logits[0].log_softmax(dim=-1)
    return torch.stack([scores[begin + k - 1, token] for k, token in enumerate(ids)]).sum()

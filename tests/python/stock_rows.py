"""Rows as TRL's stock collator takes them."""

from __future__ import annotations

from typing import Any


def doubled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, then the rows with the pair's roles exchanged, as the stock collator takes them."""

    def message(role: str, text: str) -> list[dict[str, Any]]:
        return [{"role": role, "content": text}]

    def stock(images: list[Any], prompt: str, chosen: str, rejected: str) -> dict[str, Any]:
        if "<image>" in prompt:
            return {"images": images, "prompt": prompt, "chosen": chosen + "</s>", "rejected": rejected + "</s>"}
        return {
            "images": images,
            "prompt": message("user", prompt),
            "chosen": message("assistant", chosen),
            "rejected": message("assistant", rejected),
        }

    there = [stock(row["images"], row["prompt"], row["chosen"], row["rejected"]) for row in rows]
    back = [stock(row["rejected_images"], row["prompt"], row["rejected"], row["chosen"]) for row in rows]
    return there + back


def rows_of(pairs: Any, count: int = 4) -> list[dict[str, Any]]:
    return [pairs[i] for i in range(count)]

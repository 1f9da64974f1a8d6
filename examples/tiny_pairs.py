"""Pairs for the embedded model, drawn here: `python examples/tiny_pairs.py PAIRS.parquet [COUNT]`.

Coloured squares stand in for objects. A pair's pictures hold one, two or three of them and differ in one; the more they
share, the harder the pair, so the columns difficulty and stage come for free.
"""

import random
import sys

from datasets import Dataset, Features, Image, Sequence, Value
from PIL import Image as Picture

COLOURS = {
    "apple": (220, 30, 30),
    "bus": (240, 200, 20),
    "cup": (20, 60, 220),
    "tree": (20, 150, 40),
    "dog": (130, 80, 30),
    "car": (130, 30, 160),
}
CORNERS = ((4, 4), (36, 4), (4, 36), (36, 36))
FEATURES = Features(
    {
        "images": Sequence(Image()),
        "rejected_images": Sequence(Image()),
        "prompt": Value("string"),
        "chosen": Value("string"),
        "rejected": Value("string"),
        "difficulty": Value("float64"),
        "stage": Value("int32"),
    }
)


def drawn_pairs(count: int = 24, seed: int = 0) -> Dataset:
    """Pairs of stages 0, 1 and 2 in equal parts."""
    rng = random.Random(seed)
    rows: dict[str, list] = {name: [] for name in FEATURES}
    for index in range(count):
        stage = index % 3
        objects = rng.sample(sorted(COLOURS), stage + 1)
        other = [*objects[:-1], rng.choice([name for name in COLOURS if name not in objects])]
        corners = rng.sample(CORNERS, len(objects))
        rows["images"].append([_drawn(objects, corners)])
        rows["rejected_images"].append([_drawn(other, corners)])
        rows["prompt"].append("Describe the picture.")
        rows["chosen"].append(_described(objects))
        rows["rejected"].append(_described(other))
        rows["difficulty"].append(stage / 2)
        rows["stage"].append(stage)
    return Dataset.from_dict(rows, features=FEATURES)


def _drawn(objects: list[str], corners: list[tuple[int, int]]) -> Picture.Image:
    picture = Picture.new("RGB", (64, 64), (245, 240, 225))
    for name, (left, top) in zip(objects, corners, strict=True):
        picture.paste(COLOURS[name], (left, top, left + 24, top + 24))
    return picture


def _described(objects: list[str]) -> str:
    named = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in objects]
    return (named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}") + "."


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python examples/tiny_pairs.py PAIRS.parquet [COUNT]")
    drawn_pairs(*map(int, sys.argv[2:])).to_parquet(sys.argv[1])

"""Which combinations of text and image a training scores."""

from __future__ import annotations

from scpo_trl.errors import UserError
from scpo_trl.losses import Objective
from scpo_trl.losses.quad import COMBINATIONS
from scpo_trl.trainer.rows.contrast import Contrast


def available_combinations(contrast: Contrast | None) -> tuple[str, ...]:
    """Combinations that rows can give.

    Args:
        contrast: What stands in for the column `rejected_images`. An image made from the row's own has no text that is
            true of it, so that `ll` is missing.

    Returns:
        In the order of `COMBINATIONS`.
    """
    if contrast is None:
        return COMBINATIONS
    missing = ("wl", "ll") if contrast.kind == "none" else ("ll",)
    return tuple(name for name in COMBINATIONS if name not in missing)


def combinations_to_score(objective: Objective, contrast: Contrast | None, whole: bool) -> tuple[str, ...]:
    """Combinations that a stage scores, in the order of `COMBINATIONS`.

    Args:
        objective: The stage's.
        contrast: See `available_combinations`.
        whole: Also score what the objective does not read but the metrics report: both texts on both images.

    Raises:
        UserError: The objective reads a combination that the contrast leaves out.
    """
    available = available_combinations(contrast)
    missing = [name for name in objective.combinations if name not in available]
    if missing:
        assert contrast is not None
        raise UserError(
            f"the loss reads {', '.join(missing)}, for which contrast={contrast.kind!r} leaves no image "
            "that fits: leave contrast out, or take a loss that reads less"
        )
    wanted = {*objective.combinations, *(("ww", "lw", "wl", "ll") if whole else ())}
    return tuple(name for name in available if name in wanted)

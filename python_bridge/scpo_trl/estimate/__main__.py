"""`python -m scpo_trl.estimate`: answers the question on its standard input, and the same with each of its changes.

Prints a list of answers, the question's own first; one that cannot be given is an object with `error` alone.
"""

import json
import sys
import warnings
from typing import Any

from scpo_trl.errors import UserError
from scpo_trl.estimate.answer import Estimator
from scpo_trl.estimate.question import parse_question
from scpo_trl.trainer.library_mistakes import first_line


def answers(text: str) -> list[dict[str, Any]]:
    """The answers to a question and to its changes.

    Args:
        text: See `parse_question`.
    """
    estimator = Estimator()
    found: list[dict[str, Any]] = []
    try:
        question, changes = parse_question(text)
        asked = [question, *map(question.changed, changes)]
    except UserError as error:
        return [{"error": str(error)}]
    for one in asked:
        try:
            found.append(estimator.answer(one))
        except UserError as error:
            found.append({"error": str(error)})
        except Exception as error:
            # A model's own code may do anything with tensors that have no values.
            words = f"{type(error).__name__}: {first_line(error)}"
            found.append({"error": f"model: the passes of {one.model} cannot be counted ({words})"})
        if len(found) == 1 and "error" in found[0]:
            break
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(answers(sys.stdin.read()), sys.stdout)
    print()

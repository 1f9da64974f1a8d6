"""Errors that a user can mend."""


class UserError(ValueError):
    """A user's mistake in one line: what was found, what was expected, how to mend it."""


class NonFiniteLossError(UserError):
    """The loss of a forward pass is NaN or infinite; the weights are still those of the step before.

    Attributes:
        step: The optimiser step under way.
        stage: The open stage.
        pairs: Every row of the data set in the forward pass.
        bad_pairs: Those whose own loss is not finite.
    """

    def __init__(self, loss: float, step: int, stage: int, pairs: list[int], bad_pairs: list[int]) -> None:
        rows = ", ".join(map(str, bad_pairs))
        batch = "" if pairs == bad_pairs else f" of the batch {', '.join(map(str, pairs))}"
        super().__init__(
            f"the loss is {loss} in step {step}, in the data set's rows {rows}{batch}: expected a finite number; look "
            "at these pairs, or lower the learning rate"
        )
        self.step = step
        self.stage = stage
        self.pairs = pairs
        self.bad_pairs = bad_pairs

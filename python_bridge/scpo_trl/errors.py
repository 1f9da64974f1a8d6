"""Errors that a user can mend."""


class UserError(ValueError):
    """A user's mistake in one line: what was found, what was expected, how to mend it."""

"""The errors that a program around a run may want to catch."""


class UserError(ValueError):
  """Bad input: the message names the value, the rule and the next step.

  `art_jax.main` prints it as one line and exits with code 2.
  """


def require(
  holds: object, message: str, error: type[UserError] = UserError
) -> None:
  """Raise an error with a message, unless something holds.

  The message is made in any case: where that searches, reads a disk or imports,
  write `if` and `raise` instead.
  """
  if not holds:
    raise error(message)


class StorageError(UserError):
  """The disk of a run failed while it trained; `main` exits with code 74."""


class Diverged(Exception):
  """Training stopped because a number is NaN or infinite; exit code 3."""

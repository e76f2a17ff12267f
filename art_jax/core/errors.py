"""The errors that a program around a run may want to catch."""

import contextlib
import errno
import os
from collections.abc import Iterator

# What the system says of a disk that is full, read-only, broken or gone.
_DISK = (
  errno.ENOSPC,
  errno.EDQUOT,
  errno.EFBIG,
  errno.EROFS,
  errno.EIO,
  errno.ESTALE,
  errno.ENODEV,
)


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


@contextlib.contextmanager
def as_user_error(next_step: str) -> Iterator[None]:
  """Turn a ValueError inside into a UserError that names the next step.

  Networks, and classes of users, say by ValueError what they refuse.
  """
  try:
    yield
  except UserError:
    raise
  except ValueError as error:
    raise UserError(f'{error}; {next_step}') from error


class StorageError(UserError):
  """The disk of a run failed, or is full; `main` exits with code 74."""


def unwritable(what: str, error: OSError, advice: str) -> UserError:
  """Return the error of a file or folder that is needed before the work.

  Args:
    what: it is.
    error: why it cannot be written.
    advice: what to do, unless the disk is full.

  Returns:
    A StorageError if the disk is full, which the same command outlives.
  """
  reason = error.strerror or str(error).partition('\n')[0]
  full = error.errno in (errno.ENOSPC, errno.EDQUOT)
  kind = StorageError if full else UserError
  if full:
    advice = 'free space and start the same command again'
  return kind(f'{what} cannot be written ({reason}); {advice}')


def disk_fault(error: BaseException) -> str:
  """Return the system's words if an error says that the disk failed, else ''.

  Libraries that write by themselves pass on the words, not the number.
  """
  if isinstance(error, OSError) and error.errno:
    return os.strerror(error.errno) if error.errno in _DISK else ''
  words = (os.strerror(number) for number in _DISK)
  return next((text for text in words if text in str(error)), '')


class Diverged(Exception):
  """Training stopped because a number is NaN or infinite; exit code 3."""

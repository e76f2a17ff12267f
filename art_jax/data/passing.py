"""Failures to read a file that say nothing of its content.

They pass with a mount, a permission or some free memory, and no size or time
of the file tells when: no cache may keep them as a verdict on it.
"""

from art_jax import core
from art_jax.core.paths import printable


def is_passing(error: BaseException | None) -> bool:
  """Tell whether an error, or what it is raised from, may pass.

  The system gives its errors a number; Pillow, gzip and pyarrow give none to
  those of damaged content.
  """
  while error is not None:
    if isinstance(error, MemoryError) or (
      isinstance(error, OSError)
      and (error.errno is not None or 'out of memory' in str(error))
    ):
      return True
    error = error.__cause__
  return False


def refuse(path: str, error: BaseException) -> None:
  """Raise a UserError if a file cannot be read for a cause that may pass."""
  core.require(
    not is_passing(error),
    f'{printable(path)!r} cannot be read ({reason(error)}); make it readable, '
    'or remove it, and start again',
  )


def reason(error: BaseException) -> str:
  """Return why a file cannot be read, without its name."""
  for name in ('reason', 'strerror'):
    if text := getattr(error, name, None):
      return text
  return str(error) or type(error).__name__

"""What the libraries that decode pictures say, kept off the terminal.

Pillow warns of odd metadata, and libtiff writes a line for each damaged strip.
Thousands of files would bury what a run says. The first is collected by the
thread that decodes, so that it can be counted by cause; the second is left
out, because the damaged file is named anyway.
"""

import contextlib
import ctypes
import re
import threading
import warnings
from collections.abc import Callable, Iterator

from PIL import Image

_PILLOW = r'PIL\.'


def hush() -> None:
  """Keep libtiff from writing to the terminal, and Pillow from warning."""
  warnings.filterwarnings('ignore', module=_PILLOW)
  # Pillow's own libtiff is found through the library that links it; where
  # there is none, there is nothing to keep quiet.
  with contextlib.suppress(Exception):
    ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)


@contextlib.contextmanager
def collected() -> Iterator[Callable[[], tuple[str, ...]]]:
  """Collect what Pillow warns of in the threads that decode.

  Yields:
    A function that returns what the thread that calls it was warned of since
    its last call: causes, without the numbers that differ.
  """
  hush()  # now, or it would end with the filters of this block
  heard = threading.local()
  with warnings.catch_warnings():
    warnings.filterwarnings('always', module=_PILLOW)
    show = warnings.showwarning

    def keep(message, category, filename, *rest):
      if re.search(r'[/\\]PIL[/\\]', filename):
        heard.__dict__.setdefault('causes', {})[_cause(str(message))] = None
      else:
        show(message, category, filename, *rest)

    warnings.showwarning = keep
    yield lambda: tuple(heard.__dict__.pop('causes', ()))


def _cause(message: str) -> str:
  """Return the first sentence of a warning without its numbers."""
  sentence = ' '.join(message.split()).split('. ')[0].rstrip('.')
  return re.sub(r'\d+', 'N', sentence)[:100]

"""The process that owns jax: `python -m art_jax.studio.worker_process FD`.

It does one task after another until the studio goes away. A fault in it, or in
a library that decodes pictures, ends it and not the studio.
"""

import signal
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from art_jax import core
from art_jax.studio import messages, tasks


def main(descriptor: int) -> None:
  """Do the tasks that come through a socket."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # the studio ends it
  connection = Connection(descriptor)

  def tell(text: str, *blobs: bytes) -> None:
    messages.send(connection, {'kind': 'progress', 'text': text}, blobs)

  while True:
    try:
      values, blobs = messages.receive(connection)
    except (EOFError, OSError):
      return
    made: list[bytes] = []
    try:
      told, made = tasks.TASKS[values['task']](values, blobs, tell)
      answer: dict[str, Any] = {'kind': 'done', 'result': told}
    except core.UserError as error:
      answer = {'kind': 'refused', 'error': str(error)}
    except MemoryError:
      answer = {'kind': 'refused', 'error': 'this does not fit into memory'}
    except Exception as error:
      traceback.print_exc()
      answer = {'kind': 'failed', 'error': f'{type(error).__name__}: {error}'}
    messages.send(connection, answer, made)


if __name__ == '__main__':
  main(int(sys.argv[1]))

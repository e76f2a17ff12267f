"""Messages between the studio and its worker: JSON, and bytes beside it.

Not pickle: the worker decodes pictures of strangers, and what comes from it is
only data to the studio.
"""

import json
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

_MOST_BLOBS = 256
_MOST_BYTES = 2**30


def send(
  connection: Connection, values: Mapping[str, Any], blobs: Sequence[bytes] = ()
) -> None:
  """Send values that JSON can hold, and bytes."""
  header = {'values': values, 'blobs': len(blobs)}
  connection.send_bytes(json.dumps(header).encode())
  for blob in blobs:
    connection.send_bytes(blob or b'\0')


def receive(connection: Connection) -> tuple[dict[str, Any], list[bytes]]:
  """Return the next message.

  Raises:
    EOFError, OSError: the other side is gone.
    ValueError: it is no message.
  """
  header = json.loads(connection.recv_bytes(_MOST_BYTES))
  count = int(header['blobs'])
  if not 0 <= count <= _MOST_BLOBS:
    raise ValueError(f'{count} blobs')
  blobs = [connection.recv_bytes(_MOST_BYTES) for _ in range(count)]
  return header['values'], blobs

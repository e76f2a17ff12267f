"""The checksum of TFRecord: CRC-32C, in numpy."""

import functools

import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected (RFC 3720, appendix B.4)
_BLOCK = 512
_MASK = 0xA282EAD8


def crc32c(data: bytes) -> int:
  """Return the CRC-32C of some bytes.

  A checksum is linear: the bytes of a block are looked up at once, each in the
  table of its distance to the end of the block.
  """
  tables = _tables()
  padding = -len(data) % _BLOCK  # leading zeros change nothing ...
  padded = np.zeros(padding + len(data), np.uint8)
  padded[padding:] = np.frombuffer(data, np.uint8)
  # ... and to start from all ones is to invert the first four bytes.
  head = min(4, len(data))
  padded[padding : padding + head] ^= 0xFF
  rows = padded.reshape(-1, _BLOCK)
  blocks = np.bitwise_xor.reduce(tables[np.arange(_BLOCK), rows], axis=1)
  first = tables[:4].tolist()
  state = 0
  for block in blocks.tolist():
    state = (
      block
      ^ first[0][state & 255]
      ^ first[1][state >> 8 & 255]
      ^ first[2][state >> 16 & 255]
      ^ first[3][state >> 24]
    )
  # Of fewer than four bytes the rest of the ones is left over.
  return state ^ (0xFFFFFFFF >> 8 * head) ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
  """Return the checksum as TFRecord stores it: rotated by 15 and shifted."""
  crc = crc32c(data)
  return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


@functools.cache
def _tables() -> np.ndarray:
  """Return u32[_BLOCK, 256]: what byte b at position i adds to a block."""
  table = np.arange(256, dtype=np.uint32)
  for _ in range(8):
    table = np.where(table & 1, table >> 1 ^ _POLYNOMIAL, table >> 1)
  table = table.astype(np.uint32)
  rows: list[np.ndarray] = [table]
  for _ in range(_BLOCK - 1):
    rows.append(table[rows[-1] & 255] ^ rows[-1] >> 8)
  return np.stack(rows[::-1])

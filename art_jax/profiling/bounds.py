"""Lower bounds of a step's time, from what it does and what a chip can.

A bound, not a forecast: nothing here runs faster, and most steps run slower.
"""

from collections.abc import Mapping

from art_jax.devices.chips import Chip


def of_step(
  chip: Chip,
  *,
  flops: float,
  bfloat16: float,
  traffic: float,
  collectives: Mapping[str, tuple[float, float]],
  launches: float,
  devices: int,
) -> dict[str, float]:
  """Return seconds by what bounds a step; its bound is the largest.

  Args:
    chip: each device.
    flops: of a device.
    bfloat16: share of them whose inputs are bfloat16.
    traffic: bytes that a device reads from and writes to its memory.
    collectives: kind -> (number, bytes of the results on a device).
    launches: of kernels, one after another.
    devices: that take part in each collective.

  Returns:
    arithmetic, memory, links and launches.
  """
  half, single = chip.peak['bfloat16'], chip.peak['float32']
  sent = sum(
    size * _sent(kind, devices) for kind, (_, size) in collectives.items()
  )
  return {
    'arithmetic': flops * (bfloat16 / half + (1 - bfloat16) / single),
    'memory': traffic / chip.bandwidth,
    'links': sent / chip.link,
    'launches': launches * chip.launch,
  }


def _sent(kind: str, devices: int) -> float:
  """Return bytes that each device sends for a byte of the result.

  No algorithm sends less: each device must get what the others have. (Patarasuk
  & Yuan 2009, "Bandwidth optimal all-reduce algorithms", section 2.)
  """
  others = (devices - 1) / devices
  return {
    'all-reduce': 2 * others,
    'reduce-scatter': float(devices - 1),
    'collective-permute': 1.0,
  }.get(kind, others)

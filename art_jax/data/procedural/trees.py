"""Trees, drawn as many small strokes of foliage around a trunk.

Every function takes the pen, the generator, the foot of the tree (`x`, `y`),
its `height`, the two colors of its foliage (in the shade and in the light)
and the `side` the light comes from (-1 left, 1 right).
"""

import numpy as np

from art_jax.data.procedural.canvas import Pen, mix

_BARK = np.array([0.26, 0.18, 0.12])


def _trunk(pen: Pen, x, y, height, width, dark, label='trunk') -> None:
  bark = mix(_BARK, dark, 0.35)
  foot = [(x - width, y), (x - width * 0.5, y - height)]
  foot += [(x + width * 0.5, y - height), (x + width, y)]
  pen.polygon(foot, bark, label)


def broadleaf(pen: Pen, rng, x, y, height, dark, lit, side) -> None:
  """A round crown of overlapping clumps, lit from one side and above."""
  _trunk(pen, x, y, height * 0.5, height * 0.035, dark)
  # A tree on the horizon needs no more than its outline.
  count = 84 if height > 0.16 else 20
  turn = rng.uniform(0, 2 * np.pi, count)
  reach = np.sqrt(rng.uniform(0, 1, count)) * 0.85
  squat = rng.uniform(0.85, 1.15)
  u, v = reach * np.cos(turn), reach * np.sin(turn)
  tone = 0.42 + 0.38 * (u * side - v) + rng.normal(0, 0.16, count)
  tone = np.clip(tone, 0, 1)
  order = np.argsort(tone)
  sizes = rng.uniform(0.07, 0.13, count)
  wide, tall = height * 0.34 * squat, height * 0.33
  center = y - height * 0.66
  pen.disc(x, center, wide * 0.85, tall * 0.85, dark, 'foliage')
  for rank, i in enumerate(order):
    # Late, light clumps are smaller, so that the dark shows between them.
    radius = sizes[i] * height * (1.05 - 0.55 * rank / count)
    color = mix(dark, lit, tone[i])
    pen.disc(
      x + u[i] * wide, center + v[i] * tall, radius, radius * 0.8, color,
      'foliage',
    )  # fmt: skip


def conifer(pen: Pen, rng, x, y, height, dark, lit, side) -> None:
  """A fir of drooping tiers."""
  _trunk(pen, x, y, height * 0.3, height * 0.03, dark)
  tiers = 8
  spread = height * rng.uniform(0.20, 0.27)
  ragged = rng.uniform(0.82, 1.12, (tiers, 2))
  for tier in range(tiers):
    low = y - height * (0.08 + 0.82 * tier / tiers)
    peak = low - height * 0.27
    wide = spread * (1.02 - tier / tiers)
    left, right = x - wide * ragged[tier, 0], x + wide * ragged[tier, 1]
    shape = [(x, peak), (right, low), (x, low - 0.02 * height), (left, low)]
    pen.polygon(shape, mix(dark, lit, 0.10 + 0.25 * tier / tiers), 'foliage')
    edge = right if side > 0 else left
    inner = x + (edge - x) * 0.25
    light = [(x, peak), (edge, low), (inner, low - 0.05 * height)]
    pen.polygon(light, mix(dark, lit, 0.45 + 0.4 * tier / tiers), 'foliage')


def cypress(pen: Pen, rng, x, y, height, dark, lit, side) -> None:
  """A tall flame of foliage."""
  _trunk(pen, x, y, height * 0.15, height * 0.02, dark)
  count = 34
  rise = np.sort(rng.uniform(0, 1, count))
  sway = rng.uniform(-1, 1, count)
  noise = rng.normal(0, 0.15, count)
  for up, off, change in zip(rise, sway, noise, strict=True):
    wide = height * 0.10 * np.sin(np.pi * (0.12 + 0.86 * up)) ** 0.8
    tone = np.clip(0.35 + 0.4 * off * side + change, 0, 1)
    pen.disc(
      x + off * wide * 0.55, y - height * (0.1 + 0.85 * up),
      wide * 0.6 + 0.002, height * 0.085, mix(dark, lit, tone), 'foliage',
    )  # fmt: skip


def palm(pen: Pen, rng, x, y, height, dark, lit, side) -> None:
  """A leaning trunk with a star of fronds."""
  lean = rng.uniform(-0.25, 0.25) * height
  t = np.linspace(0, 1, 8)
  trunk = np.stack([x + lean * t**1.7, y - height * 0.85 * t], 1)
  pen.line(trunk, height * 0.045, mix(_BARK, (0.5, 0.4, 0.3), 0.4), 'trunk')
  top = trunk[-1]
  for turn in np.linspace(-0.25, np.pi + 0.25, 11) + rng.normal(0, 0.08, 11):
    reach = height * rng.uniform(0.28, 0.40)
    cos, sin = np.cos(turn), np.sin(turn)
    s = np.linspace(0, 1, 6)
    px = top[0] + reach * cos * s
    py = top[1] - reach * (sin * s * 0.8 - 0.75 * s**2)
    thick = height * 0.045 * np.sin(np.pi * np.clip(s + 0.1, 0, 1))
    leaf = np.concatenate(
      [
        np.stack([px, py - thick * 0.4], 1),
        np.stack([px, py + thick], 1)[::-1],
      ]
    )
    tone = np.clip(0.45 + 0.4 * cos * side + 0.2 * sin, 0, 1)
    pen.polygon(leaf, mix(dark, lit, tone), 'foliage')


def bare(pen: Pen, rng, x, y, height, dark, lit, side) -> None:
  """A leafless tree of forking branches."""
  bark = mix(_BARK, dark, 0.3)
  branches = [(x, y, np.pi / 2, height * 0.36, height * 0.05)]
  for depth in range(5):
    grown = []
    for bx, by, turn, length, width in branches:
      ex, ey = bx + np.cos(turn) * length, by - np.sin(turn) * length
      tone = bark * (1 + 0.25 * side * np.cos(turn))
      pen.line([(bx, by), (ex, ey)], width, tone, 'trunk')
      for fork in (-1, 1):
        angle = turn + fork * rng.uniform(0.2, 0.6)
        shrink = rng.uniform(0.62, 0.82)
        grown.append((ex, ey, angle, length * shrink, width * 0.62))
    branches = grown if depth < 4 else []
  del lit


TREES = {
  'broadleaf': broadleaf,
  'conifer': conifer,
  'cypress': cypress,
  'palm': palm,
  'bare': bare,
}

"""Single flowers and leaves.

Every flower is drawn with its center at (`x`, `y`) and radius `r`, in petal
color `hue`; `squash` (0..1] flattens it, as when it is seen from the side,
and `turn` rotates it.
"""

import functools

import numpy as np

from art_jax.data.procedural.canvas import Pen, ellipse, mix, vary


@functools.lru_cache(maxsize=32)
def _form(point: float, inner: float) -> tuple[np.ndarray, np.ndarray]:
  """Return a petal of length and half width 1 along the first axis.

  `point` runs from 0 (blunt) to 1 (pointed); -1 is broad and round.
  """
  s = np.linspace(0, 1, 9)
  if point < 0:
    half = np.sqrt(np.clip(np.sin(np.pi * s**1.5), 0, 1))
  else:
    half = np.sin(np.pi * np.maximum(s, 0.03) ** (0.85 + 0.5 * point))
    half[-1] = 0.25 if point < 0.5 else 0.0
  along = inner + (1 - inner) * s
  u = np.concatenate([along, along[::-1]])
  return u, np.concatenate([half, -half[::-1]])


def _petal(x, y, angle, reach, wide, squash, point=0.0, inner=0.1):
  """Return the outline of a petal that leaves (x, y) along `angle`."""
  u, v = _form(point, inner)
  u, v = u * reach, v * wide
  px = u * np.cos(angle) - v * np.sin(angle)
  py = u * np.sin(angle) + v * np.cos(angle)
  return np.stack([x + px, y + py * squash], 1)


def _ring(pen, rng, x, y, r, hue, squash, turn, count, wide, point=0.0):
  """Draw one ring of petals, each with a lighter middle and a dark root."""
  angles = turn + np.arange(count) * 2 * np.pi / count
  angles = angles + rng.normal(0, 0.25 / count * 2, count)
  for angle in rng.permutation(angles):
    reach = r * rng.uniform(0.9, 1.06)
    # Light from the upper left.
    tone = 0.86 - 0.16 * np.cos(angle - 0.8)
    color = vary(rng, np.asarray(hue) * tone, 0.03)
    outline = _petal(x, y, angle, reach, wide * r, squash, point)
    pen.polygon(outline, color * 0.78, 'petal')
    core = _petal(x, y, angle, reach * 0.97, wide * r * 0.80, squash, point)
    pen.polygon(core, color)
    glint = _petal(
      x, y, angle - 0.06, reach * 0.92, wide * r * 0.30, squash, point, 0.35
    )
    pen.polygon(glint, mix(color, (1, 1, 1), 0.28), None, 0.8)


def daisy(pen: Pen, rng, x, y, r, hue, squash, turn) -> None:
  """Many narrow petals around a yellow button."""
  count = int(rng.integers(13, 19))
  _ring(pen, rng, x, y, r, np.asarray(hue) * 0.85, squash, turn, count, 0.15)
  _ring(pen, rng, x, y, r * 0.95, hue, squash, turn + 0.2, count, 0.13)
  pen.disc(x, y, r * 0.27, r * 0.27 * squash, (0.72, 0.46, 0.08), 'pistil')
  pen.disc(
    x - r * 0.03, y - r * 0.04, r * 0.21, r * 0.20 * squash, (0.96, 0.76, 0.18)
  )


def sunflower(pen: Pen, rng, x, y, r, hue, squash, turn) -> None:
  """Two rings of pointed petals around a wide brown head."""
  gold = mix((0.96, 0.70, 0.10), hue, 0.12)
  _ring(pen, rng, x, y, r, gold * 0.86, squash, turn, 17, 0.14, 1.0)
  _ring(pen, rng, x, y, r * 0.92, gold, squash, turn + 0.18, 16, 0.14, 1.0)
  pen.disc(x, y, r * 0.46, r * 0.46 * squash, (0.22, 0.12, 0.06), 'pistil')
  pen.disc(x, y, r * 0.28, r * 0.28 * squash, (0.34, 0.22, 0.08))
  for i in range(60):
    far = 0.43 * r * np.sqrt(i / 60)
    px, py = far * np.cos(i * 2.4), far * np.sin(i * 2.4) * squash
    pen.disc(x + px, y + py, r * 0.022, r * 0.022, (0.62, 0.42, 0.14))


def poppy(pen: Pen, rng, x, y, r, hue, squash, turn) -> None:
  """Five broad silky petals around a dark heart."""
  _ring(pen, rng, x, y, r, np.asarray(hue) * 0.9, squash, turn, 5, 0.50, -1.0)
  _ring(pen, rng, x, y, r * 0.78, hue, squash, turn + 0.6, 4, 0.44, -1.0)
  pen.disc(x, y, r * 0.22, r * 0.22 * squash, (0.10, 0.08, 0.10), 'pistil')
  for turn in np.linspace(0, 2 * np.pi, 14):
    px, py = 0.30 * r * np.cos(turn), 0.30 * r * np.sin(turn) * squash
    pen.disc(x + px, y + py, r * 0.03, r * 0.03, (0.16, 0.10, 0.14))
  pen.disc(x, y, r * 0.10, r * 0.10 * squash, (0.52, 0.58, 0.30))


def lily(pen: Pen, rng, x, y, r, hue, squash, turn) -> None:
  """Six pointed petals with a star of stamens."""
  pale = mix(hue, (1, 1, 1), 0.25)
  _ring(pen, rng, x, y, r, pale * 0.9, squash, turn, 3, 0.26, 1.0)
  _ring(pen, rng, x, y, r * 0.97, pale, squash, turn + 1.05, 3, 0.24, 1.0)
  for i in range(6):
    angle = turn + 0.5 + i * 1.05
    tip = (x + 0.4 * r * np.cos(angle), y + 0.4 * r * np.sin(angle) * squash)
    pen.line([(x, y), tip], r * 0.03, (0.75, 0.80, 0.45))
    pen.disc(*tip, r * 0.06, r * 0.06, (0.80, 0.42, 0.10), 'pistil')


def rose(pen: Pen, rng, x, y, r, hue, squash, turn) -> None:
  """Overlapping petals that wind inwards and darken."""
  hue = np.asarray(hue)
  pen.polygon(ellipse(x, y, r * 0.9, r * 0.9 * squash), hue * 0.55, 'petal')
  for level in np.linspace(1.0, 0.22, 6):
    count = 6 if level > 0.6 else 5
    for i in range(count):
      angle = turn + level * 5 + i * 2 * np.pi / count
      px = x + np.cos(angle) * r * level * 0.52
      py = y + np.sin(angle) * r * level * 0.52 * squash
      light = 0.80 - 0.22 * np.cos(angle - 0.8) + rng.normal(0, 0.04)
      color = hue * (light * (0.62 + 0.42 * level))
      size = r * (0.16 + 0.34 * level)
      pen.disc(px, py, size, size * squash, color * 0.78, 'petal')
      lift = size * 0.10
      pen.disc(
        px - np.cos(angle) * lift,
        py - np.sin(angle) * lift,
        size * 0.88,
        size * 0.86 * squash,
        mix(color, (1, 0.95, 0.92), 0.16),
      )
  pen.disc(x, y, r * 0.10, r * 0.09 * squash, hue * 0.42)


def tulip(pen: Pen, rng, x, y, r, hue, squash, turn) -> None:
  """A closed cup seen from the side; `turn` only tips it a little."""
  lean = np.sin(turn) * 0.35 - np.pi / 2
  base = (x - np.cos(lean) * r * 0.7, y - np.sin(lean) * r * 0.7)
  for off, tone, reach in (
    (-0.42, 0.70, 1.45), (0.42, 0.82, 1.45), (-0.22, 0.84, 1.55),
    (0.24, 0.96, 1.52), (0.0, 1.05, 1.42),
  ):  # fmt: skip
    color = vary(rng, np.asarray(hue) * tone, 0.02)
    wide = 0.36 * r
    pen.polygon(
      _petal(*base, lean + off, r * reach, wide, 1.0, 0.6, 0.0), color, 'petal'
    )
    pen.polygon(
      _petal(*base, lean + off, r * reach * 0.9, wide * 0.3, 1.0, 0.6, 0.2),
      mix(color, (1, 0.9, 0.8), 0.25), None, 0.6,
    )  # fmt: skip
  del squash


def cluster(pen: Pen, rng, x, y, r, hue, squash, turn) -> None:
  """A ball of small four-petalled florets."""
  hue = np.asarray(hue)
  pen.disc(x, y, r * 0.72, r * 0.72 * squash, hue * 0.5, 'petal')
  spots = rng.uniform(0, 1, (46, 3))
  for far, angle, tone in spots[np.argsort(-spots[:, 0])]:
    angle = angle * 2 * np.pi + turn
    px = x + np.cos(angle) * np.sqrt(far) * r * 0.85
    py = y + np.sin(angle) * np.sqrt(far) * r * 0.85 * squash
    light = 0.72 - 0.26 * np.sqrt(far) * np.cos(angle - 0.8) + 0.3 * tone
    color = vary(rng, np.clip(hue * light, 0, 1), 0.04)
    for step in range(4):
      a = angle + step * np.pi / 2
      pen.disc(
        px + np.cos(a) * r * 0.09,
        py + np.sin(a) * r * 0.09,
        r * 0.10,
        r * 0.10,
        color * (1 - 0.07 * step),
        'petal',
      )
    pen.disc(px, py, r * 0.03, r * 0.03, (0.97, 0.93, 0.66))


def leaf(pen: Pen, rng, x, y, angle, reach, wide, color) -> None:
  """A pointed leaf from (x, y) along `angle`, folded along its rib."""
  tone = vary(rng, color, 0.035)
  outline = _petal(x, y, angle, reach, wide, 1.0, 0.8, 0.0)
  pen.polygon(outline, tone * 0.72, 'foliage')
  pen.polygon(outline[:9], mix(tone, (0.9, 0.95, 0.6), 0.18))
  tip = (x + np.cos(angle) * reach * 0.92, y + np.sin(angle) * reach * 0.92)
  pen.line([(x, y), tip], wide * 0.12, tone * 0.6)


BLOOMS = {
  'daisy': daisy,
  'sunflower': sunflower,
  'poppy': poppy,
  'lily': lily,
  'rose': rose,
  'tulip': tulip,
  'cluster': cluster,
}
HUES = (
  (0.88, 0.16, 0.20), (0.95, 0.55, 0.66), (0.97, 0.93, 0.88),
  (0.98, 0.78, 0.20), (0.95, 0.48, 0.16), (0.58, 0.38, 0.80),
  (0.34, 0.46, 0.86), (0.80, 0.20, 0.48), (0.97, 0.72, 0.58),
)  # fmt: skip

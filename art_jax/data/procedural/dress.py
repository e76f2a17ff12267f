"""What the sitter of a portrait wears: clothes, collars and hats."""

import functools

import numpy as np

from art_jax.data.procedural.canvas import (
  Canvas,
  Pen,
  ellipse,
  mix,
  pick,
  smooth,
  vary,
)
from art_jax.data.procedural.face import Head

CLOTHS = (
  (0.66, 0.14, 0.16), (0.14, 0.26, 0.48), (0.14, 0.40, 0.32),
  (0.92, 0.90, 0.84), (0.14, 0.13, 0.16), (0.90, 0.68, 0.20),
  (0.50, 0.30, 0.52), (0.82, 0.46, 0.28), (0.44, 0.60, 0.68),
  (0.90, 0.62, 0.64),
)  # fmt: skip


def _shoulders(head: Head, slope: float) -> np.ndarray:
  """Return the outline of the bust, from neck to the lower edge."""
  y = head.y + head.high * 1.28
  w = head.wide
  half = [(0.62, y - 0.01), (0.95, y + 0.03), (1.8, y + 0.06 + slope),
          (2.35, y + 0.14 + slope), (2.7, 1.10)]  # fmt: skip
  right = [(head.x + u * w, v) for u, v in half]
  left = [(head.x - u * w, v) for u, v in reversed(half)]
  curve = smooth(np.array(right), False)
  back = smooth(np.array(left), False)
  return np.concatenate([back, curve])


def draw_clothes(canvas: Canvas, rng, head: Head) -> None:
  """Dress the bust: folds, patterns, collars, scarves, beads."""
  cloth = vary(rng, pick(rng, CLOTHS), 0.03)
  other = vary(rng, pick(rng, CLOTHS), 0.03)
  noise = canvas.noise(rng, 0.10, 0.05)
  outline = _shoulders(head, rng.uniform(0.0, 0.05))
  pattern = pick(rng, ('plain', 'plain', 'stripes', 'dots', 'check'))
  size, side = canvas.size, head.side

  def shade(x, y):
    rows = np.round(y[:, 0] * size - 0.5).astype(int)
    columns = np.round(x[0] * size - 0.5).astype(int)
    u = (x - head.x) / (head.wide * 2.6)
    tone = 0.92 + 0.42 * side * u - 0.30 * u * u
    tone = tone + 0.11 * noise[np.ix_(rows, columns)]
    body = np.broadcast_to(cloth, (*tone.shape, 3))
    v = y + 0.10 * u * u
    if pattern == 'stripes':
      body = np.where((np.sin(v * 110) > 0.2)[..., None], other, body)
    elif pattern == 'dots':
      spots = np.sin(x * 95) * np.sin(v * 95)
      body = np.where((spots > 0.6)[..., None], other, body)
    elif pattern == 'check':
      lines = (np.sin(x * 80) > 0.7) * 0.5 + (np.sin(v * 80) > 0.7) * 0.5
      body = mix(body, other, lines[..., None])
    return body * tone[..., None]

  canvas.fill(outline, shade, 'cloth')
  collar = pick(
    rng, ('vee', 'shirt', 'roll', 'scarf', 'lapels', 'beads', 'ruff')
  )
  _collar(canvas, rng, head, collar, cloth, other)


def _collar(canvas: Canvas, rng, head: Head, kind: str, cloth, other) -> None:
  """Draw the neck line of the clothes."""
  with canvas.sketch() as pen:
    if kind in ('vee', 'beads', 'lapels', 'shirt'):
      _neckline(pen, rng, head, kind, cloth, other)
    if kind in ('roll', 'scarf'):
      _wrap(pen, head, kind, cloth, other)
    if kind == 'ruff':
      for i in range(26):
        x, y = _around(head, np.pi * i / 25, 1.05, 0.085)
        tone = 0.80 + 0.16 * (i % 2)
        pen.disc(x, y, 0.024, 0.034, (tone, tone, tone * 0.97), 'cloth')
    if kind == 'beads':
      bead = vary(rng, pick(rng, ((0.95, 0.92, 0.86), *CLOTHS[:3])), 0.02)
      for i in range(15):
        x, y = _around(head, np.pi * (0.06 + 0.88 * i / 14), 0.66, 0.075)
        pen.disc(x, y, 0.011, 0.011, bead * 0.8, 'cloth')
        pen.disc(x + 0.003 * head.side, y - 0.003, 0.005, 0.005, (1, 1, 1))


def _around(head: Head, turn: float, wide: float, deep: float):
  """Return a point of an arc that hangs around the neck."""
  y = head.y + head.high * 1.30 - 0.03 + deep * np.sin(turn)
  return head.x + wide * head.wide * np.cos(turn), y


def _at(head: Head, points) -> np.ndarray:
  """Place points given in half widths of the head below the chin."""
  y = head.y + head.high * 1.30
  return np.array([(head.x + u * head.wide, y + v) for u, v in points])


def _neckline(pen: Pen, rng, head: Head, kind: str, cloth, other) -> None:
  """Open the clothes at the neck, with lapels, a tie or a shirt collar."""
  skin = head.skin * (0.92, 0.86, 0.84)
  if kind == 'shirt':
    gap = [(-0.5, -0.03), (0, 0.07), (0.5, -0.03)]
    pen.polygon(_at(head, gap), skin, 'skin')
    pen.line(_at(head, [(0, 0.07), (0, 0.4)]), 0.006, cloth * 0.6)
    edge, tone = (0.60, -0.07, 0.85, 0.02, 0.42, 0.11, 0.06), 0.92
    cloth = mix(cloth, (1, 1, 1), 0.25)
  else:
    deep = rng.uniform(0.12, 0.20)
    gap = _at(head, [(-0.72, -0.03), (0, deep), (0.72, -0.03)])
    if kind != 'lapels':
      pen.polygon(gap, skin, 'skin')
      return
    pen.polygon(gap, (0.92, 0.91, 0.88), 'cloth')
    edge, tone = (0.62, -0.05, 1.0, 0.02, 0.85, 0.13, 0.24), 0.80
  for s in (-1, 1):
    flap = [(s * edge[0], edge[1]), (s * edge[2], edge[3])]
    flap += [(s * edge[4], edge[5]), (0, edge[6])]
    lit = tone + 0.12 * s * head.side
    pen.polygon(_at(head, flap), cloth * lit, 'cloth')
  if kind == 'lapels':
    tie = [(-0.12, 0.03), (0.12, 0.03), (0.16, 0.20), (0, 0.25), (-0.16, 0.20)]
    pen.polygon(_at(head, tie), other, 'cloth')


def _wrap(pen: Pen, head: Head, kind: str, cloth, other) -> None:
  """Draw a roll neck, or a scarf with one end hanging down."""
  color = cloth if kind == 'roll' else other
  y = head.y + head.high * 1.30 - 0.035
  for i in range(3):
    wide = head.wide * (0.66 + 0.10 * i)
    band = ellipse(head.x, y + 0.026 * i, wide, 0.036)
    pen.polygon(band, color * (0.72 + 0.14 * i), 'cloth')
  if kind == 'scarf':
    tail = [(0.1, 0.04), (0.5, 0.03), (0.62, 0.32), (0.2, 0.34)]
    pen.polygon(_at(head, tail), other * 0.9, 'cloth')


# Hats as (outline or ellipse, takes the color of the band) in the frame of
# the head; 'round' shapes are (u, v, half width, half height).
_BRIM = (
  ('round', (0, -0.58, 2.05, 0.30), False),
  ('curve', ((-1.0, -0.62), (-0.92, -1.30), (0, -1.46), (0.92, -1.30),
             (1.0, -0.62)), False),
  ('plain', ((-1.04, -0.62), (-0.99, -0.84), (0.99, -0.84), (1.04, -0.62),
             (0, -0.56)), True),
)  # fmt: skip
_TALL = (
  ('plain', ((-0.95, -0.66), (-1.0, -1.75), (1.0, -1.75),
             (0.95, -0.66)), False),
  ('plain', ((-0.96, -0.70), (-0.97, -0.90), (0.97, -0.90),
             (0.96, -0.70)), True),
  ('round', (0, -0.66, 1.55, 0.14), False),
)  # fmt: skip
_SCARF = (
  ('curve', ((-1.12, 0.1), (-1.16, -0.7), (-0.6, -1.3), (0.6, -1.3),
             (1.16, -0.7), (1.12, 0.1), (0.92, -0.34), (0, -0.70),
             (-0.92, -0.34)), False),
  ('curve', ((-1.05, -0.40), (-0.5, -0.86), (0.6, -0.92), (1.1, -0.5),
             (0.6, -0.72), (-0.5, -0.66)), True),
)  # fmt: skip
_BERET = (
  ('curve', ((-1.05, -0.62), (-1.30, -0.98), (-0.5, -1.42), (0.9, -1.38),
             (1.62, -0.94), (1.05, -0.62), (0, -0.78)), False),
)  # fmt: skip
_HATS = {'brim': _BRIM, 'tall': _TALL, 'scarf': _SCARF, 'beret': _BERET}


def draw_hat(canvas: Canvas, rng, head: Head, kind: str) -> None:
  """Draw a hat, a scarf or a wreath of flowers."""
  color = vary(rng, pick(rng, CLOTHS), 0.03)
  band = vary(rng, pick(rng, CLOTHS), 0.03)
  flip = rng.choice([-1, 1])
  straw = rng.uniform() < 0.5
  if kind == 'wreath':
    _wreath(canvas, rng, head)
    return
  if kind == 'brim' and straw:
    color = np.array((0.88, 0.74, 0.44))
  if kind == 'tall':
    color = color * 0.35
  center = head.at([(0, -0.9)])[0]

  def shade(x, y, base):
    u = (x - center[0]) / (head.wide * 1.6)
    v = (y - center[1]) / (head.high * 0.9)
    return base * (0.90 + 0.34 * u * head.side - 0.28 * v)[..., None]

  for form, points, banded in _HATS[kind]:
    if form == 'round':
      outline = head.round(*points)
    else:
      points = np.array(points) * (flip, 1)
      outline = head.at(smooth(points) if form == 'curve' else points)
    base = band if banded else color
    canvas.fill(outline, functools.partial(shade, base=base), 'hat')


def _wreath(canvas: Canvas, rng, head: Head) -> None:
  """Draw a wreath of small flowers over the forehead."""
  hues = ((0.9, 0.2, 0.25), (0.98, 0.75, 0.3), (0.95, 0.6, 0.7))
  with canvas.sketch() as pen:
    for i, turn in enumerate(np.linspace(np.pi * 1.02, np.pi * 1.98, 13)):
      u, v = 1.06 * np.cos(turn), 0.96 * np.sin(turn) - 0.10
      x, y = head.at([(u, v)])[0]
      bloom = vary(rng, pick(rng, hues), 0.04)
      r = 0.030 + 0.008 * (i % 2)
      pen.disc(x + 0.014, y + 0.02, r, r * 0.6, (0.2, 0.4, 0.2), 'foliage')
      pen.disc(x, y, r, r, bloom * 0.8, 'petal')
      pen.disc(x, y, r * 0.6, r * 0.6, bloom)
      pen.disc(x, y, r * 0.22, r * 0.22, (0.5, 0.2, 0.15))

"""What the sitter of a portrait wears: clothes, collars and hats."""

import numpy as np

from art_jax.data.procedural.canvas import (
  Canvas,
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
  """Returns the outline of the bust, from neck to the lower edge."""
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
  """Dresses the bust: folds, patterns, collars, scarves, beads."""
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
  """Draws the neck line of the clothes."""
  x, w = head.x, head.wide
  y = head.y + head.high * 1.30
  light = mix(cloth, (1, 1, 1), 0.25)
  skin = head.skin * (0.92, 0.86, 0.84)

  def at(points):
    return np.array([(x + u * w, y + v) for u, v in points])

  with canvas.sketch() as pen:
    if kind in ('vee', 'beads', 'lapels'):
      deep = rng.uniform(0.12, 0.20)
      label = 'skin' if kind != 'lapels' else 'cloth'
      inner = skin if kind != 'lapels' else np.array((0.92, 0.91, 0.88))
      pen.polygon(at([(-0.72, -0.03), (0, deep), (0.72, -0.03)]), inner, label)
    if kind == 'lapels':
      for s in (-1, 1):
        flap = [(s * 0.62, -0.05), (s * 1.0, 0.02), (s * 0.85, 0.13), (0, 0.24)]
        pen.polygon(at(flap), cloth * (0.80 + 0.14 * s * head.side), 'cloth')
      tie = [
        (-0.12, 0.03),
        (0.12, 0.03),
        (0.16, 0.20),
        (0, 0.25),
        (-0.16, 0.20),
      ]
      pen.polygon(at(tie), other, 'cloth')
    if kind == 'shirt':
      pen.polygon(at([(-0.5, -0.03), (0, 0.07), (0.5, -0.03)]), skin, 'skin')
      for s in (-1, 1):
        flap = [
          (s * 0.60, -0.07),
          (s * 0.85, 0.02),
          (s * 0.42, 0.11),
          (0, 0.06),
        ]
        pen.polygon(at(flap), light * (0.92 + 0.10 * s * head.side), 'cloth')
      pen.line(at([(0, 0.07), (0, 0.4)]), 0.006, cloth * 0.6)
    if kind in ('roll', 'scarf'):
      colour = cloth if kind == 'roll' else other
      for i in range(3):
        band = ellipse(x, y - 0.035 + 0.026 * i, w * (0.66 + 0.10 * i), 0.036)
        pen.polygon(band, colour * (0.72 + 0.14 * i), 'cloth')
      if kind == 'scarf':
        tail = [(0.1, 0.04), (0.5, 0.03), (0.62, 0.32), (0.2, 0.34)]
        pen.polygon(at(tail), other * 0.9, 'cloth')
    if kind == 'ruff':
      for i in range(26):
        turn = np.pi * (i / 25)
        px, py = x + 1.05 * w * np.cos(turn), y - 0.03 + 0.085 * np.sin(turn)
        tone = 0.80 + 0.16 * (i % 2)
        pen.disc(px, py, 0.024, 0.034, (tone, tone, tone * 0.97), 'cloth')
    if kind == 'beads':
      bead = vary(rng, pick(rng, ((0.95, 0.92, 0.86), *CLOTHS[:3])), 0.02)
      for i in range(15):
        turn = np.pi * (0.06 + 0.88 * i / 14)
        px, py = x + 0.66 * w * np.cos(turn), y - 0.02 + 0.075 * np.sin(turn)
        pen.disc(px, py, 0.011, 0.011, bead * 0.8, 'cloth')
        pen.disc(
          px + 0.003 * head.side, py - 0.003, 0.005, 0.005, light * 0 + 1
        )


def draw_hat(canvas: Canvas, rng, head: Head, kind: str) -> None:
  """Draws a hat, a scarf or a wreath."""
  colour = vary(rng, pick(rng, CLOTHS), 0.03)
  band = vary(rng, pick(rng, CLOTHS), 0.03)
  side = head.side
  centre = head.at([(0, -0.9)])[0]

  def shade(px, py):
    u = (px - centre[0]) / (head.wide * 1.6)
    v = (py - centre[1]) / (head.high * 0.9)
    return colour * (0.90 + 0.34 * u * side - 0.28 * v)[..., None]

  if kind == 'beret':
    lean = rng.choice([-1, 1]) * 0.25
    shape = [(-1.05, -0.62), (-1.45 + lean, -0.98), (-0.7 + lean, -1.42),
             (0.7 + lean, -1.42), (1.45 + lean, -0.98), (1.05, -0.62),
             (0, -0.78)]  # fmt: skip
    canvas.fill(head.at(smooth(shape)), shade, 'hat')
  elif kind == 'brim':
    straw = colour if rng.uniform() < 0.5 else np.array((0.88, 0.74, 0.44))
    colour = straw
    canvas.fill(head.round(0, -0.58, 2.05, 0.30), shade, 'hat')
    crown = [
      (-1.0, -0.62),
      (-0.92, -1.30),
      (0, -1.46),
      (0.92, -1.30),
      (1.0, -0.62),
    ]
    canvas.fill(head.at(smooth(crown)), shade, 'hat')
    ribbon = [
      (-1.04, -0.62),
      (-0.99, -0.84),
      (0.99, -0.84),
      (1.04, -0.62),
      (0, -0.56),
    ]
    canvas.fill(head.at(ribbon), band, 'hat')
  elif kind == 'tall':
    colour = colour * 0.35
    crown = [(-0.95, -0.66), (-1.0, -1.75), (1.0, -1.75), (0.95, -0.66)]
    canvas.fill(head.at(crown), shade, 'hat')
    canvas.fill(head.round(0, -0.66, 1.55, 0.14), shade, 'hat')
  elif kind == 'scarf':
    shape = [(-1.12, 0.1), (-1.16, -0.7), (-0.6, -1.3), (0.6, -1.3)]
    shape += [(1.16, -0.7), (1.12, 0.1), (0.92, -0.34), (0, -0.70)]
    shape.append((-0.92, -0.34))
    canvas.fill(head.at(smooth(shape)), shade, 'hat')
    fold = [(-1.05, -0.40), (-0.5, -0.86), (0.6, -0.92), (1.1, -0.5)]
    fold += [(0.6, -0.72), (-0.5, -0.66)]
    canvas.fill(head.at(smooth(fold)), band, 'hat')
  else:
    with canvas.sketch() as pen:
      for i, turn in enumerate(np.linspace(np.pi * 1.02, np.pi * 1.98, 13)):
        x, y = head.at([(1.06 * np.cos(turn), 0.96 * np.sin(turn) - 0.10)])[0]
        bloom = vary(rng, pick(rng, ((0.9, 0.2, 0.25), (0.98, 0.75, 0.3),
                                     (0.95, 0.6, 0.7))), 0.04)  # fmt: skip
        r = 0.030 + 0.008 * (i % 2)
        pen.disc(x + 0.014, y + 0.02, r, r * 0.6, (0.2, 0.4, 0.2), 'foliage')
        pen.disc(x, y, r, r, bloom * 0.8, 'petal')
        pen.disc(x, y, r * 0.6, r * 0.6, bloom)
        pen.disc(x, y, r * 0.22, r * 0.22, (0.5, 0.2, 0.15))

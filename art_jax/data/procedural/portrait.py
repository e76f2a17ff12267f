"""Portraits: a head and shoulders before a wall, a curtain or a landscape."""

import numpy as np

from art_jax.data.procedural.canvas import (
  Canvas,
  mix,
  pick,
  smooth,
  vary,
)
from art_jax.data.procedural.dress import CLOTHS, draw_clothes, draw_hat
from art_jax.data.procedural.face import (
  SKINS,
  Head,
  draw_beard,
  draw_face,
  draw_features,
  draw_glasses,
  draw_neck,
)
from art_jax.data.procedural.sky import DAYLIGHTS, draw_sky
from art_jax.data.procedural.terrain import mountain_ranges, rolling_ground

_HAIRS = (
  (0.10, 0.07, 0.06), (0.26, 0.15, 0.09), (0.44, 0.27, 0.14),
  (0.82, 0.64, 0.34), (0.64, 0.26, 0.12), (0.70, 0.69, 0.68),
  (0.16, 0.12, 0.14),
)  # fmt: skip
_WALLS = (
  (0.34, 0.42, 0.40), (0.52, 0.36, 0.28), (0.24, 0.24, 0.30),
  (0.72, 0.66, 0.52), (0.44, 0.56, 0.66), (0.70, 0.48, 0.42),
  (0.28, 0.36, 0.52), (0.80, 0.76, 0.70), (0.88, 0.72, 0.34),
)  # fmt: skip


def _backdrop(canvas: Canvas, rng, side: float) -> None:
  """Paint what is behind the sitter."""
  style = pick(rng, ('wall', 'wall', 'curtain', 'paper', 'view', 'view'))
  if style == 'view':
    sky = draw_sky(canvas, rng, DAYLIGHTS[int(rng.integers(4))], 0.56)
    mountain_ranges(canvas, rng, sky, 0.58, False)
    rolling_ground(canvas, rng, sky, 0.58, pick(rng, ('meadow', 'hills')))
    return
  base = vary(rng, pick(rng, _WALLS), 0.04)
  noise = canvas.noise(rng, 0.2, 0.2)
  # The wall is lit where the sitter is dark, and dark where he is lit.
  tone = 0.92 - 0.34 * side * (canvas.x - 0.5) - 0.28 * (canvas.y - 0.4)
  tone = tone + 0.07 * noise
  if style == 'curtain':
    fold = canvas.x * rng.uniform(28, 44) + 0.5 * np.sin(canvas.y * 4)
    tone = tone * (0.86 + 0.22 * np.sin(fold) + 0.08 * np.sin(2.3 * fold))
  canvas.shade(1.0, base * tone[..., None], 'background')
  if style == 'paper':
    accent = mix(base, pick(rng, CLOTHS), 0.5)
    step = rng.uniform(0.11, 0.16)
    with canvas.sketch() as pen:
      for row in range(int(1 / step) + 2):
        for column in range(int(1 / step) + 2):
          x, y = (column + 0.5 * (row % 2)) * step, row * step
          pen.disc(x, y, 0.018, 0.026, accent, None, 0.8)
          pen.disc(x, y, 0.008, 0.012, base, None, 0.8)


def _hair_back(canvas: Canvas, rng, head: Head, style: str) -> None:
  """Draw the hair behind the neck and its strands."""
  if style in ('short', 'bald', 'bun'):
    if style == 'bun':
      canvas.fill(head.round(0.0, -1.28, 0.42, 0.34), head.hair, 'hair')
    return
  low = {'long': 2.0, 'bob': 0.92, 'curly': 0.95}[style]
  wide = {'long': 1.34, 'bob': 1.28, 'curly': 1.50}[style]
  half = [(0.7, -1.15), (wide * 0.95, -0.6), (wide, 0.2)]
  half += [(wide * 1.02, low * 0.8), (wide * 0.7, low)]
  points = [*half, *((-u, v) for u, v in reversed(half))]
  canvas.fill(head.at(smooth(points)), head.hair * 0.72, 'hair', 1.0, 0.003)
  with canvas.sketch() as pen:
    if style == 'curly':
      for turn, far, tone in rng.uniform(0, 1, (110, 3)):
        angle = np.pi * (0.85 + 1.3 * turn)
        u, v = 1.5 * np.cos(angle) * (0.75 + 0.3 * far), np.sin(angle)
        v = v * (0.95 + 0.35 * far) + 0.15
        x, y = head.at([(u, v)])[0]
        color = head.hair * (0.7 + 0.5 * tone + 0.2 * u * head.side)
        pen.disc(x, y, 0.030, 0.030, color, 'hair')
    else:
      for s, t in rng.uniform(0, 1, (46, 2)):
        u = (2 * s - 1) * wide
        line = [(u * 0.6, -1.1), (u, -0.4), (u * 1.0, low * 0.5),
                (u * 0.9 + 0.1 * (t - 0.5), low * 0.96)]  # fmt: skip
        tone = 0.72 + 0.6 * t + 0.22 * u * head.side
        color = mix(head.hair * tone, (1, 0.9, 0.7), 0.05 * t)
        pen.line(head.at(smooth(line, False)), 0.007, color, None, 0.7)


def _hair_front(canvas: Canvas, rng, head: Head, style: str) -> None:
  """Draw the hair over the forehead, parted on one side."""
  if style == 'bald':
    return
  part = rng.uniform(-0.45, 0.45)
  brow = -0.50 if style != 'bob' else -0.34
  out = 1.10 if style != 'short' else 1.04
  temple = 0.02 if style in ('short', 'bun') else 0.55
  outer = [(-out, temple), (-out, -0.5), (-0.78, -1.02), (0, -1.20),
           (0.78, -1.02), (out, -0.5), (out, temple)]  # fmt: skip
  inner = [(0.90, temple * 0.9), (0.86, -0.30), (0.5 + part * 0.3, brow),
           (part, brow - 0.22), (-0.5 + part * 0.3, brow), (-0.86, -0.30),
           (-0.90, temple * 0.9)]  # fmt: skip
  outline = np.concatenate([smooth(outer, False), smooth(inner, False)])
  canvas.fill(head.at(outline), head.hair, 'hair')
  roots = np.array([(part, -1.12)])
  with canvas.sketch() as pen:
    curve_out, curve_in = smooth(outer, False), smooth(inner, False)[::-1]
    for s, t, w in rng.uniform(0, 1, (70, 3)):
      i = int(s * (len(curve_out) - 1))
      edge = mix(curve_in[i], curve_out[i], 0.08 + 0.88 * t)
      middle = (edge + roots[0]) / 2 + (0, -0.10)
      top = roots[0] + (0.25 * (s - 0.5), 0.05)
      tone = 0.66 + 0.62 * w + 0.25 * edge[0] * head.side - 0.12 * edge[1]
      if style == 'curly':
        x, y = head.at([edge])[0]
        pen.disc(x, y, 0.026, 0.026, head.hair * tone, 'hair')
      else:
        line = head.at(smooth(np.array([top, middle, edge]), False, 5))
        pen.line(line, 0.006, head.hair * tone, None, 0.65)


def portrait(canvas: Canvas, rng: np.random.Generator) -> None:
  """Compose a portrait on an empty canvas."""
  side = float(rng.choice([-1.0, 1.0]))
  _backdrop(canvas, rng, side)
  scale = rng.uniform(1.02, 1.26)
  skin = vary(rng, pick(rng, SKINS), 0.015)
  head = Head(
    0.5 + rng.uniform(-0.05, 0.05), 0.43 + rng.uniform(-0.02, 0.03),
    0.150 * scale * rng.uniform(0.94, 1.06), 0.205 * scale,
    rng.uniform(-0.14, 0.14), rng.uniform(-0.28, 0.28), side, skin,
    vary(rng, pick(rng, _HAIRS), 0.02),
  )  # fmt: skip
  man = rng.uniform() < 0.45
  styles = ('short', 'short', 'short', 'curly', 'bald', 'long')
  style = pick(rng, styles if man else ('long', 'bob', 'bun', 'curly', 'long'))
  hats = (
    ('beret', 'brim', 'tall') if man else ('beret', 'brim', 'scarf', 'wreath')
  )
  hat = pick(rng, hats) if rng.uniform() < 0.45 else None
  _hair_back(canvas, rng, head, style)
  draw_neck(canvas, head, 0.62 if man else 0.52)
  draw_clothes(canvas, rng, head)
  draw_face(canvas, rng, head, style in ('short', 'bald', 'bun'))
  draw_features(canvas, rng, head, rng.uniform() < 0.08)
  beard = rng.uniform()
  if man and beard < 0.55:
    draw_beard(canvas, rng, head, beard < 0.35)
  _hair_front(canvas, rng, head, style)
  if hat:
    draw_hat(canvas, rng, head, hat)
  if rng.uniform() < 0.18:
    draw_glasses(canvas, rng, head)

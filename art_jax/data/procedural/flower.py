"""Flower pieces: bouquets in vases, garden beds and single blooms."""

import numpy as np

from art_jax.data.procedural.blooms import BLOOMS, HUES, leaf
from art_jax.data.procedural.canvas import (
  Canvas,
  Pen,
  ball,
  ellipse,
  mix,
  pick,
  smooth,
  vary,
)

_LEAF = (0.22, 0.44, 0.18)
_WALLS = (
  (0.70, 0.76, 0.80), (0.84, 0.78, 0.64), (0.28, 0.34, 0.40),
  (0.60, 0.70, 0.62), (0.82, 0.64, 0.58), (0.20, 0.18, 0.20),
  (0.40, 0.52, 0.68), (0.90, 0.86, 0.80), (0.46, 0.22, 0.22),
)  # fmt: skip
_TABLES = (
  (0.52, 0.34, 0.20), (0.90, 0.87, 0.82), (0.36, 0.26, 0.22),
  (0.30, 0.42, 0.58), (0.74, 0.56, 0.34), (0.58, 0.20, 0.20),
)  # fmt: skip
_GLAZES = (
  (0.16, 0.34, 0.62), (0.90, 0.88, 0.82), (0.24, 0.50, 0.46),
  (0.68, 0.34, 0.20), (0.20, 0.20, 0.24), (0.86, 0.66, 0.28),
)  # fmt: skip
# Half widths of vases from the lip down to the foot.
_PROFILES = (
  (0.60, 0.42, 0.55, 0.95, 1.00, 0.80, 0.52),
  (0.55, 0.50, 0.80, 1.00, 0.95, 0.72, 0.50),
  (0.95, 0.90, 0.85, 0.78, 0.72, 0.66, 0.62),
  (0.45, 0.34, 0.34, 0.60, 1.00, 1.00, 0.70),
  (1.00, 0.70, 0.52, 0.60, 0.72, 0.60, 0.66),
)


def _wall(canvas: Canvas, rng, side: float) -> None:
  """Paint the wall behind: light from one side, plaster, stripes or none."""
  base = vary(rng, pick(rng, _WALLS), 0.04)
  fall = 0.5 + 0.5 * side * (canvas.x - 0.5) * 2
  fall = 0.68 + 0.42 * fall - 0.22 * canvas.y
  noise = canvas.noise(rng, 0.3, 0.3)
  rows = base * (fall + 0.045 * noise)[..., None]
  style = pick(rng, ('plain', 'plain', 'stripes', 'window'))
  if style == 'stripes':
    wave = np.sign(np.sin(canvas.x * rng.uniform(40, 70)))
    rows = rows * (1 + 0.05 * wave)[..., None]
  canvas.shade(1.0, rows, 'background')
  if style == 'window':
    lean = rng.uniform(-0.12, 0.12)
    left = 0.5 + side * 0.16 - 0.14
    for i in range(2):
      for j in range(2):
        x, y = left + 0.17 * i, 0.08 + 0.22 * j
        pane = [(x, y), (x + 0.15, y), (x + 0.15 + lean, y + 0.20)]
        pane.append((x + lean, y + 0.20))
        canvas.fill(np.array(pane), (1.0, 0.94, 0.76), None, 0.30, 0.006)


def _table(canvas: Canvas, rng, edge: float, side: float) -> None:
  """Lay a table top below `edge`, of wood or under a checked cloth."""
  base = vary(rng, pick(rng, _TABLES), 0.04)
  grain = canvas.noise(rng, 0.08, 0.7)
  light = 1.02 + 0.25 * side * (canvas.x - 0.5) + 0.05 * grain
  light = light - 0.25 * np.clip(canvas.y - edge, 0, 1)
  top = base * light[..., None]
  if rng.uniform() < 0.2:
    depth = np.maximum(canvas.y - edge + 0.35, 0.1) / 0.35
    across = np.sin((canvas.x - 0.5) / depth * 75)
    checks = across * np.sin(60 * np.log(depth + 0.2))
    top = mix(top, (0.96, 0.94, 0.90), (checks > 0)[..., None] * 0.55)
  edge_mask = np.clip((canvas.y - edge) * canvas.size + 0.5, 0, 1)
  canvas.shade(edge_mask, top, 'table')


def _vase(canvas: Canvas, rng, x, top, foot, wide, side) -> None:
  """Draw a turned vase with its shadow, shine and band."""
  profile = np.array(pick(rng, _PROFILES)) * wide
  y = np.linspace(top, foot, len(profile))
  line = np.stack([profile, y], 1)
  line = smooth(line, closed=False)
  outline = np.concatenate([line * (-1, 1), line[::-1]]) + (x, 0)
  base = np.array([[x, foot]])
  shadow = ellipse(0, 0, wide * 1.5, wide * 0.28) + base
  canvas.fill(
    shadow + (-side * wide * 0.9, 0), (0.08, 0.06, 0.08), None, 0.45, 0.012
  )
  glaze = vary(rng, pick(rng, _GLAZES), 0.03)
  band = vary(rng, pick(rng, _GLAZES), 0.03)
  rings = np.sort(rng.uniform(0.3, 0.9, 2))
  banded = rng.uniform() < 0.5

  def shade(px, py):
    half = np.interp(py[:, 0], line[:, 1], line[:, 0])[:, None]
    u = (px - x) / np.maximum(half, 1e-3) * side
    tone = 0.62 + 0.48 * u - 0.30 * np.clip(u - 0.55, 0, 1) * 2
    shine = np.exp(-(((u - 0.48) / 0.13) ** 2)) * 0.55
    down = (py - top) / (foot - top)
    inside = (down > rings[0]) & (down < rings[1]) & banded
    body = np.where(inside[..., None], band, glaze) * tone[..., None]
    shine = shine * np.clip(np.sin(np.pi * down) * 1.2, 0, 1)
    return mix(body, (1.0, 0.98, 0.94), shine[..., None])

  canvas.fill(outline, shade, 'vase')
  lip = ellipse(x, top, profile[0], profile[0] * 0.22)
  canvas.fill(lip, glaze * 0.35, 'vase')


def _fruit(canvas: Canvas, rng, edge: float, side: float) -> None:
  """Put a few pieces of fruit on the table."""
  kinds = ((0.86, 0.20, 0.14), (0.95, 0.56, 0.12), (0.66, 0.74, 0.22),
           (0.95, 0.80, 0.24), (0.40, 0.18, 0.36))  # fmt: skip
  where = rng.choice([-1, 1])
  for i in range(int(rng.integers(1, 4))):
    r = rng.uniform(0.045, 0.065)
    x = 0.5 + where * (0.22 + 0.085 * i) + rng.normal(0, 0.01)
    y = edge + rng.uniform(0.05, 0.10)
    dark = ellipse(x - side * r * 0.6, y + r * 0.8, r * 1.2, r * 0.35)
    canvas.fill(dark, (0.08, 0.05, 0.06), None, 0.45, 0.008)
    color = vary(rng, pick(rng, kinds), 0.03)
    shade = ball(color, x, y, r, r, (0.6 * side, -0.6), 0.65)
    canvas.fill(ellipse(x, y, r, r * 0.94), shade, 'fruit')
    glint = ellipse(x + side * r * 0.35, y - r * 0.4, r * 0.2, r * 0.15)
    canvas.fill(glint, (1, 1, 0.96), None, 0.7, 0.004)


def _stem(pen: Pen, rng, start, goal, color, leafy=True) -> None:
  """Draw a bent stem with a leaf or two."""
  t = np.linspace(0, 1, 8)[:, None]
  start, goal = np.asarray(start), np.asarray(goal)
  bend = np.array([rng.normal(0, 0.04), 0.0])
  line = start + (goal - start) * t + bend * np.sin(np.pi * t)
  pen.line(line, 0.011, np.asarray(color) * 0.75, 'foliage')
  if leafy:
    for where in rng.integers(2, 7, 2):
      angle = rng.uniform(-np.pi, 0)
      reach = rng.uniform(0.08, 0.14)
      x, y = line[where]
      leaf(pen, rng, x, y, angle, reach, reach * 0.26, color)


def _bunch(rng, count: int, center, spread) -> np.ndarray:
  """Return well-spaced places f64[count, 2] inside an ellipse."""
  places = []
  for _ in range(count):
    turn = rng.uniform(0, 2 * np.pi, 12)
    far = np.sqrt(rng.uniform(0, 1, 12))
    spots = np.stack([far * np.cos(turn), far * np.sin(turn)], 1)
    if places:
      gaps = np.linalg.norm(spots[:, None] - np.array(places)[None], axis=-1)
      places.append(spots[gaps.min(1).argmax()])
    else:
      places.append(spots[0] * 0.4)
  return np.array(places) * spread + center


def _bouquet(canvas: Canvas, rng) -> None:
  """Compose a bunch of flowers in a vase on a table."""
  side = rng.choice([-1.0, 1.0])
  _wall(canvas, rng, side)
  edge = rng.uniform(0.72, 0.82)
  _table(canvas, rng, edge, side)
  x = 0.5 + rng.uniform(-0.06, 0.06)
  top, foot = rng.uniform(0.58, 0.64), edge + rng.uniform(0.06, 0.12)
  green = vary(rng, _LEAF, 0.05)
  count = int(rng.integers(3, 13))
  spread = np.array([rng.uniform(0.22, 0.30), rng.uniform(0.17, 0.22)])
  places = _bunch(rng, count, (x, top - 0.24), spread)
  radius = 0.30 / np.sqrt(count) + 0.018
  kinds = rng.choice(list(BLOOMS), int(rng.integers(1, 4)))
  hues = [HUES[i] for i in rng.permutation(len(HUES))[:3]]
  with canvas.sketch() as pen:
    for place in places:
      _stem(pen, rng, (x + (place[0] - x) * 0.15, top + 0.02), place, green)
    for _ in range(16):
      angle = rng.uniform(-np.pi, 0)
      reach = rng.uniform(0.12, 0.24)
      start = (x + rng.normal(0, 0.07), top - rng.uniform(0.02, 0.22))
      leaf(
        pen,
        rng,
        *start,
        angle,
        reach,
        reach * 0.24,
        green * rng.uniform(0.6, 1.1),
      )
  _vase(canvas, rng, x, top, foot, rng.uniform(0.10, 0.15), side)
  if rng.uniform() < 0.55:
    _fruit(canvas, rng, edge, side)
  with canvas.sketch() as pen:
    for place in places[np.argsort(-np.abs(places[:, 0] - x))]:
      squash = 1 - 0.35 * rng.uniform()
      BLOOMS[pick(rng, kinds)](
        pen, rng, place[0], place[1], radius * rng.uniform(0.85, 1.15),
        vary(rng, pick(rng, hues), 0.04), squash, rng.uniform(0, 6.3),
      )  # fmt: skip


def _bokeh(canvas: Canvas, rng) -> None:
  """Paint an out-of-focus garden."""
  low = vary(rng, pick(rng, ((0.16, 0.30, 0.14), (0.10, 0.20, 0.18))), 0.04)
  airs = ((0.66, 0.80, 0.90), (0.94, 0.84, 0.60), (0.36, 0.50, 0.36))
  high = vary(rng, pick(rng, airs), 0.04)
  noise = canvas.noise(rng, 0.22, 0.22)
  share = np.clip(canvas.y * 1.3 - 0.15 + 0.14 * noise, 0, 1)
  canvas.shade(1.0, mix(high, low, share[..., None]), 'background')
  for x, y, r, t in rng.uniform(0, 1, (14, 4)):
    color = mix(high, pick(rng, HUES), 0.5 if t > 0.5 else 0.0)
    spot = ellipse(x, y, 0.02 + 0.05 * r, 0.02 + 0.05 * r, 0, 20)
    canvas.fill(spot, color, None, 0.35, 0.008)


def _garden(canvas: Canvas, rng) -> None:
  """Compose a bed of flowers that grow from the lower edge."""
  _bokeh(canvas, rng)
  green = vary(rng, _LEAF, 0.05)
  kinds = rng.choice(list(BLOOMS), int(rng.integers(1, 3)))
  hues = [HUES[i] for i in rng.permutation(len(HUES))[:2]]
  count = int(rng.integers(4, 10))
  places = _bunch(rng, count, (0.5, 0.44), (0.42, 0.30))
  radius = 0.26 / np.sqrt(count) + 0.02
  with canvas.sketch() as pen:
    for place in places[np.argsort(places[:, 1])]:
      foot = (place[0] + rng.normal(0, 0.06), 1.05)
      _stem(pen, rng, foot, place, green * rng.uniform(0.7, 1.1))
      BLOOMS[pick(rng, kinds)](
        pen, rng, place[0], place[1], radius * rng.uniform(0.8, 1.2),
        vary(rng, pick(rng, hues), 0.04), 1 - 0.4 * rng.uniform(),
        rng.uniform(0, 6.3),
      )  # fmt: skip
    for x, tall, bend in rng.uniform(0, 1, (46, 3)):
      angle = -np.pi / 2 + (bend - 0.5) * 1.1
      reach = 0.10 + 0.20 * tall
      leaf(pen, rng, x, 1.03, angle, reach, 0.016, green * (0.6 + 0.5 * bend))


def _single(canvas: Canvas, rng) -> None:
  """Compose one large bloom with leaves, close up."""
  _bokeh(canvas, rng)
  green = vary(rng, _LEAF, 0.05)
  x, y = 0.5 + rng.uniform(-0.08, 0.08), 0.44 + rng.uniform(-0.06, 0.06)
  radius = rng.uniform(0.27, 0.36)
  with canvas.sketch() as pen:
    _stem(pen, rng, (x + rng.normal(0, 0.1), 1.05), (x, y), green, False)
    for angle in rng.uniform(0.1, np.pi - 0.1, 5):
      start = (x + 0.05 * np.cos(angle), y + 0.35)
      reach = rng.uniform(0.26, 0.42)
      leaf(pen, rng, *start, angle - np.pi, reach, reach * 0.26, green)
    kind = pick(rng, [k for k in BLOOMS if k != 'tulip'])
    hue = vary(rng, pick(rng, HUES), 0.04)
    squash = rng.uniform(0.8, 1.0)
    BLOOMS[kind](pen, rng, x, y, radius, hue, squash, rng.uniform(0, 6.3))


def flower(canvas: Canvas, rng: np.random.Generator) -> None:
  """Compose a flower piece on an empty canvas."""
  kind = pick(rng, (_bouquet, _bouquet, _bouquet, _garden, _single))
  kind(canvas, rng)

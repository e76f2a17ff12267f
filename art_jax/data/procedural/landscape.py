"""Landscapes: mountains, lakes, seas, fields, deserts and winters."""

import numpy as np

from art_jax.data.procedural.canvas import Canvas, Pen, pick, vary
from art_jax.data.procedural.sky import Sky, draw_sky, draw_water, pick_daylight
from art_jax.data.procedural.terrain import (
  blossom_rows,
  mountain_ranges,
  rolling_ground,
  winding_path,
)
from art_jax.data.procedural.trees import TREES

_LANDS = (
  'lake', 'sea', 'meadow', 'rows', 'desert', 'winter', 'river', 'hills',
)  # fmt: skip
_TREES_OF = {
  'lake': ('conifer', 'broadleaf'),
  'sea': ('palm', 'cypress'),
  'meadow': ('broadleaf', 'broadleaf', 'cypress'),
  'rows': ('cypress', 'broadleaf'),
  'desert': ('palm',),
  'winter': ('conifer', 'bare'),
  'river': ('broadleaf', 'conifer'),
  'hills': ('cypress', 'broadleaf'),
}
_LEAVES = (
  ((0.06, 0.20, 0.10), (0.46, 0.62, 0.22)),
  ((0.05, 0.17, 0.14), (0.30, 0.52, 0.30)),
  ((0.30, 0.11, 0.04), (0.95, 0.58, 0.14)),
  ((0.32, 0.06, 0.06), (0.88, 0.30, 0.14)),
  ((0.34, 0.15, 0.22), (0.98, 0.72, 0.78)),
)


def _house(pen: Pen, rng, sky: Sky, x: float, y: float, size: float) -> None:
  """Draw a cottage with a lit gable."""
  tint = np.asarray(sky.light.tint)
  wall = vary(rng, pick(rng, ((0.92, 0.87, 0.76), (0.85, 0.70, 0.52))), 0.03)
  roof = vary(rng, pick(rng, ((0.66, 0.26, 0.18), (0.42, 0.34, 0.36))), 0.04)
  flip = sky.side
  gable = [(0, 0), (0, -0.55), (0.25, -0.95), (0.5, -0.55), (0.5, 0)]
  flank = [(0, 0), (0, -0.55), (-0.8, -0.55), (-0.8, 0)]
  tiles = [(0.04, -0.5), (0.25, -0.97), (-0.6, -0.97), (-0.86, -0.5)]
  place = np.array([x, y])

  def at(points):
    return place + np.array(points) * (flip * size, size)

  pen.polygon(at(flank), wall * tint * 0.74, 'building')
  pen.polygon(at(gable), wall * tint, 'building')
  pen.polygon(at(tiles), roof * tint, 'roof')
  pen.line(at([(0.25, -0.98), (0.54, -0.48)]), size * 0.07, roof * tint * 0.7)
  lamp = (1.0, 0.80, 0.40) if sky.light.night > 0.3 else (0.25, 0.24, 0.30)
  for u in (-0.64, -0.40, -0.16):
    pen.polygon(
      at([(u, -0.4), (u + 0.12, -0.4), (u + 0.12, -0.2), (u, -0.2)]), lamp,
      'window',
    )  # fmt: skip
  door = np.asarray((0.40, 0.25, 0.16)) * tint
  pen.polygon(at([(0.18, 0), (0.18, -0.35), (0.34, -0.35), (0.34, 0)]), door)


def _boat(pen: Pen, rng, sky: Sky, x: float, y: float, size: float) -> None:
  """Draw a sailing boat and its reflection."""
  tint = np.asarray(sky.light.tint)
  sail = vary(
    rng, pick(rng, ((0.96, 0.94, 0.88), (0.86, 0.34, 0.22), (0.95, 0.78, 0.4))),
    0.02,
  ) * tint  # fmt: skip
  hull = vary(rng, pick(rng, ((0.45, 0.2, 0.14), (0.16, 0.22, 0.36))), 0.03)
  hull = hull * tint
  place = np.array([x, y])

  def at(points, flip=1.0):
    return place + np.array(points) * (size, size * flip)

  main = [(0.03, -0.18), (0.03, -1.15), (0.48, -0.22)]
  jib = [(-0.03, -0.2), (-0.03, -0.95), (-0.42, -0.2)]
  body = [(-0.52, -0.14), (0.56, -0.16), (0.38, 0.04), (-0.36, 0.04)]
  pen.polygon(at(body, -0.9), hull, None, 0.5)
  pen.polygon(at(main, -0.8), sail, None, 0.35)
  pen.polygon(at(jib, -0.8), sail * 0.85, None, 0.35)
  pen.polygon(at(body), hull, 'vehicle')
  pen.polygon(at(main), sail, 'vehicle')
  pen.polygon(at(jib), sail * 0.84, 'vehicle')


def _birds(pen: Pen, rng, sky: Sky, horizon: float) -> None:
  """Draw a small flight of birds."""
  x, y = rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.6) * horizon
  ink = np.asarray(sky.light.top) * 0.35
  for _ in range(int(rng.integers(3, 7))):
    bx, by = x + rng.normal(0, 0.08), y + rng.normal(0, 0.035)
    s = rng.uniform(0.010, 0.018)
    wings = [(bx - s, by - s * 0.5), (bx, by), (bx + s, by - s * 0.6)]
    pen.line(wings, 0.004, ink)


def _grass(pen: Pen, rng, sky: Sky, dark, lit, flowers) -> None:
  """Draw blades and blossoms along the lower edge."""
  tint = np.asarray(sky.light.tint)
  for row, x, bend, tone in rng.uniform(0, 1, (110, 4)):
    foot = 1.03 - 0.10 * row
    tall = 0.03 + 0.05 * (1 - row) * (0.4 + tone)
    tip = (x + 0.04 * (bend - 0.5), foot - tall)
    color = (np.asarray(dark) * (1 - tone) + np.asarray(lit) * tone) * tint
    pen.polygon([(x - 0.004, foot), (x + 0.004, foot), tip], color, 'foliage')
  if flowers is None:
    return
  for row, x, tone in rng.uniform(0, 1, (70, 3)):
    y = 0.99 - 0.26 * row
    radius = 0.011 * (1.05 - row)
    color = vary(rng, flowers, 0.06) * tint
    pen.disc(x, y, radius, radius * 0.8, color * (0.8 + 0.3 * tone), 'petal')


def _grove(canvas: Canvas, rng, sky: Sky, land: str, shore: float, leaves):
  """Plant trees: a far edge of the wood, then groups towards the front."""
  tint = np.asarray(sky.light.tint)
  kind = pick(rng, _TREES_OF[land])
  dark, lit = (vary(rng, c, 0.03) for c in leaves)
  if land == 'winter' and kind == 'conifer':
    dark, lit = (0.10, 0.20, 0.20), (0.86, 0.90, 0.95)
  if kind in ('conifer', 'palm', 'cypress') and land != 'winter':
    dark, lit = (0.05, 0.16, 0.11), (0.32, 0.48, 0.22)
  dark, lit = np.asarray(dark) * tint, np.asarray(lit) * tint
  air = np.asarray(sky.light.low)
  spots = []
  if land not in ('desert', 'sea', 'rows'):
    center = rng.uniform(0, 1)
    for x in rng.normal(center, 0.28, 16):
      spots.append((shore + 0.012, x, rng.uniform(0.05, 0.09)))
  sparse = land in ('desert', 'sea', 'rows')
  for _ in range(int(rng.integers(1, 4 if sparse else 6))):
    near = rng.uniform(0.08, 0.75) ** 1.3
    y = shore + (1 - shore) * near
    side = rng.choice([-1, 1]) * rng.uniform(0.12, 0.48)
    spots.append((y, 0.5 + side, (0.10 + 0.50 * near) * rng.uniform(0.8, 1.1)))
  with canvas.sketch() as pen:
    for y, x, height in sorted(spots):
      share = np.clip(0.5 - 2.2 * (y - shore), 0, 0.5) * 0.7
      shade, light = (c + (air - c) * share for c in (dark, lit))
      shadow = 0.34 * height
      pen.disc(
        x - sky.side * shadow * 0.4, y, shadow, shadow * 0.16, dark * 0.5, None,
        0.35 * (1 - sky.light.night),
      )  # fmt: skip
      TREES[kind](pen, rng, x, y, height, shade, light, sky.side)


def landscape(canvas: Canvas, rng: np.random.Generator) -> None:
  """Compose a landscape on an empty canvas."""
  land = pick(rng, _LANDS)
  horizon = float(rng.uniform(0.42, 0.62))
  sky = draw_sky(canvas, rng, pick_daylight(rng), horizon)
  peaks = rng.uniform()
  snowy = land == 'winter' or rng.uniform() < 0.5
  if land in ('lake', 'winter', 'river') or (land != 'sea' and peaks < 0.6):
    mountain_ranges(canvas, rng, sky, horizon, snowy)
  leaves = pick(rng, _LEAVES)
  deep = vary(rng, pick(rng, ((0.08, 0.30, 0.42), (0.10, 0.36, 0.36))), 0.03)
  shore = horizon
  if land in ('lake', 'sea'):
    if land == 'lake':
      rolling_ground(canvas, rng, sky, horizon - 0.005, land)
      _grove(canvas, rng, sky, land, horizon, leaves)
    draw_water(
      canvas, rng, sky, horizon + (0.02 if land == 'lake' else 0), deep
    )
    _bank(canvas, rng, sky, land)
  else:
    rolling_ground(canvas, rng, sky, shore, land)
    if land == 'rows':
      blossom_rows(canvas, rng, sky, shore)
    if land == 'river' or (land in ('meadow', 'hills') and peaks < 0.75):
      winding_path(canvas, rng, sky, shore, land == 'river')
    _grove(canvas, rng, sky, land, shore, leaves)
  _details(canvas, rng, sky, land, horizon, leaves)


def _bank(canvas: Canvas, rng, sky: Sky, land: str) -> None:
  """Add a near bank below the water, with a tree or two on some."""
  high = rng.uniform(0.05, 0.16)
  slope = rng.uniform(-0.10, 0.10)
  x = np.linspace(-0.02, 1.02, 30)
  line = 1.0 - high - slope * (x - 0.5) * 2 + 0.008 * np.sin(x * 23)
  outline = np.concatenate([
    np.stack([x, line], 1), [(1.02, 1.05), (-0.02, 1.05)]
  ])  # fmt: skip
  tint = np.asarray(sky.light.tint)
  base = (0.82, 0.72, 0.52) if land == 'sea' else (0.30, 0.40, 0.18)
  edge = mix_light(base) * tint
  canvas.fill(outline + (0, -0.008), edge, 'ground')
  canvas.fill(outline, vary(rng, base, 0.03) * tint, 'ground')
  if rng.uniform() < 0.6:
    kind = pick(rng, _TREES_OF[land])
    side = rng.choice([-1, 1])
    dark, lit = ((0.05, 0.15, 0.10), (0.34, 0.50, 0.20))
    with canvas.sketch() as pen:
      for i in range(int(rng.integers(1, 3))):
        TREES[kind](
          pen, rng, 0.5 + side * (0.38 - 0.12 * i), 0.96 - 0.02 * i,
          rng.uniform(0.40, 0.62), np.asarray(dark) * tint,
          np.asarray(lit) * tint, sky.side,
        )  # fmt: skip


def mix_light(color) -> np.ndarray:
  """Return the pale, wet edge color of a bank."""
  return np.asarray(color) * 0.6 + 0.36


def _details(canvas: Canvas, rng, sky: Sky, land, horizon, leaves) -> None:
  """Add boats, houses, birds, grass and flowers."""
  dark, lit = leaves if land != 'winter' else ((0.5, 0.5, 0.5), (0.8, 0.8, 0.8))
  with canvas.sketch() as pen:
    if land in ('sea', 'lake'):
      for _ in range(int(rng.integers(0 if land == 'lake' else 1, 4))):
        near = rng.uniform(0.03, 0.4)
        y = horizon + 0.03 + (0.8 - horizon) * near
        _boat(pen, rng, sky, rng.uniform(0.15, 0.85), y, 0.05 + 0.28 * near)
    elif rng.uniform() < 0.55 and land != 'desert':
      near = rng.uniform(0.05, 0.35)
      y = horizon + 0.02 + (1 - horizon) * near
      _house(pen, rng, sky, rng.uniform(0.25, 0.75), y, 0.06 + 0.28 * near)
    if sky.light.night < 0.9 and rng.uniform() < 0.5:
      _birds(pen, rng, sky, horizon)
    if land in ('meadow', 'river', 'hills'):
      blossom = pick(
        rng, (None, (0.92, 0.22, 0.18), (0.98, 0.86, 0.30), (0.80, 0.60, 0.90))
      )
      green = ((0.10, 0.22, 0.08), (0.46, 0.58, 0.22))
      low, high = leaves if dark is None else green
      _grass(pen, rng, sky, low, high, blossom)

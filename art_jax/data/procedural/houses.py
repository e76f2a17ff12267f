"""Buildings: high-rise towers, gabled fronts, village houses, lamps."""

import numpy as np

from art_jax.data.procedural.canvas import Pen, mix, pick, vary
from art_jax.data.procedural.sky import Sky

_TOWERS = (
  (0.56, 0.58, 0.64), (0.66, 0.56, 0.48), (0.40, 0.46, 0.56),
  (0.74, 0.70, 0.64), (0.52, 0.36, 0.32), (0.34, 0.40, 0.44),
)  # fmt: skip
PLASTERS = (
  (0.93, 0.84, 0.66), (0.86, 0.52, 0.38), (0.94, 0.90, 0.84),
  (0.72, 0.38, 0.32), (0.90, 0.70, 0.36), (0.56, 0.66, 0.72),
  (0.88, 0.66, 0.62), (0.60, 0.70, 0.56), (0.44, 0.34, 0.34),
)  # fmt: skip
_ROOFS = ((0.66, 0.30, 0.20), (0.56, 0.24, 0.20), (0.36, 0.34, 0.38))
LAMP = (1.00, 0.78, 0.40)


def window_glass(rng, sky: Sky) -> np.ndarray:
  """Return the color of one window: lit by chance at night."""
  light = sky.light
  lit = (
    rng.uniform() < 0.15 + 0.50 * light.night if light.night > 0.2 else False
  )
  if lit:
    return vary(rng, LAMP, 0.08)
  air = mix(light.middle, (0.10, 0.12, 0.18), 0.62)
  return vary(rng, air, 0.03) * (1 - 0.4 * light.night)


def draw_tower(pen: Pen, rng, sky: Sky, left, right, top, foot, air) -> None:
  """Draw a high-rise with rows of windows; `air` is the share of haze."""
  tint = np.asarray(sky.light.tint)
  wall = vary(rng, pick(rng, _TOWERS), 0.05) * tint
  haze = mix(sky.light.low, sky.light.middle, 0.3)
  wall = mix(wall, haze, air)
  wide = right - left
  pen.box(left, top, right, foot, wall, 'building')
  flank = left if sky.side > 0 else right - wide * 0.28
  pen.box(flank, top, flank + wide * 0.28, foot, wall * 0.76)
  _crown(pen, rng, left, right, top, wall)
  columns = max(int(wide / 0.022), 2)
  rows = max(int((foot - top) / 0.030), 2)
  label = 'window' if air < 0.45 else None
  band = rng.uniform() < 0.3
  step, storey = wide / columns, (foot - top) / rows
  for row in range(rows):
    y = top + storey * (row + 0.25)
    edges = [(left + step * (i + 0.22), step * 0.56) for i in range(columns)]
    if band:
      edges = [(left + wide * 0.06, wide * 0.88)]
    for x, across in edges:
      glass = mix(window_glass(rng, sky), haze, air * 0.8)
      pen.box(x, y, x + across, y + storey * 0.52, glass, label)


def _crown(pen: Pen, rng, left, right, top, wall) -> None:
  """End a tower in a point, in a smaller storey with a mast, in a dome."""
  kind = rng.uniform()
  wide, middle = right - left, (left + right) / 2
  if kind < 0.25:
    roof = [(left, top), (middle, top - wide * 0.7), (right, top)]
    pen.polygon(roof, wall * 0.9, 'building')
  elif kind < 0.5:
    high, inset = top - wide * 0.3, wide * 0.2
    pen.box(left + inset, high, right - inset, top, wall * 0.92, 'building')
    mast = [(middle, high), (middle, top - wide)]
    pen.line(mast, 0.004, wall * 0.7, 'building')
  elif kind < 0.6:
    pen.disc(middle, top, wide * 0.42, wide * 0.35, wall, 'building')


def draw_facade(pen: Pen, rng, sky: Sky, left, right, top, foot) -> None:
  """Draw one house front with a gable, windows and a door."""
  tint = np.asarray(sky.light.tint)
  wall = vary(rng, pick(rng, PLASTERS), 0.04) * tint
  roof = vary(rng, pick(rng, _ROOFS), 0.03) * tint
  trim = mix(wall, np.asarray((0.97, 0.95, 0.90)) * tint, 0.7)
  wide, middle = right - left, (left + right) / 2
  rise = wide * rng.uniform(0.45, 0.7)
  _gable(pen, rng, left, right, top, rise, (wall, roof, trim))
  pen.box(left, top, right, foot, wall, 'building')
  edge = right - wide * 0.05 if sky.side < 0 else left
  pen.box(edge, top, edge + wide * 0.05, foot, wall * 0.75)
  floors, columns = int(rng.integers(3, 5)), int(rng.integers(2, 4))
  for floor in range(floors):
    y = top + (foot - top) * (floor + 0.15) / floors
    tall = (foot - top) / floors * 0.58
    ground = floor == floors - 1
    for column in range(columns):
      x = left + wide * (column + 0.26) / columns
      across = wide / columns * 0.48
      if ground and column == 0:
        door = vary(rng, (0.34, 0.22, 0.18), 0.06) * tint
        pen.box(x, y + tall * 0.05, x + across, foot, door)
        continue
      pen.box(x - 0.004, y - 0.004, x + across + 0.004, y + tall + 0.004, trim)
      pen.box(x, y, x + across, y + tall, window_glass(rng, sky), 'window')
      pen.box(x + across * 0.44, y, x + across * 0.56, y + tall, trim)
  attic = (middle, top - rise * 0.36, wide * 0.08, wide * 0.10)
  pen.disc(*attic, window_glass(rng, sky), 'window')


def _gable(pen: Pen, rng, left, right, top, rise, colors) -> None:
  """End a house front in steps, a bell, a point or a flat roof."""
  wall, roof, trim = colors
  wide, middle = right - left, (left + right) / 2
  kind = pick(rng, ('step', 'bell', 'point', 'flat'))
  if kind == 'step':
    for i in range(4):
      inset = wide * (0.06 + 0.11 * i)
      y = top - rise * (i + 1) / 4
      pen.box(left + inset, y, right - inset, top + 0.01, wall, 'building')
      pen.line([(left + inset, y), (right - inset, y)], 0.005, trim)
  elif kind == 'bell':
    t = np.linspace(-1, 1, 17)
    curve = top - rise * (0.5 + 0.5 * np.cos(np.pi * t)) ** 0.8
    line = np.stack([middle + wide / 2 * t, curve], 1)
    pen.polygon(line, wall, 'building')
    pen.line(line, 0.006, trim)
  elif kind == 'point':
    tip = [(left - 0.006, top), (middle, top - rise), (right + 0.006, top)]
    pen.polygon(tip, wall, 'building')
    pen.line(tip, 0.012, roof, 'roof')
  else:
    high, inset = top - rise * 0.5, wide * 0.12
    cap = [(left, top), (left + inset, high), (right - inset, high)]
    pen.polygon([*cap, (right, top)], roof, 'roof')


def draw_lamps(pen: Pen, rng, sky: Sky, quay: float) -> None:
  """Draw street lamps, shining after dark."""
  for x in np.arange(rng.uniform(0.02, 0.2), 1.0, 0.24):
    iron = (0.12, 0.13, 0.15)
    pen.line([(x, quay), (x, quay - 0.11)], 0.006, iron)
    if sky.light.night > 0.3:
      for far in (0.05, 0.032, 0.018):
        pen.disc(x, quay - 0.12, far, far, LAMP, None, 0.16)
    pen.disc(x, quay - 0.12, 0.010, 0.013, LAMP, 'window')


def draw_block(pen: Pen, rng, sky: Sky, x, y, size) -> None:
  """Draw one small house of a village."""
  tint = np.asarray(sky.light.tint)
  wall = vary(rng, pick(rng, PLASTERS[:8]), 0.04) * tint
  roof = vary(rng, _ROOFS[0], 0.05) * tint
  tall, wide = size * rng.uniform(0.9, 1.4), size * rng.uniform(0.8, 1.2)
  left, right = x - wide / 2, x + wide / 2
  pen.box(left, y - tall, right, y + 0.03, wall, 'building')
  shade = left if sky.side > 0 else right - wide * 0.3
  pen.box(shade, y - tall, shade + wide * 0.3, y + 0.03, wall * 0.74)
  top, crest = y - tall, y - tall - size * 0.3
  eave = [(left - 0.006, top), (left + wide * 0.2, crest)]
  eave += [(right - wide * 0.15, crest), (right + 0.006, top)]
  pen.polygon(eave, roof, 'roof')
  for v in (0.25, 0.62):
    for u in (0.22, 0.60):
      if rng.uniform() < 0.8:
        wx, wy = left + wide * u, y - tall * (1 - v)
        pen.box(
          wx,
          wy,
          wx + wide * 0.17,
          wy + tall * 0.2,
          window_glass(rng, sky),
          'window',
        )


def draw_belfry(pen: Pen, rng, sky: Sky, x, y) -> None:
  """Draw a church tower."""
  tint = np.asarray(sky.light.tint)
  wall = np.asarray((0.90, 0.84, 0.74)) * tint
  roof = vary(rng, pick(rng, ((0.30, 0.48, 0.44), *_ROOFS)), 0.03) * tint
  high, wide = 0.24, 0.042
  pen.box(x - wide, y - high, x + wide, y + 0.03, wall, 'building')
  dark = x - wide if sky.side > 0 else x + wide * 0.3
  pen.box(dark, y - high, dark + wide * 0.7, y + 0.03, wall * 0.74)
  tip = [
    (x - wide * 1.2, y - high),
    (x, y - high - 0.11),
    (x + wide * 1.2, y - high),
  ]
  pen.polygon(tip, roof, 'roof')
  pen.box(
    x - 0.012,
    y - high + 0.03,
    x + 0.012,
    y - high + 0.08,
    window_glass(rng, sky),
    'window',
  )

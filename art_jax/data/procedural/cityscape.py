"""Cities: skylines, canals, hill villages, streets in perspective."""

import numpy as np

from art_jax.data.procedural.canvas import Canvas, pick, vary
from art_jax.data.procedural.houses import (
  PLASTERS,
  draw_belfry,
  draw_block,
  draw_facade,
  draw_lamps,
  draw_tower,
)
from art_jax.data.procedural.sky import Sky, draw_sky, draw_water, pick_daylight
from art_jax.data.procedural.street import street
from art_jax.data.procedural.terrain import mountain_ranges
from art_jax.data.procedural.trees import TREES


def _skyline(canvas: Canvas, rng, sky: Sky, base: float) -> None:
  """Draw three rows of towers, the far ones pale."""
  heart = rng.uniform(0.3, 0.7)
  with canvas.sketch() as pen:
    for depth, air in enumerate((0.68, 0.40, 0.08)):
      x = -0.02
      while x < 1.0:
        wide = rng.uniform(0.05, 0.10) * (0.85 + 0.25 * depth)
        peak = np.exp(-(((x + wide / 2 - heart) / 0.30) ** 2))
        tall = (0.10 + 0.40 * peak * rng.uniform(0.4, 1.0)) * (
          1.05 - 0.25 * depth
        )
        tall = tall * rng.uniform(0.7, 1.1)
        if depth == 0 or rng.uniform() < 0.75:
          draw_tower(pen, rng, sky, x, x + wide, base - tall, base + 0.01, air)
        x += wide * rng.uniform(0.95, 1.5)


def skyline(canvas: Canvas, rng) -> None:
  """Compose towers behind water, a park or a bridge."""
  sky = draw_sky(canvas, rng, pick_daylight(rng), 0.66)
  base = rng.uniform(0.62, 0.72)
  _skyline(canvas, rng, sky, base)
  tint = np.asarray(sky.light.tint)
  if rng.uniform() < 0.65:
    draw_water(canvas, rng, sky, base, (0.08, 0.26, 0.38))
  else:
    lawn = np.asarray((0.34, 0.48, 0.20)) * tint
    depth = np.clip((canvas.y - base) * canvas.size, 0, 1)
    tone = 1.1 - 0.5 * (canvas.y - base) + 0.05 * canvas.noise(rng, 0.3, 0.3)
    canvas.shade(depth, lawn * tone[..., None], 'ground')
    way = [(0.44, 1.01), (0.62, 1.01), (0.53, base + 0.02), (0.51, base + 0.02)]
    canvas.fill(
      np.array(way) + (rng.uniform(-0.2, 0.2), 0),
      np.asarray((0.74, 0.68, 0.58)) * tint,
      'path',
    )
  dark, lit = (
    np.array((0.06, 0.18, 0.10)) * tint,
    np.array((0.36, 0.52, 0.2)) * tint,
  )
  with canvas.sketch() as pen:
    for x in np.sort(rng.uniform(0, 1, 10)):
      tall = rng.uniform(0.05, 0.09)
      TREES['broadleaf'](pen, rng, x, base + 0.015, tall, dark, lit, sky.side)
    if rng.uniform() < 0.4:
      side = rng.choice([-1, 1])
      TREES['broadleaf'](
        pen, rng, 0.5 + side * 0.42, 1.0, 0.62, dark, lit, sky.side
      )


def canal(canvas: Canvas, rng) -> None:
  """Compose a row of gabled houses on a quay, mirrored in the water."""
  sky = draw_sky(canvas, rng, pick_daylight(rng), 0.62)
  quay = rng.uniform(0.60, 0.70)
  tint = np.asarray(sky.light.tint)
  high = rng.uniform(0.28, 0.40)
  with canvas.sketch() as pen:
    x = -rng.uniform(0, 0.08)
    while x < 1.0:
      wide = rng.uniform(0.13, 0.21)
      top = quay - high * rng.uniform(0.8, 1.15)
      draw_facade(pen, rng, sky, x, x + wide, top, quay)
      x += wide
    pen.box(
      0, quay - 0.004, 1, quay + 0.03, np.array((0.5, 0.45, 0.4)) * tint, 'road'
    )
    kind = pick(rng, ('broadleaf', 'bare'))
    dark, lit = (
      np.array((0.08, 0.2, 0.1)) * tint,
      np.array((0.5, 0.56, 0.2)) * tint,
    )
    for x in np.sort(rng.uniform(0.05, 0.95, int(rng.integers(0, 4)))):
      TREES[kind](pen, rng, x, quay + 0.01, rng.uniform(0.16, 0.26), dark, lit,
                  sky.side)  # fmt: skip
    draw_lamps(pen, rng, sky, quay)
  draw_water(canvas, rng, sky, quay + 0.03, (0.12, 0.28, 0.30))
  with canvas.sketch() as pen:
    for _ in range(int(rng.integers(0, 3))):
      x, y = rng.uniform(0.15, 0.85), rng.uniform(quay + 0.10, 0.92)
      s = 0.06 + 0.14 * (y - quay)
      hull = vary(rng, pick(rng, PLASTERS), 0.04) * tint * 0.8
      pen.disc(x, y + s * 0.3, s * 1.1, s * 0.22, hull * 0.3, None, 0.5)
      pen.polygon([(x - s, y - s * 0.1), (x + s * 1.1, y - s * 0.15),
                   (x + s * 0.8, y + s * 0.3), (x - s * 0.8, y + s * 0.3)],
                  hull, 'vehicle')  # fmt: skip
      pen.box(
        x - s * 0.4,
        y - s * 0.4,
        x + s * 0.3,
        y - s * 0.1,
        np.array((0.92, 0.88, 0.8)) * tint,
        'vehicle',
      )


def village(canvas: Canvas, rng) -> None:
  """Compose houses stacked on a hill, with a tower and often the sea."""
  sky = draw_sky(canvas, rng, pick_daylight(rng), 0.5)
  tint = np.asarray(sky.light.tint)
  mountain_ranges(canvas, rng, sky, 0.52, False)
  seaside = rng.uniform() < 0.55
  plain = (0.30, 0.42, 0.50) if seaside else (0.50, 0.54, 0.32)
  below = np.clip((canvas.y - 0.53) * canvas.size + 0.5, 0, 1)
  canvas.shade(
    below, np.asarray(plain) * tint, 'water' if seaside else 'ground'
  )
  peak, lean = rng.uniform(0.35, 0.65), rng.uniform(0.30, 0.42)
  x = np.linspace(-0.02, 1.02, 40)
  line = 0.78 - lean * np.exp(-(((x - peak) / 0.34) ** 2))
  hill = np.concatenate([np.stack([x, line], 1), [(1.02, 1.02), (-0.02, 1.02)]])
  canvas.fill(hill, np.asarray((0.42, 0.46, 0.24)) * tint, 'ground')
  spots = []
  for row in np.linspace(0.06, 1.0, 9):
    for x0 in np.arange(rng.uniform(-0.05, 0.02), 1.02, 0.085 + 0.03 * row):
      ridge = 0.78 - lean * np.exp(-(((x0 - peak) / 0.34) ** 2))
      spots.append(
        (ridge + (0.98 - ridge) * row, x0 + rng.normal(0, 0.012), row)
      )
  tower = int(len(spots) * 0.12)
  dark, lit = (
    np.array((0.06, 0.2, 0.1)) * tint,
    np.array((0.4, 0.54, 0.2)) * tint,
  )
  with canvas.sketch() as pen:
    for i, (y, x0, row) in enumerate(sorted(spots)):
      size = 0.075 + 0.045 * row
      if i == tower:
        draw_belfry(pen, rng, sky, peak, y)
      if rng.uniform() < 0.2:
        TREES[pick(rng, ('cypress', 'broadleaf'))](
          pen, rng, x0, y, size * 1.5, dark, lit, sky.side
        )
      else:
        draw_block(pen, rng, sky, x0, y, size)
  if seaside:
    draw_water(canvas, rng, sky, rng.uniform(0.76, 0.86), (0.06, 0.32, 0.44))


def cityscape(canvas: Canvas, rng: np.random.Generator) -> None:
  """Compose a city on an empty canvas."""
  pick(rng, (skyline, skyline, canal, canal, village, street, street))(
    canvas, rng
  )

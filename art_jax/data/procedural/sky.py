"""Times of day: the light of a scene, its sky, its water."""

from typing import NamedTuple

import numpy as np

from art_jax.data.procedural.canvas import Canvas, ellipse, mix, pick


class Daylight(NamedTuple):
  """The light of one time of day; colors in 0..1."""

  top: tuple[float, float, float]
  middle: tuple[float, float, float]
  low: tuple[float, float, float]
  lit: tuple[float, float, float]  # the sunny side of clouds
  tint: tuple[float, float, float]  # multiplies the color of things
  sun: tuple[float, float, float]
  night: float  # share of darkness, 0..1: lights go on, stars come out


DAYLIGHTS = (
  Daylight(
    (0.20, 0.45, 0.80), (0.46, 0.69, 0.92), (0.82, 0.90, 0.95),
    (1.00, 0.99, 0.97), (1.02, 1.00, 0.95), (1.00, 0.98, 0.88), 0.0,
  ),
  Daylight(
    (0.40, 0.60, 0.82), (0.70, 0.78, 0.86), (0.98, 0.88, 0.74),
    (1.00, 0.93, 0.86), (1.00, 0.94, 0.86), (1.00, 0.95, 0.78), 0.0,
  ),
  Daylight(
    (0.36, 0.52, 0.70), (0.90, 0.76, 0.55), (1.00, 0.74, 0.36),
    (1.00, 0.86, 0.60), (1.06, 0.86, 0.62), (1.00, 0.92, 0.62), 0.1,
  ),
  Daylight(
    (0.24, 0.22, 0.46), (0.82, 0.40, 0.42), (1.00, 0.64, 0.26),
    (1.00, 0.58, 0.44), (0.84, 0.58, 0.56), (1.00, 0.84, 0.46), 0.35,
  ),
  Daylight(
    (0.10, 0.14, 0.36), (0.36, 0.32, 0.56), (0.90, 0.54, 0.50),
    (0.80, 0.52, 0.60), (0.52, 0.46, 0.62), (1.00, 0.72, 0.52), 0.7,
  ),
  Daylight(
    (0.02, 0.04, 0.15), (0.07, 0.13, 0.31), (0.20, 0.31, 0.50),
    (0.32, 0.40, 0.56), (0.42, 0.49, 0.66), (0.96, 0.95, 0.84), 1.0,
  ),
  Daylight(
    (0.34, 0.40, 0.48), (0.56, 0.61, 0.67), (0.82, 0.81, 0.76),
    (0.86, 0.87, 0.88), (0.80, 0.82, 0.82), (0.95, 0.95, 0.90), 0.05,
  ),
)  # fmt: skip

# How often each time of day comes: mostly daylight.
_SHARES = (0.30, 0.16, 0.17, 0.12, 0.09, 0.09, 0.07)


def pick_daylight(rng: np.random.Generator) -> Daylight:
  """Return a time of day, more often a light than a dark one."""
  return DAYLIGHTS[int(rng.choice(len(DAYLIGHTS), p=_SHARES))]


class Sky(NamedTuple):
  """What the rest of a scene needs to know of its sky."""

  light: Daylight
  sun_x: float
  sun_y: float
  side: float  # -1: lit from the left, 1: from the right


def draw_sky(canvas: Canvas, rng, light: Daylight, horizon: float) -> Sky:
  """Paint the whole picture as sky with sun or moon, clouds and stars."""
  rise = np.clip(canvas.y / horizon, 0, 1)[..., None]
  upper = mix(light.top, light.middle, np.clip(rise / 0.6, 0, 1))
  canvas.shade(1.0, mix(upper, light.low, np.clip((rise - 0.5) / 0.5, 0, 1)))
  canvas.mark(np.ones((canvas.size, canvas.size), bool), 'sky')
  sun_x = float(rng.uniform(0.12, 0.88))
  low_sun = 0.1 <= light.night < 0.9
  sun_y = horizon * float(
    rng.uniform(0.72, 0.96) if low_sun else rng.uniform(0.15, 0.5)
  )
  stars = rng.uniform(0, 1, (90, 3))
  if light.night > 0.6:
    with canvas.sketch() as pen:
      for x, y, glint in stars:
        radius = 0.001 + 0.004 * glint**4
        pen.disc(x, y * horizon, radius, radius, (1, 0.97, 0.85), None, glint)
  radius = float(rng.uniform(0.03, 0.055))
  strength = 0.55 if light.night < 0.9 else 0.35
  canvas.glow(sun_x, sun_y, radius * 4, light.sun, strength)
  disc = ellipse(sun_x, sun_y, radius, radius)
  if light.night >= 0.9 and rng.uniform() < 0.4:
    # A crescent: the far half of the disc folded inwards.
    disc = disc - (sun_x, sun_y)
    disc[:, 0] = np.where(disc[:, 0] > 0, -0.55 * disc[:, 0], disc[:, 0])
    disc = disc + (sun_x, sun_y)
  canvas.fill(disc, light.sun, 'sun')
  _clouds(canvas, rng, light, horizon, sun_x)
  return Sky(light, sun_x, sun_y, 1.0 if sun_x > 0.5 else -1.0)


def _clouds(canvas: Canvas, rng, light: Daylight, horizon, sun_x) -> None:
  """Add fair-weather heaps, thin streaks or a gray cover."""
  kind = pick(rng, ('heaps', 'heaps', 'streaks', 'clear'))
  if light is DAYLIGHTS[-1]:
    kind = 'cover'
  wide, tall = (0.16, 0.42) if kind == 'streaks' else (0.30, 0.55)
  field = canvas.noise(rng, wide, tall)
  cover = rng.uniform(0.1, 0.7)
  if kind == 'clear':
    return
  gate = {'heaps': 0.9 - cover, 'streaks': 0.8 - cover, 'cover': -1.2}[kind]
  mask = np.clip((field - gate) * 1.6, 0, 1)
  mask = mask * np.clip((horizon - canvas.y) * 7, 0, 1)
  mask = mask * mask * (3 - 2 * mask)
  # Light falls from above: a cloud is lit where it thins out upwards.
  step = max(canvas.size // 32, 1)
  rise = field - np.roll(field, step, axis=0)
  rise[:step] = rise[step]
  near = np.exp(-(((canvas.x - sun_x) / 0.4) ** 2)) * 0.3
  lit = np.clip(0.5 + rise * 1.1 + near - 0.15 * (field - gate), 0, 1)
  dark = mix(light.middle, mix(light.top, (0.55, 0.55, 0.6), 0.5), 0.45)
  body = mix(dark, light.lit, lit[..., None])
  canvas.shade(mask * (0.92 if kind != 'streaks' else 0.75), body, 'cloud')


def draw_water(canvas: Canvas, rng, sky: Sky, top: float, deep) -> None:
  """Paint water below `top` that mirrors what stands above it.

  Args:
    canvas: the picture; everything above `top` must be drawn already.
    rng: chooses the ripples.
    sky: the light; its sun leaves a glittering path.
    top: y of the far shore.
    deep: color of the water itself, in daylight.
  """
  size = canvas.size
  start = min(int(round(top * size)), size - 1)
  calm = float(rng.uniform(0.4, 1.0))
  ripple = canvas.noise(rng, 0.12, 0.9)[start:]
  chop = canvas.floor_noise(rng, top - 0.03, 0.8)[start:]
  near = np.clip((canvas.y[start:] - top) / (1 - top), 0, 1)
  offset = np.arange(size - start)[:, None]
  wave = ripple * (0.004 + 0.03 * near * calm) * size
  row = np.clip(start - 1 - offset * start / size * 1.15 - wave, 0, start - 1)
  column = np.arange(size)[None] + (chop * 0.012 * size * near)
  column = np.clip(column, 0, size - 1).astype(int)
  mirror = canvas.rgb[row.astype(int), column]
  body = np.asarray(deep) * np.asarray(sky.light.tint)
  water = mix(mirror * 0.92, body, (0.22 + 0.40 * near)[..., None])
  water = water * (1 + 0.10 * (ripple + chop))[..., None]
  spread = 0.03 + 0.10 * near
  path = np.exp(-(((canvas.x - sky.sun_x) / spread) ** 2))
  spark = np.clip(ripple * 0.9 + chop * 0.9 - 0.1, 0, 1) * path * 0.85
  water = mix(water, sky.light.sun, np.clip(spark, 0, 1)[..., None])
  canvas.rgb[start:] = water
  canvas.mark(
    np.broadcast_to(np.arange(size)[:, None] >= start, (size,) * 2), 'water'
  )

"""A street in one-point perspective, between two rows of houses."""

from typing import NamedTuple

import numpy as np

from art_jax.data.procedural.canvas import (
  Canvas,
  Pen,
  ellipse,
  mix,
  pick,
  vary,
)
from art_jax.data.procedural.houses import LAMP, PLASTERS, window_glass
from art_jax.data.procedural.sky import Sky, draw_sky, pick_daylight
from art_jax.data.procedural.trees import TREES

_COATS = (
  (0.12, 0.12, 0.16), (0.50, 0.14, 0.14), (0.16, 0.24, 0.40),
  (0.60, 0.50, 0.36),
)  # fmt: skip


class View(NamedTuple):
  """Where the eye looks: the vanishing point, and half the street's width.

  A point of the world is (across, up, deep): across in half widths of the
  street, up in the same unit from the ground, deep in distances of the eye.
  """

  x: float
  y: float
  wide: float

  def at(self, points) -> np.ndarray:
    """Return world points [P, 3] as picture coordinates f64[P, 2]."""
    across, up, deep = np.asarray(points, float).T
    scale = self.wide / deep
    return np.stack([self.x + across * scale, self.y + (0.42 - up) * scale], 1)


def _front(pen: Pen, rng, sky: Sky, view: View, s, near, far, high) -> None:
  """Draw one house of the row on side `s` (-1 or 1), from near to far."""
  tint = np.asarray(sky.light.tint)
  air = mix(sky.light.low, sky.light.middle, 0.4)
  haze = np.clip(0.10 * (far - 1), 0, 0.6)
  wall = vary(rng, pick(rng, PLASTERS), 0.04) * tint
  lit = 1.04 if s != sky.side else 0.72
  wall = mix(wall * lit, air, haze)

  def quad(a, b, low, top):
    return view.at([(s, low, a), (s, low, b), (s, top, b), (s, top, a)])

  pen.polygon(quad(near, far, 0, high), wall, 'building')
  roof = mix(np.asarray((0.46, 0.28, 0.24)) * tint, air, haze)
  eave = view.at([(s, high, near), (s, high, far), (s * 1.25, high + 0.22, far),
                  (s * 1.25, high + 0.22, near)])  # fmt: skip
  pen.polygon(eave, roof, 'roof')
  cornice = mix(wall, (1, 1, 1), 0.3)
  pen.polygon(quad(near, far, high - 0.04, high), cornice)
  floors, columns = int(rng.integers(3, 5)), int(rng.integers(2, 4))
  shop = rng.uniform() < 0.5
  awning = vary(rng, pick(rng, PLASTERS), 0.05) * tint
  for floor in range(floors):
    low = high * (floor + 0.25) / floors
    top = low + high / floors * 0.52
    for column in range(columns):
      a = near + (far - near) * (column + 0.25) / columns
      b = a + (far - near) / columns * 0.5
      glass = mix(window_glass(rng, sky), air, haze * 0.8)
      if floor == 0:
        low, top = 0.04 * high, high / floors * 0.78
      pen.polygon(quad(a, b, low, top), glass, 'window')
    if floor == 0 and shop:
      edge = top * 1.05
      rim = edge * 0.8
      shape = [(s, edge, near), (s, edge, far)]
      shape = view.at([*shape, (s * 0.8, rim, far), (s * 0.8, rim, near)])
      pen.polygon(shape, mix(awning, air, haze), 'roof')


def _road(canvas: Canvas, rng, sky: Sky, view: View) -> None:
  """Pave the street, with kerbs and a dashed or cobbled middle."""
  tint = np.asarray(sky.light.tint)
  stone = vary(rng, pick(rng, ((0.46, 0.46, 0.50), (0.62, 0.54, 0.46))), 0.03)
  floor = canvas.floor_noise(rng, view.y - 0.03, 1.6)
  depth = np.clip((canvas.y - view.y) / (1 - view.y), 0, 1)
  body = stone * tint * (1.12 - 0.30 * depth + 0.07 * floor)[..., None]
  wet = rng.uniform() < 0.45
  if wet:
    # A wet street mirrors the upper half, blurred downwards.
    size = canvas.size
    start = int(round(view.y * size))
    rows = np.clip(2 * start - np.arange(size), 0, start - 1)
    mirror = canvas.rgb[rows]
    shine = np.clip(0.26 + 0.14 * floor, 0, 0.6)[..., None]
    body = mix(body * 0.8, mirror, shine)
  below = np.clip((canvas.y - view.y) * canvas.size, 0, 1)
  canvas.shade(below * np.ones_like(canvas.x), body, 'road')
  pale = mix(stone, (0.86, 0.82, 0.76), 0.5) * tint
  for s in (-1, 1):
    kerb = view.at(
      [(s, 0, 0.3), (s * 0.62, 0, 0.3), (s * 0.62, 0, 12), (s, 0, 12)]
    )
    canvas.fill(kerb, pale, 'path', 0.75 if wet else 1.0)
  if rng.uniform() < 0.5:
    for deep in (0.55, 0.8, 1.1, 1.5, 2.1, 3.0, 4.2):
      dash = [(-0.02, 0, deep), (0.02, 0, deep), (0.02, 0, deep * 1.18),
              (-0.02, 0, deep * 1.18)]  # fmt: skip
      canvas.fill(view.at(dash), np.asarray((0.95, 0.92, 0.82)) * tint)


def _lamp(pen: Pen, sky: Sky, view: View, s, deep) -> None:
  """Draw a street lamp with its light."""
  foot, head = view.at([(s * 0.7, 0, deep), (s * 0.7, 0.95, deep)])
  pen.line([foot, head], 0.010 / deep, (0.10, 0.11, 0.13))
  (x, y), size = head, 0.017 / deep
  if sky.light.night > 0.3:
    for far in (6.0, 3.6, 2.0):
      pen.disc(x, y, size * far, size * far, LAMP, None, 0.15)
  pen.disc(x, y, size, size * 1.2, LAMP, 'window')


def _walker(pen: Pen, rng, sky: Sky, view: View, across, deep) -> None:
  """Draw a passer-by, sometimes under an umbrella."""
  tint = np.asarray(sky.light.tint)
  coat = vary(rng, pick(rng, _COATS), 0.03) * tint
  foot = view.at([(across, 0, deep)])[0]
  unit = view.wide / deep

  def at(points):
    return foot + np.asarray(points) * unit

  shadow = ellipse(-sky.side * 0.05, 0, 0.09, 0.016, 0, 16)
  pen.polygon(at(shadow), (0.05, 0.05, 0.08), None, 0.4)
  body = [(-0.055, -0.08), (-0.03, -0.30), (0.03, -0.30), (0.06, -0.08)]
  pen.polygon(at(body), coat, 'cloth')
  for u in (-0.025, 0.02):
    leg = at([(u, -0.1), (u, 0)])
    pen.line(leg, 0.022 * unit, coat * 0.5, 'cloth')
  face = np.asarray((0.80, 0.58, 0.46)) * tint
  pen.polygon(at(ellipse(0, -0.335, 0.026, 0.032, 0, 14)), face, 'skin')
  if rng.uniform() < 0.5:
    turn = np.linspace(np.pi, 2 * np.pi, 12)
    dome = np.stack([0.15 * np.cos(turn), 0.12 * np.sin(turn) - 0.36], 1)
    silk = vary(rng, pick(rng, PLASTERS), 0.05) * tint * 0.9
    pen.polygon(at(dome), silk, 'cloth')


def street(canvas: Canvas, rng: np.random.Generator) -> None:
  """Compose a street with houses, lamps, trees and passers-by."""
  view = View(
    rng.uniform(0.36, 0.64), rng.uniform(0.52, 0.60), rng.uniform(0.34, 0.46)
  )
  sky = draw_sky(canvas, rng, pick_daylight(rng), view.y)
  tint = np.asarray(sky.light.tint)
  depths = [0.36, 0.62, 0.95, 1.35, 1.9, 2.6, 3.6, 5.2, 8.0]
  with canvas.sketch() as pen:
    for near, far in reversed(list(zip(depths[:-1], depths[1:], strict=True))):
      for s in (-1, 1):
        high = rng.uniform(0.95, 1.45)
        _front(pen, rng, sky, view, s, near, far, high)
    if rng.uniform() < 0.5:
      spire = view.at([(-0.5, 0, 8), (-0.5, 2.6, 8), (0, 4.4, 8), (0.5, 2.6, 8),
                       (0.5, 0, 8)])  # fmt: skip
      pen.polygon(
        spire,
        mix(sky.light.middle, np.asarray((0.4, 0.4, 0.44)) * tint, 0.6),
        'building',
      )
  _road(canvas, rng, sky, view)
  dark, lit = (
    np.array((0.08, 0.2, 0.1)) * tint,
    np.array((0.5, 0.58, 0.2)) * tint,
  )
  planted = rng.uniform() < 0.35
  kind = pick(rng, ('broadleaf', 'bare', 'broadleaf'))
  with canvas.sketch() as pen:
    for deep in (3.2, 2.0, 1.25, 0.85):
      for s in (-1, 1):
        if planted:
          x, foot = view.at([(s * 0.8, 0, deep * 1.1)])[0]
          tall = 0.80 * view.wide / deep
          TREES[kind](pen, rng, x, foot, tall, dark, lit, sky.side)
        else:
          _lamp(pen, sky, view, s, deep)
    count = int(rng.integers(2, 7))
    walks = np.sort(rng.uniform(0.75, 2.6, count))[::-1]
    for deep, across in zip(
      walks, rng.uniform(-0.85, 0.85, count), strict=True
    ):
      _walker(pen, rng, sky, view, across, deep)

"""Abstract pictures: grids, color fields, circles, wedges, mosaics, bands.

Shapes are labeled by their color, 'warm', 'cool', 'pale' or 'dark shape',
and strokes of the pen as 'line'.
"""

import colorsys

import numpy as np

from art_jax.data.procedural.canvas import (
  Canvas,
  ellipse,
  mix,
  pick,
  smooth,
  vary,
)

_PALETTES = (
  ((0.93, 0.90, 0.82), (0.80, 0.18, 0.14), (0.14, 0.28, 0.60),
   (0.95, 0.76, 0.16), (0.10, 0.10, 0.12), (0.40, 0.60, 0.62)),
  ((0.16, 0.18, 0.26), (0.92, 0.44, 0.22), (0.96, 0.80, 0.44),
   (0.26, 0.56, 0.60), (0.86, 0.24, 0.34), (0.92, 0.90, 0.84)),
  ((0.88, 0.82, 0.70), (0.62, 0.26, 0.20), (0.26, 0.40, 0.32),
   (0.84, 0.60, 0.26), (0.30, 0.22, 0.20), (0.56, 0.64, 0.56)),
  ((0.86, 0.90, 0.92), (0.24, 0.42, 0.76), (0.92, 0.50, 0.62),
   (0.98, 0.84, 0.36), (0.26, 0.22, 0.46), (0.44, 0.74, 0.70)),
  ((0.34, 0.10, 0.16), (0.88, 0.32, 0.18), (0.96, 0.66, 0.20),
   (0.52, 0.16, 0.34), (0.12, 0.08, 0.14), (0.90, 0.80, 0.64)),
  ((0.94, 0.88, 0.80), (0.90, 0.56, 0.44), (0.44, 0.58, 0.74),
   (0.60, 0.72, 0.48), (0.42, 0.30, 0.42), (0.96, 0.78, 0.50)),
)  # fmt: skip


def shape_label(color) -> str:
  """Return the class of a shape of this color."""
  hue, _, _ = colorsys.rgb_to_hsv(*(float(np.clip(c, 0, 1)) for c in color))
  low, high = min(color), max(color)
  if high < 0.36:
    return 'dark shape'
  if low > 0.60:
    return 'pale shape'
  return 'warm shape' if hue < 0.19 or hue > 0.86 else 'cool shape'


def _ground(canvas: Canvas, rng, color) -> None:
  """Cover the sheet: paper with a slow change of light."""
  noise = canvas.noise(rng, 0.35, 0.35)
  turn = rng.uniform(0, 2 * np.pi)
  slope = (canvas.x - 0.5) * np.cos(turn) + (canvas.y - 0.5) * np.sin(turn)
  tone = 1.0 + 0.14 * slope + 0.035 * noise
  canvas.shade(1.0, np.asarray(color) * tone[..., None], 'background')


def _slab(canvas: Canvas, rng, outline, color, raised=0.010, alpha=1.0) -> None:
  """Lay a shape on the sheet: soft shadow, then color with a sheen."""
  outline = np.asarray(outline, float)
  if raised:
    shadow = outline + (raised * 0.7, raised)
    canvas.fill(shadow, (0.05, 0.04, 0.06), None, 0.38, raised * 0.7)
  turn = rng.uniform(0, 2 * np.pi)
  center, reach = outline.mean(0), np.ptp(outline, axis=0).max() + 1e-6

  def shade(x, y):
    u, v = (x - center[0]) / reach, (y - center[1]) / reach
    tone = 1 + 0.30 * (u * np.cos(turn) + v * np.sin(turn))
    return np.asarray(color, np.float32) * tone[..., None]

  label = shape_label(color) if alpha > 0.5 else None
  canvas.fill(outline, shade, label, alpha)


def _rectangle(x, y, wide, high, turn=0.0) -> np.ndarray:
  """Return the outline of a rectangle about (x, y)."""
  corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (
    wide / 2,
    high / 2,
  )
  cos, sin = np.cos(turn), np.sin(turn)
  return corners @ np.array([(cos, sin), (-sin, cos)]) + (x, y)


def grid(canvas: Canvas, rng, palette) -> None:
  """Black bars on white with a few primary fields."""
  _ground(canvas, rng, (0.94, 0.92, 0.86))
  primaries = ((0.82, 0.14, 0.12), (0.12, 0.26, 0.62), (0.96, 0.78, 0.12))
  if rng.uniform() < 0.4:
    primaries = palette[1:4]

  def cuts():
    steps = rng.uniform(0.5, 1.6, int(rng.integers(3, 6)))
    return np.concatenate(
      [[-0.02], np.cumsum(steps)[:-1] / steps.sum(), [1.02]]
    )

  xs, ys = cuts(), cuts()
  for left, right in zip(xs[:-1], xs[1:], strict=True):
    for top, foot in zip(ys[:-1], ys[1:], strict=True):
      chance = rng.uniform()
      if chance < 0.42:
        color = vary(rng, pick(rng, primaries), 0.02)
        outline = [(left, top), (right, top), (right, foot), (left, foot)]
        _slab(canvas, rng, outline, color, 0)
  bar = rng.uniform(0.016, 0.032)
  with canvas.sketch() as pen:
    ink = (0.08, 0.08, 0.09)
    for x in xs[1:-1]:
      pen.box(x - bar / 2, 0, x + bar / 2, 1.0, ink, 'line')
    for y in ys[1:-1]:
      pen.box(0, y - bar / 2, 1.0, y + bar / 2, ink, 'line')


def fields(canvas: Canvas, rng, palette) -> None:
  """Two to four soft-edged bands of color that seem to float."""
  order = rng.permutation(6)
  _ground(canvas, rng, palette[order[0]])
  count = int(rng.integers(2, 5))
  heights = rng.uniform(0.6, 1.8, count)
  heights = heights / heights.sum() * 0.86
  top = 0.06
  for i, high in enumerate(heights):
    color = vary(rng, palette[order[i + 1]], 0.03)
    noise = canvas.noise(rng, 0.3, 0.3)
    tone = 1 + 0.06 * noise
    gap, soft = 0.014, 0.022
    edge = np.minimum(
      np.minimum(canvas.x - 0.07, 0.93 - canvas.x),
      np.minimum(canvas.y - top - gap, top + high - gap - canvas.y),
    )
    mask = np.clip((edge + 0.006 * noise) / soft, 0, 1)
    mask = mask * mask * (3 - 2 * mask) * 0.94
    canvas.shade(mask, color * tone[..., None], shape_label(color))
    top += high


def circles(canvas: Canvas, rng, palette) -> None:
  """Circles, wedges, arcs and lines in free balance."""
  _ground(canvas, rng, palette[0])
  inks = palette[1:]
  x, y, r = (
    rng.uniform(0.25, 0.75),
    rng.uniform(0.25, 0.6),
    rng.uniform(0.16, 0.26),
  )
  color = pick(rng, inks)
  canvas.glow(x, y, r * 1.1, mix(color, palette[0], 0.3), 0.5)
  for scale in (1.0, 0.78, 0.5):
    ink = vary(rng, pick(rng, inks), 0.03)
    _slab(canvas, rng, ellipse(x, y, r * scale, r * scale), ink, 0.012)
  for _ in range(int(rng.integers(3, 6))):
    corner = rng.uniform(0.1, 0.9, 2)
    turn, reach = rng.uniform(0, 6.3), rng.uniform(0.16, 0.42)
    spread = rng.uniform(0.2, 0.6)
    tips = [corner + reach * np.array((np.cos(a), np.sin(a)))
            for a in (turn, turn + spread)]  # fmt: skip
    ink = vary(rng, pick(rng, inks), 0.03)
    _slab(canvas, rng, [corner, *tips], ink, 0.008, 0.86)
  for _ in range(int(rng.integers(5, 11))):
    spot, far = rng.uniform(0.08, 0.92, 2), rng.uniform(0.018, 0.075)
    ink = vary(rng, pick(rng, inks), 0.03)
    _slab(canvas, rng, ellipse(spot[0], spot[1], far, far), ink, 0.007)
    if far > 0.04:
      core = vary(rng, pick(rng, inks), 0.03)
      _slab(
        canvas, rng, ellipse(spot[0], spot[1], far * 0.5, far * 0.5), core, 0
      )
  bright = sum(palette[0]) > 1.2
  ink = (0.08, 0.08, 0.10) if bright else (0.93, 0.90, 0.84)
  with canvas.sketch() as pen:
    for _ in range(int(rng.integers(4, 8))):
      start, goal = rng.uniform(0.02, 0.98, (2, 2))
      pen.line([start, goal], rng.uniform(0.005, 0.013), ink, 'line')
    for _ in range(3):
      center, far = rng.uniform(0.2, 0.8, 2), rng.uniform(0.08, 0.3)
      arc = ellipse(center[0], center[1], far, far)[: int(rng.integers(8, 20))]
      pen.line(arc, rng.uniform(0.006, 0.012), ink, 'line')


def discs(canvas: Canvas, rng, palette) -> None:
  """Quartered rings of changing color around one or more centers."""
  _ground(canvas, rng, palette[0])
  count = pick(rng, (1, 2, 3, 4))
  for i in range(count):
    place = rng.uniform(0.25, 0.75, 2)
    reach = (0.46, 0.36, 0.30, 0.25)[count - 1] * rng.uniform(0.85, 1.1)
    if count == 4:
      place = np.array((0.27 + 0.46 * (i % 2), 0.27 + 0.46 * (i // 2)))
    turn = rng.uniform(0, 1.57)
    for level in np.linspace(1, 0.2, 5):
      for quarter in range(4):
        a = turn + quarter * np.pi / 2 + np.linspace(0, np.pi / 2, 12)
        arc = place + reach * level * np.stack([np.cos(a), np.sin(a)], 1)
        ink = vary(rng, pick(rng, palette), 0.04)
        raised = 0.008 if quarter == 0 and level == 1 else 0
        _slab(canvas, rng, np.concatenate([arc, place[None]]), ink, raised)


def wedges(canvas: Canvas, rng, palette) -> None:
  """Tilted bars and blocks that fly across an empty sheet."""
  light = pick(rng, (palette[0], (0.93, 0.91, 0.86)))
  _ground(canvas, rng, light)
  turn = rng.uniform(-0.9, 0.9)
  inks = [c for c in palette if np.abs(np.subtract(c, light)).sum() > 0.5]
  for i in range(int(rng.integers(8, 15))):
    big = max(0.42 - 0.05 * i, 0.07)
    wide, high = big * rng.uniform(0.7, 1.3), big * rng.uniform(0.12, 0.6)
    x, y = rng.uniform(0.18, 0.82, 2)
    tilt = (
      turn + (np.pi / 2 if rng.uniform() < 0.3 else 0) + rng.normal(0, 0.06)
    )
    ink = vary(rng, pick(rng, inks), 0.03)
    _slab(canvas, rng, _rectangle(x, y, wide, high, tilt), ink, 0.012)
  spot, far = rng.uniform(0.2, 0.8, 2), rng.uniform(0.07, 0.13)
  disc = ellipse(spot[0], spot[1], far, far)
  _slab(canvas, rng, disc, vary(rng, pick(rng, inks), 0.03))


def mosaic(canvas: Canvas, rng, palette) -> None:
  """A patchwork of squares whose colors drift over the sheet."""
  _ground(canvas, rng, palette[4])
  count = int(rng.integers(5, 9))
  drift = rng.uniform(0, 6.3, 3)
  lean = rng.normal(0, 0.012, (count + 1, count + 1, 2))
  for row in range(count):
    for column in range(count):
      wave = np.sin(column * 0.7 + drift[0]) + np.sin(row * 0.8 + drift[1])
      place = int((wave + 2) / 4 * 5.99 + rng.normal(0, 0.8)) % 6
      ink = vary(rng, palette[place], 0.06)
      corners = [(row, column), (row, column + 1), (row + 1, column + 1),
                 (row + 1, column)]  # fmt: skip
      outline = np.array(
        [(np.array((c, r)) / count) + lean[r, c] for r, c in corners]
      )
      outline = outline + (outline.mean(0) - outline) * 0.06
      _slab(canvas, rng, outline, ink, 0)
      if rng.uniform() < 0.2:
        far = 0.28 / count
        x, y = outline.mean(0)
        form = ellipse(x, y, far, far) if wave > 0 else outline[:3]
        _slab(canvas, rng, form, vary(rng, pick(rng, palette), 0.04), 0)


def bands(canvas: Canvas, rng, palette) -> None:
  """Rolling bands, like hills or music, under a disc."""
  order = rng.permutation(6)
  _ground(canvas, rng, palette[order[0]])
  spot, far = rng.uniform(0.2, 0.8), rng.uniform(0.09, 0.17)
  ink = vary(rng, palette[order[1]], 0.03)
  _slab(canvas, rng, ellipse(spot, 0.24, far, far), ink)
  count = int(rng.integers(5, 9))
  x = np.linspace(-0.05, 1.05, 9)
  for i in range(count):
    level = 0.30 + 0.75 * i / count
    wave = level + rng.normal(0, 0.055, 9)
    line = smooth(np.stack([x, wave], 1), False)
    outline = np.concatenate([line, [(1.05, 1.1), (-0.05, 1.1)]])
    ink = vary(rng, palette[order[1 + i % 5]], 0.05)
    _slab(canvas, rng, outline, ink, 0.012)


def abstract(canvas: Canvas, rng: np.random.Generator) -> None:
  """Compose an abstract picture on an empty canvas."""
  style = pick(
    rng, (grid, fields, circles, circles, discs, wedges, mosaic, bands)
  )
  style(canvas, rng, pick(rng, _PALETTES))

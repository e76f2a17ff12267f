"""The land of a landscape: mountains, ground, fields, paths and rivers."""

import numpy as np

from art_jax.data.procedural.canvas import Canvas, mix, pick, vary
from art_jax.data.procedural.sky import Sky


def ridge(rng, rough: float, steps: int = 7) -> np.ndarray:
  """Return a fractal height line f64[2**steps + 1], about -1..1."""
  line = rng.uniform(-0.6, 0.6, 3)
  spread = 0.5
  while line.size < 2**steps + 1:
    middle = (line[1:] + line[:-1]) / 2 + rng.normal(0, spread, line.size - 1)
    grown = np.empty(line.size * 2 - 1)
    grown[::2], grown[1::2] = line, middle
    line, spread = grown, spread * rough
  return line


def _under(line: np.ndarray, floor: float) -> np.ndarray:
  """Return the outline of everything between a height line and `floor`."""
  x = np.linspace(-0.02, 1.02, line.size)
  top = np.stack([x, line], 1)
  return np.concatenate([top, [(1.02, floor), (-0.02, floor)]])


def mountain_ranges(
  canvas: Canvas, rng, sky: Sky, horizon: float, snowy
) -> None:
  """Draw two to four ranges, the far ones pale with air."""
  light = sky.light
  count = int(rng.integers(2, 5))
  rock = vary(rng, pick(rng, ((0.36, 0.36, 0.46), (0.44, 0.36, 0.34))), 0.04)
  wood = np.array([0.24, 0.36, 0.26])
  peak = rng.uniform(0.20, 0.36)
  for i in range(count):
    near = (i + 1) / count
    rough = 0.56 - 0.10 * near
    height = peak * (1.05 - 0.75 * near) * (1 if i else 1.1)
    line = horizon - 0.02 - height * (0.55 + 0.5 * ridge(rng, rough))
    line = np.minimum(line, horizon + 0.005)
    field = canvas.noise(rng, 0.22, 0.30)
    relief = (field - np.roll(field, 1, 1)) * canvas.size / 64
    color = mix(rock, wood, np.clip(near * 1.3 - 0.5, 0, 1))
    cap = snowy and i < max(count - 1, 1)
    canvas.fill(
      _under(line, horizon + 0.02),
      _slope(canvas, line, relief, field, color, sky, near, cap),
      'mountain',
    )
    if cap:
      above = np.interp(canvas.x[0], np.linspace(-0.02, 1.02, line.size), line)
      cover = canvas.y - above[None] < 0.06 + 0.02 * field
      canvas.mark(cover & canvas.marked('mountain'), 'snow')
  del light


def _slope(canvas, line, relief, field, color, sky: Sky, near, snowy):
  """Return the shade of one range: lit flanks, snow, air at its foot."""
  light = sky.light
  size = canvas.size

  def shade(x, y):
    columns = np.round(x[0] * size - 0.5).astype(int)
    rows = np.round(y[:, 0] * size - 0.5).astype(int)
    part = np.ix_(rows, columns)
    top = np.interp(x[0], np.linspace(-0.02, 1.02, line.size), line)
    tilt = np.gradient(top) * size / max(size / 96, 1) * 0.9
    facing = np.clip(
      (-tilt[None] * sky.side * 0.35 + relief[part] * sky.side * 1.4), -1, 1
    )
    tone = (0.78 + 0.34 * facing + 0.04 * field[part])[..., None]
    body = np.asarray(color) * tone
    if snowy:
      depth = (y - top[None]) + 0.03 * field[part]
      snow = np.clip((0.075 - depth) * 30, 0, 1)[..., None]
      cold = mix(
        (0.66, 0.72, 0.86), (1.0, 0.98, 0.96), (facing + 1)[..., None] / 2
      )
      body = mix(body, cold, snow * 0.95)
    body = body * np.asarray(light.tint)
    air = mix(light.low, light.middle, 0.45)
    foot = np.clip((y - top[None]) / 0.22, 0, 1)[..., None]
    return mix(
      body, air, np.clip(0.62 * (1 - near) + 0.10 + 0.25 * foot, 0, 0.8)
    )

  return shade


def rolling_ground(
  canvas: Canvas, rng, sky: Sky, top: float, land: str
) -> None:
  """Lay the land below `top`, in two to three rolling folds."""
  bases = {
    'meadow': ((0.62, 0.68, 0.34), (0.30, 0.46, 0.16)),
    'river': ((0.58, 0.66, 0.36), (0.26, 0.42, 0.18)),
    'lake': ((0.46, 0.54, 0.32), (0.22, 0.34, 0.16)),
    'sea': ((0.88, 0.80, 0.62), (0.76, 0.64, 0.44)),
    'rows': ((0.60, 0.64, 0.34), (0.40, 0.46, 0.18)),
    'hills': ((0.80, 0.70, 0.38), (0.46, 0.48, 0.16)),
    'desert': ((0.94, 0.76, 0.52), (0.80, 0.50, 0.26)),
    'winter': ((0.92, 0.94, 0.98), (0.84, 0.88, 0.95)),
  }
  far, near = (vary(rng, c, 0.03) for c in bases[land])
  label = 'snow' if land == 'winter' else 'ground'
  folds = 4 if land in ('hills', 'desert') else 2
  floor = canvas.floor_noise(rng, top - 0.04, 1.0)
  broad = canvas.noise(rng, 0.10, 0.16)
  tint = np.asarray(sky.light.tint)
  for i in range(folds):
    start = top + (1 - top) * 0.8 * (i / folds) ** 1.2
    swing = 0.0 if i == 0 else rng.uniform(0.02, 0.07)
    if land == 'desert':
      swing = 0.012 + swing * 1.5  # dunes
    line = start + swing * ridge(rng, 0.22)
    tilt = np.gradient(line) * 130
    lean = np.interp(canvas.x[0], np.linspace(-0.02, 1.02, line.size), tilt)
    depth = np.clip((canvas.y - top) / (1 - top), 0, 1)
    crest = np.interp(canvas.x[0], np.linspace(-0.02, 1.02, line.size), line)
    below = np.clip((canvas.y - crest[None]) / 0.25, 0, 1)
    tone = 1.10 - 0.24 * below + 0.06 * floor + 0.06 * broad
    tone = tone - 0.30 * sky.side * np.clip(lean[None], -1, 1)
    body = mix(far, near, depth[..., None]) * tone[..., None] * tint
    if land == 'desert':
      body = body * (1 + 0.04 * np.sin(canvas.y * 260 + 4 * broad))[..., None]
    body = mix(body, sky.light.low, 0.35 * (1 - depth[..., None]) ** 3)
    edge = np.clip((canvas.y - crest[None]) * canvas.size + 0.5, 0, 1)
    canvas.shade(edge, body, label)


def blossom_rows(canvas: Canvas, rng, sky: Sky, top: float) -> None:
  """Cover the ground with rows of blossom that meet at the horizon."""
  goal = rng.uniform(0.25, 0.75)
  flower = pick(
    rng,
    ((0.52, 0.36, 0.78), (0.88, 0.26, 0.26), (0.96, 0.80, 0.22),
     (0.92, 0.50, 0.66)),
  )  # fmt: skip
  depth = np.maximum(canvas.y - top, 0.004)
  across = (canvas.x - goal) / depth
  noise = canvas.floor_noise(rng, top - 0.04, 2.0)
  wave = np.sin(across * rng.uniform(7, 11) + 0.25 * noise)
  fade = np.clip(depth * 9, 0, 1)
  tone = (0.92 + 0.16 * wave + 0.12 * noise)[..., None]
  mask = np.clip(wave * 1.6 + 0.9, 0, 1) * fade * 0.95
  tint = np.asarray(sky.light.tint)
  canvas.shade(mask, np.asarray(flower) * tone * tint)
  canvas.mark(mask > 0.55, 'petal')


def winding_path(canvas: Canvas, rng, sky: Sky, top: float, wet: bool) -> None:
  """Wind a path or a river from the front to the horizon."""
  t = np.linspace(0, 1, 24)
  depth = t**1.6
  start, goal = rng.uniform(0.15, 0.85), rng.uniform(0.3, 0.7)
  swing = rng.uniform(0.08, 0.22) * rng.choice([-1, 1])
  middle = goal + (start - goal) * depth
  middle = middle + swing * np.sin(t * 6.5) * (0.25 + depth) * (1 - 0.5 * depth)
  y = top + (1.02 - top) * depth
  wide = 0.006 + (0.17 if wet else 0.10) * depth
  outline = np.concatenate([
    np.stack([middle - wide, y], 1), np.stack([middle + wide, y], 1)[::-1]
  ])  # fmt: skip
  tint = np.asarray(sky.light.tint)
  if wet:
    bank = np.asarray((0.40, 0.34, 0.22)) * tint
    canvas.fill(outline + (0, 0.006), bank, 'ground')
    noise = canvas.noise(rng, 0.1, 0.5)
    air = mix(sky.light.middle, sky.light.top, 0.4)
    flow = mix(
      sky.light.low, air, np.clip((canvas.y - top) * 2, 0, 1)[..., None]
    )
    flow = flow * (0.94 + 0.08 * noise)[..., None]
    size = canvas.size

    def color(x, yy):
      rows = np.round(yy[:, 0] * size - 0.5).astype(int)
      columns = np.round(x[0] * size - 0.5).astype(int)
      return flow[np.ix_(rows, columns)]

    canvas.fill(outline, color, 'water')
  else:
    canvas.fill(
      outline, np.asarray((0.80, 0.69, 0.52)) * tint, 'path', 0.9, 0.004
    )

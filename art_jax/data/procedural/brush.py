"""Turn a picture into a painting of it: color grade, strokes, relief.

The painting is made of layers of curved strokes, large ones first and smaller
ones where the picture has detail, after A. Hertzmann, 'Painterly Rendering
with Curved Brush Strokes of Multiple Sizes' (SIGGRAPH 1998). Strokes run along
the structure of the picture: at right angles to its gradient, and along a
gently turning field where there is none. All strokes of a layer are traced at
the same time as arrays.
"""

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# Points along a stroke: long strokes for large brushes, short for small ones.
_TAPERS = {
  6: np.array([0.72, 0.97, 1.0, 0.98, 0.88, 0.55]),
  4: np.array([0.75, 1.0, 0.95, 0.60]),
}
_PLAN = 128  # side of the small copy on which strokes are planned
_GRID = 64  # side of the grid on which directions are measured
_LUMA = np.array([0.30, 0.59, 0.11], np.float32)
_AIR = np.array([0.66, 0.75, 0.88], np.float32)
# Brush radius as a fraction of the picture, distance of strokes in radii,
# points per stroke, and how much detail (deviation from the blurred picture)
# calls for a stroke of this layer.
_LAYERS = (
  (0.050, 1.2, 6, 0.0),
  (0.026, 1.5, 6, 0.012),
  (0.0145, 1.7, 4, 0.028),
  (0.0085, 1.9, 4, 0.040),
)


def photo_grade(rgb: np.ndarray) -> np.ndarray:
  """Return scene colors as a camera sees them: cooler, hazier, paler.

  Args:
    rgb: f32[..., 3] in 0..1.
  """
  luma = (rgb @ _LUMA)[..., None]
  pale = luma + 0.76 * (rgb - luma)
  return 0.81 * pale + 0.19 * _AIR * (0.45 + 0.55 * luma)


def paint_grade(rgb: np.ndarray) -> np.ndarray:
  """Return scene colors in pigments: warmer, richer, with more contrast.

  A smooth and invertible function of the color alone, so that the way back
  to the photo can be learnt.

  Args:
    rgb: f32[..., 3] in 0..1.
  """
  luma = (rgb @ _LUMA)[..., None]
  rich = luma + 1.18 * (rgb - luma)
  # A smooth curve that deepens shadows and lifts lights.
  soft = np.clip(rich, 0, 1)
  rich = 0.55 * rich + 0.45 * soft * soft * (3 - 2 * soft)
  umber = np.array([0.085, 0.035, 0.030], np.float32)
  cream = np.array([1.02, 0.96, 0.83], np.float32)
  return np.clip(umber + rich * (cream - umber), 0, 1)


def _directions(rgb: np.ndarray, rng) -> np.ndarray:
  """Return unit vectors f32[G, G, 2] along which strokes are laid."""
  gray = Image.fromarray((rgb @ _LUMA).astype(np.float32))
  gray = gray.resize((_GRID, _GRID), Image.Resampling.BOX)
  luma = np.pad(np.asarray(gray), 1, mode='edge')
  dx = (luma[:, 2:] - luma[:, :-2])[1:-1]
  dy = (luma[2:] - luma[:-2])[:, 1:-1]
  coarse = rng.normal(0, 1, (4, 4)).astype(np.float32)
  drift = Image.fromarray(coarse).resize(gray.size, Image.Resampling.BICUBIC)
  turn = 0.9 * np.asarray(drift)
  # A weak tensor of a drifting, mostly level field decides where it is flat.
  weak = 0.0025
  tensor = np.stack(
    [
      dx * dx - dy * dy - weak * np.cos(2 * turn),
      2 * dx * dy - weak * np.sin(2 * turn),
    ]
  )
  for _ in range(2):
    tensor = np.pad(tensor, ((0, 0), (2, 2), (2, 2)), mode='edge')
    rows = [tensor[:, i : i + _GRID] for i in range(5)]
    tensor = functools.reduce(np.add, rows) / 5
    columns = [tensor[:, :, i : i + _GRID] for i in range(5)]
    tensor = functools.reduce(np.add, columns) / 5
  angle = 0.5 * np.arctan2(tensor[1], tensor[0]) + np.pi / 2
  return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)


def _at(field: np.ndarray, points: np.ndarray) -> np.ndarray:
  """Return the entries of a square field nearest to points in 0..1."""
  side = len(field)
  cell = np.clip((points * side).astype(int), 0, side - 1)
  return field[cell[..., 1], cell[..., 0]]


def _blurred(picture: Image.Image, radius: float) -> np.ndarray:
  """Return a picture blurred by `radius` pixels as f32[..., 3] in 0..1."""
  soft = picture.filter(ImageFilter.GaussianBlur(radius))
  return np.asarray(soft, np.float32) / 255


def _seeds(rng, spacing: float, detail: np.ndarray, limit: float) -> np.ndarray:
  """Return start points f64[P, 2] in random order where detail asks."""
  count = int(np.ceil(1 / spacing))
  cells = np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1)
  tries = (cells[None] + rng.uniform(0, 1, (2, count, count, 2))) / count
  tries = tries.reshape(2, -1, 2)
  order = rng.permutation(count * count)
  need = _at(detail, tries)
  best = np.where((need[1] > need[0])[:, None], tries[1], tries[0])
  best, need = best[order], need.max(0)[order]
  return best[need >= limit]


def _trace(start, radius, steps, colors, field, picture) -> np.ndarray:
  """Follow the direction field from `start`.

  A stroke stops where the picture differs from its color.

  Returns:
    Points f64[P, steps, 2].
  """
  points = [start]
  heading = _at(field, start)
  alive = np.ones(len(start), bool)
  here = start
  for step in range(steps - 1):
    flow = _at(field, here)
    turned = (flow * heading).sum(-1, keepdims=True) < 0
    heading = 0.35 * heading + 0.65 * np.where(turned, -flow, flow)
    there = here + heading * radius * 0.95
    if step > 0:
      change = np.abs(_at(picture, there) - colors).sum(-1)
      alive &= change < 0.22
    here = np.where(alive[:, None], there, here)
    points.append(here)
  return np.stack(points, 1)


def _outlines(points: np.ndarray, radius: float, rng) -> np.ndarray:
  """Return stroke outlines f64[P, 2 * steps + 2, 2] with rounded ends."""
  along = np.diff(points, axis=1)
  along = np.concatenate([along, along[:, -1:]], 1)
  # A stroke that stopped early repeats its last point: keep its direction.
  long = np.linalg.norm(along, axis=-1, keepdims=True)
  first = along[:, :1] / np.maximum(long[:, :1], 1e-9)
  along = np.where(long > 1e-6, along / np.maximum(long, 1e-9), first)
  across = np.stack([-along[..., 1], along[..., 0]], -1)
  taper = _TAPERS[points.shape[1]]
  wide = radius * taper * rng.uniform(0.75, 1.1, (len(points), 1))
  offset = across * wide[..., None]
  left, right = points + offset, points - offset
  tip = points[:, -1:] + along[:, -1:] * radius * 0.6
  tail = points[:, :1] - along[:, :1] * radius * 0.7
  return np.concatenate([left, tip, right[:, ::-1], tail], 1)


def _relief(height, field, rng, size: int) -> np.ndarray:
  """Return the light f32[S, S] that falls on the paint from the upper left."""
  bristles = rng.standard_normal((size, size)).astype(np.float32)
  grid = np.minimum(np.arange(size) * _GRID // size, _GRID - 1)
  flow = field[grid[:, None], grid[None]]
  row, column = np.arange(size)[:, None], np.arange(size)[None]
  total = bristles.copy()
  reach = max(size // 64, 1)
  for step in (-4, -3, -2, -1, 1, 2, 3, 4):
    x = (column + flow[..., 0] * (step * reach)).astype(np.int32)
    y = (row + flow[..., 1] * (step * reach)).astype(np.int32)
    # Neighbors beyond the edge wrap around, which does no harm to noise.
    total += bristles.take((y % size) * size + x % size)
  height = height + total * 0.045
  # The slope is measured over the same share of the picture at every size.
  step = max(size // 128, 1)
  slope = height - np.roll(height, (step, step), (0, 1))
  slope[:step], slope[:, :step] = 0, 0
  return np.clip(slope, -0.9, 0.9)


def paint(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Paint a picture with brush strokes.

  Args:
    rgb: f32[S, S, 3], scene colors in 0..1; its values are used as given, so
      grade them first (`paint_grade`).
    rng: chooses where strokes start and how their color strays.

  Returns:
    u8[S, S, 3].
  """
  size = len(rgb)
  over = 2 if size >= 160 else 3
  bytes_ = (np.clip(rgb, 0, 1) * 255).astype(np.uint8)
  # Strokes are planned on a small copy: it is quick, and a scene gets much the
  # same strokes at every size.
  side = min(size, _PLAN)
  plan = Image.fromarray(bytes_).resize((side, side), Image.Resampling.BOX)
  field = _directions(rgb, rng)
  # Four plain channels: three of color, one for the thickness of the paint.
  ground = np.full((size, size, 4), 90, np.uint8)
  ground[..., :3] = bytes_
  sheet = Image.frombytes('CMYK', (size, size), ground.tobytes())
  sheet = sheet.resize((size * over, size * over), Image.Resampling.NEAREST)
  pen = ImageDraw.Draw(sheet)
  for radius, spacing, steps, limit in _LAYERS:
    if radius * size < 0.8:
      break
    picture = _blurred(plan, radius * side * 0.45)
    lost = _blurred(plan, radius * side * 1.6)
    detail = np.abs(picture - lost).mean(-1)
    start = _seeds(rng, radius * spacing, detail, limit)
    tone = _at(picture, start)
    points = _trace(start, radius, steps, tone, field, picture)
    outlines = _outlines(points, radius, rng) * (size * over)
    inks = tone + rng.normal(0, 0.022, (len(start), 1))
    inks = np.clip(inks + rng.normal(0, 0.012, (len(start), 3)), 0, 1)
    inks = np.concatenate([inks, rng.uniform(0, 1, (len(start), 1))], 1)
    inks = (inks * 255 + 0.5).astype(np.uint8).tolist()
    outlines = outlines.reshape(len(start), -1).astype(np.float32).tolist()
    for outline, ink in zip(outlines, inks, strict=True):
      pen.polygon(outline, fill=tuple(ink))
  painted = np.asarray(sheet.reduce(over), np.float32)
  light = _relief(painted[..., 3] / 255, field, rng, size)
  result = painted[..., :3] * (1 + 0.13 * light)[..., None]
  return np.clip(result + 0.5, 0, 255).astype(np.uint8)

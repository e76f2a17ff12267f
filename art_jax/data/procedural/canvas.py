"""The drawing surface of the built-in paintings.

A `Canvas` holds one scene while it is composed: a float color picture and a
map of semantic classes of the same size. All coordinates are fractions of the
picture, x to the right and y downwards, so one composition can be drawn at
any size. Shapes are drawn with Pillow on an enlarged sheet and averaged down,
which antialiases the colors; the class map takes the class under each pixel
center instead and so never holds a blended value.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from art_jax.data.procedural.labels import CLASSES, TABLE

_NOISE_SIDE = 512

Color = tuple[float, float, float] | np.ndarray
Shade = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mix(first: Color, second: Color, share) -> np.ndarray:
  """Return `first` moved towards `second` by `share` (0..1, broadcast)."""
  first = np.asarray(first, np.float32)
  return first + (np.asarray(second, np.float32) - first) * share


def vary(rng: np.random.Generator, color: Color, amount: float) -> np.ndarray:
  """Return `color` with a random change of value and a smaller one of hue."""
  change = rng.normal(0, amount) + rng.normal(0, amount * 0.4, 3)
  return np.clip(np.asarray(color) + change, 0, 1).astype(np.float32)


def pick(rng: np.random.Generator, choices):
  """Return one entry of the sequence `choices`, each as likely."""
  return choices[int(rng.integers(len(choices)))]


def ellipse(
  x: float, y: float, rx: float, ry: float, angle: float = 0.0, count: int = 36
) -> np.ndarray:
  """Return the outline f64[count, 2] of an ellipse turned by `angle` rad."""
  turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
  u, v = rx * np.cos(turn), ry * np.sin(turn)
  cos, sin = np.cos(angle), np.sin(angle)
  return np.stack([x + u * cos - v * sin, y + u * sin + v * cos], 1)


def smooth(points, closed: bool = True, steps: int = 6) -> np.ndarray:
  """Return a Catmull-Rom curve through `points` [P, 2], P >= 3."""
  points = np.asarray(points, float)
  if closed:
    ring = np.concatenate([points[-1:], points, points[:2]])
  else:
    ring = np.concatenate([points[:1], points, points[-1:]])
  a, b, c, d = (ring[i : len(ring) - 3 + i, None] for i in range(4))
  t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
  curve = b + 0.5 * t * (
    c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))
  )
  curve = curve.reshape(-1, 2)
  return curve if closed else np.concatenate([curve, points[-1:]])


def ball(
  color: Color, x: float, y: float, rx: float, ry: float, light, depth=0.45
) -> Shade:
  """Return a shade that rounds a shape off: lit from direction `light`."""

  def shade(px: np.ndarray, py: np.ndarray) -> np.ndarray:
    u, v = (px - x) / rx, (py - y) / ry
    tone = 1 + depth * np.clip(u * light[0] + v * light[1], -1.2, 1)
    tone = tone - 0.3 * depth * np.clip(u * u + v * v, 0, 1.5)
    return np.asarray(color, np.float32) * tone[..., None]

  return shade


@functools.lru_cache(maxsize=1)
def _noise() -> Image.Image:
  """Cloud noise with mean 0 and deviation 1, made once per process."""
  rng = np.random.default_rng(20)
  total = np.zeros((_NOISE_SIDE, _NOISE_SIDE), np.float32)
  for octave in range(2, 9):
    grid = rng.standard_normal((2**octave, 2**octave)).astype(np.float32)
    fine = Image.fromarray(grid).resize(total.shape, Image.Resampling.BICUBIC)
    total += np.asarray(fine) * 0.56 ** (octave - 2)
  return Image.fromarray((total - total.mean()) / total.std())


class Pen:
  """Draw flat shapes on the enlarged sheets of a `Canvas.sketch` block."""

  def __init__(self, colors: Image.Image, classes: Image.Image):
    self._colors = ImageDraw.Draw(colors, 'RGBA')
    self._classes = ImageDraw.Draw(classes)
    self._scale = colors.width

  def _ink(self, color: Color, alpha: float) -> tuple[int, ...]:
    # Plain floats: arithmetic on numpy scalars would dominate small shapes.
    if isinstance(color, np.ndarray):
      color = color.tolist()
    red, green, blue = color
    return (
      min(max(int(red * 255), 0), 255),
      min(max(int(green * 255), 0), 255),
      min(max(int(blue * 255), 0), 255),
      int(alpha * 255),
    )

  def polygon(self, points, color, label: str | None = None, alpha=1.0):
    """Fill the outline `points` [P, 2]; marks `label` where it is given."""
    flat = (np.asarray(points, float) * self._scale).ravel().tolist()
    self._colors.polygon(flat, fill=self._ink(color, alpha))
    if label is not None:
      self._classes.polygon(flat, fill=CLASSES[label])

  def disc(self, x, y, rx, ry, color, label: str | None = None, alpha=1.0):
    """Fill an upright ellipse of half axes `rx`, `ry`."""
    box = [v * self._scale for v in (x - rx, y - ry, x + rx, y + ry)]
    self._colors.ellipse(box, fill=self._ink(color, alpha))
    if label is not None:
      self._classes.ellipse(box, fill=CLASSES[label])

  def line(self, points, width, color, label: str | None = None, alpha=1.0):
    """Draw a polyline of `width` (a fraction of the picture)."""
    flat = (np.asarray(points, float) * self._scale).ravel().tolist()
    wide = max(int(round(width * self._scale)), 1)
    ink = self._ink(color, alpha)
    self._colors.line(flat, fill=ink, width=wide, joint='curve')
    if label is not None:
      self._classes.line(flat, fill=CLASSES[label], width=wide)

  def box(self, left, top, right, bottom, color, label=None, alpha=1.0):
    """Fill an upright rectangle."""
    # Pillow includes the last pixel, which would fatten small windows.
    edges = [v * self._scale for v in (left, top, right, bottom)]
    edges[2], edges[3] = (
      max(edges[2] - 1, edges[0]),
      max(edges[3] - 1, edges[1]),
    )
    self._colors.rectangle(edges, fill=self._ink(color, alpha))
    if label is not None:
      self._classes.rectangle(edges, fill=CLASSES[label])


class Canvas:
  """One scene being composed.

  Attributes:
    size: side S of the picture in pixels.
    rgb: f32[S, S, 3], colors nominally in 0..1.
    x: f32[1, S], y: f32[S, 1], the pixel centers as fractions.
  """

  def __init__(self, size: int):
    self.size = size
    self.rgb = np.zeros((size, size, 3), np.float32)
    centers = ((np.arange(size) + 0.5) / size).astype(np.float32)
    self.x, self.y = centers[None, :], centers[:, None]
    self._classes = np.zeros((size, size), np.uint8)
    self._over = 2 if size >= 160 else 3 if size >= 48 else 4

  def labels(self) -> np.ndarray:
    """Return the flat-colored class map u8[S, S, 3]."""
    return TABLE[self._classes]

  def mark(self, where: np.ndarray, label: str) -> None:
    """Set the class of the pixels where the bool[S, S] array is true."""
    self._classes[where] = CLASSES[label]

  def marked(self, label: str) -> np.ndarray:
    """Return bool[S, S], true where the class is `label`."""
    return self._classes == CLASSES[label]

  def noise(self, rng: np.random.Generator, wide: float, tall: float):
    """Return cloud noise f32[S, S], mean 0 and deviation about 1.

    Args:
      rng: chooses the part of the texture.
      wide: share of the noise texture across the picture, 0..1: large values
        give small features.
      tall: the same from top to bottom.
    """
    left, top = rng.uniform(0, 1 - wide), rng.uniform(0, 1 - tall)
    corners = (left, top, left + wide, top + tall)
    x0, y0, x1, y1 = (_NOISE_SIDE * v for v in corners)
    box, side = (x0, y0, x1, y1), (self.size, self.size)
    return np.asarray(_noise().resize(side, Image.Resampling.BICUBIC, box=box))

  def floor_noise(self, rng, horizon: float, detail: float) -> np.ndarray:
    """Return noise f32[S, S] lying on the plane below `horizon`."""
    texture = np.asarray(_noise())
    depth = 0.25 / np.maximum(self.y - horizon, 0.02)
    row = (depth * detail * 60 + rng.uniform(0, 500)).astype(int)
    column = (self.x - 0.5) * depth * detail * 60 + rng.uniform(0, 500)
    # Far away the texture would alias: it fades out there.
    fade = np.clip((self.y - horizon) * 8, 0, 1)
    side = _NOISE_SIDE
    return texture[row % side, column.astype(int) % side] * fade

  def shade(self, mask, color, label: str | None = None) -> None:
    """Cover the picture with `color` (broadcastable) by `mask` [S, S]."""
    mask = np.broadcast_to(mask, (self.size, self.size))
    self.rgb += (np.asarray(color, np.float32) - self.rgb) * mask[..., None]
    if label is not None:
      self.mark(mask > 0.5, label)

  def fill(
    self,
    points: np.ndarray,
    color: Color | Shade,
    label: str | None = None,
    alpha: float = 1.0,
    blur: float = 0.0,
  ) -> None:
    """Fill an outline with a color or a shade.

    Args:
      points: [P, 2] outline.
      color: one color, or a function of the coordinates x[1, W] and y[H, 1]
        of a part of the picture that returns its colors [H, W, 3].
      label: class of the shape; None keeps what is there.
      alpha: opacity, 0..1.
      blur: softness of the edge, as a fraction of the picture.
    """
    points = np.asarray(points, float) * self.size
    margin = 2 + int(3 * blur * self.size)
    low = np.maximum(np.floor(points.min(0)).astype(int) - margin, 0)
    high = np.ceil(points.max(0)).astype(int) + margin
    wide, tall = np.minimum(high, self.size) - low
    if wide <= 0 or tall <= 0:
      return
    sheet = Image.new('L', (int(wide) * self._over, int(tall) * self._over))
    flat = ((points - low) * self._over).ravel().tolist()
    ImageDraw.Draw(sheet).polygon(flat, fill=255)
    sheet = sheet.reduce(self._over)
    if blur:
      sheet = sheet.filter(ImageFilter.GaussianBlur(blur * self.size))
    mask = np.asarray(sheet, np.float32) / 255
    rows, columns = slice(low[1], low[1] + tall), slice(low[0], low[0] + wide)
    if callable(color):
      color = color(self.x[:, columns], self.y[rows])
    part = self.rgb[rows, columns]
    part += (np.asarray(color, np.float32) - part) * (alpha * mask)[..., None]
    if label is not None:
      self._classes[rows, columns][mask > 0.5] = CLASSES[label]

  def glow(self, x: float, y: float, radius: float, color, strength: float):
    """Add light around a point; `radius` is the distance of half decay."""
    far = ((self.x - x) ** 2 + (self.y - y) ** 2) / radius**2
    self.shade(np.clip(strength / (1 + far * far + far), 0, 1), color)

  @contextlib.contextmanager
  def sketch(self) -> Iterator[Pen]:
    """Give a `Pen` for many small flat shapes, all averaged down at once."""
    side = (self.size * self._over, self.size * self._over)
    bytes_ = (np.clip(self.rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
    nearest = Image.Resampling.NEAREST
    colors = Image.fromarray(bytes_).resize(side, nearest)
    classes = Image.fromarray(self._classes).resize(side, nearest)
    yield Pen(colors, classes)
    reduced = np.asarray(colors.reduce(self._over), np.float32) / 255
    self.rgb = reduced
    middle = self._over // 2
    self._classes = np.asarray(classes)[
      middle :: self._over, middle :: self._over
    ].copy()

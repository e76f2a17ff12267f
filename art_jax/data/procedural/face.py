"""The head of a portrait: skin, features, glasses and beard.

Everything is placed in the frame of the head: u to the right in half widths
of the face, v downwards in half heights, (0, 0) between the ears.
"""

from typing import NamedTuple

import numpy as np

from art_jax.data.procedural.canvas import Canvas, ellipse, mix, pick, smooth

SKINS = (
  (0.99, 0.82, 0.70), (0.97, 0.74, 0.58), (0.91, 0.66, 0.48),
  (0.78, 0.52, 0.35), (0.62, 0.39, 0.26), (0.46, 0.29, 0.20),
)  # fmt: skip
_IRISES = (
  (0.30, 0.20, 0.10), (0.24, 0.40, 0.52), (0.28, 0.42, 0.24),
  (0.18, 0.12, 0.08), (0.42, 0.30, 0.14),
)  # fmt: skip


class Head(NamedTuple):
  """Place, pose and colors of a head.

  Attributes:
    x: center, as a fraction of the picture.
    y: center, as a fraction of the picture.
    wide: half width of the face.
    high: half height of the face.
    tilt: turn in the picture plane, in radians.
    yaw: how far the features move to one side, -0.35..0.35 half widths.
    side: -1 for light from the left, 1 from the right.
    skin: color of the skin.
    hair: color of the hair.
  """

  x: float
  y: float
  wide: float
  high: float
  tilt: float
  yaw: float
  side: float
  skin: np.ndarray
  hair: np.ndarray

  def at(self, points) -> np.ndarray:
    """Return head coordinates [P, 2] as picture coordinates f64[P, 2]."""
    points = np.asarray(points, float).reshape(-1, 2)
    u, v = points[:, 0] * self.wide, points[:, 1] * self.high
    cos, sin = np.cos(self.tilt), np.sin(self.tilt)
    return np.stack([self.x + u * cos - v * sin, self.y + u * sin + v * cos], 1)

  def round(self, u, v, ru, rv, angle=0.0) -> np.ndarray:
    """Return the outline of an ellipse given in head coordinates."""
    return self.at(ellipse(u, v, ru, rv, angle, 28))


def _skin_shade(head: Head, x, y, rx, ry, depth=0.30):
  """Return the shade of rounded skin: warm in the shadow, pale in light."""
  skin = head.skin

  def shade(px, py):
    u, v = (px - x) / rx, (py - y) / ry
    tone = np.clip(0.75 * u * head.side - 0.45 * v, -1.2, 1.1)[..., None]
    rim = np.clip(u * u + v * v - 0.35, 0, 1)[..., None]
    dark = skin * np.array([0.70, 0.50, 0.42])
    pale = mix(skin, (1.0, 0.95, 0.86), 0.36)
    body = np.where(
      tone < 0,
      mix(skin, dark, -tone * depth * 2.6),
      mix(skin, pale, tone * 1.3),
    )
    return mix(body, dark, rim * 0.22)

  return shade


def draw_neck(canvas: Canvas, head: Head, width: float) -> None:
  """Draw the neck down to the collar bones, with the shadow of the chin."""
  foot = head.y + head.high * 1.95
  low = [(head.x + head.wide * s, foot) for s in (1.15, -1.15)]
  top = head.at([(-width, 0.5), (width, 0.5)])
  mid = [(head.x + head.wide * s, head.y + head.high * 1.35)
         for s in (-width, width)]  # fmt: skip
  outline = np.array([top[0], top[1], mid[1], low[0], low[1], mid[0]])
  color = _skin_shade(
    head, head.x, head.y + head.high * 1.2, head.wide, head.high * 1.2, 0.36
  )
  canvas.fill(outline, color, 'skin')
  shadow = head.round(-0.06 * head.side, 1.02, 0.46, 0.20)
  canvas.fill(shadow, head.skin * (0.48, 0.34, 0.32), None, 0.6, 0.012)


def draw_face(canvas: Canvas, rng, head: Head, ears: bool) -> None:
  """Draw skull, ears, cheeks and the soft hollows of the face."""
  if ears:
    for s in (-1, 1):
      color = _skin_shade(head, head.x, head.y, head.wide, head.high)
      canvas.fill(head.round(s * 0.98, 0.08, 0.12, 0.20), color, 'skin')
  jaw = rng.uniform(0.74, 0.92)
  chin = rng.uniform(0.20, 0.34)
  push = head.yaw * 0.35
  half = [(0.55, -0.92), (0.90, -0.52), (0.97, -0.05), (jaw * 0.98, 0.42),
          (chin + 0.26, 0.84)]  # fmt: skip
  right = [(u + push * max(v, 0), v) for u, v in half]
  left = [(-u + push * max(v, 0), v) for u, v in reversed(half)]
  points = [
    (0, -1.0),
    *right,
    (push + chin * 0.4, 1.0),
    (push - chin * 0.4, 1.0),
  ]
  outline = head.at(smooth(points + left))
  color = _skin_shade(head, head.x, head.y, head.wide * 1.05, head.high * 1.1)
  canvas.fill(outline, color, 'skin')
  dark = head.skin * (0.62, 0.44, 0.40)
  rosy = mix(head.skin, (0.90, 0.36, 0.32), 0.5)
  yaw = head.yaw
  for s in (-1, 1):
    blush = head.round(yaw + s * 0.52, 0.32, 0.24, 0.18)
    canvas.fill(blush, rosy, None, 0.45, 0.02)
    socket = head.round(yaw + s * 0.40, -0.10, 0.26, 0.13)
    canvas.fill(socket, dark, None, 0.45, 0.012)
  far = -head.side
  cheek = [(far * 1.0, -0.5), (far * 0.74, 0.1), (far * 0.66, 0.7), (far, 0.7)]
  canvas.fill(head.at(smooth(cheek)), dark, None, 0.18, 0.022)


def draw_features(canvas: Canvas, rng, head: Head, blink: bool) -> None:
  """Draw brows, eyes, nose and mouth."""
  yaw = head.yaw
  dark = head.skin * (0.50, 0.34, 0.31)
  far = -head.side
  nose = [(yaw * 1.1 + far * 0.03, -0.12), (yaw * 1.35 + far * 0.17, 0.30),
          (yaw * 1.3 + far * 0.10, 0.37), (yaw * 1.35, 0.24)]  # fmt: skip
  canvas.fill(head.at(nose), dark, None, 0.55, 0.005)
  shine = head.round(yaw * 1.35 + head.side * 0.03, 0.18, 0.045, 0.17)
  canvas.fill(shine, mix(head.skin, (1, 0.97, 0.92), 0.6), None, 0.65, 0.007)
  smile, full = rng.uniform(0.0, 0.07), rng.uniform(0.05, 0.09)
  wide = rng.uniform(0.26, 0.34)
  rouge = rng.uniform(0.25, 0.75)
  brow = rng.uniform(-0.035, 0.03)
  gaze = yaw * 0.10 + rng.uniform(-0.02, 0.02)
  lip = mix(head.skin * (0.80, 0.52, 0.50), (0.74, 0.10, 0.16), rouge)
  iris = pick(rng, _IRISES)
  with canvas.sketch() as pen:
    for s in (-1, 1):
      x, y = head.at([(yaw * 1.3 + s * 0.085, 0.355)])[0]
      pen.disc(
        x,
        y,
        head.wide * 0.035,
        head.high * 0.018,
        dark * 0.6,
      )
    mouth = yaw * 1.15
    upper = [(mouth - wide, 0.60 - smile), (mouth - 0.09, 0.60 - full),
             (mouth, 0.615 - full), (mouth + 0.09, 0.60 - full),
             (mouth + wide, 0.60 - smile), (mouth, 0.62)]  # fmt: skip
    lower = [(mouth - wide, 0.60 - smile), (mouth, 0.61),
             (mouth + wide, 0.60 - smile), (mouth + 0.12, 0.61 + full * 1.25),
             (mouth - 0.12, 0.61 + full * 1.25)]  # fmt: skip
    pen.polygon(head.at(smooth(lower)), lip * 1.12, 'lip')
    pen.polygon(head.at(smooth(upper)), lip * 0.78, 'lip')
    line = [(mouth - wide, 0.60 - smile), (mouth, 0.622),
            (mouth + wide, 0.60 - smile)]  # fmt: skip
    pen.line(head.at(smooth(line, False)), head.wide * 0.03, lip * 0.42)
    x, y = head.at([(mouth + head.side * 0.07, 0.66)])[0]
    pen.disc(
      x,
      y,
      head.wide * 0.06,
      head.high * 0.014,
      mix(lip, (1, 1, 1), 0.5),
      None,
      0.6,
    )
    for s in (-1, 1):
      _eye(pen, head, yaw + s * 0.40, s, gaze, iris, brow, blink)


def _eye(pen, head: Head, u, s, gaze, iris, brow, blink) -> None:
  """Draw one eye and its brow."""
  v, wide, open_ = -0.085, 0.195, 0.088
  lash = head.hair * 0.35 + 0.02
  fold = [(u - wide, v), (u, v - open_ * 1.9), (u + wide, v)]
  pen.line(head.at(smooth(fold, False)), head.wide * 0.035, head.skin * 0.62)
  if blink:
    line = [(u - wide, v), (u, v + open_ * 0.8), (u + wide, v)]
    pen.line(head.at(smooth(line, False)), head.wide * 0.06, lash)
  else:
    shape = [(u - wide, v + 0.01), (u - 0.08, v - open_ * 0.85),
             (u + 0.08, v - open_ * 0.85), (u + wide, v + 0.01),
             (u, v + open_ * 0.85)]  # fmt: skip
    shape = head.at(smooth(shape))
    pen.polygon(shape, (0.93, 0.91, 0.87), 'eye')
    x, y = head.at([(u + gaze, v - 0.005)])[0]
    r = head.wide * 0.100
    pen.disc(x, y, r, r, iris)
    pen.disc(x, y, r * 0.52, r * 0.52, (0.03, 0.03, 0.04))
    pen.disc(x + head.side * r * 0.4, y - r * 0.4, r * 0.3, r * 0.3, (1, 1, 1))
    end, high = wide * 1.08, v - open_ * 0.9
    lid = [(u - end, v + 0.015), (u - 0.08, high), (u + 0.08, high)]
    lid.append((u + end, v + 0.015))
    pen.line(head.at(smooth(lid, False)), head.wide * 0.055, lash)
  arch = [(u - s * 0.20, -0.275 + brow), (u + s * 0.06, -0.32),
          (u + s * 0.25, -0.23 - brow * 0.5)]  # fmt: skip
  hair = mix(head.hair * 0.7, head.skin, 0.12)
  pen.line(head.at(smooth(arch, False)), head.wide * 0.075, hair, 'hair')


def draw_beard(canvas: Canvas, rng, head: Head, full: bool) -> None:
  """Draw a moustache, and a beard around the jaw where `full`."""
  yaw = head.yaw
  tone = mix(head.hair, head.skin, 0.08)
  if full:
    long = rng.uniform(1.12, 1.45)
    points = [(-0.97, 0.05), (-0.72, 0.36), (yaw - 0.42, 0.46), (yaw, 0.42),
              (yaw + 0.42, 0.46), (0.72, 0.36), (0.97, 0.05), (0.90, 0.60),
              (yaw * 0.5 + 0.5, long * 0.9), (yaw * 0.5, long),
              (yaw * 0.5 - 0.5, long * 0.9), (-0.90, 0.60)]  # fmt: skip
    canvas.fill(head.at(smooth(points)), tone, 'hair', 1.0, 0.004)
    with canvas.sketch() as pen:
      for a, b in rng.uniform(-0.8, 0.8, (40, 2)):
        line = [
          (a, 0.60),
          (a * 0.8 + 0.06 * b, 0.60 + (long - 0.66) * (1 - a * a)),
        ]
        pen.line(head.at(line), 0.004, tone * (1.0 + 0.4 * b), None, 0.7)
      mouth = [(yaw * 1.1 - 0.24, 0.62), (yaw * 1.1, 0.58),
               (yaw * 1.1 + 0.24, 0.62), (yaw * 1.1, 0.70)]  # fmt: skip
      pen.polygon(head.at(smooth(mouth)), head.skin * (0.72, 0.40, 0.38), 'lip')
  with canvas.sketch() as pen:
    for s in (-1, 1):
      lobe = [(yaw * 1.25, 0.43), (yaw * 1.2 + s * 0.24, 0.48),
              (yaw * 1.15 + s * 0.42, 0.60), (yaw * 1.2 + s * 0.16, 0.57),
              (yaw * 1.25, 0.53)]  # fmt: skip
      pen.polygon(
        head.at(smooth(lobe)), tone * (1 + 0.12 * s * head.side), 'hair'
      )


def draw_glasses(canvas: Canvas, rng, head: Head) -> None:
  """Draw round spectacles."""
  ink = np.array(pick(rng, ((0.10, 0.08, 0.08), (0.62, 0.46, 0.16))))
  with canvas.sketch() as pen:
    for s in (-1, 1):
      ring = head.round(head.yaw + s * 0.40, -0.07, 0.29, 0.21)
      pen.polygon(ring, (0.9, 0.95, 1.0), None, 0.14)
      pen.line(np.concatenate([ring, ring[:1]]), head.wide * 0.05, ink)
      pen.line(
        head.at([(head.yaw + s * 0.69, -0.09), (s * 0.97, -0.10)]),
        head.wide * 0.05,
        ink,
      )
    pen.line(
      head.at([(head.yaw - 0.11, -0.10), (head.yaw + 0.11, -0.10)]),
      head.wide * 0.05,
      ink,
    )

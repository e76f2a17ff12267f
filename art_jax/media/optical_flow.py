"""Optical flow, what it moves, where it can be trusted, and flicker.

Fields of displacements are f32[H, W, 2], (x, y) in pixels.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from art_jax import core


def between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """Return where every pixel of the first picture is in the second.

  Dense inverse search (Kroeger et al. 2016, arXiv:1603.03590), by OpenCV.

  Args:
    first: u8[H, W, 3].
    second: the same shape.

  Returns:
    f32[H, W, 2].

  Raises:
    core.UserError: OpenCV is not installed.
  """
  cv2 = library()
  gray = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (first, second)]
  search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
  return search.calc(*gray, None)


def warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
  """Return image(p + flow(p)) for every pixel p, bilinear.

  Args:
    image: f32[H, W, C].
    flow: f32[H, W, 2]; what it fetches from outside is the nearest border.
  """
  cv2 = library()
  rows, columns = np.indices(flow.shape[:2], np.float32)
  return cv2.remap(
    np.ascontiguousarray(image, np.float32),
    columns + flow[..., 0],
    rows + flow[..., 1],
    cv2.INTER_LINEAR,
    borderMode=cv2.BORDER_REPLICATE,
  )


def trusted(backward: np.ndarray, forward: np.ndarray) -> np.ndarray:
  """Return f32[H, W], 1 where a pixel was seen in the frame before.

  With w the flow from this frame to the one before and v the other way, moved
  here by w, a pixel counts as uncovered or as a border of motion where

    |w + v|^2 > 0.01 (|w|^2 + |v|^2) + 0.5,
    |grad w_x|^2 + |grad w_y|^2 > 0.01 |w|^2 + 0.002,

  and where w leaves the picture.

  Args:
    backward: flow from this frame to the one before.
    forward: flow from the frame before to this one.

  Reference: Ruder et al. 2016, arXiv:1604.08610, equations 5 and 6; Sundaram
  et al. 2010.
  """
  moved = warp(forward, backward)
  size = np.sum(backward**2, -1)
  gap = np.sum((backward + moved) ** 2, -1)
  lost = gap > 0.01 * (size + np.sum(moved**2, -1)) + 0.5
  slopes = np.gradient(backward, axis=(0, 1))
  edge = sum(np.sum(x**2, -1) for x in slopes) > 0.01 * size + 0.002
  y, x = np.indices(size.shape) + backward.transpose(2, 0, 1)[::-1]
  height, width = size.shape
  outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)
  return 1.0 - (lost | edge | outside).astype(np.float32)


def flicker(
  clip: Iterable[np.ndarray], *others: Iterable[np.ndarray]
) -> tuple[float, ...]:
  """Return how much clips change where the first one only moves.

  mean |x_t - warp(x_t-1)| over the trusted pixels of all pairs of frames, in
  steps of 0..255, with the flow of the first clip.

  Args:
    clip: frames u8[H, W, 3].
    *others: clips made from it, of the same size.

  Returns:
    One number for each clip; 0 for fewer than two frames.
  """
  sums, count, before = np.zeros(1 + len(others)), 0.0, None
  for frames in zip(clip, *others, strict=True):
    if before is not None:
      backward = between(frames[0], before[0])
      mask = trusted(backward, between(before[0], frames[0]))
      count += mask.sum() * 3
      for number, (old, new) in enumerate(zip(before, frames, strict=True)):
        change = np.abs(new - warp(old, backward))
        sums[number] += np.sum(mask[..., None] * change)
    before = frames
  return tuple(float(x) for x in sums / max(count, 1.0))


def library() -> Any:
  """Return OpenCV, or raise UserError saying how to install it."""
  try:
    import cv2  # here, since most never need it
  except ImportError as error:
    raise core.UserError(
      f'the motion in videos is found by OpenCV ({error}): pip install '
      'opencv-python-headless'
    ) from None
  return cv2

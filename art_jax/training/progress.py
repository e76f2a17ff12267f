"""How a run speaks while it trains: a bar on a terminal, lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import TextIO

import tqdm

# At most this many losses are shown; metrics.jsonl has them all.
_SHOWN = 6


class Progress(contextlib.AbstractContextManager):
  """Shows step, rate, time left and losses.

  Args:
    first: step at which this process begins.
    total: step at which training ends.
    rows: examples of one step; 0: their rate is not shown.
    stream: where to write; default: standard error.
    enabled: False in all processes but one.
  """

  def __init__(
    self,
    first: int,
    total: int,
    rows: int,
    stream: TextIO | None = None,
    enabled: bool = True,
  ):
    self._stream = stream or sys.stderr
    self._first, self._total, self._rows = first, total, rows
    self._enabled = enabled
    self._start = None
    self._bar = (
      tqdm.tqdm(
        total=total,
        initial=first,
        unit='step',
        dynamic_ncols=True,
        file=self._stream,
      )
      if enabled and self._stream.isatty()
      else None
    )

  def __exit__(self, *unused):
    if self._bar is not None:
      self._bar.close()

  def say(self, text: str) -> None:
    """Write a line without disturbing the bar."""
    if self._bar is not None:
      self._bar.write(text, file=self._stream)
    elif self._enabled:
      print(text, file=self._stream, flush=True)

  def advance(self, step: int) -> None:
    """Note that `step` steps are done."""
    if self._start is None:  # The first step compiles and would mislead.
      self._start = (time.perf_counter(), step)
    if self._bar is not None:
      self._bar.update(step - self._bar.n)

  def show(self, step: int, values: Mapping[str, float]) -> None:
    """Show the losses of a step."""
    losses = {k: v for k, v in values.items() if k.startswith('loss/')}
    chosen = list((losses or values).items())[-_SHOWN:]
    text = ' '.join(f'{k.removeprefix("loss/")} {v:.3g}' for k, v in chosen)
    rate = self._rate(step)
    images = f'{rate * self._rows:.1f} images/s ' if self._rows * rate else ''
    if self._bar is not None:
      self._bar.set_postfix_str(images + text)
      return
    speed = ''
    if rate:
      left = tqdm.tqdm.format_interval((self._total - step) / rate)
      speed = f'{rate:.2f} steps/s {images}{left} left '
    self.say(f'step {step}/{self._total} {speed}{text}')

  def _rate(self, step: int) -> float:
    """Return steps per second; 0 before two steps."""
    return (
      0.0
      if self._start is None or step <= self._start[1]
      else (step - self._start[1]) / (time.perf_counter() - self._start[0])
    )

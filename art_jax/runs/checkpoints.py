"""The checkpoints of a run: saved in the background, verified when read.

`checkpoint_format` is one checkpoint, `checkpoint_folder` the folder of them;
this file decides when they are written and which one is read.
"""

import concurrent.futures
import contextlib
import operator
import os
import time
from collections.abc import Collection, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from art_jax import core
from art_jax.runs import checkpoint_folder, checkpoint_format, checkpoint_layout
from art_jax.runs.checkpoint_format import Restored
from art_jax.runs.checkpoint_layout import SaveError


class Checkpoints(contextlib.AbstractContextManager):
  """The checkpoints in one folder; a context manager that waits at its end.

  With several processes all of them construct it and call `save`, `wait`,
  `restore` and `cut` alike; the folder is shared, only process 0 writes.

  Attributes:
    folder: absolute path.
    blocked_seconds: how long `save` has held its callers, in total.
    last_blocked_seconds: how long the last `save` held its caller.
  """

  def __init__(
    self,
    folder: os.PathLike | str,
    *,
    keep_last: int = 3,
    keep_every: int = 0,
    read_only: bool = False,
  ):
    """Open the folder, and make it unless `read_only`.

    Args:
      folder: local or gs:// path that holds nothing but checkpoints.
      keep_last: number of newest checkpoints that are kept, >= 1.
      keep_every: multiples of it (0 too) are kept for ever; 0 means none.
      read_only: change nothing on disk; safe beside a live trainer.

    Raises:
      UserError: a count is out of range, or the folder cannot be written.
    """
    core.require(
      keep_last >= 1 and keep_every >= 0,
      f'keep_last={keep_last}, keep_every={keep_every}: keep_last is >= 1 '
      'and keep_every is >= 0; pass such values',
    )
    self.blocked_seconds = self.last_blocked_seconds = 0.0
    self._read_only = read_only
    self._writes = not read_only and jax.process_index() == 0
    self._folder = checkpoint_folder.Folder(folder, writable=self._writes)
    self.folder = self._folder.path
    self._thread = concurrent.futures.ThreadPoolExecutor(1, 'checkpoint')
    self._saving: tuple[int, concurrent.futures.Future] | None = None
    self._kept: set[int] = set()
    self._orbax = self._folder.open(keep_last, keep_every, self._kept)
    self._current = None  # the step this object saved or restored last
    self._latest = max(self.steps(), default=-1)

  def steps(self) -> list[int]:
    """Return the steps on disk, ascending; damaged ones are among them."""
    return self._folder.steps()

  def save(
    self,
    step: int,
    state: core.PyTree,
    host: Mapping[str, Any],
    *,
    keep: Collection[int] = (),
  ) -> None:
    """Copy the state to host memory and write it in the background.

    Waits first for a save that is still being written. The state may be
    donated right after the call. The step that this object saved or
    restored last is not saved again.

    Args:
      step: above every step on disk.
      state: pytree of arrays, on any devices of all processes.
      host: anything JSON can hold.
      keep: steps that are not deleted with this save, however old; a later
        save may leave them out.

    Raises:
      SaveError: the save before this one failed, e.g. the disk is full.
      UserError: the step is not above the latest, a leaf is not an array,
        `host` is not JSON, or the folder was opened read-only.
    """
    start = time.perf_counter()
    try:
      self._save(operator.index(step), state, host, keep)
    finally:
      self.last_blocked_seconds = time.perf_counter() - start
      self.blocked_seconds += self.last_blocked_seconds

  def _save(self, step: int, state, host, keep) -> None:
    core.require(
      not self._read_only,
      f'step {step}: {self.folder} was opened read-only; open it with '
      'read_only=False to save',
    )
    self.wait()
    if step == self._current:
      return
    core.require(
      step >= 0 and step > self._latest,
      f'step {step}: {self.folder} already goes to step {self._latest} and '
      'a new checkpoint lies above that; restore the latest first, or call '
      'cut(step) after going back, or pass another folder',
    )
    host = checkpoint_format.as_json(host)
    self._kept.clear()
    self._kept.update(keep)
    leaves, pieces = checkpoint_format.pack(state, keep=self._writes)
    self._latest = self._current = step
    if self._writes:
      future = self._thread.submit(self._write, step, leaves, pieces, host)
      self._saving = step, future

  def _write(self, step: int, leaves, pieces, host) -> None:
    items = checkpoint_format.items(step, leaves, pieces, host)
    if not self._orbax.save(step, args=items):
      raise OSError('orbax declined the step')

  def wait(self) -> None:
    """Return when the last save is durable.

    Raises:
      SaveError: it failed; raised once, in every process.
    """
    error = self._finish()
    if _any_process(error is not None):
      raise error or SaveError('process 0 could not save; its message says why')

  def close(self) -> None:
    """Finish the save in flight and release the threads.

    Raises:
      SaveError: the save in flight failed; only in process 0.
    """
    error = self._finish()
    self._thread.shutdown()
    self._orbax.close()
    if error is not None:
      raise error

  def _finish(self) -> SaveError | None:
    if self._saving is None:
      return None
    (step, future), self._saving = self._saving, None
    if (cause := future.exception()) is None:
      return None
    self._folder.clean()
    self._reload()
    error = SaveError(
      f'checkpoint {step} was not written to {self.folder}: '
      f'{checkpoint_format.first_line(cause)}; older checkpoints are intact: '
      'free space or repair the disk and start the run again'
    )
    error.__cause__ = cause
    return error

  def __exit__(self, *_) -> None:
    self.close()

  def restore(
    self, abstract_state: core.PyTree, *, step: int | None = None
  ) -> Restored | None:
    """Return the newest good checkpoint, or the one of `step`.

    Damaged ones are moved to `<folder>/quarantine/<step>-<reason>`, or only
    skipped if read-only, and a warning names them. All processes get the
    same step.

    Args:
      abstract_state: the structure wanted: arrays or jax.ShapeDtypeStructs,
        e.g. from `jax.eval_shape`.
      step: one of `steps()`, left in place if damaged; None means the newest
        good one.

    Returns:
      The checkpoint, or None if none was ever written.

    Raises:
      StructureError: the checkpoint is good, but a leaf is missing, left
        over, or of another shape or dtype; nothing is moved.
      UserError: no such step, the given step is damaged, or all are.
    """
    self.wait()
    restored = error = None
    if jax.process_index() == 0:
      try:
        restored = self._newest_good(abstract_state, step)
      except Exception as e:  # the other processes wait: raise it later
        error = e
    if _any_process(error is not None):
      raise error or core.UserError(
        'process 0 could not restore; its message says why'
      )
    step = restored.step if restored else -1  # none
    if jax.process_count() > 1:
      step = int(multihost_utils.broadcast_one_to_all(np.int32(step)))
    if step >= 0 and restored is None:
      try:
        restored = self._read(step, abstract_state)
      except Exception as e:  # the other processes wait here, too
        error = core.UserError(
          f'process {jax.process_index()} cannot read checkpoint {step} of '
          f'{self.folder}, which process 0 has read: {e}; all processes need '
          'the same folder'
        )
    if _any_process(error is not None):
      raise error or core.UserError(
        'another process could not restore; its message says why'
      )
    self._reload()
    self._current = restored.step if restored else None
    return restored

  def _newest_good(self, abstract_state, step: int | None) -> Restored | None:
    steps, damaged = self.steps(), []
    core.require(
      step is None or step in steps,
      f'step {step}: {self.folder} holds the checkpoints {steps}; name one '
      'of them or the latest',
    )
    for candidate in [step] if step is not None else reversed(steps):
      try:
        return self._read(candidate, abstract_state)
      except checkpoint_layout.Damaged as e:
        if step is not None:
          raise core.UserError(
            f'checkpoint {step} of {self.folder} is damaged: {e}; name '
            'another one or the latest'
          ) from e
        if not self._folder.step_path(candidate).exists():
          continue  # a live trainer deleted it while we were reading
        damaged.append(f'{candidate} ({e})')
        self._folder.put_aside(candidate, e.reason, str(e))
    damaged = damaged or self._folder.damaged()
    core.require(
      not damaged,
      f'{self.folder} holds only damaged checkpoints: {", ".join(damaged)}; '
      'put a good copy there; to start anew, pass another folder or remove '
      'this one',
    )
    return None

  def _read(self, step: int, abstract_state) -> Restored:
    folder = self._folder.step_path(step)
    return checkpoint_format.read(self._orbax, folder, step, abstract_state)

  def verify(self, step: int) -> str | None:
    """Read every byte of a checkpoint; return what is wrong, None if nothing.

    Args:
      step: one of `steps()`; it is left where it is, damaged or not.
    """
    try:
      checkpoint_format.verify(self._orbax, self._folder.step_path(step), step)
    except checkpoint_layout.Damaged as e:
      return str(e)

  def host(self) -> dict[str, Any]:
    """Return the host item of the newest checkpoint that can be read."""
    for step in reversed(self.steps()):
      with contextlib.suppress(checkpoint_layout.Damaged):
        folder = self._folder.step_path(step)
        return checkpoint_format.read_host(self._orbax, folder, step)
    return {}

  def cut(self, step: int) -> None:
    """Go back: move the checkpoints above `step` to quarantine."""
    self.wait()
    why = f'the run went back to step {step}'
    for newer in self.steps() if self._writes else ():
      if newer > step:
        self._folder.put_aside(newer, checkpoint_folder.CUT, why)
    _any_process(False)  # all wait here until the moves are done
    self._reload()

  def _reload(self) -> None:
    if self._writes:
      self._orbax.reload()
    self._latest = max(self.steps(), default=-1)
    if self._current is not None and self._current > self._latest:
      self._current = None


def _any_process(flag: bool) -> bool:
  """Tell whether the flag is set in any process; all must call it."""
  if jax.process_count() == 1:
    return flag
  from art_jax.devices import distributed  # here: loading needs none

  return distributed.any_process(flag)

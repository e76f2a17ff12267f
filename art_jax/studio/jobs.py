"""What takes longer than a page waits: it goes on, and the page asks for it."""

import asyncio
import collections
import contextlib
import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from art_jax import core
from art_jax.studio.worker import (
  BusyError,
  ReplacedError,
  Worker,
  WorkerError,
)

_KEPT = 12
_PATIENCE = 1.0  # seconds that a question waits for something new


@dataclasses.dataclass(eq=False)
class Job:
  """A task under way, or what came of it.

  Attributes:
    id: what a browser calls it.
    state: 'waiting', 'working', 'done', 'failed' or 'stopped'.
    text: what it does, or why it failed.
    previews: number of pictures that were shown on the way.
    preview: the last of them.
    files: what it made, by name.
    result: what else it told.
    version: how often it changed.
  """

  id: str
  state: str = 'waiting'
  text: str = 'waiting for what is done before it'
  previews: int = 0
  preview: bytes = b''
  files: dict[str, bytes] = dataclasses.field(default_factory=dict)
  result: dict[str, Any] = dataclasses.field(default_factory=dict)
  version: int = 0
  task: asyncio.Task | None = None
  _news: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

  def tell(self, state: str, text: str) -> None:
    """Change what it tells; who waits for that goes on."""
    self.state, self.text = state, text
    self.version += 1
    self._news.set()
    self._news = asyncio.Event()

  async def changed(self, seen: int) -> None:
    """Wait until it is newer than a version, a second at most."""
    if seen == self.version:
      with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(self._news.wait(), _PATIENCE)

  def as_json(self) -> dict[str, Any]:
    """Return it as a browser gets it."""
    return {
      'id': self.id,
      'state': self.state,
      'text': self.text,
      'previews': self.previews,
      'files': list(self.files),
      'result': self.result,
      'version': self.version,
    }


class Jobs:
  """The newest jobs."""

  def __init__(self, worker: Worker):
    self._worker = worker
    self._jobs: collections.OrderedDict[str, Job] = collections.OrderedDict()

  def start(self, values: Mapping[str, Any], blobs: Sequence[bytes]) -> Job:
    """Begin a task; see `tasks`."""
    job = Job(secrets.token_urlsafe(12))
    self._jobs[job.id] = job
    for old in [j for j in self._jobs.values() if j.state not in _OPEN]:
      if len(self._jobs) > _KEPT:
        del self._jobs[old.id]
    job.task = asyncio.create_task(self._do(job, values, blobs))
    return job

  def find(self, id: str) -> Job:
    """Return a job.

    Raises:
      core.UserError: there is none.
    """
    core.require(id in self._jobs, 'this is not kept any more; start it again')
    return self._jobs[id]

  def stop(self, job: Job) -> None:
    """End a job; the worker that does it ends with it, and starts anew."""
    if job.task is not None and job.state in _OPEN:
      job.tell('stopped', 'stopped')
      job.task.cancel()

  async def _do(
    self, job: Job, values: Mapping[str, Any], blobs: Sequence[bytes]
  ) -> None:
    def progress(text: str, more: list[bytes]) -> None:
      if job.state not in _OPEN:
        return
      if more:
        job.previews, job.preview = job.previews + 1, more[0]
      job.tell('working', text)

    try:
      told, made = await self._worker.ask(
        values, blobs, slot=job.id, progress=progress
      )
    except (BusyError, ReplacedError):
      job.tell('failed', 'too much waits already; try again later')
    except (core.UserError, WorkerError) as error:
      job.tell('failed', str(error))
    else:
      names = told.get('files') or ['picture.png']
      job.files = dict(zip(names, made, strict=False))
      job.result = told
      job.tell('done', told.get('message', ''))


_OPEN = ('waiting', 'working')

"""The API that uses models: samples, walks, translations; by the worker."""

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from art_jax import core
from art_jax.core import paths
from art_jax.studio import requests, uploads
from art_jax.studio.answers import Json
from art_jax.studio.catalog import Catalog, Entry
from art_jax.studio.jobs import Jobs
from art_jax.studio.worker import (
  BusyError,
  ReplacedError,
  Worker,
  WorkerError,
)

_KINDS = {
  'png': 'image/png',
  'gif': 'image/gif',
  'mp4': 'video/mp4',
  'jpg': 'image/jpeg',
}


class Using:
  """The routes of a studio that need a model."""

  def __init__(self, catalog: Catalog, worker: Worker):
    self._catalog, self._worker = catalog, worker
    self._uploads = uploads.Uploads()
    self._jobs = Jobs(worker)

  @property
  def routes(self) -> list[Route]:
    """Their addresses."""
    post = ['POST']
    return [
      Route('/api/uploads', self.upload, methods=post),
      Route('/api/runs/{id}/sample', self.sample, methods=post),
      Route('/api/runs/{id}/show', self.show, methods=post),
      Route('/api/runs/{id}/translate', self.translate, methods=post),
      Route('/api/runs/{id}/inpaint', self.inpaint, methods=post),
      Route('/api/runs/{id}/paint', self.paint, methods=post),
      Route('/api/stylize', self.stylize, methods=post),
      Route('/api/jobs/{job}', self.job, methods=['GET', 'DELETE']),
      Route('/api/jobs/{job}/preview', self.preview),
      Route('/api/jobs/{job}/files/{name}', self.file),
    ]

  async def upload(self, request: Request) -> Response:
    """Take a picture: its bytes are the body."""
    data = await requests.body(request, uploads.MAX_BYTES)
    return Json(self._uploads.add(data))

  async def sample(self, request: Request) -> Response:
    """Make pictures of seeds at once; the newest request of a slot wins."""
    values = await requests.fields(request)
    asked = requests.sample(values) | {'path': str(self._entry(request).path)}
    slot = f'sample:{requests.word(values, "slot")}'
    try:
      told, made = await self._worker.ask(asked, slot=slot)
    except (ReplacedError, BusyError, WorkerError) as error:
      return failure(error)
    encoded = [base64.b64encode(png).decode() for png in made]
    return Json({**told, 'pictures': encoded})

  async def show(self, request: Request) -> Response:
    """Begin a walk or a sheet by class."""
    values = await requests.fields(request)
    return self._start(self._entry(request), requests.show(values), [])

  async def translate(self, request: Request) -> Response:
    """Begin a translation of uploads: a photo, and paintings for some."""
    values = await requests.fields(request)
    asked = {
      **requests.model(values),
      'task': 'translate',
      'direction': requests.word(values, 'direction'),
    }
    return self._start(self._entry(request), asked, self._given(values))

  async def inpaint(self, request: Request) -> Response:
    """Begin to repaint a part of an upload: a photo and a mask."""
    values = await requests.fields(request)
    given = self._given(values)
    core.require(len(given) == 2, 'inpainting takes a photo and a mask')
    seed = requests.whole(values, 'seed', 0, 0, 2**31 - 1)
    asked = {**requests.model(values), 'task': 'inpaint', 'seed': seed}
    return self._start(self._entry(request), asked, given)

  async def paint(self, request: Request) -> Response:
    """Begin to paint an upload large; further ones are what is painted with."""
    values = await requests.fields(request)
    asked = requests.paint(values)
    return self._start(self._entry(request), asked, self._given(values))

  async def stylize(self, request: Request) -> Response:
    """Begin to stylize an upload by optimizing it; further ones are styles."""
    values = await requests.fields(request)
    asked, given = requests.stylize(values), self._given(values)
    core.require(len(given) >= 2, 'drop a photo, and a painting for its style')
    return Json(self._jobs.start(asked, given).as_json())

  async def job(self, request: Request) -> Response:
    """Tell of a job, or stop it; ?seen=N waits for what is newer than N."""
    job = self._jobs.find(request.path_params['job'])
    if request.method == 'DELETE':
      self._jobs.stop(job)
    await job.changed(requests.query_number(request, 'seen', -1))
    return Json(job.as_json())

  async def preview(self, request: Request) -> Response:
    """Give the last picture on the way of a job."""
    job = self._jobs.find(request.path_params['job'])
    core.require(job.preview, 'there is no preview yet')
    return Response(job.preview, media_type='image/png')

  async def file(self, request: Request) -> Response:
    """Give a file that a job made."""
    job = self._jobs.find(request.path_params['job'])
    name = request.path_params['name']
    core.require(name in job.files, 'there is no such file')
    kind = _KINDS.get(name.rpartition('.')[2], 'application/octet-stream')
    return Response(job.files[name], media_type=kind)

  def _start(self, entry: Entry, asked: dict[str, Any], blobs: Any) -> Response:
    asked['path'] = str(entry.path)
    return Json(self._jobs.start(asked, blobs).as_json())

  def _given(self, values: dict[str, Any]) -> list[bytes]:
    ids = values.get('uploads')
    core.require(
      isinstance(ids, list) and 1 <= len(ids) <= 5,
      'uploads: a list of the ids of one to five pictures',
    )
    return [self._uploads.get(str(id)) for id in ids or ()]

  def _entry(self, request: Request) -> Entry:
    return self._catalog.find(request.path_params['id'])


def failure(error: Exception) -> Response:
  """Return the answer to a request that the worker did not do."""
  status, text = {
    ReplacedError: (409, 'a newer request took its place'),
    BusyError: (503, 'too much waits already; try again in a moment'),
  }.get(type(error), (500, paths.printable(str(error))))
  return Json({'error': text}, status)

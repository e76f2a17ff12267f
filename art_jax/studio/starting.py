"""The API that starts, stops and continues trainings."""

import asyncio
import os
import pathlib
import re
import shlex
import subprocess
import sys

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from art_jax import core
from art_jax.core import paths
from art_jax.studio import forms, requests, summary
from art_jax.studio.answers import Json
from art_jax.studio.catalog import Catalog
from art_jax.studio.data_root import DataRoot
from art_jax.studio.settings import Settings
from art_jax.studio.trainers import Trainers

_FORECAST_SECONDS = 180
_MOST_TEXT = 20_000
# What a page leaves out of `art_jax describe`, or says without its flags.
_PLAIN = (
  (r'\A.*?\n\)\n', ''),  # the whole config, which the form shows in part
  (r'^devices: .*\n', ''),
  (r' in [\d,]+ arrays$', ''),
  (r'before steps are timed \(--compile does\)', 'before it runs here'),
)


class Starting:
  """The routes of a studio that train."""

  def __init__(self, settings: Settings, catalog: Catalog):
    self._catalog = catalog
    self._root = DataRoot(settings.data_root)
    self._trainers = Trainers()
    self._forecasting = asyncio.Lock()

  @property
  def routes(self) -> list[Route]:
    """Their addresses."""
    post = ['POST']
    return [
      Route('/api/experiments', self.experiments),
      Route('/api/experiments/{name}', self.experiment),
      Route('/api/data', self.data),
      Route('/api/forecast', self.forecast, methods=post),
      Route('/api/start', self.start, methods=post),
      Route('/api/trainers/{folder}', self.trainer),
      Route('/api/runs/{id}/stop', self.stop, methods=post),
      Route('/api/runs/{id}/resume', self.resume, methods=post),
    ]

  async def experiments(self, request: Request) -> Response:
    """All experiments by name."""
    return Json(await anyio.to_thread.run_sync(forms.listed))

  async def experiment(self, request: Request) -> Response:
    """The fields of one: ?tiny=1."""
    tiny = request.query_params.get('tiny') == '1'
    name = request.path_params['name']
    return Json(await anyio.to_thread.run_sync(forms.form, name, tiny))

  async def data(self, request: Request) -> Response:
    """Folders and archives below --data_root."""
    return Json(await anyio.to_thread.run_sync(self._root.entries))

  async def forecast(self, request: Request) -> Response:
    """What `art_jax describe` says of a training."""
    values = await requests.fields(request)
    plan = await anyio.to_thread.run_sync(forms.plan, values, self._root)
    core.require(
      not self._forecasting.locked(), 'another forecast is made; try again soon'
    )
    async with self._forecasting:
      text = await _output(plan.command('describe', '--devices=1'))
    taken = os.path.lexists(self._folder(plan.folder))
    return Json(
      {
        'text': _plain(text),
        'command': self._shown(plan),
        'note': _taken(plan.folder) if taken else '',
      }
    )

  async def start(self, request: Request) -> Response:
    """Train in a new folder."""
    values = await requests.fields(request)
    plan = await anyio.to_thread.run_sync(forms.plan, values, self._root)
    folder = self._folder(plan.folder)
    core.require(not os.path.lexists(folder), _taken(plan.folder))
    return await self._train(plan, folder)

  async def trainer(self, request: Request) -> Response:
    """How a training that was started here goes, and which run it is."""
    folder = self._catalog.root / request.path_params['folder']
    trainer = self._trainers.find(folder)
    if trainer is None:
      raise core.UserError('no training of that name was started here')
    entries = self._catalog.entries()
    id = next((e.id for e in entries if e.path == trainer.folder), None)
    return Json({**trainer.as_json(), 'run': id})

  async def stop(self, request: Request) -> Response:
    """Have a trainer save a checkpoint and end."""
    entry = self._catalog.find(request.path_params['id'])
    self._trainers.stop(entry.path)
    return Json({})

  async def resume(self, request: Request) -> Response:
    """Start the command of a run again."""
    entry = self._catalog.find(request.path_params['id'])
    command = summary.last_command(entry.path)
    plan = await anyio.to_thread.run_sync(
      forms.again, command, self._root, entry.path.name
    )
    return await self._train(plan, entry.path)

  async def _train(self, plan: forms.Plan, folder: pathlib.Path) -> Response:
    arguments = plan.command('train', f'--workdir={folder}')
    await anyio.to_thread.run_sync(self._trainers.start, folder, arguments)
    return Json({'folder': folder.name, 'command': self._shown(plan)})

  def _shown(self, plan: forms.Plan) -> str:
    return paths.printable(plan.shown(str(self._folder(plan.folder))))

  def _folder(self, name: str) -> pathlib.Path:
    root = self._catalog.root
    core.require(
      not (root / 'config.txt').exists(),
      'this studio shows one run; start it with the folder that holds the '
      'runs, to start others',
    )
    return root / name


def _taken(name: str) -> str:
  return f'{name} is there already; continue that run, or choose another name'


def _plain(text: str) -> str:
  for pattern, told in _PLAIN:
    flags = re.DOTALL if pattern.startswith(r'\A') else re.MULTILINE
    text = re.sub(pattern, told, text, count=1, flags=flags)
  return text.strip()


async def _output(arguments: list[str]) -> str:
  """Return what `art_jax ARGUMENTS` prints.

  Raises:
    core.UserError: it says what is wrong, or takes too long.
  """
  process = await asyncio.create_subprocess_exec(
    *(sys.executable, '-m', 'art_jax.main', *arguments),
    stdin=subprocess.DEVNULL,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  try:
    out, err = await asyncio.wait_for(process.communicate(), _FORECAST_SECONDS)
  except (TimeoutError, asyncio.CancelledError) as error:
    process.kill()
    await process.wait()
    if isinstance(error, asyncio.CancelledError):
      raise
    raise core.UserError(
      f'the forecast took more than {_FORECAST_SECONDS} s; run '
      f'{shlex.join(["art_jax", *arguments])} yourself'
    ) from None
  text = (out if process.returncode == 0 else err).decode('utf-8', 'replace')
  core.require(process.returncode == 0, text.strip()[-1000:])
  return text[:_MOST_TEXT]

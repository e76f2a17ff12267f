"""The API that puts runs side by side."""

from collections.abc import Sequence
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from art_jax import core
from art_jax.report import collect, figures
from art_jax.runs import metrics_log
from art_jax.runs.folder import RunFolder
from art_jax.studio import curves, follow, summary
from art_jax.studio.answers import Json
from art_jax.studio.catalog import Catalog, Entry

_MOST = 8  # runs
_POINTS = 200  # of the curves of one metric, shared by the runs
_METRICS = 24


class Comparing:
  """The route of a studio that compares runs."""

  def __init__(self, catalog: Catalog):
    self._catalog = catalog

  @property
  def routes(self) -> list[Route]:
    """Its addresses."""
    return [Route('/api/compare', self.compare)]

  async def compare(self, request: Request) -> Response:
    """Two to eight runs: ?ids=ID,ID."""
    ids = dict.fromkeys(request.query_params.get('ids', '').split(','))
    core.require(2 <= len(ids) <= _MOST, f'choose two to {_MOST} runs')
    entries = [self._catalog.find(id) for id in ids]
    return Json(await anyio.to_thread.run_sync(compare, entries))


def compare(entries: Sequence[Entry]) -> dict[str, Any]:
  """Return the lines, curves, pictures and differing settings of runs.

  Returns:
    'runs': their lines. 'figures': [{'title', 'curves', 'last'}], curves as
    of `curves.columns`, and last values, by id. 'pictures': steps by
    name, by id. 'differences': (path, [value of each run]).
    'notes': what could not be read.
  """
  by_run, last = {}, {}
  for entry in entries:
    rows = follow.Lines(entry.path / metrics_log.FILE).read()[0]
    last[entry.id] = {k: v for row in rows for k, v in row.items()}
    by_run[entry.id] = curves.columns(rows, _POINTS // len(entries))
  names = dict.fromkeys(name for found in by_run.values() for name in found)
  # What several runs have comes first, in the order of a report.
  ordered = [n for group in figures.groups(list(names)).values() for n in group]
  ordered.sort(key=lambda n: -sum(n in found for found in by_run.values()))
  configs, notes = _configs(entries)
  return {
    'runs': [summary.summarize(entry).as_json() for entry in entries],
    'figures': [
      {
        'title': _title(name),
        'curves': {
          id: {key: found[name][key] for key in ('steps', 'values')}
          for id, found in by_run.items()
          if name in found
        },
        'last': {id: curves.number(last[id].get(name)) for id in by_run},
      }
      for name in ordered[:_METRICS]
    ],
    'pictures': {entry.id: follow.pictures(entry.path) for entry in entries},
    'differences': collect.differences(configs),
    'notes': notes,
  }


def _title(name: str) -> str:
  """Return what a metric is called: its figure on the page of a run, itself."""
  (group,) = figures.groups([name])
  title = figures.heading(group)
  return name if title == group else f'{title}: {name.rpartition("/")[2]}'


def _configs(entries: Sequence[Entry]) -> tuple[list[Any], list[str]]:
  configs, notes = [], []
  for entry in entries:
    config = None
    try:
      config = RunFolder(entry.path, writable=False).read_config()
    except (core.UserError, OSError) as error:
      notes.append(f'{entry.name}: {error}')
    configs.append(config)
  return configs, notes

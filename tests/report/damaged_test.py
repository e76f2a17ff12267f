"""Files of a run whose values are of another kind: left out, never an error."""

import copy
import json

import pytest
import run_files

from art_jax import core
from art_jax.report import collect, page
from art_jax.runs import metrics_rows
from art_jax.studio import catalog, summary

_FILES = {
  'run.json': [
    {
      'time': '2026-01-01T00:00:00+00:00',
      'command': 'art_jax train dcgan_mnist --tiny',
      'versions': {'art_jax': '0.1.0'},
      'git_commit': 'abc',
      'platform': 'cpu',
      'device': 'cpu',
      'devices': 1,
      'processes': 1,
      'steps': {'duration': 20},
    }
  ],
  'data.json': {
    'summary': '40 pictures',
    'train': [30],
    'heldout': [10],
    'classes': ['a', 'b'],
    'skipped': [{'file': 'x', 'reason': 'torn'}],
    'changes': [{'step': 3, 'what': 'more'}],
  },
  'summary.json': {
    'steps_per_second': 1.0,
    'images_per_second': 3.0,
    'input_share': 0.1,
    'productive_share': 0.9,
    'seconds/wall': 5.0,
  },
  'times.json': [{'wall': 3.0, 'start': 1.0, 'first': 1, 'last': 4}],
  'evaluation.json': [
    {'checkpoint': 8, 'scores': {'kid': {'value': 1.0, 'deviation': 0.1}}}
  ],
  'alarms.jsonl': {
    'step': 1,
    'alarm': 'not_finite',
    'begins': True,
    'since': 1,
    'text': 'not_finite: it is so',
    'fields': ['a=1'],
  },
}
_OTHERS = None, 3, 'x', [3], {'a': 1}


def _places(value, path=()):
  yield path
  items = value.items() if isinstance(value, dict) else ()
  for key, below in enumerate(value) if isinstance(value, list) else items:
    yield from _places(below, (*path, key))


def _with(value, path, other):
  if not path:
    return other
  changed = copy.deepcopy(value)
  inner = changed
  for key in path[:-1]:
    inner = inner[key]
  inner[path[-1]] = other
  return changed


@pytest.mark.parametrize('name', _FILES)
def test_any_value_of_another_kind(name, tmp_path):
  run = run_files.write(tmp_path / 'run', steps=0)
  other = run_files.write(tmp_path / 'other', steps=0)
  good = _FILES[name]
  assert len(page.report(_collected(run, name, good))) > 1000
  for path in _places(good):
    for value in _OTHERS:
      page.report(_collected(run, name, _with(good, path, value)))
      page.compare([run, other])
      summary.summarize(catalog.Entry('1', 'run', run))
      summary.last_command(run)


def _collected(run, name, content):
  (run / name).write_text(json.dumps(content) + '\n')
  return collect.collect(run)


def test_the_page_says_what_is_wrong(tmp_path):
  run = run_files.write(tmp_path / 'run', steps=0)
  assert 'run.json: it holds no list' in _collected(run, 'run.json', {}).notes
  row = {**_FILES['alarms.jsonl'], 'since': 'x'}
  files = _collected(run, 'alarms.jsonl', row)
  assert not files.events
  assert any("is no alarm (since='x')" in note for note in files.notes)


@pytest.mark.parametrize('value', [None, 'x', [3], {'a': 1}])
def test_a_metric_that_is_no_number(value, tmp_path):
  path = tmp_path / 'metrics.jsonl'
  path.write_text(json.dumps({'step': 2, 'loss/total': value}) + '\n')
  with pytest.raises(core.UserError, match='2: loss/total=.* is no number'):
    metrics_rows.read_metrics(path)

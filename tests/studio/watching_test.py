"""What the studio shows of run folders, whole, torn, removed or hostile."""

import asyncio
import json
import os
import shutil

import pytest
import run_files
from studio_client import client_of

from art_jax.data import sources
from art_jax.runs.lock import RunLock

pytest.importorskip('starlette')
from art_jax.studio import (
  about,
  board,
  catalog,
  follow,
  hub,
  pages,
  summary,
)

pytestmark = pytest.mark.extra


def _only(folder) -> catalog.Entry:
  (entry,) = catalog.Catalog(folder).entries()
  return entry


@pytest.mark.parametrize(
  'fields, state',
  [
    ({'steps': 20, 'saved': 20}, 'finished'),
    ({'steps': 20}, 'finished'),
    ({'steps': 8, 'saved': 8}, 'stopped'),
    ({'steps': 8, 'saved': 4}, 'crashed'),
    ({'steps': 8}, 'crashed'),
    ({'steps': 0}, 'new'),
  ],
)
def test_states(tmp_path, fields, state):
  run = run_files.write(tmp_path / 'run', **fields)
  line = summary.summarize(_only(tmp_path))
  assert (line.state, line.step) == (state, fields['steps'])
  assert (line.model, line.duration) == ('GAN', 20)
  if state in ('crashed', 'new'):
    assert not line.loading
    with RunLock(run, enabled=True):
      for newer, loading in (('run.json', True), ('metrics.jsonl', False)):
        os.utime(run / newer, (4e9 - loading, 4e9 - loading))
        line = summary.summarize(_only(tmp_path))
        assert (line.state, line.loading) == ('running', loading)


def test_a_look_at_a_run_takes_no_lock(tmp_path, monkeypatch):
  run = run_files.write(tmp_path / 'run')
  (run / '.lock').write_text('{}')
  monkeypatch.setattr('fcntl.flock', None)
  assert summary.summarize(_only(tmp_path)).state == 'crashed'


def test_a_run_of_another_machine_is_running_while_it_writes(tmp_path):
  run = run_files.write(tmp_path / 'run')
  (run / '.lock').write_text(json.dumps({'host': 'elsewhere', 'pid': 1}))
  assert summary.summarize(_only(tmp_path)).state == 'running'
  for name in ('metrics.jsonl', 'config.txt'):
    os.utime(run / name, (1e9, 1e9))
  assert summary.summarize(_only(tmp_path)).state == 'crashed'


def test_alarms_of_a_line(tmp_path):
  run = run_files.write(tmp_path / 'run')
  run_files.alarm(run, 3, 'loss_rises', True)
  line = summary.summarize(_only(tmp_path))
  assert (line.alarm, line.alarm_over) == ('loss rises', False)
  run_files.alarm(run, 5, 'loss_rises', False)
  assert summary.summarize(_only(tmp_path)).alarm_over


def test_new_rows_pictures_and_alarms_are_told_once(tmp_path):
  run = run_files.write(tmp_path / 'run')
  follower = follow.Follower(_only(tmp_path))
  ((name, first),) = follower.poll()
  assert name == 'snapshot' and first['pictures'] == {'samples': [4]}
  assert first['columns']['loss/total']['steps'] == [*range(1, 9)]
  assert follower.poll() == []
  with open(run / 'metrics.jsonl', 'a') as file:
    file.write('{"step": 9, "loss/total": "NaN"}\n{"step": 10, "lo')
  events = dict(follower.poll())
  assert events['rows'] == [{'step': 9, 'loss/total': None}]  # torn: later
  assert events['run']['step'] == 9
  with open(run / 'metrics.jsonl', 'a') as file:
    file.write('ss/total": 0.5}\nno json\n[1]\n{"step": "x"}\n')
  run_files.alarm(run, 9, 'collapse', True)
  run_files.picture(run, 8)
  events = dict(follower.poll())
  assert events['rows'] == [{'step': 10, 'loss/total': 0.5}]
  assert [row['alarm'] for row in events['alarms']] == ['collapse']
  assert events['pictures'] == [{'name': 'samples', 'step': 8}]


def test_a_long_file_is_read_to_its_end(tmp_path, monkeypatch):
  monkeypatch.setattr(follow, '_READ', 64)
  run_files.write(tmp_path / 'run', steps=30)
  ((_, told),) = follow.Follower(_only(tmp_path)).poll()
  assert told['columns']['loss/total']['steps'] == [*range(1, 31)]


def test_a_run_that_went_back_is_told_anew(tmp_path):
  run = run_files.write(tmp_path / 'run')
  follower = follow.Follower(_only(tmp_path))
  follower.poll()
  lines = (run / 'metrics.jsonl').read_text().splitlines(keepends=True)
  (run / 'new').write_text(''.join(lines[:2]))
  (run / 'new').replace(run / 'metrics.jsonl')
  ((name, told),) = follower.poll()
  assert name == 'snapshot'
  assert told['columns']['loss/total']['steps'] == [1, 2]
  shutil.rmtree(run)
  assert follower.poll() == [('gone', {})]


@pytest.mark.parametrize('steps, metrics', [(1500, 12), (600, 60), (150, 60)])
def test_pages_of_long_runs_are_small(tmp_path, steps, metrics):
  for run in 'abcdefgh':
    path = tmp_path / run
    if run != 'a':
      shutil.copytree(tmp_path / 'a', path)
      continue
    run_files.write(path)
    row = {f'group{i}/name': 0.0 for i in range(metrics)}
    with open(path / 'metrics.jsonl', 'w') as file:
      for i in range(steps):
        values = {name: (i + 1) ** 0.5 * 1e-3 for name in row}
        file.write(json.dumps({'step': 100_000 + i, **values}) + '\n')
  follower = follow.Follower(catalog.Catalog(tmp_path).entries()[0])
  follower.poll()
  client = client_of(tmp_path)
  first = len(hub.encode(('snapshot', follower.snapshot())))
  ids = [line['id'] for line in client.get('/api/runs').json()['runs']]
  first += len(client.get(f'/api/runs/{ids[0]}').content)
  assert first + _page_size(client, '/run') < 200_000
  for some in (ids[:2], ids):
    told = client.get(f'/api/compare?ids={",".join(some)}').content
    assert len(told) + _page_size(client, '/compare') < 200_000


def _page_size(client, page) -> int:
  """Return the bytes of a page with its programs and styles."""
  text = client.get(page).text
  ahead = [part.split('"')[0] for part in text.split('/static/')[1:]]
  sizes = {}
  while ahead:
    name = ahead.pop()
    if name not in sizes:
      content = client.get(f'/static/{name}').text
      sizes[name] = len(content)
      ahead += [part.split("'")[0] for part in content.split("from './")[1:]]
  return len(text) + sum(sizes.values())


def test_the_list_tells_what_changed_and_what_is_gone(tmp_path):
  listing = catalog.Catalog(tmp_path)
  listed = board.Board(listing)
  assert listed.poll() == [] and listed.snapshot()['runs'] == []
  run = run_files.write(tmp_path / 'deep' / 'run')
  listing._listed = -9
  ((name, lines),) = listed.poll()
  assert name == 'changed' and lines[0]['name'] == 'deep/run'
  assert listed.poll() == []
  shutil.rmtree(run)
  listing._listed = -9
  assert listed.poll() == [('removed', [lines[0]['id']])]


def test_a_run_may_have_the_name_of_a_part_of_one(tmp_path):
  run_files.write(tmp_path / 'painted')
  run_files.write(tmp_path / 'deep' / 'data')
  (tmp_path / 'images' / 'samples').mkdir(parents=True)
  names = [entry.name for entry in catalog.Catalog(tmp_path).entries()]
  assert names == ['deep/data', 'painted']


def test_links_are_followed_inside_the_folder_only(tmp_path):
  folder = tmp_path / 'runs'
  run_files.write(folder / 'real')
  outside = run_files.write(tmp_path / 'outside')
  (folder / 'inside').symlink_to(folder / 'real')
  (folder / 'leak').symlink_to(outside)
  (folder / 'loop').symlink_to(folder)
  names = [entry.name for entry in catalog.Catalog(folder).entries()]
  assert 'inside' in names and 'real' in names
  assert not [name for name in names if 'leak' in name]


def test_one_run_folder_is_a_list_of_one(tmp_path):
  run = run_files.write(tmp_path / 'run')
  assert _only(run).name == 'run'


def test_pages_and_pictures_of_a_run(tmp_path):
  run = run_files.write(tmp_path / 'run')
  client = client_of(tmp_path)
  (line,) = client.get('/api/runs').json()['runs']
  base = f'/api/runs/{line["id"]}'
  told = client.get(base).json()
  assert told['can']['sample'] and told['can']['directions'] == []
  assert told['starts'][0]['command'] == 'art_jax train dcgan_mnist --tiny'
  assert told['changed'] == []
  picture = client.get(f'{base}/picture?name=samples&step=4&side=160')
  assert picture.headers['content-type'] == 'image/webp'
  run_files.picture(run, 4).write_bytes(b'<html>')
  answer = client.get(f'{base}/picture?name=samples&step=4&side=160')
  assert answer.status_code == 400 and 'not a picture' in answer.json()['error']
  shutil.rmtree(run)
  assert client.get(base).status_code == 404


def test_names_that_are_no_utf8_are_told_and_come_back(tmp_path):
  name = os.fsdecode(b'caf\xe9')
  run = run_files.write(tmp_path / 'run', name='cdcgan_mnist')
  data = {'summary': f'1 of {name}', 'classes': [name, 'b']}
  (run / 'data.json').write_text(json.dumps(data))
  client = client_of(tmp_path)
  (line,) = client.get('/api/runs').json()['runs']
  told = client.get(f'/api/runs/{line["id"]}').json()
  assert told['data'] == data['summary']
  assert told['can']['classes'][:2] == data['classes']


@pytest.mark.parametrize(
  'source, names',
  [
    (sources.Builtin(), ['photo', 'painting']),
    (sources.Builtin('labels'), ['label map', 'painting']),
    (sources.Builtin('images'), []),
    (sources.Unpaired(a='/x/cats', b='/x/dogs/'), ['cats', 'dogs']),
    (sources.Unpaired(a='x/a', b='x/b', swapped=True), ['b', 'a']),
    (sources.Unpaired(a='/x/cats/all', b='/x/dogs/all'), []),
    (sources.Unpaired('/x'), ['trainA', 'trainB']),
    (sources.Pairs('/x', left='b'), ['right half', 'left half']),
    (sources.Tfds('cycle_gan/facades'), []),
  ],
)
def test_what_the_domains_of_a_run_show(source, names):
  assert about.domains(source) == names


@pytest.mark.parametrize('text', ['', 'Experiment(', 'x' * 2**21, '\0\xff'])
def test_a_damaged_config_hides_no_run(tmp_path, text):
  run = run_files.write(tmp_path / 'run')
  (run / 'config.txt').write_text(text)
  for name in ('run.json', 'data.json', 'times.json', 'summary.json'):
    (run / name).write_text('{"torn": [')
  client = client_of(tmp_path)
  (line,) = client.get('/api/runs').json()['runs']
  assert line['step'] == 8 and line['model'] == ''
  told = client.get(f'/api/runs/{line["id"]}').json()
  assert told['notes'] and told['can'] == {}


def test_many_watchers_share_one_look():
  looks = []

  def poll():
    looks.append(1)
    return [('rows', [len(looks)])]

  async def watch():
    shared = hub.Hub()
    make = lambda: hub.Channel(poll, lambda: len(looks))  # noqa: E731
    streams = [shared.stream('run', make) for _ in range(50)]
    first = [await anext(stream) for stream in streams]
    assert all(message.startswith(b'event: snapshot') for message in first)
    before = len(looks)
    for stream in streams:
      await anext(stream)
    assert len(looks) - before <= 2
    for stream in streams:
      await stream.aclose()
    await asyncio.sleep(0)
    assert not shared._channels

  asyncio.run(watch())


@pytest.mark.parametrize('page', pages.PAGES)
def test_every_page_is_small_and_loads_nothing_from_elsewhere(tmp_path, page):
  client = client_of(tmp_path)
  address = '/' if page == 'runs' else f'/{page}'
  assert _page_size(client, address) < 60_000
  assert 'http' not in client.get(address).text.replace('http-equiv', '')


def test_runs_side_by_side(tmp_path):
  run_files.write(tmp_path / 'a')
  other = run_files.write(tmp_path / 'b', steps=5)
  config = (other / 'config.txt').read_text()
  (other / 'config.txt').write_text(config.replace('seed=0', 'seed=7'))
  run_files.picture(other, 5)
  run_files.write(tmp_path / 'c')
  (tmp_path / 'c' / 'config.txt').write_text('torn(')
  client = client_of(tmp_path)
  ids = [line['id'] for line in client.get('/api/runs').json()['runs']]
  told = client.get(f'/api/compare?ids={",".join(ids[:2])}').json()
  assert [line['name'] for line in told['runs']] == ['a', 'b']
  assert ['train.seed', ['0', '7']] in told['differences']
  (figure,) = told['figures']
  assert len(figure['curves'][ids[1]]['steps']) == 5
  assert figure['title'] == 'Losses: total'
  assert figure['last'] == {ids[0]: 0.125, ids[1]: 0.2}
  assert told['pictures'][ids[1]] == {'samples': [4, 5]}
  told = client.get(f'/api/compare?ids={",".join(ids)}').json()
  assert 'c: ' in told['notes'][0]
  for wrong in ('', ids[0], f'{ids[0]},{ids[0]}', ','.join('abcdefghi')):
    assert client.get(f'/api/compare?ids={wrong}').status_code == 400
  assert client.get(f'/api/compare?ids={ids[0]},../b').status_code == 404

"""Trainings from a page: listed names, pictures below one folder, no files."""

import json
import signal
import subprocess
import sys

import pytest
import run_files

from art_jax import core
from art_jax.runs import lock

pytest.importorskip('starlette')
from starlette.testclient import TestClient

from art_jax.studio import app, data_root, forms, settings

pytestmark = pytest.mark.extra

_TOKEN = 'a-token-of-a-test-0123'
_HOST = 'http://127.0.0.1:8765'
_GOOD = {'experiment': 'dcgan_mnist', 'tiny': True, 'folder': 'mine'}


@pytest.fixture
def place(tmp_path, monkeypatch):
  """A client, the folder of runs, and the commands that were started."""
  runs, data = tmp_path / 'runs', tmp_path / 'data'
  for folder in (runs, data / 'in', data / 'in' / 'deep', tmp_path / 'out'):
    folder.mkdir(parents=True)
  (data / 'a.zip').write_bytes(b'')
  (data / 'leak').symlink_to(tmp_path / 'out')
  (data / 'up').symlink_to('..')
  (data / '.hidden').mkdir()
  started = []

  def popen(arguments, **options):
    started.append(arguments[3:])
    return _Process()

  monkeypatch.setattr('art_jax.studio.trainers.subprocess.Popen', popen)
  chosen = settings.Settings(runs=runs, token=_TOKEN, data_root=data)
  headers = {'Authorization': f'Bearer {_TOKEN}', 'Origin': _HOST}
  with TestClient(app.make(chosen), base_url=_HOST, headers=headers) as client:
    yield client, runs, started


class _Process:
  """Runs until it was sent a signal and is waited for, or for ever."""

  code = None

  def __init__(self):
    self.signals = []

  def poll(self):
    return self.code

  def wait(self, timeout=None):
    if timeout is not None and self.signals:
      self.code = 0

  def send_signal(self, number):
    self.signals.append(number)


def test_a_training_is_an_ordinary_command(place):
  client, runs, started = place
  ids = {entry['name']: entry['id'] for entry in client.get('/api/data').json()}
  assert set(ids) == {'a.zip', 'in', 'in/deep'}
  values = {**_GOOD, 'data': ids['in'], 'set': ['train.batch_size=4']}
  told = client.post('/api/start', json=values).json()
  ((mode, name, *flags),) = started
  assert (mode, name) == ('train', 'dcgan_mnist')
  data = runs.parent / 'data' / 'in'
  assert flags == [
    '--tiny',
    f'--data={data}',
    '--set=train.batch_size=4',
    f'--workdir={runs / "mine"}',
  ]
  assert told['command'].startswith('art_jax train dcgan_mnist --tiny')
  assert client.get('/api/trainers/mine').json()['code'] is None
  again = client.post('/api/start', json=values)
  assert again.status_code == 400 and 'stop it first' in again.text


@pytest.mark.parametrize(
  'change, told',
  [
    ({'experiment': 'evil.py'}, 'one of the list'),
    ({'experiment': '../experiments/vae'}, 'one of the list'),
    ({'experiment': '/tmp/evil.py'}, 'one of the list'),
    ({'experiment': 'os:system'}, 'one of the list'),
    ({'experiment': ['vae']}, 'one of the list'),
    ({'tiny': False}, 'fetches'),
    ({'folder': '../out'}, 'name of a run'),
    ({'folder': '/tmp/x'}, 'name of a run'),
    ({'folder': '.hidden'}, 'name of a run'),
    ({'folder': ''}, 'name of a run'),
    ({'folder': 'taken'}, 'is there already'),
    ({'data': '/etc'}, 'no such folder'),
    ({'data': '..'}, 'no such folder'),
    ({'data': 'leak'}, 'no such folder'),
    ({'set': ["data.source=Folder('x')"]}, 'choose the pictures'),
    ({'set': ['data.source.count=3']}, 'choose the pictures'),
    ({'set': ["data.source=Tfds('mnist')"]}, 'choose the pictures'),
    ({'set': ['train.best_metric=/etc/passwd']}, 'command line'),
    ({'set': ['train.best_metric=~root']}, 'command line'),
    ({'set': ['train.best_metric=setup.py']}, 'command line'),
    ({'set': ['algorithm.loss=Evil()']}, 'Evil'),
    ({'set': ['algorithm.loss=__import__("os")']}, '__import__'),
    ({'set': ['train.nothing=1']}, 'nothing'),
    ({'set': ['--workdir=x']}, 'workdir'),
    ({'set': ['train.seed=1\n--experiment=x']}, 'no line'),
    ({'set': 'train.seed=1'}, 'a list'),
    ({'set': [1]}, 'no line'),
    ({'set': ['train.seed=1'] * 61}, 'at most'),
  ],
)
def test_what_a_page_may_not_start(place, change, told):
  client, runs, started = place
  (runs / 'taken').mkdir()
  answer = client.post('/api/start', json={**_GOOD, **change})
  assert answer.status_code == 400 and told in answer.json()['error']
  assert not started


@pytest.mark.parametrize(
  'command, allowed',
  [
    ('art_jax train dcgan_mnist --tiny --set=train.seed=3', True),
    ('/x/art_jax/main.py train dcgan_mnist --tiny --set train.seed=3', True),
    ('art_jax train dcgan_mnist --tiny --workdir=/elsewhere', True),
    ('art_jax train dcgan_mnist --tiny --data=DATA/in', True),
    ('art_jax train dcgan_mnist --tiny --data=DATA/in/../../out', False),
    ('art_jax train dcgan_mnist --tiny --data=DATA/leak', False),
    ('art_jax train dcgan_mnist', False),
    ('art_jax train evil.py --tiny', False),
    ('art_jax train dcgan_mnist --tiny --init_from=/x', False),
    ('art_jax train dcgan_mnist --tiny --coordinator=evil:1', False),
    ('art_jax train dcgan_mnist --tiny --set=data.source=x', False),
    ('art_jax stylize style_transfer', False),
    ('rm -rf x', False),
    ('art_jax train "', False),
    ('', False),
  ],
)
def test_a_run_goes_on_by_what_a_page_could_have_asked(place, command, allowed):
  client, runs, started = place
  run = run_files.write(runs / 'old')
  command = command.replace('DATA', str(runs.parent / 'data'))
  (run / 'run.json').write_text(json.dumps([{'command': command}]))
  id = client.get('/api/runs').json()['runs'][0]['id']
  answer = client.post(f'/api/runs/{id}/resume', json={})
  assert answer.status_code == (200 if allowed else 400), answer.text
  assert len(started) == allowed
  if allowed:
    assert started[0][-1] == f'--workdir={run}'
    assert client.post(f'/api/runs/{id}/stop', json={}).status_code == 200


def test_a_run_goes_on_once_its_trainer_has_ended(place):
  client, runs, started = place
  run_files.write(runs / 'mine')
  id = client.get('/api/runs').json()['runs'][0]['id']
  assert client.post(f'/api/runs/{id}/resume', json={}).status_code == 200
  again = client.post(f'/api/runs/{id}/resume', json={})
  assert again.status_code == 400 and 'stop it first' in again.text
  assert client.post(f'/api/runs/{id}/stop', json={}).status_code == 200
  assert client.post(f'/api/runs/{id}/resume', json={}).status_code == 200
  assert len(started) == 2


def test_a_run_without_a_trainer_cannot_be_stopped(place, monkeypatch):
  client, runs, _ = place
  run = run_files.write(runs / 'old')
  (run / '.lock').write_text(json.dumps({'pid': 1, 'host': 'x'}))
  killed = []
  monkeypatch.setattr('os.kill', lambda *given: killed.append(given))
  id = client.get('/api/runs').json()['runs'][0]['id']
  answer = client.post(f'/api/runs/{id}/stop', json={})
  assert answer.status_code == 400 and 'no trainer' in answer.text
  assert not killed  # the process that a file names means nothing


def test_the_process_that_holds_a_run_is_what_the_kernel_says(tmp_path):
  program = (
    'import sys, time\n'
    'from art_jax.runs.lock import RunLock\n'
    'with RunLock(sys.argv[1], enabled=True):\n'
    '  print("held", flush=True); time.sleep(60)'
  )
  process = subprocess.Popen(
    [sys.executable, '-c', program, str(tmp_path)], stdout=subprocess.PIPE
  )
  try:
    assert process.stdout is not None and process.stdout.readline()
    if lock._LOCKS.exists():
      assert lock.holder(tmp_path) == process.pid
    assert lock.is_held(tmp_path)
  finally:
    process.send_signal(signal.SIGKILL)
    process.wait()
  assert not lock.is_held(tmp_path) and lock.holder(tmp_path) is None


def test_every_experiment_has_a_form(place):
  client, *_ = place
  names = [row['name'] for row in client.get('/api/experiments').json()]
  assert 'cyclegan_demo' in names
  told = client.get('/api/experiments/dcgan_mnist?tiny=1').json()
  fields = {row['path']: row for row in told['fields']}
  assert fields['train.duration']['text'] == '20'
  assert fields['train.batch_size']['about'].startswith('examples of ONE')
  assert client.get('/api/experiments/evil.py').status_code == 400


def test_a_forecast_is_told_in_the_words_of_a_page(place, monkeypatch):
  client, runs, started = place

  async def output(arguments):
    assert arguments[0] == 'describe'
    return (
      'Experiment(\n)\ntotal    9 parameters\nstate   0.4 MiB in 91 arrays\n'
      'devices: 1 x cpu, mesh (data=1)\nnot known before steps are timed '
      '(--compile does); at least 1 s to finish: the FLOPs\n'
    )

  monkeypatch.setattr('art_jax.studio.starting._output', output)
  told = client.post('/api/forecast', json=_GOOD).json()
  assert told['text'] == (
    'total    9 parameters\nstate   0.4 MiB\n'
    'not known before it runs here; at least 1 s to finish: the FLOPs'
  )
  assert not told['note']
  (runs / 'mine').mkdir()
  told = client.post('/api/forecast', json=_GOOD).json()
  assert 'mine is there already' in told['note'] and not started


def test_what_a_docstring_says_of_its_fields():
  text = """One.

  Attributes:
    a: first,
      on two lines.
    b, c: both.

  Raises:
    d: not a field.
  """
  found = forms.documented(text)
  assert found['a'] == 'first, on two lines.'
  assert found['b'] == found['c'] == 'both.'


def test_without_a_root_there_are_no_pictures(tmp_path):
  assert data_root.DataRoot(None).entries() == []
  assert not data_root.DataRoot(None).holds('/')
  with pytest.raises(core.UserError, match='--data_root'):
    data_root.DataRoot(tmp_path / 'nothing')

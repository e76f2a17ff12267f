"""Reports: whole, self-contained, and safe with names from anywhere."""

import base64
import dataclasses
import html.parser
import json
import shutil

import numpy as np
import puppet
import pytest
from PIL import Image

from art_jax import core
from art_jax.core.alarm_limits import Alarms, SampleAlarm
from art_jax.devices import mesh
from art_jax.report import collect, figures, page, pictures, refresh
from art_jax.runs.alarm_event import Event
from art_jax.runs.lock import RunLock
from art_jax.training import loop

_HOSTILE = '<img src=x onerror="alert(1)">.png'


class _Page(html.parser.HTMLParser):
  """Collects every address and every piece of text."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.addresses, self.texts, self.frames = [], [], [], []
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    for name, value in attrs:
      if name in ('src', 'href', 'srcset', 'action'):
        self.addresses.append(value)
      if name == 'data-frames':
        self.frames.append(json.loads(value))
      assert not name.startswith('on'), (tag, name)

  def handle_data(self, data):
    self.texts.append(data)


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """Return the folder of a run, which no test changes."""
  path = tmp_path_factory.mktemp('runs') / 'finished'
  alarms = Alarms(count=16, reference=40, sample=SampleAlarm(memorized=1.0))
  experiment = puppet.experiment(alarms=alarms)
  loop.train(experiment, path, devices=mesh.make_devices(1))
  return path


@pytest.fixture
def run(finished, tmp_path):
  path = tmp_path / 'run'
  shutil.copytree(finished, path)
  return path


def _read(path) -> tuple[str, _Page]:
  text = page.write(path).read_text()
  return text, _Page(text)


@pytest.mark.slow
def test_a_report_is_whole_and_asks_for_nothing(run):
  text, read = _read(run)
  assert read.addresses and all(a.startswith('data:') for a in read.addresses)
  assert "default-src 'none'" in text
  words = ' '.join(read.texts)
  for expected in (
    *('finished', 'No alarm fired', 'Latest pictures', 'Over time', 'Curves'),
    *('Nearest training pictures', 'From one latent to another', 'Metrics'),
    *('What was run', 'Where the time went', 'Data', 'best moment'),
    *('40 training and 8 held-out pictures', 'Training pictures'),
  ):
    assert expected in words, expected
  (frames,) = read.frames
  assert [frame['step'] for frame in frames] == list(range(1, 9))
  assert len(text) < 5_000_000


def test_names_from_anywhere_are_text(run):
  data = json.loads((run / 'data.json').read_text())
  data['skipped'] = [{'file': _HOSTILE, 'reason': '</script><b>'}]
  data['classes'] = ['<i>', '"&']
  data['changes'] = [{'step': 4, 'what': '1 added: <i>x</i>.png'}]
  (run / 'data.json').write_text(json.dumps(data))
  starts = json.loads((run / 'run.json').read_text())
  starts[0]['command'] = 'art_jax --data="</pre><script>alert(1)</script>"'
  (run / 'run.json').write_text(json.dumps(starts))
  (run / 'images' / 'samples').rename(run / 'images' / "a'><svg onload=x>")
  _, plain = _read(run)
  assert plain.tags.count('script') == 1
  for tag in ('i', 'svg'):
    assert tag not in plain.tags
  assert _HOSTILE in plain.texts
  changed = 'the data changed since step 4: 1 added: <i>x</i>.png'
  assert changed in plain.texts


@pytest.mark.slow
def test_scores_of_evaluations_are_shown(run, finished):
  name = 'kid/pixels32@50'
  score = {'value': 0.25, 'deviation': 0.01, 'real': None}
  entries = [{'checkpoint': 8, 'scores': {name: score}}, {'torn': True}]
  (run / 'evaluation.json').write_text(json.dumps(entries))
  texts = _read(run)[1].texts
  assert name in texts and any('0.25' in text for text in texts)
  assert name in _Page(page.compare([run, finished])).texts


def test_no_number_is_a_dash():
  # As `record.append` keeps an infinite PSNR.
  assert page.number(None) == '-' and page.number(float('inf')) == 'inf'


def test_alarms_of_one_step_are_all_named_in_the_curves(run, monkeypatch):
  events = [
    Event(5, 'loss_spike', True, 4, 'a: b'),
    Event(5, 'not_finite', True, 4, 'a: b'),
    Event(9, 'collapse', True, 9, 'a: b'),
  ]
  marked = []
  monkeypatch.setattr(figures, 'of_run', lambda rows, m: marked.append(m) or [])
  page.report(dataclasses.replace(collect.collect(run), events=events))
  assert marked == [{4: 'loss spike, not finite', 9: 'collapse'}]


def test_a_run_that_goes_on_or_was_killed(run):
  (run / 'summary.json').unlink()
  lines = (run / 'metrics.jsonl').read_bytes().splitlines(keepends=True)
  (run / 'metrics.jsonl').write_bytes(b''.join(lines[:5]) + b'{"step": 6, "lo')
  half = run / 'images' / 'samples' / '00000008.png'
  half.write_bytes(half.read_bytes()[:100])
  assert collect.collect(run).status == 'stopped'
  assert 'step 5 of 8' in ' '.join(''.join(_read(run)[1].texts).split())
  with RunLock(run, enabled=True):
    assert collect.collect(run).status == 'training'
  assert collect.collect(run).status == 'stopped'


def test_of_another_version_what_can_be_read_is_shown(run):
  starts = json.loads((run / 'run.json').read_text())
  starts[-1]['versions']['art_jax'] = '9.9'
  (run / 'run.json').write_text(json.dumps(starts))
  config = (run / 'config.txt').read_text()
  (run / 'config.txt').write_text(config.replace('Puppet(', 'Marionette('))
  words = ' '.join(_read(run)[1].texts)
  assert 'art_jax 9.9 wrote this run' in words
  assert 'Marionette is not a config class' in words
  assert 'Curves' in words


def test_a_folder_without_a_run(tmp_path):
  with pytest.raises(core.UserError, match='holds no config.txt'):
    page.write(tmp_path)


def test_comparison(run, finished, tmp_path):
  config = (run / 'config.txt').read_text()
  (run / 'config.txt').write_text(config.replace('seed=0', 'seed=7'))
  # Only art_jax's own classes are read back; compare the experiments.
  experiment = puppet.experiment()
  other = dataclasses.replace(
    experiment, train=dataclasses.replace(experiment.train, seed=7)
  )
  changed = collect.differences([experiment, other])
  assert changed == [('train.seed', ['0', '7'])]
  read = _Page(page.compare([run, finished]))
  assert all(address.startswith('data:') for address in read.addresses)
  words = ' '.join(read.texts)
  assert 'probe/kid/pixels32@16' in words and 'finished' in words
  with pytest.raises(core.UserError, match='two or more'):
    page.compare([run])
  with pytest.raises(core.UserError, match='named twice'):
    page.compare([run, run])


def test_curves_of_runs_of_any_name():
  names = 'step', '_base', r'$\bad{$', 'a$b$', r'c\$'
  rows = [{'step': i, 'loss/total': 1.0 / i} for i in (1, 2)]
  (curve,) = figures.of_runs(dict.fromkeys(names, rows))
  drawn = base64.b64decode(curve['uri'].partition(',')[2]).decode()
  for name in names[:4]:
    assert f'<!-- {name} -->' in drawn.replace('<!--  ', '<!-- '), name


def test_the_best_of_runs_is_marked_beside_one_that_diverged():
  rows = [{'last': value} for value in (float('nan'), 2.0, 1.0)]
  cells = page._cells('probe/kid/x', [None, *rows])
  assert [cell and cell['best'] for cell in cells] == [None, False, False, True]


def test_many_large_pictures_stay_small(tmp_path, monkeypatch):
  monkeypatch.setattr(pictures, '_BUDGET', 300_000)
  rng = np.random.default_rng(0)
  noise = Image.fromarray(rng.integers(0, 255, (200, 200, 3), np.uint8))
  noise.save(tmp_path / '0.png')
  frames = pictures.frames({'a': [(i, tmp_path / '0.png') for i in range(30)]})
  assert sum(len(frame['uri']) for frame in frames['a']) < 300_000
  assert [frames['a'][i]['step'] for i in (0, -1)] == [0, 29]


def test_a_report_that_fails_stops_no_run(tmp_path, monkeypatch):
  def fail(*unused):
    raise RuntimeError('no room')

  monkeypatch.setattr(page, 'write', fail)
  monkeypatch.setattr(refresh, 'WRITES', True)
  with refresh.Refresher(tmp_path, enabled=True) as report:
    report.begin()
    report.refresh()
    report.refresh()

"""Where the time of a run goes, over crashes and returns."""

import json

import pytest
import toy
from etils import epath

from art_jax.devices import mesh
from art_jax.runs import metrics_log
from art_jax.training import goodput, loop

_STRETCHES = [
  # 0 to 10, killed; the last checkpoint was 6.
  {
    **{'began': 1000.0, 'first': 0, 'last': 10, 'wall': 30.0},
    'seconds': {'data': 3, 'compile': 5, 'step': 20, 'render': 1, 'other': 1},
  },
  # 6 to 9, killed before another checkpoint; 15 s after the first ended.
  {
    **{'began': 1045.0, 'first': 6, 'last': 9, 'wall': 12.0},
    'seconds': {'data': 3, 'compile': 3, 'step': 6, 'other': 0},
  },
  # 6 to 16, the end; the clock was put back meanwhile.
  {
    **{'began': 1000.0, 'first': 6, 'last': 16, 'wall': 25.0},
    'seconds': {'compile': 2, 'step': 20, 'checkpoint': 3, 'other': 0},
  },
]


def test_account():
  summary = goodput.account(_STRETCHES)
  seconds = {
    name.removeprefix('run_seconds/'): value
    for name, value in summary.items()
    if '/' in name
  }
  assert seconds == pytest.approx(
    {
      **{'wall': 67, 'step': 12 + 20, 'redone': 8 + 6, 'restart': 8},
      **{'down': 15, 'data': 3, 'compile': 5, 'render': 1, 'checkpoint': 3},
      'other': 1,
    }
  )
  # All but what no trainer saw adds up.
  assert sum(seconds.values()) - 15 == pytest.approx(2 * 67)
  assert summary['productive_share'] == pytest.approx(32 / 67)
  assert goodput.sentence(summary) == (
    '47.8 % of 67.0 s went into steps that count; the rest: steps lost and '
    'done again 20.9 %, starting again 11.9 %, compile 7.5 %, checkpoint '
    '4.5 %, data 4.5 %, render 1.5 %, other 1.5 %; 3 starts (or returns to a '
    'checkpoint), 15.0 s between them'
  )


@pytest.mark.slow
def test_a_run_that_was_killed(tmp_path, monkeypatch):
  devices = mesh.make_devices(1)
  scalars = metrics_log.Writer.scalars

  def killed(self, step, values):
    scalars(self, step, values)
    if step == 8:
      raise KeyboardInterrupt

  monkeypatch.setattr(metrics_log.Writer, 'scalars', killed)
  with pytest.raises(KeyboardInterrupt):
    loop.train(toy.experiment(), tmp_path, devices=devices)
  first = json.loads((tmp_path / 'times.json').read_text())
  assert [(s['first'], s['last']) for s in first] == [(0, 7)]
  monkeypatch.undo()
  summary = loop.train(toy.experiment(), tmp_path, devices=devices)
  assert summary['stretches'] == 2
  assert summary == goodput.account([]) | summary
  names = ('wall', 'step', 'redone', 'restart', 'checkpoint', 'render')
  assert all(summary[f'run_seconds/{name}'] > 0 for name in names)
  # The last save, of step 6, may or may not have been durable.
  ratio = summary['run_seconds/redone'] / first[0]['seconds']['step']
  assert ratio in (pytest.approx(1 / 7), pytest.approx(3 / 7))
  written = json.loads((tmp_path / 'summary.json').read_text())
  assert written['productive_share'] == summary['productive_share']
  # Nothing is left to do: that start is not counted.
  loop.train(toy.experiment(), tmp_path, devices=devices)
  assert len(json.loads((tmp_path / 'times.json').read_text())) == 2


def test_a_return_to_a_checkpoint(tmp_path):
  experiment = toy.experiment('train.on_nan=rollback', bad_metric=5)
  summary = loop.train(experiment, tmp_path, devices=mesh.make_devices(1))
  stretches = json.loads((tmp_path / 'times.json').read_text())
  assert [s['first'] for s in stretches] == [0, 4]
  assert summary['run_seconds/redone'] > 0
  assert summary['run_seconds/down'] == pytest.approx(0, abs=0.01)
  # Steps 1 to 6, and 5 to 8 again; the first of each compiled.
  busy = summary['seconds/step'] + summary['seconds/input']
  assert summary['steps_per_second'] * busy == pytest.approx(5 + 3)


_DAMAGED = ['', '{"a": 1}', '[1]', '[{"first": "x"}]', '[' * 9**5]


@pytest.mark.parametrize('text', _DAMAGED, ids=range(len(_DAMAGED)))
def test_damaged_file(text, tmp_path):
  (tmp_path / 'times.json').write_text(text)
  times = goodput.Goodput(epath.Path(tmp_path), goodput.Clocks(), enabled=True)
  times.begin(0)
  assert times.summary()['stretches'] == 1

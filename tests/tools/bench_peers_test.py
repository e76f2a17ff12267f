"""tools/benchmarks/bench_peers.py, with peers that are not PyTorch."""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

from art_jax import core
from art_jax.config import experiments
from tools import command
from tools.benchmarks import bench_peers


@pytest.fixture
def tool():
  return bench_peers


class Side:
  """Takes a known time for every step."""

  def __init__(self, seconds):
    self.seconds, self.turns = seconds, []

  def take(self, count):
    self.turns.append(count)
    return [self.seconds] * count


def test_the_rows_are_experiments_at_their_sizes(tool):
  names = (
    'autoencoder vae dcgan64 dcgan128 wgan acgan cyclegan128 cyclegan256 '
    'cut128 cut256 pix2pix gatys johnson_train johnson_512'
  )
  assert set(names.split()) <= set(tool.rows.ROWS)
  for name, row in tool.rows.ROWS.items():
    experiment = row.load('bfloat16')
    size = re.search(r'\d+$', name)
    if size:
      assert experiment.data.size == int(size[0])
    file, function = row.peer.split('.')
    spec = importlib.util.find_spec(f'tools.benchmarks.peers.{file}')
    source = pathlib.Path(spec.origin).read_text()
    assert f'def {function}(' in source
    for field in row.fields:
      assert f'{field}' in source
    if row.experiment != 'style_transfer':
      experiments.resolve(experiment, 64)


def test_a_python_without_torch_is_refused(tool, tmp_path):
  with pytest.raises(core.UserError, match='cannot import torch'):
    tool.process.interpreter(str(tmp_path / 'python'))


def test_no_network_is_refused_with_what_to_do(tool, tmp_path, monkeypatch):
  monkeypatch.setattr(tool.process, 'home', lambda: tmp_path)
  monkeypatch.setattr(sys, 'executable', '/bin/false')
  with pytest.raises(core.UserError, match='--python=PATH'):
    tool.process.interpreter(None)


def test_sides_take_turns_and_a_slow_variant_is_left_out(tool):
  sides = {'ours': Side(1.0), 'eager': Side(2.0), 'compile': Side(3.0)}
  seconds = tool.alternate(sides, repeats=3, seconds=12)
  assert set(seconds) == {'ours', 'eager'}
  # The first step chooses; then 2 seconds in each of 3 turns, 2 steps at least,
  # after one that does not count.
  assert sides['ours'].turns == sides['eager'].turns == [1, 3, 3, 3]
  assert len(seconds['ours']) == len(seconds['eager']) == 6
  found = tool.ratio(seconds | {'channels_last': [2.5, 1.5, 1.5]})
  assert found == {
    'ours_s': 1.0,
    'peer_s': 1.5,
    'peer': 'channels_last',
    'ratio': 1.5,
  }


_WORKER = """
  import json, sys
  plan = json.loads(sys.argv[1])
  if plan['variant'] == 'compile':
    sys.exit('no compiler here')
  networks = {'transformer': plan['fields'].get('parameters', 7)}
  print(json.dumps({'networks': networks, 'torch': '9', 'flops': 80}))
  sys.stdout.flush()
  for line in sys.stdin:
    seconds = {'eager': 0.5, 'channels_last': 0.4}[plan['variant']]
    answer = {'seconds': [seconds] * int(line), 'waiting': 0.01}
    print(json.dumps(answer), flush=True)
"""


def test_every_row_has_a_process_of_its_own(
  tool, tmp_path, monkeypatch, capsys
):
  names, path = [], tmp_path / 'peers.json'

  def run(command, **_):
    given = [word.partition('=') for word in command[2:]]
    given = {name: value for name, _, value in given}  # the last one counts
    names.append(given['--only'])
    if given['--only'] == 'vae':
      return subprocess.CompletedProcess(command, 3)
    pathlib.Path(given['--json']).write_text('[{"model": "gatys"}]')
    return subprocess.CompletedProcess(command, 0)

  monkeypatch.setattr(subprocess, 'run', run)
  arguments = ['--only=gatys,vae', f'--json={path}']
  monkeypatch.setattr(sys, 'argv', ['bench_peers', *arguments])
  assert command.call(tool.main, arguments) == 2
  assert 'vae ended with exit code 3' in capsys.readouterr().err
  assert names == ['gatys', 'vae']
  assert json.loads(path.read_text()) == [{'model': 'gatys'}], 'it is kept'


def test_the_file_and_the_table(tool, tmp_path, monkeypatch, capsys):
  worker = tmp_path / 'worker.py'
  worker.write_text(textwrap.dedent(_WORKER))
  monkeypatch.setattr(tool.process, '_WORKER', (str(worker),))
  monkeypatch.setattr(tool.process, 'interpreter', lambda _: sys.executable)
  monkeypatch.setattr(tool.ours, 'most_flops', lambda *_: 1000.0)

  class Ours(Side):
    networks, flops = {'transformer': 7}, 80.0

    def __init__(self, *_):
      super().__init__(0.2)

  monkeypatch.setattr(tool.ours, 'Ours', Ours)
  path = tmp_path / 'peers.json'
  arguments = ['--only=johnson_512', f'--json={path}', '--seconds=1']
  assert command.call(tool.main, arguments) == 0
  (row,) = json.loads(path.read_text())
  assert row['model'] == 'johnson_512' and row['peer'] == 'channels_last'
  assert row['ratio'] == pytest.approx(2.0) == row['peer_s'] / row['ours_s']
  assert row['ceiling_share'] == pytest.approx(80 / 0.2 / 1000)
  assert row['failed'] == {'compile': 'no compiler here'}
  assert row['waiting'] == 0.01
  assert [p.name for p in tmp_path.glob('peers.json*')] == ['peers.json']
  table = capsys.readouterr().out
  assert '| johnson_512 | 0.2 | 0.4 | channels_last | 2.00 | 40 % |' in table
  Ours.networks = {'transformer': 8}
  assert command.call(tool.main, arguments) == 2
  assert 'not the same networks' in capsys.readouterr().err

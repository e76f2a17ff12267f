"""The command line: exit codes and one-line errors, before any compile."""

import json
import subprocess
import sys

import numpy as np
import pytest
from command_line import run_main
from PIL import Image

from art_jax.devices import mesh


@pytest.fixture
def no_compile(monkeypatch):
  def refuse(*unused):
    raise AssertionError('something was compiled')

  monkeypatch.setattr(mesh.Devices, 'compile_init', refuse)


def _pictures(folder, count=2, size=(48, 40)):
  folder.mkdir(parents=True, exist_ok=True)
  rng = np.random.default_rng(0)
  for i in range(count):
    pixels = rng.integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(folder / f'{i}.png')
  return folder


_TINY = ('--experiment=cyclegan', '--tiny', '--devices=8')


@pytest.mark.slow
@pytest.mark.parametrize(
  'arguments, message',
  [
    (['--experiment=cyclgan'], 'there are: cyclegan'),
    ([], 'train needs an EXPERIMENT (--experiment'),
    (['--mod=train'], 'mod'),
    (['--mode=trian'], 'trian'),
    (['--devices=many', *_TINY[:2]], 'many'),
    (['--mode=train', 'cyclegan'], "'cyclegan' is not a flag"),
    (['--mode=compare', 'runs/nowhere'], 'two or more run folders'),
    (['--mode=report'], 'report needs a RUN (--run)'),
    (['--mode=report', '--run=runs/nowhere'], 'is no folder'),
    ([*_TINY, '--devices=9'], '--devices=9: this run sees 8'),
    ([*_TINY, '--expect_platform=tpu'], 'jax found cpu'),
    ([*_TINY, '--set', 'train.batch_size=6'], '--devices=2'),
    ([*_TINY, '--set', 'train.batch_size=6'], 'train.batch_size=8'),
    ([*_TINY, '--set', 'train.bath_size=6'], 'it has: batch_size'),
    ([*_TINY, '--set', 'train.duration=-1'], 'at least one step'),
    ([*_TINY, '--set', 'train.duration=soon'], 'not allowed'),
    ([*_TINY, '--set', 'data.size=33'], 'multiple of 4'),
    ([*_TINY, '--set', 'algorithm.generator.width=0'], 'width'),
    ([*_TINY, '--set', 'algorithm.generator.norm=group'], 'norm'),
    ([*_TINY, '--set', 'train.accumulate=3'], 'train.accumulate=3'),
    ([*_TINY, '--data=/no/such/folder'], 'no such folder'),
    ([*_TINY, '--data=gs://bucket/pictures'], 'mount the bucket'),
    ([*_TINY, '--data={empty}'], 'holds 0 images'),
    ([*_TINY, '--data={one_domain}'], 'trainB'),
    ([*_TINY, '--data={text}'], 'cannot be read'),
    ([*_TINY, '--data={small}'], 'too small'),
    ([*_TINY, '--workdir={file}/run'], 'cannot be written'),
    ([*_TINY, '--init_from={empty}'], 'no config.txt'),
    (['--mode=translate', '--run={empty}'], 'needs --input'),
    (
      ['--mode=translate', '--input=x', '--output=y'],
      'translate needs a RUN (--run) or --weights',
    ),
    (
      ['--mode=translate', '--run={empty}', '--input=x', '--output=y'],
      'no config.txt',
    ),
    (['--mode=export', '--run={empty}'], 'needs --output'),
    (['--experiment=cyclegan', '--coordinator=127.0.0.1:1'], 'all three'),
    (
      [*_TINY, '--coordinator=here', '--num_processes=2', '--process_id=0'],
      'host:port',
    ),
  ],
  ids=lambda x: x if isinstance(x, str) else ' '.join(x)[:60],
)
def test_bad_input(arguments, message, tmp_path, no_compile):
  places = {
    name: str(tmp_path / name)
    for name in ('empty', 'one_domain', 'text', 'small', 'file')
  }
  (tmp_path / 'empty').mkdir()
  _pictures(tmp_path / 'one_domain' / 'trainA')
  (tmp_path / 'one_domain' / 'trainB').mkdir()
  for domain in 'AB':
    _pictures(tmp_path / 'small' / f'train{domain}', size=(20, 20))
    folder = _pictures(tmp_path / 'text' / f'train{domain}')
    for i in range(8):
      (folder / f'bad{i}.jpg').write_text('no picture')
  (tmp_path / 'file').write_text('')
  workdir = f'--workdir={tmp_path / "run"}'
  code, out, err = run_main(
    workdir, *(argument.format(**places) for argument in arguments)
  )
  last = err.strip().splitlines()[-1]
  assert code == 2, err
  assert message in last
  assert last.startswith('art_jax: ')


def test_list_names_every_experiment_with_its_purpose():
  code, out, _ = run_main('--mode=list')
  assert code == 0
  assert 'cyclegan_demo' in out
  assert 'CycleGAN on monet2photo, as published' in out


@pytest.mark.slow
def test_describe_counts_the_paper_s_networks():
  code, out, _ = run_main('--mode=describe', '--experiment=cyclegan')
  assert code == 0
  # Parameter counts of the authors' networks, see resnet_generator_test.
  assert out.count('11,378,179 parameters') == 2
  assert out.count('2,764,737 parameters') == 2
  assert '28,285,832 parameters' in out
  # 49.6 GMAC at 256 px.
  assert '99' in out.split('generator_ab')[1].split('FLOP')[0]


@pytest.mark.slow
def test_train_then_translate_then_export(tmp_path):
  """The life of a run, through the command line alone."""
  workdir = f'--workdir={tmp_path / "run"}'
  small = ['--set', 'train.duration=4', '--set', 'train.checkpoint_every=2']
  code, out, err = run_main(*_TINY, workdir, *small)
  assert code == 0, err
  assert 'steps/s' in out and 'waiting for input' in out
  rows = (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
  assert [json.loads(row)['step'] for row in rows] == [1, 2, 4]
  assert 'loss/cycle_a' in json.loads(rows[0])

  pictures = _pictures(tmp_path / 'in', size=(37, 50))
  run = f'--run={tmp_path / "run"}'
  translate = [
    '--mode=translate',
    run,
    f'--input={pictures}',
    f'--output={tmp_path / "out"}',
    '--direction=ba',
  ]
  code, _, err = run_main(*translate)
  assert code == 0, err
  written = sorted((tmp_path / 'out').iterdir())
  assert [p.name for p in written] == ['0.png', '1.png']
  assert Image.open(written[0]).size == (50, 37)
  code, out, err = run_main(*translate)
  assert code == 0 and '(2 more are there already)' in out, err
  written[0].write_bytes(b'')
  code, _, err = run_main(*translate)
  assert code == 2 and 'exists' in err
  code, out, err = run_main(*translate, '--overwrite')
  assert code == 0 and '2 picture(s)' in out, err

  export = ['--mode=export', run, f'--output={tmp_path / "export"}']
  code, out, err = run_main(*export)
  assert code == 0, err
  assert 'program_ab.stablehlo' in out
  code, _, err = run_main(*export)
  assert code == 2 and 'exists' in err

  # The same command with another network is refused, naming the field.
  code, _, err = run_main(
    *_TINY, workdir, *small, '--set', 'algorithm.generator.width=4'
  )
  assert code == 2
  assert 'algorithm.generator.width: 8 there, 4 now' in err

  # Its networks start another run, with other data and a fresh clock.
  code, _, err = run_main(
    *_TINY,
    f'--workdir={tmp_path / "second"}',
    f'--init_from={tmp_path / "run"}',
    *('--set', 'train.duration=1', '--set', 'train.seed=7'),
  )
  assert code == 0, err


@pytest.mark.process
def test_unknown_flag_exits_with_2_from_the_shell():
  result = subprocess.run(
    [sys.executable, '-m', 'art_jax.main', '--nonsense=1'],
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 2
  assert result.stderr.count('\n') == 1


@pytest.mark.slow
@pytest.mark.process
def test_importing_and_listing_needs_no_tensorflow():
  program = (
    'import sys; sys.modules["tensorflow"] = None;'
    'sys.modules["tensorflow_datasets"] = None;'
    'from art_jax import main; from art_jax.training import loop;'
    'from art_jax.config import experiment_files, experiments, serialization;'
    'from art_jax.inference import run;'
    '[experiments.load(n) for n in experiment_files.files()];'
    'serialization.config_classes()'
  )
  result = subprocess.run(
    [sys.executable, '-c', program],
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr

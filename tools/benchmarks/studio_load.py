"""What the studio takes: watchers of a run, many runs, hostile requests.

  python -m tools.benchmarks.studio_load --seconds=60

A run logs a row a second, while watchers read its events; printed is the time
of the processor that the server took meanwhile. A trainer is watched for a
while, then not, and again: printed is what a step of it took. Then the list of
500 runs is asked for, and requests are sent that all must be refused.
Everything goes over loopback.
"""

import asyncio
import http.client
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import psutil

from tools import command

_TOKEN = 'load-test-token-0123456789'
_BEARER = {'Authorization': f'Bearer {_TOKEN}'}
_START = 120  # seconds


def write_run(path: pathlib.Path, rows: int) -> None:
  """Write the files of a run that a studio reads."""
  (path / 'images').mkdir(parents=True)
  (path / 'config.txt').write_text('Experiment(algorithm=GAN())\n')
  with open(path / 'metrics.jsonl', 'w') as file:
    for step in range(1, rows + 1):
      file.write(row(step))


def row(step: int) -> str:
  """Return a line of metrics.jsonl with twelve numbers."""
  values = {f'loss/part{i}': random.random() for i in range(12)}
  return json.dumps({'step': step, **values}) + '\n'


def serve(folder: pathlib.Path, port: int) -> subprocess.Popen:
  """Start a studio, and wait until it answers."""
  process = subprocess.Popen(
    [
      *(sys.executable, '-m', 'art_jax.main', 'studio', str(folder)),
      *(f'--port={port}', f'--token={_TOKEN}'),
    ],
    stdout=subprocess.DEVNULL,
  )
  end = time.monotonic() + _START
  while time.monotonic() < end:
    try:
      ask(port, '/')
      return process
    except OSError:
      time.sleep(0.2)
  process.kill()
  raise SystemExit('the studio did not start')


def ask(port: int, path: str, method='GET', headers=None, body=None):
  """Return status and body of a request."""
  connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
  try:
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read()
  finally:
    connection.close()


async def watch(port: int, path: str, counts: list[int], index: int) -> None:
  """Read events until it is cancelled, and count the rows; -1: none yet."""
  reader, writer = await asyncio.open_connection('127.0.0.1', port, limit=2**24)
  writer.write(
    f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n'
    f'Authorization: Bearer {_TOKEN}\r\n\r\n'.encode()
  )
  try:
    while line := await reader.readline():
      if line.startswith(b'event: snapshot'):
        counts[index] = max(counts[index], 0)
      counts[index] += line.startswith(b'event: rows')
  finally:
    writer.close()


def id_of(port: int, name: str) -> str:
  """Return the id of a run."""
  listed = json.loads(ask(port, '/api/runs', headers=_BEARER)[1])['runs']
  return next(line['id'] for line in listed if line['name'] == name)


async def watchers(
  port: int, process: psutil.Process, run: pathlib.Path, number: int, wait: int
) -> None:
  """Print what a number of watchers of one run cost the server."""
  counts = [-1] * number
  path = f'/api/runs/{id_of(port, run.name)}/events'
  tasks = [
    asyncio.create_task(watch(port, path, counts, i)) for i in range(number)
  ]
  while min(counts) < 0:
    await asyncio.sleep(0.2)
  await asyncio.sleep(2)
  before, began = process.cpu_times(), time.monotonic()
  first = list(counts)
  for step in range(wait):
    with open(run / 'metrics.jsonl', 'a') as file:
      file.write(row(1001 + step))
    await asyncio.sleep(1)
  after, passed = process.cpu_times(), time.monotonic() - began
  seconds = after.user + after.system - before.user - before.system
  got = [b - a for a, b in zip(first, counts, strict=True)]
  print(
    f'{number} watchers, {wait} rows in {passed:.0f} s: {seconds:.2f} s of one '
    f'core, {100 * seconds / passed:.2f} %; each got {min(got)} to {max(got)}'
  )
  for task in tasks:
    task.cancel()
  await asyncio.gather(*tasks, return_exceptions=True)


def train(run: pathlib.Path) -> subprocess.Popen:
  """Start a trainer of a small model, and wait until it logs."""
  changes = 'duration=10000000', 'log_every=50', 'on_alarm=off'
  process = subprocess.Popen(
    [
      *(sys.executable, '-m', 'art_jax.main', 'train', 'vae_mnist_mlp'),
      *('--tiny', f'--workdir={run}'),
      *(f'--set=train.{change}' for change in changes),
    ],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  end = time.monotonic() + _START
  while last_step(run) < 500:
    if process.poll() is not None or time.monotonic() > end:
      process.kill()
      raise SystemExit('the trainer did not start')
    time.sleep(0.2)
  return process


def last_step(run: pathlib.Path) -> int:
  """Return the step of the last whole row; 0: there is none."""
  try:
    lines = (run / 'metrics.jsonl').read_bytes().split(b'\n')
  except OSError:
    return 0
  return int(json.loads(lines[-2])['step']) if len(lines) > 1 else 0


async def trained(
  port: int, run: pathlib.Path, number: int, wait: int, turns: int
) -> None:
  """Print what a step of a trainer takes without and with watchers."""
  with train(run) as trainer:
    process = psutil.Process(trainer.pid)
    path = f'/api/runs/{id_of(port, run.name)}/events'
    taken: dict[int, list[list[float]]] = {0: [], number: []}
    for turn in range(2 * turns):
      counts = [-1] * (number if turn % 2 else 0)
      tasks = [
        asyncio.create_task(watch(port, path, counts, i))
        for i in range(len(counts))
      ]
      while min(counts, default=0) < 0:
        await asyncio.sleep(0.2)
      before, first = process.cpu_times(), last_step(run)
      began = time.monotonic()
      await asyncio.sleep(wait)
      after, steps = process.cpu_times(), last_step(run) - first
      passed = time.monotonic() - began
      used = after.user + after.system - before.user - before.system
      taken[len(counts)].append([1e3 * used / steps, 1e3 * passed / steps])
      for task in tasks:
        task.cancel()
      await asyncio.gather(*tasks, return_exceptions=True)
    trainer.kill()
  for count, rows in taken.items():
    used, passed = (
      sorted(column)[turns // 2] for column in zip(*rows, strict=True)
    )
    print(
      f'{count} watchers: a step of the trainer takes {used:.3f} ms of the '
      f'processor, {passed:.3f} ms of the clock (medians of {turns})'
    )


def hostile(port: int, id: str, number: int, seed: int) -> dict[int, int]:
  """Send requests that must be refused; return how many by their status."""
  draw = random.Random(seed)
  paths = (
    *('/static/../app.py', '/static/%2e%2e/%2e%2e/setup.py', '/api/runs/../..'),
    *('/api/runs/%2fetc%2fpasswd', '//etc/passwd', '/api/jobs/../files/x'),
    f'/api/runs/{id}/picture?name=../../..&step=1',
    f'/api/runs/{id}/picture?name=samples&step=99999999999999',
  )
  hosts = 'evil.example', '127.0.0.1.evil.example', '[::1', 'localhost:x', ''
  statuses: dict[int, int] = {}
  for _ in range(number):
    headers, path, method, body = dict(_BEARER), '/api/runs', 'GET', None
    kind = draw.choice(('path', 'host', 'origin', 'token', 'upload', 'json'))
    if kind == 'path':
      path = draw.choice(paths)
    elif kind == 'host':
      headers['Host'] = draw.choice(hosts)
    elif kind == 'origin':
      headers['Origin'] = draw.choice(('http://evil.example', 'null', 'x'))
    elif kind == 'token':
      headers = {'Cookie': f'studio_x={draw.randbytes(8).hex()}'}
    else:
      headers['Origin'] = f'http://127.0.0.1:{port}'
      method, body = 'POST', draw.randbytes(draw.randrange(4000))
      path = '/api/uploads' if kind == 'upload' else f'/api/runs/{id}/sample'
    status, _ = ask(port, path, method, headers, body)
    statuses[status] = statuses.get(status, 0) + 1
  return statuses


def main(
  *,
  seconds: int = 60,
  number: int = 50,
  runs: int = 500,
  turns: int = 3,
  port: int = 8790,
) -> None:
  """Print the figures.

  Args:
    seconds: that the watchers watch.
    number: of watchers.
    runs: in the list.
    turns: of a trainer, watched for a quarter of the seconds; 0: none.
    port: of the studio.
  """
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    write_run(folder / 'run', 1000)
    server = serve(folder, port)
    try:
      process = psutil.Process(server.pid)
      asyncio.run(watchers(port, process, folder / 'run', number, seconds))
      if turns:
        asyncio.run(
          trained(port, folder / 'trained', number, seconds // 4, turns)
        )
      began = time.monotonic()
      statuses = hostile(port, id_of(port, 'run'), 1000, 0)
      passed = time.monotonic() - began
      succeeded = sum(n for s, n in statuses.items() if s < 400)
      print(
        f'1000 hostile requests in {passed:.1f} s: {succeeded} succeeded, '
        f'{statuses.get(500, 0)} crashed; by status {statuses}'
      )
      for i in range(runs):
        write_run(folder / f'many{i}', 100)
      time.sleep(3)
      began = time.monotonic()
      _, body = ask(port, '/api/runs', headers=_BEARER)
      print(
        f'{len(json.loads(body)["runs"])} runs listed in '
        f'{time.monotonic() - began:.2f} s, {len(body)} bytes'
      )
    finally:
      server.terminate()
      server.wait()


if __name__ == '__main__':
  command.run(main)

"""What a process must find when it starts: its peers and its device."""

import http.server
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest

from art_jax import core
from art_jax.devices import distributed

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_nobody_at_the_address_is_told_in_seconds():
  with socket.socket() as unused:  # Bound, but nobody listens.
    unused.bind(('127.0.0.1', 0))
    port = unused.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(core.UserError, match=f'127.0.0.1:{port}: nobody'):
      distributed.start_distributed(f'127.0.0.1:{port}', 2, 1, timeout=1)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
  'arguments, message',
  [
    (('127.0.0.1:1', 2, None), 'give all three or none'),
    (('127.0.0.1', 2, 0), 'host:port'),
    (('127.0.0.1:1', 2, 2), 'give every process its own'),
  ],
)
def test_bad_arguments(arguments, message):
  with pytest.raises(core.UserError, match=message):
    distributed.start_distributed(*arguments)


@pytest.mark.parametrize(
  'values, message',
  [
    (('127.0.0.1:1', '2', None), 'JAX_PROCESS_ID=None: no cluster.*set all'),
    (('127.0.0.1:1', None, None), 'JAX_NUM_PROCESSES=None .*set all three'),
    ((None, '2', '1'), 'JAX_COORDINATOR_ADDRESS=None .*set all three'),
    (('127.0.0.1', '2', '0'), 'JAX_COORDINATOR_ADDRESS=127.0.0.1: .*host:port'),
    (('127.0.0.1:1', '2', '2'), 'JAX_PROCESS_ID=2: .*JAX_NUM_PROCESSES=2'),
    (('127.0.0.1:1', 'two', '0'), 'JAX_NUM_PROCESSES=two: .*whole number'),
  ],
)
def test_bad_variables(values, message, monkeypatch):
  def initialize(**unused):  # what jax says where no cluster tells the rest
    raise ValueError('Number of processes must be defined.')

  monkeypatch.setattr(distributed.jax.distributed, 'initialize', initialize)
  _set_variables(monkeypatch.setenv, *values)
  with pytest.raises(core.UserError, match=message):
    distributed.start_distributed()


def test_one_process_by_variables_joins_nobody(monkeypatch):
  _set_variables(monkeypatch.setenv, 'nowhere:1', '1', '0')
  distributed.start_distributed()


def test_hosts_that_nobody_joined_are_told(monkeypatch, caplog):
  distributed.meet()
  assert not caplog.text
  monkeypatch.setattr(distributed.jax, 'process_count', lambda: 4)
  monkeypatch.setattr(distributed, 'any_process', lambda flag: flag)
  distributed.meet()
  assert '4 hosts' in caplog.text and 'JAX_PROCESS_ID' in caplog.text


def _set_variables(setenv, coordinator, num_processes, process_id):
  names = ('JAX_COORDINATOR_ADDRESS', 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID')
  given = zip(names, (coordinator, num_processes, process_id), strict=True)
  for name, value in given:
    if value is not None:
      setenv(name, value)


@pytest.mark.parametrize(
  'endpoints, joins', [('u:1:10.0.0.1,u:2:10.0.0.2', 1), ('u:1:10.0.0.1', 0)]
)
def test_the_hosts_of_a_cloud_tpu_join(endpoints, joins, monkeypatch):
  attributes = {'agent-worker-number': '0'} | {
    'worker-network-endpoints': endpoints
  }

  class Metadata(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
      text = attributes.get(self.path.rpartition('/')[2])
      google = self.headers['Metadata-Flavor'] == 'Google'
      self.send_response(200 if text and google else 404)
      self.end_headers()
      self.wfile.write((text or '').encode())

    def log_message(self, *unused):
      pass

  calls = []
  monkeypatch.setattr(
    distributed.jax.distributed, 'initialize', lambda **x: calls.append(x)
  )
  with http.server.HTTPServer(('127.0.0.1', 0), Metadata) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv('GCE_METADATA_IP', f'127.0.0.1:{server.server_port}')
    distributed.start_distributed()  # no TPU host
    assert not calls
    monkeypatch.setenv('TPU_ML_PLATFORM', 'JAX')
    monkeypatch.delenv('TPU_SKIP_MDS_QUERY', raising=False)
    distributed.start_distributed()
    attributes.clear()
    distributed.start_distributed()  # jax would not know it
    server.shutdown()
  assert len(calls) == joins


@pytest.mark.slow
@pytest.mark.process
def test_another_number_of_processes_than_process_0_is_refused():
  with socket.socket() as listener:
    listener.bind(('127.0.0.1', 0))
    port = listener.getsockname()[1]
  pair = []
  for i in range(2):
    environ = dict(os.environ)
    place = f'127.0.0.1:{port}', str(2 + i), str(i)
    _set_variables(environ.__setitem__, *place)
    command = 'art_jax.main', '--experiment=vae', '--tiny'
    pair.append(
      subprocess.Popen(
        [sys.executable, '-m', *command],
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        cwd=_ROOT,
      )
    )
  err = pair[1].communicate(timeout=100)[1]
  pair[0].kill()
  pair[0].communicate()
  assert pair[1].returncode == 2, err
  assert f'process 1 of 3 joins 127.0.0.1:{port}' in err
  assert 'was started with 2; give all the same number' in err


def test_the_platform_that_is_expected():
  distributed.expect_platform(None)
  distributed.expect_platform('cpu')
  with pytest.raises(core.UserError, match='=gpu: jax found cpu; .*cuda'):
    distributed.expect_platform('gpu')

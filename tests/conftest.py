"""What every test stands on: 8 faked CPU devices, no network.

This file runs before jax is imported, so it may set what jax reads once.
"""

import gc
import importlib.metadata
import os
import pathlib
import socket
import sys

_FLAGS = [
  '--xla_force_host_platform_device_count=8',
  # Compiling is most of the time of a test run; these nets are tiny.
  '--xla_backend_optimization_level=0',
  '--xla_llvm_disable_expensive_passes=true',
  '--xla_cpu_parallel_codegen_split_count=1',
]
if importlib.metadata.version('jaxlib').startswith('0.10.'):
  # A third of the compilation; later versions do not know the flag.
  _FLAGS.append('--xla_cpu_use_fusion_emitters=false')
os.environ['XLA_FLAGS'] = ' '.join(_FLAGS)
os.environ['JAX_PLATFORMS'] = 'cpu'
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
# Tracing makes many objects, few in cycles: looking took a sixth of its time.
gc.set_threshold(50_000)

import pytest  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
  connect = socket.socket.connect

  def local_only(self, address):
    host = address[0] if isinstance(address, tuple) else ''
    if host not in ('', '127.0.0.1', '::1', 'localhost'):
      raise OSError(f'tests have no network: {address}')
    return connect(self, address)

  monkeypatch.setattr(socket.socket, 'connect', local_only)


@pytest.fixture(scope='session', autouse=True)
def _own_home(tmp_path_factory):
  """Keep caches out of the user's own folder."""
  os.environ['ART_JAX_HOME'] = str(tmp_path_factory.mktemp('home'))


@pytest.fixture(scope='session', autouse=True)
def _shared_programs(tmp_path_factory):
  """Let the workers of a test run share what they compile."""
  import jax

  folder = tmp_path_factory.getbasetemp()
  if 'PYTEST_XDIST_WORKER' in os.environ:
    folder = folder.parent
  # A folder that is kept makes the next run of the same tests faster.
  programs = os.environ.get('ART_JAX_TEST_PROGRAMS', str(folder / 'programs'))
  jax.config.update('jax_compilation_cache_dir', programs)
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.1)
  jax.config.update('jax_persistent_cache_min_entry_size_bytes', 0)


@pytest.fixture(scope='session', autouse=True)
def _no_reports():
  """Training writes no reports: they would take most of the time."""
  from art_jax.report import refresh

  refresh.WRITES = False


@pytest.fixture(scope='session')
def assets() -> pathlib.Path:
  """Folder of real weights and pictures, or a skip."""
  path = os.environ.get(
    'ART_JAX_ASSETS', str(ROOT.parent / 'shared' / 'assets')
  )
  if not pathlib.Path(path).is_dir():
    pytest.skip(f'no assets in {path}; set ART_JAX_ASSETS to their folder')
  return pathlib.Path(path)


@pytest.fixture(scope='module', autouse=True)
def _forget_programs():
  """Drop what a file compiled: a worker that runs many would fill memory."""
  yield
  jax = sys.modules.get('jax')
  if jax is not None:
    jax.clear_caches()

"""Disks, signals, readers and names that fail: one line and an exit code."""

import errno
import io
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from absl import flags
from command_line import run_main
from PIL import Image

from art_jax import core
from art_jax.cli import entry, table, terminal
from art_jax.core import paths
from art_jax.media import video
from art_jax.nn.transformer_net import TransformerNet
from art_jax.weights import catalogue, families

_TINY = ('--experiment=vae_mnist_mlp', '--tiny', '--devices=1')
_SHORT = ('--set', 'train.duration=1', '--set', 'train.render_every=1')


@pytest.fixture(autouse=True)
def _ctrl_c_reaches_this_process():
  """A shell starts what runs in its background with SIGINT ignored."""
  before = signal.signal(signal.SIGINT, signal.default_int_handler)
  yield
  signal.signal(signal.SIGINT, before)


@pytest.fixture(scope='module')
def base(tmp_path_factory):
  """A run, pictures, a clip and weights, all small."""
  import jax

  folder = tmp_path_factory.mktemp('base')
  (folder / 'in').mkdir()
  rng = np.random.default_rng(0)
  for i in range(4):
    pixels = rng.integers(0, 255, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(folder / 'in' / f'{i}.png')
  video.write(folder / 'clip.mp4', list(np.zeros((2, 32, 32, 3), np.uint8)), 5)
  module = TransformerNet((2, 3, 4), 1, (3, 2))
  variables = module.init(jax.random.key(0), np.zeros((1, 16, 16, 3)))
  families.write(folder / 'w.safetensors', module, variables)
  code, _, err = run_main(
    '--mode=train', *_TINY, *_SHORT, f'--workdir={folder / "run"}'
  )
  assert code == 0, err
  (folder / 'run2').symlink_to(folder / 'run')
  return folder


def _writing(base, output):
  """Return the arguments of every mode that writes, by name."""
  weights, run = f'--weights={base}/w.safetensors', f'--run={base}/run'
  photo = f'--content={base}/in/0.png'
  folders = (f'--real={base}/in', f'--fake={base}/in', '--features=pixels32')
  return {
    'translate': (weights, f'--input={base}/in', f'--output={output}/t'),
    'stylize': (weights, photo, f'--output={output}/s.png'),
    'stylize video': (
      *(weights, f'--content={base}/clip.mp4'),
      f'--output={output}/s.mp4',
    ),
    'export': (weights, f'--output={output}/e'),
    'sample': (run, '--study=grid', '--num=4', f'--output={output}/g'),
    'sample film': (
      *(run, '--study=interpolate', '--num=2', '--frames=2'),
      f'--output={output}/f',
    ),
    'evaluate': (*folders, '--metrics=fid', f'--output={output}/v'),
    'report': (run, f'--output={output}/r'),
    'compare': (f'{base}/run', f'{base}/run2', f'--output={output}/c'),
    'train': (*_TINY, *_SHORT, f'--workdir={output}/w'),
    'sweep': (
      *(*_TINY, *_SHORT, '--set', 'train.seed=0,1', '--together=no'),
      f'--workdir={output}/x',
    ),
    'fetch': ('net',),
  }


_WRITING = list(_writing('', ''))


def _one_line(code, err, codes):
  """Require an exit code and one last line that is no traceback."""
  own = [line for line in err.splitlines() if line.startswith('art_jax: ')]
  assert code in codes, err
  assert len(own) == 1 and err.strip().endswith(own[0]), err
  assert 'Traceback' not in err and '.tmp' not in own[0]
  return own[0]


@pytest.fixture
def published(tmp_path, monkeypatch):
  """A network to fetch, into the folder that `fetch` gives."""
  (tmp_path / 'net.pth').write_bytes(bytes(3000))
  monkeypatch.setattr(
    catalogue,
    'PUBLISHED',
    {'net': catalogue.Published((tmp_path / 'net.pth').as_uri(), '')},
  )
  monkeypatch.setattr(catalogue, 'stored_name', lambda name: 'net.pth')
  return lambda folder: monkeypatch.setattr(catalogue, 'folder', lambda: folder)


@pytest.mark.parametrize('fault', ['full', 'gone'])
@pytest.mark.parametrize('name', _WRITING)
def test_a_disk_that_fails(name, fault, base, tmp_path, published):
  output = tmp_path / 'out'
  if fault == 'gone':  # nobody can make a folder there
    output = pathlib.Path('/proc/self/out')
  else:
    output.mkdir()
  arguments = _writing(base, output)[name]
  published(output)
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  try:
    if fault == 'full':  # no file may grow beyond 16 bytes
      resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    code, _, err = run_main(f'--mode={name.split()[0]}', *arguments)
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
  line = _one_line(code, err, {'full': [74], 'gone': [2]}[fault])
  assert str(output) in line
  left = [p for p in tmp_path.rglob('*') if p.suffix in ('.tmp', '.new')]
  assert not left


@pytest.mark.parametrize(
  'number, code',
  [
    *((getattr(errno, f'E{name}'), 74) for name in 'NOSPC DQUOT ROFS'.split()),
    *((getattr(errno, f'E{name}'), 74) for name in 'IO STALE FBIG'.split()),
    *((getattr(errno, f'E{name}'), 2) for name in 'ACCES PERM NOENT'.split()),
    *((getattr(errno, f'E{name}'), 2) for name in 'NOTDIR ISDIR'.split()),
    (errno.ENAMETOOLONG, 2),
  ],
)
def test_what_the_system_says(number, code, base, tmp_path, monkeypatch):
  """The number tells the code, whichever mode it ends."""

  def fail(*_):
    raise OSError(number, os.strerror(number))

  monkeypatch.setattr(type(paths.epath.Path('/x')), 'write_bytes', fail)
  for name in ('translate', 'stylize'):
    arguments = _writing(base, tmp_path)[name]
    got, _, err = run_main(f'--mode={name}', *arguments)
    line = _one_line(got, err, [code])
    assert os.strerror(number) in line and str(tmp_path) in line


def test_words_of_libraries_about_the_disk():
  says = RuntimeError('I/O error: No space left on device (os error 28)')
  assert core.disk_fault(says) == os.strerror(errno.ENOSPC)
  assert not core.disk_fault(RuntimeError('a bug'))
  assert not core.disk_fault(OSError(errno.ENOENT, 'No such file'))


def _start(mode):
  """Parse arguments that a mode takes, whatever they name."""
  flags.FLAGS.unparse_flags()
  given = {'EXPERIMENT': ['vae_mnist_mlp'], 'RUN': ['run']}
  many = table.MODES[mode].many
  words = [] if many else given.get(table.MODES[mode].takes, [])
  return entry.parse(['art_jax', mode, *words])


def test_the_longest_name_that_a_file_may_have_is_written(tmp_path):
  name = 'x' * 251 + '.png'
  paths.write_atomic(tmp_path / name, b'whole')
  assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [
    (name, b'whole')
  ]


def test_the_disk_has_a_file_before_its_name(tmp_path, monkeypatch):
  steps, replace = [], os.replace
  monkeypatch.setattr(os, 'fsync', lambda _: steps.append('bytes'))
  monkeypatch.setattr(
    os, 'replace', lambda *names: steps.append('name') or replace(*names)
  )
  paths.write_atomic(tmp_path / 'config.txt', b'whole')
  assert steps == ['bytes', 'name']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('mode', table.MODES)
def test_signals(mode, number, tmp_path, monkeypatch, capfd):
  """Stop each mode while it writes."""
  module = entry.importlib.import_module(f'art_jax.cli.modes.{mode}')

  def run(*_):
    with paths.staged(tmp_path / 'a.png') as temporary:
      temporary.write_bytes(b'half')
      os.kill(os.getpid(), number)
      time.sleep(5)

  monkeypatch.setattr(module, 'run', run)
  monkeypatch.setattr(terminal.stop, 'asked', '')
  before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
  try:
    code = entry.main(_start(mode))
  finally:
    flags.FLAGS.unparse_flags()
  after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
  assert before == after
  line = _one_line(code, capfd.readouterr().err, [75])
  assert signal.Signals(number).name in line
  assert not list(tmp_path.iterdir())


def test_a_signal_that_a_library_wraps(monkeypatch, capfd):
  module = entry.importlib.import_module('art_jax.cli.modes.list')

  def run(*_):
    try:
      os.kill(os.getpid(), signal.SIGINT)
      time.sleep(5)
    except KeyboardInterrupt as error:
      raise RuntimeError('INTERNAL: KeyboardInterrupt') from error

  monkeypatch.setattr(module, 'run', run)
  monkeypatch.setattr(terminal.stop, 'asked', '')
  assert entry.main(_start('list')) == 75
  flags.FLAGS.unparse_flags()
  assert capfd.readouterr().err.count('\n') == 1


def test_a_signal_that_is_swallowed(monkeypatch, capfd):
  """As in a finalizer; cleaning up takes its time all the same."""
  module = entry.importlib.import_module('art_jax.cli.modes.list')
  cleaned = []

  def run(*_):
    try:
      os.kill(os.getpid(), signal.SIGTERM)
      time.sleep(5)
    except KeyboardInterrupt:
      pass
    try:
      time.sleep(5)
    finally:
      time.sleep(0.3)
      cleaned.append(True)

  monkeypatch.setattr(module, 'run', run)
  monkeypatch.setattr(terminal, '_AGAIN', 0.1)
  monkeypatch.setattr(terminal.stop, 'asked', '')
  begin = time.monotonic()
  assert entry.main(_start('list')) == 75
  assert cleaned and time.monotonic() - begin < 3
  flags.FLAGS.unparse_flags()
  _one_line(75, capfd.readouterr().err, [75])


@pytest.mark.process
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_jax_is_imported(number):
  process = subprocess.Popen(
    [sys.executable, '-m', 'art_jax.main', 'describe', 'cyclegan'],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  maps, end = pathlib.Path(f'/proc/{process.pid}/maps'), time.monotonic() + 60
  while 'jaxlib' not in maps.read_text() and time.monotonic() < end:
    time.sleep(0.005)
  process.send_signal(number)
  out, err = process.communicate(timeout=60)
  assert (process.returncode, out) == (75, '')
  _one_line(75, err, [75])


_PRINTING = {
  'list': (),
  'help': (),
  'fetch': (),
  'describe': ('--experiment=vae_mnist_mlp', '--tiny', '--devices=1'),
  'checkpoints': ('--run={base}/run',),
  'translate': ('--weights={base}/w.safetensors', '--input={base}/in'),
  'export': ('--weights={base}/w.safetensors',),
  'sample': ('--run={base}/run', '--study=grid', '--num=4'),
  'report': ('--run={base}/run',),
  'compare': ('{base}/run', '{base}/run2'),
  'evaluate': ('--real={base}/in', '--fake={base}/in', '--features=pixels32'),
}


def _guarded(descriptor, lossy=False):
  sink = terminal._Sink(descriptor, lossy)
  return io.TextIOWrapper(io.BufferedWriter(sink), write_through=True)


@pytest.mark.parametrize('mode', _PRINTING)
def test_a_reader_that_went_away(mode, base, tmp_path, monkeypatch, capfd):
  """What `| head` closes: the mode does its work and says nothing of it."""
  reading, writing = os.pipe()
  os.close(reading)
  arguments = [text.format(base=base) for text in _PRINTING[mode]]
  # describe writes a file of its --target alone, which takes a plugin.
  writes = 'output' in table.MODES[mode].flags and mode != 'describe'
  if writes:
    arguments.append(f'--output={tmp_path}/out')
  flags.FLAGS.unparse_flags()
  with monkeypatch.context() as patched:
    patched.setattr(sys, 'stdout', _guarded(writing))
    code = entry.main(entry.parse(['art_jax', f'--mode={mode}', *arguments]))
    sys.stdout.close()
  flags.FLAGS.unparse_flags()
  os.close(writing)
  assert code == 0
  assert 'Error' not in capfd.readouterr().err
  assert (tmp_path / 'out').exists() == writes


def test_streams_that_cannot_be_written(monkeypatch, capfd):
  """A full disk behind stdout is an error, behind stderr it is none."""
  full = os.open('/dev/full', os.O_WRONLY)
  flags.FLAGS.unparse_flags()
  with monkeypatch.context() as patched:
    patched.setattr(sys, 'stdout', _guarded(full))
    code = entry.main(entry.parse(['art_jax', '--mode=list']))
    sys.stdout.close()
  flags.FLAGS.unparse_flags()
  line = _one_line(code, capfd.readouterr().err, [74])
  assert 'standard output: No space left' in line
  os.close(full)
  full = os.open('/dev/full', os.O_WRONLY)
  stream = _guarded(full, lossy=True)
  print('lost', file=stream, flush=True)
  stream.close()
  os.close(full)


@pytest.mark.process
def test_streams_of_the_shell():
  """A closed pipe, a closed stdout, and an encoding that lacks letters."""
  run = f'{sys.executable} -m art_jax.main'
  for command, code in (
    (f'{run} list | head -1; exit ${{PIPESTATUS[0]}}', 0),
    (f'{run} list >&-', 0),
    (f'{run} list 2>&-', 0),
    (f'PYTHONIOENCODING=ascii {run} "$(printf "caf\\xe9\\xc3\\xa9")" 2>&1', 2),
  ):
    done = subprocess.run(['bash', '-c', command], capture_output=True)
    assert done.returncode == code, done.stderr
    assert not done.stderr
    assert b'Traceback' not in done.stdout
  assert b'caf\\udce9' in done.stdout


@pytest.mark.parametrize(
  'words',
  [
    *(['--help'], ['help'], ['-h'], ['-help'], ['--helpfull'], ['--helpshort']),
    *(['--helpxml'], ['--help=true'], ['-?'], [], ['--mode=help']),
    *(['train', '--help'], ['--mode=train', '--help'], ['help', 'train']),
    *([mode, '--help'] for mode in table.MODES),
  ],
  ids=' '.join,
)
def test_help_is_no_error(words):
  code, out, err = run_main(*words)
  assert (code, err) == (0, '')
  assert 'art_jax' in out


_NAME = os.fsdecode(b'caf\xe9')  # Latin-1, no UTF-8


def test_a_path_that_is_no_utf8(base, tmp_path, monkeypatch):
  """Pictures in it train as under any other name, and the report is written."""
  from art_jax.report import refresh

  monkeypatch.setattr(refresh, 'WRITES', True)
  folder = tmp_path / _NAME
  folder.mkdir()
  for i in range(12):
    content = (base / 'in' / f'{i % 4}.png').read_bytes()
    (folder / f'{_NAME}{i}.png').write_bytes(content)
  code, _, err = run_main(
    *('--mode=train', *_TINY, *_SHORT),
    *(f'--data={folder}', f'--workdir={tmp_path / "run"}'),
  )
  assert code == 0, err
  assert 'not written' not in err
  assert 'caf\\udce9' in (tmp_path / 'run/report.html').read_text('utf-8')


@pytest.mark.parametrize(
  'name',
  [n for n in _WRITING if n not in ('train', 'sweep', 'fetch')],
)
def test_outputs_under_a_name_that_is_no_utf8(name, base, tmp_path):
  code, _, err = run_main(
    f'--mode={name.split()[0]}', *_writing(base, tmp_path / _NAME)[name]
  )
  assert code == 0, err
  assert list((tmp_path / _NAME).iterdir())


def test_runs_compared_under_names_that_are_no_utf8(base, tmp_path):
  for name in (_NAME, f'{_NAME}2'):
    (tmp_path / name).symlink_to(base / 'run')
  code, out, err = run_main(
    '--mode=compare',
    *(f'{tmp_path}/{name}' for name in (_NAME, f'{_NAME}2')),
    f'--output={tmp_path}/out',
  )
  assert code == 0, err
  assert (tmp_path / 'out/compare.html').exists()


def test_a_run_folder_that_is_no_utf8_is_named(tmp_path):
  """The library of the checkpoints takes no such path."""
  workdir = f'--workdir={tmp_path / _NAME}'
  code, _, err = run_main('--mode=train', *_TINY, *_SHORT, workdir)
  line = _one_line(code, err, [2])
  assert 'caf\\udce9' in line and 'ln -s' in line

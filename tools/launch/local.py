"""Train with several processes on this machine; start them again if one dies.

  python tools/launch/local.py --processes=2 -- --experiment=cyclegan_demo

What follows `--` goes to every art_jax.main. Each process gets `--devices_each`
faked devices on a CPU, or with --gpus one GPU of its own, of those that
CUDA_VISIBLE_DEVICES names where it is set. When a process dies,
all end, and all start again from the last checkpoint, --max_restarts times. At
Ctrl-C or SIGTERM all save a checkpoint and end, and none starts again.
The exit code is that of the run (docs/reliability.md); only what a restart can
repair is restarted. --dry_run prints what would run.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time

from absl import app, flags

_PROCESSES = flags.DEFINE_integer('processes', 2, 'Number of processes.', 1)
_DEVICES = flags.DEFINE_integer('devices_each', 1, 'CPU devices of each.', 1)
_GPUS = flags.DEFINE_bool('gpus', False, 'Give each process one GPU.')
_RESTARTS = flags.DEFINE_integer('max_restarts', 3, 'Of all processes.', 0)
_PORT = flags.DEFINE_integer('port', 0, 'Of process 0; 0: any free one.')
_DRY_RUN = flags.DEFINE_bool('dry_run', False, 'Print what would run.')

# Done, bad input, a number gone bad, a full disk, stopped on request.
_FINAL = (0, 1, 2, 3, 74, 75)
_GRACE_SECONDS = 15  # in which the others end by themselves


def main(argv: list[str]) -> int:
  """Run to the end; return the exit code."""
  for start in range(_RESTARTS.value + 1):
    port = _PORT.value or _free_port()
    commands = [_command(i, port, argv[1:]) for i in range(_PROCESSES.value)]
    if _DRY_RUN.value:
      for env, command in commands:
        pairs = [f'{k}={shlex.quote(v)}' for k, v in env.items()]
        print(*pairs, shlex.join(command))
      return 0
    code = _run(commands)
    if code in _FINAL:
      return code
    print(
      f'a process ended with {code}; {_RESTARTS.value - start} restart(s) left',
      flush=True,
    )
  return code


def _command(
  index: int, port: int, arguments: list[str]
) -> tuple[dict, list[str]]:
  """Return the environment and the command line of one process."""
  env = {}
  if _GPUS.value:
    env['CUDA_VISIBLE_DEVICES'] = _gpus()[index]
    arguments = ['--expect_platform=gpu', *arguments]
  else:
    count = f'--xla_force_host_platform_device_count={_DEVICES.value}'
    env['JAX_PLATFORMS'] = 'cpu'
    env['XLA_FLAGS'] = f'{os.environ.get("XLA_FLAGS", "")} {count}'.strip()
  return env, [
    sys.executable,
    '-m',
    'art_jax.main',
    *arguments,
    f'--coordinator=127.0.0.1:{port}',
    f'--num_processes={_PROCESSES.value}',
    f'--process_id={index}',
  ]


def _gpus() -> list[str]:
  """Return the GPUs that the processes may take, at least one for each."""
  count, visible = _PROCESSES.value, os.environ.get('CUDA_VISIBLE_DEVICES')
  if visible is None:
    return [str(i) for i in range(count)]
  gpus = [name for name in visible.split(',') if name]
  if len(gpus) < count:
    print(
      f'local.py: --processes={count}: CUDA_VISIBLE_DEVICES={visible} names '
      f'{len(gpus)} GPU(s); take as many processes at most',
      file=sys.stderr,
    )
    sys.exit(2)
  return gpus


def _run(commands: list[tuple[dict, list[str]]]) -> int:
  """Run processes until all ended; return the code that says why."""
  running, asked = [], []

  def stop(*unused) -> None:
    asked.append(True)
    for process in running:
      process.terminate()  # SIGTERM: the one that several processes agree on

  for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, stop)
  for env, command in commands:
    # Of its own session: the Ctrl-C of a terminal would come beside ours.
    running.append(
      subprocess.Popen(
        command, env={**os.environ, **env}, start_new_session=True
      )
    )
    if asked:
      running[-1].terminate()
  deadline = None
  while any(p.poll() is None for p in running):
    time.sleep(0.1)
    # 75: the others save the same step and end too.
    if deadline is None and any(p.poll() not in (None, 0, 75) for p in running):
      deadline = time.monotonic() + _GRACE_SECONDS
    if deadline is not None and time.monotonic() > deadline:
      for process in running:
        process.kill()
  # As a shell has it, 134 for an abort: Python says -6.
  codes = [128 - c if (c := p.returncode) < 0 else c for p in running]
  failed = [code for code in codes if code in _FINAL and code]
  code = failed[0] if failed else max(codes)
  # One that was still starting ends by the signal itself: no fault to repair.
  return 75 if asked and code not in _FINAL else code


def _free_port() -> int:
  with socket.create_server(('127.0.0.1', 0)) as listener:
    return listener.getsockname()[1]


if __name__ == '__main__':
  app.run(lambda argv: sys.exit(main(argv)))

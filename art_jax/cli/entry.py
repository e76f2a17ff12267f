"""The command line: `art_jax MODE [POSITIONALS] [--flags]`.

`python -m art_jax.main --mode=MODE --experiment=NAME` is the same. Exit codes:
0 done, 1 a bug, 2 bad input, 3 stopped by an alarm or a bad number, 74 the disk
failed (free or replace it, then the same command continues), 75 stopped on
request (start the same command again), 134 another process of the run was lost
(start all of them again). All are decided here, with the one line that goes
with them.

jax is imported by the modes that need it, after the arguments were checked.
"""

import importlib
import os
import sys
import threading

from absl import app, flags, logging

from art_jax.cli import arguments, table, terminal
from art_jax.cli.flags import FLAGS

_GRACE = 10  # seconds in which the other processes may fail in the same way
_QUIET = ('orbax', 'tensorflow_datasets')


def main(argv: list[str]) -> int:
  """Run the mode that the flags name; return the exit code.

  Args:
    argv: the name of the program, then run folders or other names for modes
      that take any number of them.
  """
  mode = table.MODES[FLAGS.mode]
  try:
    if FLAGS.compile_cache and 'compile_cache' in mode.flags:
      from art_jax.devices import compilation_cache

      compilation_cache.turn_on()
    module = importlib.import_module(f'art_jax.cli.modes.{mode.name}')
    names = [argv[1:]] if mode.many else []
    with terminal.stop.raising():
      code = module.run(FLAGS, *names) or 0
      sys.stdout.flush()
      return code
  except KeyboardInterrupt:
    return _fail(terminal.STOPPED, terminal.stop.line())
  except Exception as error:
    if terminal.stop.asked:  # some libraries wrap what a signal raises
      return _fail(terminal.STOPPED, terminal.stop.line())
    code, message = _verdict(error)
    if code != terminal.STOPPED:  # to which all of them have agreed
      _end_though_others_go_on(1 if code is None else code)
    if code is None:
      raise
    _fail(code, message)
    if code == 134:
      # jax itself would wait a minute and a half for the lost one.
      os._exit(code)
    return code


def _end_though_others_go_on(code: int) -> None:
  """See that a failed process of several ends soon, and with its own code.

  At its end jax waits five minutes for the others to end too. They may be
  waiting for this one, and then jax aborts: 134, as if nothing were wrong here.
  """
  joined = sys.modules.get('jax.distributed')
  if joined is not None and joined.is_initialized():
    timer = threading.Timer(_GRACE, _end_now, [code])
    timer.daemon = True
    timer.start()


def _end_now(code: int) -> None:
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(code)


def cli() -> None:
  """Parse flags and run; the console script `art_jax`."""
  app.run(_exit, flags_parser=parse, argv=sys.argv)


def _exit(argv: list[str]) -> None:
  code = main(argv)
  if terminal.stop.asked and code == terminal.STOPPED:
    # Threads that still work must not keep the process.
    sys.stderr.flush()
    os._exit(code)
  sys.exit(code)


def parse(argv: list[str]) -> list[str]:
  """Parse flags; a wrong one is bad input, like any other."""
  logging.set_verbosity(logging.WARNING)
  try:
    rest = arguments.parse(argv)
  except (flags.Error, ValueError) as error:
    sys.exit(_fail(2, error))
  logging.use_absl_handler()
  # What these libraries warn of is either meant or reported by us.
  logging.get_absl_logger().addFilter(
    lambda row: not any(name in row.pathname for name in _QUIET)
  )
  return rest


def _verdict(error: Exception) -> tuple[int | None, str]:
  """Return the exit code of an error, and what to say; None: it is a bug."""
  from art_jax import core

  codes = {core.StorageError: 74, core.UserError: 2, core.Diverged: 3}
  if not isinstance(error, tuple(codes)):
    code, text = _verdict_of_system(error)
    if code is not None:
      return code, text
    # Where they were raised they are imported already.
    from art_jax.devices import distributed
    from art_jax.monitoring.health import AlarmStop
    from art_jax.training.loop import Preempted

    codes |= {AlarmStop: 3, Preempted: 75}
    if distributed.peer_lost(error):
      return (
        134,
        f'another process of this run was lost; start all again ({error})',
      )
  code = next((codes[k] for k in codes if isinstance(error, k)), None)
  return code, str(error)


def _verdict_of_system(error: Exception) -> tuple[int | None, str]:
  """Return the exit code of what the system refused, and what to say."""
  from art_jax import core

  name = getattr(error, 'filename', None)
  name = os.fsdecode(name) if isinstance(name, str | bytes) else None
  if fault := core.disk_fault(error):
    place = name or FLAGS.workdir or FLAGS.output or 'the disk'
    return 74, (
      f'{place}: {fault}; free space or repair the disk, and start the same '
      'command again'
    )
  if name and isinstance(error, OSError) and error.strerror:
    return 2, f'{name}: {error.strerror}; pass a path that can be used'
  return None, ''


def _fail(code: int, message: object) -> int:
  text = ' '.join(str(message).split())
  # Names of files may be no text: bytes that are no UTF-8.
  text = text.encode('utf-8', 'backslashreplace').decode()
  print(f'art_jax: {text}', file=sys.stderr, flush=True)
  return code

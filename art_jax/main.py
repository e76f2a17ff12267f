"""The command line: `python -m art_jax.main --experiment=cyclegan`.

Exit codes: 0 done, 1 a bug, 2 bad input, 3 stopped because a number went bad,
74 the disk of the run failed (mend it, then the same command continues),
75 stopped on request after a checkpoint (start the same command again),
134 another process of the run was lost (start all of them again).
"""

import importlib
import os
import sys

from absl import app, flags, logging

from art_jax import core

# Each is a file of art_jax/modes/ with `run(flags)`.
MODES = ('train', 'describe', 'list', 'translate', 'export', 'benchmark')


class _Counts(flags.ArgumentParser):
  """Reads 4 as 4 and 1,2,4 as a tuple."""

  def parse(self, argument):
    if isinstance(argument, str):
      counts = tuple(int(part) for part in argument.split(','))
      return counts[0] if len(counts) == 1 else counts
    return argument


flags.DEFINE_enum('mode', 'train', MODES, 'What to do.')
flags.DEFINE_string(
  'experiment', None, 'Name shown by --mode=list, or the path of a .py file.'
)
flags.DEFINE_string(
  'data', None, 'PATH (layout is detected), tfds:NAME or builtin.'
)
flags.DEFINE_multi_string(
  'set', [], 'path.to.field=value: change a field of the experiment.'
)
flags.DEFINE_bool('tiny', False, 'The tiny form of the experiment.')
flags.DEFINE(
  _Counts(),
  'devices',
  None,
  'Number of devices; default: all. benchmark: several, as 1,2,4.',
)
flags.DEFINE_enum(
  'precision',
  None,
  ('float32', 'bfloat16'),
  'Compute type of all networks; parameters stay float32.',
)
flags.DEFINE_string('workdir', None, 'Run folder; default: runs/EXPERIMENT.')
flags.DEFINE_string(
  'init_from', None, 'Run folder whose networks are the starting point.'
)
flags.DEFINE_string('run', None, 'Run folder of a trained model.')
flags.DEFINE_string('checkpoint', 'latest', 'latest, or a step.')
flags.DEFINE_string('weights', None, 'Foreign weights (.safetensors).')
flags.DEFINE_string('input', None, 'A picture or a folder of pictures.')
flags.DEFINE_string('output', None, 'Folder to write to.')
flags.DEFINE_bool('overwrite', False, 'Replace existing files in --output.')
flags.DEFINE_string('direction', None, 'ab or ba; default: the first.')
flags.DEFINE_bool('compile', False, 'describe: compile the step for memory.')
flags.DEFINE_integer('steps', None, 'benchmark: number of steps timed.', 0)
flags.DEFINE_string('trace', None, 'benchmark: folder for a profile.')
flags.DEFINE_bool('starts', True, 'benchmark: time a cold and a warm start.')
flags.DEFINE_bool(
  'compile_cache', True, 'Keep compiled programs for the next start.'
)
flags.DEFINE_string('coordinator', None, 'host:port of process 0.')
flags.DEFINE_integer('num_processes', None, 'Number of processes.')
flags.DEFINE_integer('process_id', None, 'Number of this process.')
flags.DEFINE_integer(
  'join_timeout', None, 'Seconds that all processes have to come.', 1
)
flags.DEFINE_enum(
  'expect_platform',
  None,
  ('cpu', 'gpu', 'tpu'),
  'Stop if jax found another kind of device.',
)

FLAGS = flags.FLAGS
_QUIET = ('orbax', 'tensorflow_datasets')


def main(argv: list[str]) -> int:
  """Run the mode asked for; return the exit code."""
  from art_jax import compile_cache, loop, sharding

  try:
    if len(argv) > 1:
      raise core.UserError(
        f'{argv[1]!r} is not a flag; write --flag=value (--help lists them)'
      )
    if FLAGS.compile_cache:
      compile_cache.turn_on()
    importlib.import_module(f'art_jax.modes.{FLAGS.mode}').run(FLAGS)
  except core.StorageError as error:
    return _fail(74, error)
  except core.UserError as error:
    return _fail(2, error)
  except loop.Diverged as error:
    return _fail(3, error)
  except loop.Preempted as error:
    return _fail(75, error)
  except Exception as error:
    if not sharding.peer_lost(error):
      raise
    _fail(
      134, f'another process of this run was lost; start all again ({error})'
    )
    os._exit(134)  # jax itself would wait a minute and a half for the lost one
  return 0


def cli() -> None:
  """Parse flags and run; the console script `art_jax`."""
  app.run(lambda argv: sys.exit(main(argv)), flags_parser=_parse, argv=sys.argv)


def _parse(argv: list[str]) -> list[str]:
  """Parse flags; a wrong one is bad input, like any other."""
  logging.set_verbosity(logging.WARNING)
  try:
    rest = FLAGS(argv)
  except flags.Error as error:
    sys.exit(_fail(2, f'{error}; --help lists the flags'))
  logging.use_absl_handler()
  # What these libraries warn of is either meant or reported by us.
  logging.get_absl_logger().addFilter(
    lambda row: not any(name in row.pathname for name in _QUIET)
  )
  return rest


def _fail(code: int, message: object) -> int:
  text = ' '.join(str(message).split())
  print(f'art_jax: {text}', file=sys.stderr, flush=True)
  return code


if __name__ == '__main__':
  cli()

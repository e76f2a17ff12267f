"""The command line: `python -m art_jax.main --experiment=cyclegan`.

Exit codes: 0 done, 1 a bug, 2 bad input, 3 stopped by an alarm or a bad number,
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
MODES = (
  *('train', 'describe', 'list', 'translate', 'export', 'sample'),
  *('evaluate', 'stylize', 'report', 'compare', 'benchmark', 'sweep'),
)
# Only these take arguments that are no flags: run folders.
_POSITIONAL = ('compare',)


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
  'data',
  None,
  'PATH of a folder or archive (layout is detected), tfds:NAME or builtin.',
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
flags.DEFINE_string('checkpoint', 'latest', 'latest, best, or a step.')
flags.DEFINE_string(
  'weights', None, 'Foreign weights (.safetensors, .pth, .npz, .onnx).'
)
flags.DEFINE_string('input', None, 'A picture or a folder of pictures.')
flags.DEFINE_string('output', None, 'Folder to write to.')
flags.DEFINE_bool('overwrite', False, 'Replace existing files in --output.')
flags.DEFINE_string('direction', None, 'ab or ba; default: the first.')
flags.DEFINE_string('study', None, 'sample: grid, interpolate, classes, ...')
flags.DEFINE_integer(
  'num', None, 'sample, evaluate: pictures; evaluate: 5000 unless given.'
)
flags.DEFINE_integer(
  'seed', 0, 'sample, evaluate: of the latents; sweep: of --random.'
)
flags.DEFINE_list(
  'labels', [], 'sample: classes by name or number, with commas, or all.'
)
flags.DEFINE_integer('frames', None, 'sample: number of frames of a film.')
flags.DEFINE_bool('save_arrays', False, 'sample: write an .npz too.')
flags.DEFINE_string(
  'features', 'pixels32', 'evaluate: extractor that distances are taken in.'
)
flags.DEFINE_string('features_weights', None, 'evaluate: file of its weights.')
flags.DEFINE_list('metrics', [], 'evaluate: only these; default: what applies.')
flags.DEFINE_string('real', None, 'evaluate: folder of real pictures.')
flags.DEFINE_string('fake', None, 'evaluate: folder of pictures to score.')
flags.DEFINE_string('content', None, 'stylize: a photo, a video or builtin.')
flags.DEFINE_string(
  'style', None, 'stylize, translate: paintings, FILE[,FILE...].'
)
flags.DEFINE_string(
  'mask',
  None,
  'stylize: where each painting applies; translate: white is painted anew.',
)
flags.DEFINE_string('start', None, 'stylize: a picture to start from.')
flags.DEFINE_integer(
  'size', None, 'stylize: longest side; evaluate: side of all pictures.'
)
flags.DEFINE_integer(
  'steps', None, 'stylize: at each scale; benchmark: number timed.', 0
)
flags.DEFINE_integer('every', 0, 'stylize: a picture every so many steps.')
flags.DEFINE_integer('tile', 0, 'stylize: work in tiles of so many pixels.')
flags.DEFINE_multi_string(
  'versus', [], 'stylize: path=value, once more so; side by side.'
)
flags.DEFINE_integer(
  'random',
  None,
  'sweep: so many cells, drawn from --set path=a,b or low..high.',
)
flags.DEFINE_enum(
  'together',
  'auto',
  ('auto', 'vmap', 'turns', 'no'),
  'sweep: how cells that allow it are trained by one program.',
)
flags.DEFINE_bool('compile', False, 'describe: compile the step for memory.')
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
  from art_jax.devices import compilation_cache, distributed
  from art_jax.training import loop

  try:
    if len(argv) > 1 and FLAGS.mode not in _POSITIONAL:
      raise core.UserError(
        f'{argv[1]!r} is not a flag; write --flag=value (--help lists them)'
      )
    if FLAGS.compile_cache:
      compilation_cache.turn_on()
    mode = importlib.import_module(f'art_jax.cli.modes.{FLAGS.mode}')
    mode.run(FLAGS, *([argv[1:]] if FLAGS.mode in _POSITIONAL else []))
  except core.StorageError as error:
    return _fail(74, error)
  except core.UserError as error:
    return _fail(2, error)
  except (core.Diverged, loop.AlarmStop) as error:
    return _fail(3, error)
  except loop.Preempted as error:
    return _fail(75, error)
  except Exception as error:
    if not distributed.peer_lost(error):
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

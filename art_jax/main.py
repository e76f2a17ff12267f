"""The command line: `python -m art_jax.main --experiment=cyclegan`.

Exit codes: 0 done, 1 a bug, 2 bad input, 3 stopped because a number went bad,
74 the disk of the run failed (mend it, then the same command continues),
75 stopped on request after a checkpoint (start the same command again),
134 another process of the run was lost (start all of them again).
"""

import os
import pathlib
import shlex
import sys

from absl import app, flags, logging

from art_jax import core

MODES = ('train', 'describe', 'list', 'translate', 'export')

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
flags.DEFINE_integer('devices', None, 'Number of devices; default: all.')
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
flags.DEFINE_string('coordinator', None, 'host:port of process 0.')
flags.DEFINE_integer('num_processes', None, 'Number of processes.')
flags.DEFINE_integer('process_id', None, 'Number of this process.')

FLAGS = flags.FLAGS
_QUIET = ('orbax', 'tensorflow_datasets')


def main(argv: list[str]) -> int:
  """Run the mode asked for; return the exit code."""
  from art_jax import loop, sharding

  try:
    if len(argv) > 1:
      raise core.UserError(
        f'{argv[1]!r} is not a flag; write --flag=value (--help lists them)'
      )
    modes = {
      'train': _train,
      'describe': _describe,
      'list': _list,
      'translate': _translate,
      'export': _export,
    }
    modes[FLAGS.mode]()
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


def _experiment() -> core.Experiment:
  """Return the experiment with the flags that change it applied."""
  from art_jax import config, literals
  from art_jax.data import detect

  if not FLAGS.experiment:
    raise core.UserError(
      f'--mode={FLAGS.mode} needs --experiment=NAME; --mode=list shows them'
    )
  experiment = config.load(FLAGS.experiment, tiny=FLAGS.tiny)
  changes = list(FLAGS['set'].value)
  if FLAGS.data:
    algorithm = experiment.algorithm
    source, told = detect.parse(FLAGS.data, algorithm.inputs, algorithm.aligned)
    print(told, file=sys.stderr)
    changes.insert(0, f'data.source={literals.to_text(source)}')
  experiment = config.override(
    experiment, changes, config.user_classes(FLAGS.experiment)
  )
  if FLAGS.precision:
    experiment = config.everywhere(experiment, {'dtype': FLAGS.precision})
  return experiment


def _join_processes() -> None:
  from art_jax import sharding

  sharding.start_distributed(
    FLAGS.coordinator, FLAGS.num_processes, FLAGS.process_id
  )


def _workdir() -> str:
  if FLAGS.workdir:
    return FLAGS.workdir
  name = pathlib.Path(FLAGS.experiment).stem
  return str(pathlib.Path('runs') / (name + '_tiny' * FLAGS.tiny))


def _train() -> None:
  from art_jax import loop, sharding, throughput

  experiment = _experiment()
  _join_processes()
  devices = sharding.make_devices(FLAGS.devices)
  summary = loop.train(
    experiment,
    _workdir(),
    devices=devices,
    init_from=FLAGS.init_from,
    command=shlex.join(sys.argv),
  )
  if sharding.is_main():
    throughput.remember(experiment, devices, summary)
    print(throughput.sentence(summary))
    print(f'pictures: {pathlib.Path(_workdir()) / "images"}')


def _describe() -> None:
  from art_jax import describe, sharding

  experiment = _experiment()
  devices = sharding.make_devices(FLAGS.devices)
  print(describe.text(experiment, devices, compiled=FLAGS.compile))


def _list() -> None:
  from art_jax import config

  purposes = {
    name: config.purpose(path) for name, path in config.files().items()
  }
  width = max(map(len, purposes))
  for name, purpose in purposes.items():
    print(f'{name:{width}}  {purpose}')


def _loaded():
  """Return the model that --run or --weights names."""
  from art_jax import run

  if bool(FLAGS.run) == bool(FLAGS.weights):
    raise core.UserError(
      f'--mode={FLAGS.mode} needs either --run=FOLDER or --weights=FILE'
    )
  if FLAGS.weights:
    return run.load_weights(FLAGS.weights)
  from art_jax import config

  return run.load(
    FLAGS.run, FLAGS.checkpoint, config.user_classes(FLAGS.experiment)
  )


def _translate() -> None:
  from art_jax import translate

  for flag in ('input', 'output'):
    if not FLAGS[flag].value:
      raise core.UserError(f'--mode=translate needs --{flag}=PATH')
  count = translate.files(
    _loaded(),
    FLAGS.input,
    FLAGS.output,
    FLAGS.direction,
    overwrite=FLAGS.overwrite,
  )
  print(f'{count} picture(s) translated into {FLAGS.output}')


def _export() -> None:
  from art_jax import export

  if not FLAGS.output:
    raise core.UserError('--mode=export needs --output=FOLDER')
  for path in export.write(
    _loaded(), FLAGS.output, FLAGS.direction, overwrite=FLAGS.overwrite
  ):
    print(path)


if __name__ == '__main__':
  cli()

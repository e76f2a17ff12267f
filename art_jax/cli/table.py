"""The modes of the command line: what each is for and what it takes."""

import dataclasses

_EXPERIMENT = ('experiment', 'data', 'set', 'tiny', 'precision')
_MODEL = ('run', 'checkpoint', 'weights', 'experiment', 'set')
_PROCESSES = (
  'devices',
  'coordinator',
  'num_processes',
  'process_id',
  'join_timeout',
  'expect_platform',
)
_FILES = ('output', 'overwrite')


@dataclasses.dataclass(frozen=True)
class Mode:
  """One row of the table.

  Attributes:
    name: of the mode, and of the module in cli/modes/ that does it.
    help: what it does, in one line.
    takes: what follows the name, such as 'RUN'; '' for nothing.
    many: it takes any number of them.
    flags: names of the flags that it reads.
    instead: flags that name what to work on in place of the positional.
    example: what follows `art_jax NAME` in an example.
  """

  name: str
  help: str
  takes: str = ''
  many: bool = False
  flags: tuple[str, ...] = ()
  instead: tuple[str, ...] = ()
  example: str = ''

  @property
  def flag(self) -> str:
    """The flag that means the same as the positional; '' if there is none."""
    flags = {'EXPERIMENT': 'experiment', 'RUN': 'run', 'FOLDER': 'runs'}
    return flags.get('' if self.many else self.takes, '')


_ROWS = (
  Mode(
    'train',
    'Train an experiment, or continue its run.',
    'EXPERIMENT',
    flags=(
      *_EXPERIMENT,
      'workdir',
      'init_from',
      'log',
      'compile_cache',
      *_PROCESSES,
    ),
    example='cyclegan_demo --set train.duration=200',
  ),
  Mode(
    'describe',
    'Show the networks, memory and cost of an experiment.',
    'EXPERIMENT',
    flags=(
      *_EXPERIMENT,
      'devices',
      'compile',
      'target',
      'fit',
      *_FILES,
      'compile_cache',
    ),
    example='cyclegan --devices=1',
  ),
  Mode(
    'list',
    'List the experiments.',
  ),
  Mode(
    'translate',
    'Translate pictures with a trained model.',
    'RUN',
    flags=(
      *_MODEL,
      'input',
      *_FILES,
      'format',
      'direction',
      'style',
      'mask',
      'compile_cache',
    ),
    instead=('weights',),
    example='runs/cyclegan_demo --input=photos --output=painted',
  ),
  Mode(
    'export',
    'Write a trained model as a program for jax, or as an ONNX file.',
    'RUN',
    flags=(
      *_MODEL,
      *_FILES,
      'format',
      'uint8',
      'direction',
      'compile_cache',
    ),
    instead=('weights',),
    example='runs/cyclegan_demo --output=exported',
  ),
  Mode(
    'publish',
    'Write a trained model for others: on the Hugging Face Hub or a folder.',
    'RUN',
    flags=(
      'run',
      'checkpoint',
      'experiment',
      'set',
      'to',
      'license',
      'space',
      'overwrite',
      'compile_cache',
    ),
    example='runs/dcgan_paintings --to=hf:OWNER/NAME --license=cc-by-4.0',
  ),
  Mode(
    'sample',
    'Show what a model learned: samples, interpolations and more.',
    'RUN',
    flags=(
      *_MODEL,
      'study',
      'num',
      'seed',
      'labels',
      'frames',
      'input',
      *_FILES,
      'format',
      'save_arrays',
      'compile_cache',
    ),
    instead=('weights',),
    example='runs/dcgan_mnist --study=grid --output=samples',
  ),
  Mode(
    'evaluate',
    'Score a run, or compare two folders of pictures.',
    'RUN',
    flags=(
      'run',
      'checkpoint',
      'experiment',
      'set',
      'real',
      'fake',
      'reference',
      'num',
      'seed',
      'size',
      'features',
      'features_weights',
      'metrics',
      'output',
      'devices',
      'compile_cache',
    ),
    instead=('real', 'fake'),
    example='runs/dcgan_mnist --num=1000',
  ),
  Mode(
    'stylize',
    'Paint a photo or a video in the style of paintings.',
    'EXPERIMENT',
    flags=(
      *_MODEL,
      'tiny',
      'precision',
      'content',
      'style',
      'mask',
      'start',
      'size',
      'steps',
      'every',
      'tile',
      'versus',
      'direction',
      *_FILES,
      'workdir',
      'devices',
      'compile_cache',
    ),
    instead=('run', 'weights'),
    example='style_transfer --content=photo.jpg --style=painting.jpg '
    '--output=painted.png',
  ),
  Mode(
    'paint',
    'Paint samples, or a drawing, large, with the strokes of paintings.',
    'RUN',
    flags=(
      *_MODEL,
      'content',
      'style',
      'sources',
      'num_sources',
      'count',
      'seed',
      'labels',
      'direction',
      'variations',
      'size',
      'quality',
      'max_copy',
      'upscale',
      *_FILES,
      'devices',
      'compile_cache',
    ),
    instead=('weights', 'sources'),
    example='runs/dcgan_paintings --count=4',
  ),
  Mode(
    'report',
    'Write everything about a run into one HTML file.',
    'RUN',
    flags=('run', *_FILES),
    example='runs/cyclegan_demo',
  ),
  Mode(
    'compare',
    'Show several runs side by side in one HTML file.',
    'RUN',
    many=True,
    flags=_FILES,
    example='runs/vae runs/autoencoder --output=compared',
  ),
  Mode(
    'studio',
    'Watch and use runs in a browser.',
    'FOLDER',
    flags=(
      'runs',
      'data_root',
      'host',
      'port',
      'token',
      'allow_host',
      'frame_ancestors',
    ),
    example='runs --data_root=pictures',
  ),
  Mode(
    'benchmark',
    'Measure how fast an experiment steps, and what limits it.',
    'EXPERIMENT',
    flags=(
      *_EXPERIMENT,
      'steps',
      'trace',
      'starts',
      *_FILES,
      'compile_cache',
      *_PROCESSES,
    ),
    example='cyclegan --devices=1 --steps=20',
  ),
  Mode(
    'sweep',
    'Train an experiment many times, with other values of fields.',
    'EXPERIMENT',
    flags=(
      *_EXPERIMENT,
      'random',
      'seed',
      'together',
      'workdir',
      'compile_cache',
      'devices',
      'expect_platform',
    ),
    example='dcgan_mnist --tiny --set train.seed=0,1,2',
  ),
  Mode(
    'fetch',
    'Download published weights; without a name, list them.',
    'NAME',
    many=True,
    example='vgg16 squeezenet1_1',
  ),
  Mode(
    'checkpoints',
    'List, verify or prune the checkpoints of a run.',
    'RUN',
    flags=('run', 'verify', 'prune', 'keep_last', 'keep_every'),
    example='runs/cyclegan_demo --prune --keep_last=2',
  ),
  Mode(
    'completion',
    'Print a script that completes commands in a shell: bash or zsh.',
    'SHELL',
    many=True,
    example='bash',
  ),
  Mode(
    'help',
    'Explain a mode and its flags; without a mode, list the modes.',
    'MODE',
    many=True,
    example='train',
  ),
)

MODES = {mode.name: mode for mode in _ROWS}


def taking(flag: str) -> list[str]:
  """Return the names of the modes that take a flag."""
  return [mode.name for mode in _ROWS if flag in mode.flags]

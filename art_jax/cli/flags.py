"""The flags of the command line, each defined once."""

from absl import flags

from art_jax.cli import table

FLAGS = flags.FLAGS
# What a flag means in a mode, where that differs: {flag: {mode: help}}.
BY_MODE: dict[str, dict[str, str]] = {}


class _Counts(flags.ArgumentParser):
  """Reads 4 as 4 and 1,2,4 as a tuple."""

  def parse(self, argument):
    if isinstance(argument, str):
      counts = tuple(int(part) for part in argument.split(','))
      return counts[0] if len(counts) == 1 else counts
    return argument


def _by_mode(flag: str, text: str = '', **texts: str) -> str:
  """Note what a flag means in some modes; return the whole as one text.

  Args:
    flag: its name.
    text: what it means in all other modes.
    **texts: what it means in the mode of this name.
  """
  BY_MODE[flag] = texts
  rows = [f'{mode}: {meaning}' for mode, meaning in texts.items()]
  return ' '.join([text, *rows]).strip()


flags.DEFINE_enum(
  'mode', 'train', list(table.MODES), '`art_jax help` explains each.'
)
# What to work on.
flags.DEFINE_string(
  'experiment',
  None,
  _by_mode(
    'experiment',
    'Name that `art_jax list` shows, or path of a .py file.',
    **dict.fromkeys(
      ('translate', 'export', 'sample', 'evaluate'),
      'Path of a .py file, if the config of the run names classes of it.',
    ),
  ),
)
flags.DEFINE_string(
  'data',
  None,
  'Training pictures: PATH of a folder or an archive (its layout is detected), '
  'tfds:NAME or builtin.',
)
flags.DEFINE_multi_string(
  'set',
  [],
  _by_mode(
    'set',
    'path.to.field=value: change a field; can be repeated.',
    sweep='path.to.field=a,b,c: values to try, or low..high with --random; '
    'can be repeated.',
    **dict.fromkeys(
      ('translate', 'export', 'sample', 'evaluate'),
      'path.to.field=value: change a field that acts when the model is used; '
      'can be repeated.',
    ),
  ),
)
flags.DEFINE_bool(
  'tiny', False, 'Use the small variant, which trains in seconds on a CPU.'
)
flags.DEFINE_enum(
  'precision',
  None,
  ('float32', 'bfloat16'),
  'Compute type of all networks; parameters stay float32.',
)
flags.DEFINE_string(
  'run', None, 'Run folder: what training wrote (its --workdir).'
)
flags.DEFINE_string(
  'checkpoint', 'latest', 'Which one of the run: latest, best or a step.'
)
flags.DEFINE_string(
  'weights',
  None,
  'File of published weights (.safetensors, .pth, .npz) in place of a run.',
)
flags.DEFINE_string(
  'workdir',
  None,
  _by_mode(
    'workdir',
    train='Run folder; default: runs/EXPERIMENT.',
    sweep='Folder of the sweep; default: runs/EXPERIMENT_sweep.',
    stylize='Run folder that records the painting; default: none is written.',
  ),
)
flags.DEFINE_string(
  'init_from', None, 'Run folder whose networks a new run starts from.'
)
# Files.
flags.DEFINE_string(
  'input',
  None,
  _by_mode(
    'input',
    translate='A picture or a folder of pictures.',
    sample='A picture or a folder of pictures, for studies that take them.',
  ),
)
flags.DEFINE_string(
  'output',
  None,
  _by_mode(
    'output',
    translate='Folder to write the pictures to.',
    export='Folder to write the program and its weights to.',
    sample='Folder to write the pictures to.',
    evaluate='With --real and --fake: folder whose evaluation.json is '
    'appended to.',
    stylize='File to write: .png, or .mp4 for a video.',
    report='Folder to write report.html to; default: the run folder.',
    compare='Folder to write compare.html to; default: this one.',
    benchmark='JSON file to write the figures to.',
  ),
)
flags.DEFINE_bool('overwrite', False, 'Replace existing files.')
# translate, export, stylize.
flags.DEFINE_string(
  'direction', None, 'Which way to translate, such as ab or ba; default: first.'
)
flags.DEFINE_string('content', None, 'The photo or video to paint, or builtin.')
flags.DEFINE_string(
  'style', None, 'Paintings, FILE[,FILE...], or builtin, builtin:1, ...'
)
flags.DEFINE_string(
  'mask',
  None,
  _by_mode(
    'mask',
    stylize='One picture for each painting, FILE[,FILE...], white where it '
    'applies.',
    translate='A picture, white where the model repaints (inpainting).',
  ),
)
flags.DEFINE_string('start', None, 'A picture to start from.')
flags.DEFINE_integer(
  'size',
  None,
  _by_mode(
    'size',
    stylize='Longest side of the result in pixels.',
    evaluate='Side in pixels that the pictures of --real and --fake are '
    'resized to.',
  ),
)
flags.DEFINE_integer(
  'steps',
  None,
  _by_mode(
    'steps',
    stylize='Number of steps at each scale.',
    benchmark='Number of steps that are timed.',
  ),
  0,
)
flags.DEFINE_integer(
  'every', 0, 'Write a picture every N steps; 0: only the last.'
)
flags.DEFINE_integer(
  'tile', 0, 'Work in tiles of N pixels, to save memory; 0: in one.'
)
flags.DEFINE_multi_string(
  'versus',
  [],
  'path.to.field=value: paint again with this field changed and show both; '
  'can be repeated.',
)
# sample, evaluate.
flags.DEFINE_string('study', None, 'What to show: grid, interpolate, ...')
flags.DEFINE_integer(
  'num',
  None,
  _by_mode(
    'num',
    sample='Number of pictures; default: what suits the study.',
    evaluate='Number of pictures to score; default: 5000, or all in --real '
    'and --fake.',
  ),
)
flags.DEFINE_integer(
  'seed',
  0,
  _by_mode(
    'seed',
    sample='Of the latents.',
    evaluate='Of the latents.',
    sweep='Of the draws of --random.',
  ),
)
flags.DEFINE_list(
  'labels', [], 'Classes by name or number, or all; default: every class.'
)
flags.DEFINE_integer('frames', None, 'Number of frames of a film.')
flags.DEFINE_bool('save_arrays', False, 'Write the numbers too, as .npz.')
flags.DEFINE_string(
  'features', 'pixels32', 'Feature extractor in which pictures are compared.'
)
flags.DEFINE_string(
  'features_weights', None, 'File of the weights of --features.'
)
flags.DEFINE_list('metrics', [], 'Only these metrics; default: all that apply.')
flags.DEFINE_string('real', None, 'Folder of real pictures.')
flags.DEFINE_string('fake', None, 'Folder of pictures to score.')
# sweep, describe, benchmark.
flags.DEFINE_integer(
  'random',
  None,
  'Number of cells to draw from --set path=a,b or path=low..high.',
)
flags.DEFINE_enum(
  'together',
  'auto',
  ('auto', 'vmap', 'turns', 'no'),
  'How cells that allow it are trained by one program.',
)
flags.DEFINE_bool(
  'compile', False, 'Compile the step, to show the memory that it needs.'
)
flags.DEFINE_string('trace', None, 'Folder to write a profile to.')
flags.DEFINE_bool('starts', True, 'Time a cold and a warm start too.')
# checkpoints.
flags.DEFINE_bool(
  'verify', False, 'Read every byte and compare every checksum.'
)
flags.DEFINE_bool(
  'prune', False, 'Remove all but --keep_last and --keep_every.'
)
flags.DEFINE_integer(
  'keep_last', 3, 'With --prune: number of newest ones that are kept.', 1
)
flags.DEFINE_integer(
  'keep_every', 0, 'With --prune: multiples of this step are kept; 0: none.', 0
)
# Where it runs.
flags.DEFINE(
  _Counts(),
  'devices',
  None,
  _by_mode(
    'devices',
    'Number of devices; default: all.',
    stylize='Number of devices that share the picture; default: one.',
    benchmark='Number of devices; default: all. Several, as 1,2,4, show '
    'how speed scales.',
  ),
)
flags.DEFINE_bool(
  'compile_cache', True, 'Keep compiled programs for the next start.'
)
flags.DEFINE_string(
  'coordinator', None, 'Several processes: host:port of process 0.'
)
flags.DEFINE_integer(
  'num_processes', None, 'Several processes: how many there are.'
)
flags.DEFINE_integer(
  'process_id', None, 'Several processes: number of this one.'
)
flags.DEFINE_integer(
  'join_timeout', None, 'Several processes: seconds to wait for all.', 1
)
flags.DEFINE_enum(
  'expect_platform',
  None,
  ('cpu', 'gpu', 'tpu'),
  'Stop if jax found another kind of device.',
)
# The flags of this file; absl has its own beside them.
NAMES = tuple(
  flag.name for flag in FLAGS.flags_by_module_dict().get(__name__, ())
)

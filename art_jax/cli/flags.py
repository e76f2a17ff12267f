"""The flags of the command line, each defined once."""

import functools
from typing import Any

from absl import flags

from art_jax.cli import table

FLAGS = flags.FLAGS


class _Counts(flags.ArgumentParser):
  """Reads 4 as 4 and 1,2,4 as a tuple."""

  def parse(self, argument):
    if isinstance(argument, str):
      counts = tuple(int(part) for part in argument.split(','))
      return counts[0] if len(counts) == 1 else counts
    return argument


# What a flag means in a mode, '' in all others: {flag: {mode: help}}.
_HELP: dict[str, str | dict[str, str]] = {
  'mode': '`art_jax help` explains each.',
  # What to work on.
  'experiment': {
    '': 'Name that `art_jax list` shows, or path of a .py file.',
    **dict.fromkeys(
      ('translate', 'export', 'publish', 'sample', 'evaluate', 'paint'),
      'Path of a .py file, if the config of the run names classes of it.',
    ),
  },
  'data': 'Training pictures: PATH of a folder, an archive or shards (its '
  'layout is detected), hf:OWNER/NAME, tfds:NAME or builtin.',
  'set': {
    '': 'path.to.field=value: change a field; can be repeated.',
    'sweep': 'path.to.field=a,b,c: values to try, or low..high with --random; '
    'can be repeated.',
    **dict.fromkeys(
      ('translate', 'export', 'publish', 'sample', 'evaluate', 'paint'),
      'path.to.field=value: change a field that acts when the model is used; '
      'can be repeated.',
    ),
  },
  'tiny': 'Use the small variant, which trains in seconds on a CPU.',
  'precision': 'Compute type of all networks; parameters stay float32.',
  'run': 'Run folder: what training wrote (its --workdir); or hf:OWNER/NAME.',
  'checkpoint': 'Which one of the run: latest, best or a step.',
  'weights': 'File of published weights (.safetensors, .pth, .npz) in place '
  'of a run.',
  'workdir': {
    'train': 'Run folder; default: runs/EXPERIMENT.',
    'sweep': 'Folder of the sweep; default: runs/EXPERIMENT_sweep.',
    'stylize': 'Run folder that records the painting; default: none is '
    'written.',
  },
  'init_from': 'Run folder whose networks a new run starts from.',
  'log': 'Trackers that are told of the run beside TensorBoard: wandb, mlflow, '
  'trackio, module:Class.',
  # Files.
  'input': {
    'translate': 'A picture or a folder of pictures.',
    'sample': 'A picture or a folder of pictures, for studies that take them.',
  },
  'output': {
    'translate': 'Folder or .zip to write the pictures to.',
    'export': 'Folder to write the program and its weights to.',
    'sample': 'Folder to write the pictures to, or a .zip for those of '
    '--study=pictures.',
    'evaluate': 'With --real and --fake, or a RUN of the hub: folder whose '
    'evaluation.json is appended to.',
    'stylize': 'File to write: .png, or .mp4 for a video.',
    'paint': 'Folder to write the paintings to; default: painted in the run '
    'folder.',
    'report': 'Folder to write report.html to; default: the run folder.',
    'compare': 'Folder to write compare.html to; default: this one.',
    'benchmark': 'JSON file to write the figures to.',
    'describe': 'JSON file to write the figures of --target to.',
  },
  'format': {
    '': 'Of the pictures: png, jpg or webp, with a quality as in jpg:95; '
    'default: png.',
    'export': 'stablehlo, or onnx; default: stablehlo.',
  },
  'uint8': 'The ONNX file takes and gives bytes in place of floats in [-1, 1].',
  'overwrite': 'Replace existing files.',
  # publish.
  'to': 'hf:OWNER/NAME, or a folder.',
  'license': 'Of the weights, as the hub spells it: cc0-1.0, cc-by-4.0, ...',
  'space': 'Write a small program for a hosted demo too.',
  # translate, export, stylize.
  'direction': 'Which way to translate, such as ab or ba; default: first.',
  'content': {
    'stylize': 'The photo or video to paint, or builtin.',
    'paint': 'A drawing or photo to paint, or a folder of them; with a '
    'translator as RUN, what it translates first.',
  },
  'style': 'Paintings, FILE[,FILE...], or builtin, builtin:1, ...',
  'mask': {
    'stylize': 'One picture for each painting, FILE[,FILE...], white where it '
    'applies.',
    'translate': 'A picture, white where the model repaints (inpainting).',
  },
  'start': 'A picture to start from.',
  'size': {
    'stylize': 'Longest side of the result in pixels.',
    'paint': 'Longest side of a painting in pixels; default: 512.',
    'evaluate': 'Side in pixels that the pictures of --real and --fake are '
    'resized to.',
  },
  'steps': {
    'stylize': 'Number of steps at each scale.',
    'benchmark': 'Number of steps that are timed.',
  },
  'every': 'Write a picture every N steps; 0: only the last.',
  'tile': 'Work in tiles of N pixels, to save memory; 0: in one.',
  'versus': 'path.to.field=value: paint again with this field changed and show '
  'both; can be repeated.',
  # paint.
  'sources': 'Folder or archive of the paintings whose strokes are used; '
  'default: those that RUN was trained on.',
  'num_sources': 'Number of paintings whose strokes one picture uses; default: '
  '1.',
  'count': 'Number of samples to paint.',
  'variations': 'Number of paintings of each sample or drawing, with other '
  'sources.',
  'quality': 'full, or fast: a quarter to a half of the time; default: full.',
  'max_copy': 'Largest region that may be copied from one source, as a part of '
  'the side; default: 0.35.',
  'upscale': 'Paint at --size though the sources are smaller.',
  # sample, evaluate, paint.
  'study': 'What to show: grid, interpolate, ...',
  'num': {
    'sample': 'Number of pictures; default: what suits the study.',
    'evaluate': 'Number of pictures to score; default: 5000, or all in --real '
    'and --fake.',
  },
  'seed': {
    'sample': 'Of the latents.',
    'evaluate': 'Of the latents.',
    'paint': 'Of the first sample; the next ones count on.',
    'sweep': 'Of the draws of --random.',
  },
  'labels': 'Classes by name or number, or all; default: every class.',
  'frames': 'Number of frames of a film.',
  'save_arrays': 'Write the numbers too, as .npz.',
  'features': 'Feature extractor in which pictures are compared.',
  'features_weights': 'File of the weights of --features.',
  'metrics': 'Only these metrics; default: all that apply.',
  'real': 'Folder of real pictures.',
  'fake': 'Folder of pictures to score.',
  'reference': 'What samples of a run are compared with: its training '
  'pictures, or those that it kept aside (data.heldout).',
  # sweep, describe, benchmark.
  'random': 'Number of cells to draw from --set path=a,b or path=low..high.',
  'together': 'How cells that allow it are trained by one program.',
  'compile': 'Compile the step, to show the memory that it needs.',
  'target': 'Compile the step for devices that are not there: gpu:h100, '
  'gpu:h100x8, tpu:v5e:2x2, tpu:v6e:4x4, ...',
  'fit': 'With --target: find the largest batch that fits.',
  'trace': 'Folder to write a profile to.',
  'starts': 'Time a cold and a warm start too.',
  # checkpoints.
  'verify': 'Read every byte and compare every checksum.',
  'prune': 'Remove all but --keep_last, --keep_every and the best.',
  'keep_last': 'With --prune: number of newest ones that are kept.',
  'keep_every': 'With --prune: multiples of this step are kept; 0: none.',
  # studio.
  'runs': 'Folder of run folders, or one of them.',
  'data_root': 'Folder below which runs that are started in the browser may be '
  'given pictures.',
  'host': 'Address to listen on; another than this machine needs --token.',
  'port': 'Port to listen on; the next free one if it is taken.',
  'token': 'What a browser must know, at least 16 characters; default: drawn '
  'anew at each start.',
  'allow_host': 'Names, with commas, that the address of the studio may have '
  'beside 127.0.0.1 and localhost.',
  'frame_ancestors': 'Origins, with commas, of pages that may show the studio '
  'in a frame, such as http://localhost:8888.',
  # Where it runs.
  'devices': {
    '': 'Number of devices; default: all.',
    'stylize': 'Number of devices that share the picture; default: one.',
    'benchmark': 'Number of devices; default: all. Several, as 1,2,4, show '
    'how speed scales.',
  },
  'compile_cache': 'Keep compiled programs for the next start.',
  'coordinator': 'Several processes: host:port of process 0.',
  'num_processes': 'Several processes: how many there are.',
  'process_id': 'Several processes: number of this one.',
  'join_timeout': 'Several processes: seconds to wait for all.',
  'expect_platform': 'Stop if jax found another kind of device.',
}
# How a flag is defined, and its default; all others are texts without one.
_KINDS: dict[str, tuple[Any, ...]] = {
  'mode': (flags.DEFINE_enum, 'train', list(table.MODES)),
  'set': (flags.DEFINE_multi_string, []),
  'tiny': (flags.DEFINE_bool, False),
  'precision': (flags.DEFINE_enum, None, ('float32', 'bfloat16')),
  'checkpoint': (flags.DEFINE_string, 'latest'),
  'overwrite': (flags.DEFINE_bool, False),
  'space': (flags.DEFINE_bool, False),
  'uint8': (flags.DEFINE_bool, False),
  'size': (flags.DEFINE_integer, None),
  'steps': (functools.partial(flags.DEFINE_integer, lower_bound=0), None),
  'every': (functools.partial(flags.DEFINE_integer, lower_bound=0), 0),
  'tile': (flags.DEFINE_integer, 0),
  'versus': (flags.DEFINE_multi_string, []),
  'count': (functools.partial(flags.DEFINE_integer, lower_bound=1), 1),
  'num_sources': (functools.partial(flags.DEFINE_integer, lower_bound=1), None),
  'variations': (functools.partial(flags.DEFINE_integer, lower_bound=1), 1),
  'quality': (flags.DEFINE_enum, None, ('full', 'fast')),
  'max_copy': (flags.DEFINE_float, None),
  'upscale': (flags.DEFINE_bool, False),
  'num': (flags.DEFINE_integer, None),
  'seed': (
    functools.partial(
      flags.DEFINE_integer, lower_bound=0, upper_bound=2**32 - 1
    ),
    0,
  ),
  'labels': (flags.DEFINE_list, []),
  'log': (flags.DEFINE_list, []),
  'frames': (flags.DEFINE_integer, None),
  'save_arrays': (flags.DEFINE_bool, False),
  'features': (flags.DEFINE_string, 'pixels32'),
  'reference': (flags.DEFINE_enum, 'train', ('train', 'heldout')),
  'metrics': (flags.DEFINE_list, []),
  'random': (flags.DEFINE_integer, None),
  'together': (flags.DEFINE_enum, 'auto', ('auto', 'vmap', 'turns', 'no')),
  'compile': (flags.DEFINE_bool, False),
  'fit': (flags.DEFINE_bool, False),
  'starts': (flags.DEFINE_bool, True),
  'verify': (flags.DEFINE_bool, False),
  'prune': (flags.DEFINE_bool, False),
  'keep_last': (functools.partial(flags.DEFINE_integer, lower_bound=1), 3),
  'keep_every': (functools.partial(flags.DEFINE_integer, lower_bound=0), 0),
  'runs': (flags.DEFINE_string, 'runs'),
  'host': (flags.DEFINE_string, '127.0.0.1'),
  'port': (flags.DEFINE_integer, 8765),
  'allow_host': (flags.DEFINE_list, []),
  'frame_ancestors': (flags.DEFINE_list, []),
  'devices': (functools.partial(flags.DEFINE, _Counts()), None),
  'compile_cache': (flags.DEFINE_bool, True),
  'num_processes': (flags.DEFINE_integer, None),
  'process_id': (flags.DEFINE_integer, None),
  'join_timeout': (
    functools.partial(flags.DEFINE_integer, lower_bound=1),
    None,
  ),
  'expect_platform': (flags.DEFINE_enum, None, ('cpu', 'gpu', 'tpu')),
}
# The same, with one form for all flags.
MEANINGS = {
  name: {'': text} if isinstance(text, str) else text
  for name, text in _HELP.items()
}
for _name, _texts in MEANINGS.items():
  _define, *_values = _KINDS.get(_name, (flags.DEFINE_string, None))
  _rows = [f'{mode}: {text}' if mode else text for mode, text in _texts.items()]
  _define(_name, *_values, ' '.join(_rows))
# The flags of this file; absl has its own beside them.
NAMES = tuple(_HELP)

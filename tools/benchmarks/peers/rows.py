"""The rows of the table: an experiment of ours, and its peer in PyTorch."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from art_jax import core
from art_jax.config import experiments


@dataclasses.dataclass(frozen=True)
class Row:
  """One model at one size.

  Attributes:
    experiment: name of the experiment that is ours.
    changes: 'path=value' that give it the size of this row.
    peer: file and function of the peer, called with size and batch.
    fields: its other arguments.
    work: 'step', a training step; 'paint', a step of `--mode=stylize`;
      'translate' or 'generate', what a trained model does with a batch.
  """

  experiment: str
  changes: tuple[str, ...]
  peer: str
  fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  work: str = 'step'

  def load(self, precision: str) -> core.Experiment:
    """Return the experiment as it is timed."""
    return experiments.everywhere(
      experiments.override(experiments.load(self.experiment), self.changes),
      {'dtype': precision},
    )


def _data(layout: str) -> str:
  return f"data.source=Builtin(layout='{layout}', count=64)"


def _gan(experiment: str, batch: int, *changes: str) -> dict[str, Any]:
  return {
    'experiment': experiment,
    'changes': (_data('images'), f'train.batch_size={batch}', *changes),
  }


def _cyclegan(size: int, blocks: int) -> Row:
  return Row(
    'cyclegan',
    (
      _data('unpaired'),
      f'data.size={size}',
      f'data.load_size={size * 286 // 256}',
      f'algorithm.generator.blocks={blocks}',
    ),
    'translation.cyclegan',
    {'blocks': blocks},
  )


def _cut(size: int) -> Row:
  return Row(
    'cut',
    (
      _data('unpaired'),
      f'data.size={size}',
      f'data.load_size={size * 286 // 256}',
    ),
    'contrastive.cut',
  )


_PHOTOS = ('algorithm.weights=', _data('images'))
# The network that the page of diffusion advises for a CPU.
_UNET = {
  'width': 32,
  'multipliers': (1, 2, 2, 2),
  'blocks': 1,
  'attention': (16,),
  'dropout': 0.25,
}
_DIFFUSION = (
  _data('images'),
  'data.size=32',
  'algorithm.augment=0',
  'algorithm.denoiser.augment_size=0',
  'algorithm.denoiser.size=32',
  *(f'algorithm.denoiser.{name}={value}' for name, value in _UNET.items()),
)

ROWS: Mapping[str, Row] = MappingProxyType(
  {
    'autoencoder': Row(
      **_gan('autoencoder', 64),
      peer='dcgan.autoencoder',
      fields={'latent': 64, 'variational': False},
    ),
    'vae': Row(
      **_gan('vae', 64),
      peer='dcgan.autoencoder',
      fields={'latent': 128, 'variational': True},
    ),
    'dcgan64': Row(**_gan('dcgan_japanese_v1', 64), peer='dcgan.dcgan'),
    'dcgan128': Row(**_gan('dcgan_art128', 32), peer='dcgan.dcgan'),
    'wgan': Row(
      # The warm-up would make most steps critic updates in PyTorch, and none
      # in ours, which computes both and chooses.
      **_gan('wgan_art128', 16, 'algorithm.warmup=None'),
      peer='dcgan.wgan',
      fields={'n_critic': 5},
    ),
    'acgan': Row(
      **_gan('acgan_wikiart', 100), peer='dcgan.acgan', fields={'classes': 5}
    ),
    'projected64': Row(
      **_gan('projected_paintings64', 8, 'algorithm.weights='),
      peer='projected.projected',
      fields={
        'width': 12,
        'latent': 256,
        'features': 64,
        'discriminator': 16,
        'pixels': 24,
      },
    ),
    'cyclegan128': _cyclegan(128, 6),
    'cyclegan256': _cyclegan(256, 9),
    'cut128': _cut(128),
    'cut256': _cut(256),
    'pix2pix': Row(
      'pix2pix_facades', (_data('labels'),), 'translation.pix2pix'
    ),
    'gatys': Row(
      'style_transfer',
      ('algorithm.weights=', 'data.size=256'),
      'style.gatys',
      work='paint',
    ),
    'johnson_train': Row('fast_style', _PHOTOS, 'style.johnson'),
    'johnson_512': Row(
      'fast_style',
      (*_PHOTOS, 'data.size=512', 'train.batch_size=1'),
      'style.johnson_inference',
      work='translate',
    ),
    'diffusion': Row(
      'diffusion_paintings', _DIFFUSION, 'diffusion.train', _UNET
    ),
    'diffusion_sample': Row(
      'diffusion_paintings',
      (*_DIFFUSION, 'train.batch_size=16'),
      'diffusion.sample',
      {**_UNET, 'steps': 18},
      work='generate',
    ),
  }
)

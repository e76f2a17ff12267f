"""DCGAN on paintings cut to 150 px.

`dcgan_art128` (Radford, Metz, Chintala 2016, arXiv:1511.06434) on larger
centers of the pictures: feature maps of 4, 9, 18, 37, 75 and 150 px.

  art_jax train dcgan_art150 --data=/folder/of/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
100 epochs of it are 6,000 steps of about 2 TFLOP: below an hour on a GPU.
Expect colors and strokes of paintings, and textures of the commonest pictures
where it collapses.
"""

from art_jax import core
from art_jax.config import experiments


def experiment() -> core.Experiment:
  """Return `dcgan_art128` at 150 px."""
  return experiments.replace(
    experiments.load('dcgan_art128'),
    {'algorithm.generator.size': 150, 'data.size': 150},
  )


def tiny() -> core.Experiment:
  """Return the tiny form, which is the same."""
  return experiments.load('dcgan_art128', tiny=True)

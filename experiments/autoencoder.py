"""Autoencoder of paintings: latents in [0, 1], sampled uniformly.

A convolutional autoencoder whose codes a sigmoid squeezes to 0..1, so that
random latents can be drawn from U(0, 1); dropout in training. The networks are
DCGAN's discriminator and generator (Radford et al. 2016, arXiv:1511.06434).

  art_jax train autoencoder
  art_jax train autoencoder --data=monet2photo/trainA
  art_jax train autoencoder --set algorithm.latent_size=16

Without --data it learns the built-in paintings. The Monet paintings are the
folder trainA of monet2photo (1,072 pictures, from
http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/); any folder will do. 200
epochs of 1,000 pictures are 3,000 steps: minutes on a GPU, an hour or two on a
few CPU cores. Expect blurred but faithful reconstructions, and samples far from
any painting: nothing shapes the space of the codes. Compare with `vae`, and
over latent_size=16, 64 and 256.
"""

from art_jax import core
from art_jax.algorithms.autoencoder import Autoencoder
from art_jax.data.sources import Builtin
from art_jax.nn.autoencoder import ConvDecoder, ConvTrunk


def experiment() -> core.Experiment:
  """Return the run on paintings of 64 px."""
  return core.Experiment(
    algorithm=Autoencoder(latent_size=64),
    data=core.Data(source=Builtin(layout='images', count=1000), size=64),
    train=core.Train(
      duration=core.Epochs(200),
      batch_size=64,
      render_every=core.Epochs(5),
      checkpoint_every=core.Epochs(20),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=Autoencoder(
      encoder=ConvTrunk(width=8),
      decoder=ConvDecoder(size=32, width=8),
      latent_size=16,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )

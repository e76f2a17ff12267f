"""VAE of paintings: a smooth space of latents to sample and walk in.

Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv:1312.6114, with
the convolutional networks of DCGAN (Radford et al. 2016, arXiv:1511.06434) and
a Gaussian likelihood.

  art_jax train vae
  art_jax train vae --data=monet2photo/trainA
  art_jax train vae --set algorithm.beta=4

Without --data it learns the built-in paintings. The Monet paintings are the
folder trainA of monet2photo (1,072 pictures, from
http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/); any folder will do. 200
epochs of 1,000 pictures are 3,000 steps: minutes on a GPU, an hour or two on a
few CPU cores. Expect blurry samples with the colors and layout of the data.
For sharper reconstructions and poorer samples lower algorithm.sigma, for the
reverse raise algorithm.beta.
"""

from art_jax import core
from art_jax.algorithms.vae import VAE
from art_jax.data.sources import Builtin
from art_jax.nn.autoencoder import ConvDecoder, ConvTrunk


def experiment() -> core.Experiment:
  """Return the run on paintings of 64 px."""
  return core.Experiment(
    # Differs from the paper: sigma is fixed, at about the error per pixel that
    # is reached, instead of a second output of the decoder.
    algorithm=VAE(latent_size=128, likelihood='gaussian', sigma=0.3),
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
    algorithm=VAE(
      encoder=ConvTrunk(width=8),
      decoder=ConvDecoder(size=32, width=8),
      latent_size=16,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )

"""VAE of MNIST digits with one hidden layer: a number to check against.

Kingma & Welling 2014, arXiv:1312.6114, as in the example of Flax: 784-500-20
and back, Bernoulli likelihood on gray values, Adam 1e-3, batch 128; 815,824
parameters.

  art_jax train vae_mnist_mlp
  art_jax train vae_mnist_mlp --data=path/to/mnist.npz

10 epochs take 40 seconds on 2 CPU cores. Expect a negative ELBO of 105.6 nats
on the 10,000 test digits (error of the mean: 0.3), or 104.9 when the
learning rate falls to zero over epochs 5 to 10 (a LinearDecay as
algorithm.optimizer.schedule).
The 104 nats published for Flax's example are those of binarized digits (50,000
to train on): there this run gives 103.5. `tools/studies/vae_elbo.py` computes
the number for any run and .npz file.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.vae import VAE
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.autoencoder import MLPDecoder, MLPTrunk


def experiment() -> core.Experiment:
  """Return the run of Flax's example."""
  return core.Experiment(
    algorithm=VAE(
      encoder=MLPTrunk(width=500),
      decoder=MLPDecoder(size=28, width=500),
      optimizer=optim.Adam(learning_rate=1e-3, b1=0.9),
      latent_size=20,
      likelihood='bernoulli',
    ),
    data=core.Data(source=Tfds('mnist'), size=28, channels=1, flip=False),
    train=core.Train(
      duration=core.Epochs(10),
      batch_size=128,
      render_every=core.Epochs(1),
      checkpoint_every=core.Epochs(1),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=VAE(
      encoder=MLPTrunk(width=8),
      decoder=MLPDecoder(size=28, width=8),
      latent_size=4,
      likelihood='bernoulli',
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32),
      size=28,
      channels=1,
      flip=False,
    ),
    train=core.tiny_train(),
  )

"""VAE of MNIST digits with one hidden layer: a number to check against.

Kingma & Welling 2014, arXiv:1312.6114, as in the example of Flax: 784-500-20
and back, Bernoulli likelihood on grey values, Adam 1e-3, batch 128; 815,824
parameters.

  python -m art_jax.main --experiment=vae_mnist_mlp
  python -m art_jax.main --experiment=vae_mnist_mlp --data=path/to/mnist.npz

10 epochs take about a minute on 2 CPU cores. Expect a negative ELBO of about
104 nats on the test digits, the number that Flax publishes, and less with more
epochs; `python tools/vae_elbo.py RUN mnist.npz` computes it.
"""

from art_jax import core, optim
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
    train=core.Train(
      duration=20,
      batch_size=8,
      log_every=5,
      render_every=10,
      checkpoint_every=10,
    ),
  )

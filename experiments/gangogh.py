"""GANGogh: an ACGAN trained as a Wasserstein GAN on 14 genres of painting.

Jones & Bonafilia 2017, "GANGogh: Creating Art with GANs": gates that know the
genre at every scale of the generator, layer norms in the critic, gradient
penalty 10, five updates of the critic for one of G, Adam 1e-4 with betas (0.5,
0.9), batch 84, 200,000 updates of G, and 2,000 updates of the critic alone
before the first. The critic's class loss is of real paintings only.

  art_jax train gangogh --data=/wikiart/by/genre
  art_jax train gangogh \
    --set algorithm.discriminator.num_classes=5

# Differs from the authors' code: a fake has the genre of the painting beside
it, where the code draws genres evenly.

Data: a folder with a sub-folder for each of the 14 genres of WikiArt; without
--data the five built-in genres, and nine classes go untrained unless the second
command is used. A step is five critic updates of second order: days on a GPU.
update/generator is 0 for the first 399 steps, the pre-training; there
accuracy/real should rise, and from then on accuracy/fake.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.acgan import ACGAN
from art_jax.algorithms.stabilizers import CriticWarmup
from art_jax.data.sources import Builtin
from art_jax.losses.adversarial import Wasserstein
from art_jax.nn.gangogh import GANGoghDiscriminator, GANGoghGenerator

_ADAM = optim.Adam(learning_rate=1e-4, b1=0.5, b2=0.9)


def experiment() -> core.Experiment:
  """Return the run of the authors."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=GANGoghGenerator(),
      discriminator=GANGoghDiscriminator(num_classes=14),
      loss=Wasserstein(penalty_weight=10.0),
      fake_class_weight=0.0,
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
      n_critic=5,
      warmup=CriticWarmup(steps=2000, first=1, every=0),
      share_latents=False,
    ),
    data=core.Data(source=Builtin(layout='images', count=2000), size=64),
    train=core.Train(
      duration=200_399,
      batch_size=84,
      render_count=84,
      render_every=1000,
      checkpoint_every=5000,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=GANGoghGenerator(size=32, width=4, latent_size=16),
      discriminator=GANGoghDiscriminator(num_classes=5, width=4),
      loss=Wasserstein(penalty_weight=10.0),
      fake_class_weight=0.0,
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
      n_critic=2,
      warmup=CriticWarmup(steps=4, first=1, every=0),
      share_latents=False,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )

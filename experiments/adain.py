"""Style transfer of any painting by one network (AdaIN, Huang 2017).

Huang & Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive
Instance Normalization", arXiv:1703.06868: VGG-19 up to relu4_1, its mirror
image as decoder, 256 px crops of pictures whose shorter side is 512, batch 8,
Adam 1e-4, style weight 10, 160,000 steps. Photos are the domain a, paintings b.

  art_jax fetch vgg19
  art_jax train adain --data=/folder/of/trainA_trainB
  art_jax translate runs/adain --input=photos \
    --style=painting.jpg --output=painted
  art_jax stylize --run=runs/adain --content=photo.jpg \
    --style=a.jpg,b.jpg --output=result.png \
    --set "algorithm.blend=(0.7, 0.3)" --set algorithm.alpha=0.8

Without --data it learns on built-in photos and paintings. With VGG-16:

  ... --set algorithm.weights=vgg16 --set algorithm.features.depth=16 \
    --set algorithm.decoder.depth=16

A step is 1.7 TFLOP: hours on one GPU. Expect the painting's colors at once,
its strokes after some ten thousand steps; docs/adain.md has a run of minutes.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.adain import AdaIN
from art_jax.data.sources import Builtin
from art_jax.nn.adain import AdaINDecoder
from art_jax.nn.vgg import VGG


def experiment() -> core.Experiment:
  """Return the run of the paper."""
  return core.Experiment(
    algorithm=AdaIN(),
    data=core.Data(source=Builtin(count=512), size=256, load_size=512),
    train=core.Train(
      duration=160_000,
      batch_size=8,
      log_every=50,
      render_every=500,
      checkpoint_every=2000,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=AdaIN(
      decoder=AdaINDecoder(16, width=4),
      features=VGG(16, width=8),
      weights='',
      style_weight=1.0,
      optimizer=optim.Adam(learning_rate=1e-3, b1=0.9),
    ),
    data=core.Data(source=Builtin(count=32), size=32),
    train=core.Train(duration=20, batch_size=8, log_every=5),
  )

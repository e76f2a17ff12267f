"""Style transfer of any painting, trained in 41 minutes on a CPU core (AdaIN).

The algorithm of Huang & Belongie 2017, arXiv:1703.06868, between lower layers:
relu3_1 of VGG-16 instead of relu4_1 of VGG-19, half as many channels in the
decoder, crops of 128 px from pictures whose shorter side is 256, and a loss on
photos that are given no style (see `algorithm.identity_weight`).

  art_jax fetch vgg16
  art_jax train adain_demo --data=/folder/of/trainA_trainB --devices=1
  art_jax stylize --run=runs/adain_demo --content=photo.jpg \
    --style=painting.jpg --output=result.png

Domain a are photos, b paintings: some hundred each are enough. Without --data
it learns on built-in photos and paintings. Expect the painting's colors and a
grain of strokes on the shapes of the photo; larger shapes of the painting, such
as swirls, need `adain` and a GPU.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.adain import AdaIN
from art_jax.data.sources import Builtin
from art_jax.nn.adain import AdaINDecoder
from art_jax.nn.vgg import VGG

_STYLE_LAYERS = ('relu1_1', 'relu2_1', 'relu3_1')


def experiment() -> core.Experiment:
  """Return the run."""
  return core.Experiment(
    algorithm=AdaIN(
      decoder=AdaINDecoder(16, width=32, blocks=2),
      features=VGG(16),
      weights='vgg16',
      content_layer='relu3_1',
      style_layers=_STYLE_LAYERS,
      # Differs from the paper (0): with it thousands of steps are enough.
      identity_weight=200.0,
      optimizer=optim.Adam(
        learning_rate=1e-3,
        b1=0.9,
        schedule=optim.LinearDecay(
          start=core.Steps(2000), end=core.Steps(4000)
        ),
      ),
    ),
    data=core.Data(source=Builtin(count=512), size=128, load_size=256),
    train=core.Train(
      duration=4000,
      batch_size=4,
      log_every=50,
      render_every=500,
      checkpoint_every=500,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=AdaIN(
      decoder=AdaINDecoder(16, width=4, blocks=2),
      features=VGG(16, width=8),
      weights='',
      content_layer='relu3_1',
      style_layers=_STYLE_LAYERS,
      style_weight=1.0,
      optimizer=optim.Adam(learning_rate=1e-3, b1=0.9),
    ),
    data=core.Data(source=Builtin(count=32), size=32),
    train=core.tiny_train(),
  )

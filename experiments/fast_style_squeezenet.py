"""Fast style transfer, the small form: trained on two CPU cores in minutes.

The network of experiments/fast_style.py with half the channels (424,899
parameters), and the losses of experiments/style_transfer_squeezenet.py:
SqueezeNet 1.1 is a small part of the work, where VGG-16 would be most of it.

  art_jax fetch squeezenet1_1
  art_jax train fast_style_squeezenet \
    --data=/folder/of/photos --set "algorithm.styles=('painting.jpg',)"
  art_jax translate runs/fast_style_squeezenet \
    --input=photos --output=painted

Without --data it learns on built-in pictures, without algorithm.styles to paint
like a built-in painting. Expect the painting's colors after 200 steps and its
texture after 1,000.
"""

from art_jax import core
from art_jax.algorithms.johnson import FastStyle
from art_jax.data.sources import Builtin
from art_jax.nn.squeezenet import SqueezeNet
from art_jax.nn.transformer_net import TransformerNet

_DEVIATION = 0.45  # of ImageNet's pixels, the recipe's unit, in [-1, 1]


def _algorithm(**fields) -> FastStyle:
  return FastStyle(
    **{
      'styles': ('builtin:5',),
      'content_layers': ('features.3',),
      # Gatys' recipe has 0.03, for a larger picture: there it is a sum.
      'content_weight': 0.5,
      'style_layers': ('features.1', 'features.4', 'features.6', 'features.7'),
      'style_weights': (200000.0, 800.0, 12.0, 1.0),
      'tv_weight': 2e-2 / _DEVIATION**2,
      'reduction': 'sum',
    }
    | fields
  )


def experiment() -> core.Experiment:
  """Return 1,000 steps at 96 pixels."""
  return core.Experiment(
    algorithm=_algorithm(
      # Differs from PyTorch's example, which needs hundreds of steps to come up
      # from black; and from the paper: where its tanh saturates, black spots
      # stay for good.
      transformer=TransformerNet((16, 32, 64), up=(32, 16), head='unit'),
      features=SqueezeNet('1.1'),
      weights='squeezenet1_1',
      style_size=192,
    ),
    data=core.Data(source=Builtin(layout='images', count=512), size=96),
    train=core.Train(
      duration=1000,
      batch_size=4,
      log_every=20,
      render_every=100,
      checkpoint_every=100,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=_algorithm(
      transformer=TransformerNet((4, 4, 8), 1, (4, 4), head='unit'),
      features=SqueezeNet('1.1', width=0.0625),
      weights='',
      style_size=64,
      style_layers=('features.1', 'features.4'),
      style_weights=(200.0, 8.0),
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.Train(duration=20, batch_size=8, log_every=5),
  )

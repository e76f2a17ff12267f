"""Style transfer with SqueezeNet 1.1: the small recipe, seconds on a CPU.

The recipe of the course CS231n (Stanford): content features.3 with weight 0.03,
Gram matrices of features.1, .4, .6 and .7 with weights 200000, 800, 12, 1,
Adam at 3.0, at 0.1 for the last 20 of 200 steps.

  art_jax fetch squeezenet1_1
  art_jax stylize style_transfer_squeezenet \
    --content=photo.jpg --style=painting.jpg --output=result.png
  ... --versus "algorithm.style_weights=(1, 1, 1, 1)"   (both, side by side)
  ... --versus algorithm.tv_weight=9.88                 (the printed 2)
  ... --content=clip.mp4 --output=clip_painted.mp4 --steps=60 \
    --set algorithm.optimizer.learning_rate=0.05        (a steady video)

200 steps of 2.4 GFLOP, 15 seconds on two CPU cores. Expect the painting's
colors and strokes; with weights (1, 1, 1, 1) the first layers, whose distances
are tiny numbers, count for nothing, and the photo keeps its colors under the
texture of the last one.

Total variation: 2e-2 where the recipe counts in deviations of ImageNet (0.45 of
[-1, 1]); 2 is how it was once printed, and takes all fine texture away.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gatys import Gatys
from art_jax.data.sources import Builtin
from art_jax.nn.squeezenet import SqueezeNet

_DEVIATION = 0.45  # of ImageNet's pixels, the recipe's unit, in [-1, 1]


def experiment() -> core.Experiment:
  """Return the recipe: the shorter side 192 px, the painting's 224."""
  return core.Experiment(
    algorithm=Gatys(
      features=SqueezeNet('1.1'),
      weights='squeezenet1_1',
      content_layers=('features.3',),
      content_weight=0.03,
      style_layers=('features.1', 'features.4', 'features.6', 'features.7'),
      style_weights=(200000.0, 800.0, 12.0, 1.0),
      tv_weight=2e-2 / _DEVIATION**2,
      temporal_weight=1e5,
      reduction='sum',
      # Differs from the recipe, which clamps at 1.5 deviations: black and white
      # may be used.
      optimizer=optim.Adam(
        learning_rate=3.0 * _DEVIATION,
        b1=0.9,
        schedule=optim.StepDecay(boundaries=(180,), gamma=1 / 30),
        clip_weights=1.0,
      ),
      style_scale=1.1,
      # Differs from the recipe: SqueezeNet does not pad, and leaves a strip of
      # 16 pixels at the borders that is painted otherwise.
      margin=16,
    ),
    data=core.Data(source=Builtin(layout='pairs'), size=256),
    train=core.Train(duration=200, batch_size=1, log_every=20),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=Gatys(
      features=SqueezeNet('1.1', width=0.0625),
      weights='',
      content_layers=('features.3',),
      content_weight=0.03,
      style_layers=('features.1', 'features.4'),
      style_weights=(200.0, 8.0),
      tv_weight=1e-3,
      margin=16,
      reduction='sum',
      optimizer=optim.Adam(
        learning_rate=0.1,
        b1=0.9,
        schedule=optim.StepDecay(boundaries=(18,), gamma=0.1),
        clip_weights=1.0,
      ),
    ),
    data=core.Data(source=Builtin(layout='pairs', count=32), size=32),
    train=core.Train(duration=20, batch_size=8, log_every=5),
  )

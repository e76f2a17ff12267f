"""Fast style transfer: a network that paints photos in one pass (Johnson 2016).

Johnson, Alahi, Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer
and Super-Resolution", arXiv:1603.08155, with the settings of PyTorch's example
fast_neural_style: COCO 2014, 256 px, batch 4, Adam 1e-3, two epochs (41,392
steps), content relu2_2 times 1e5, the Gram matrices of relu1_2, relu2_2,
relu3_3 and relu4_3 times 1e10, torchvision's VGG-16.

  art_jax fetch vgg16_torchvision
  art_jax train fast_style --data=/folder/of/photos \
    --set "algorithm.styles=('painting.jpg',)"
  art_jax translate runs/fast_style --input=photos --output=painted

Without --data the photos are those of the data set coco/2014 (13 GB). Without
algorithm.styles the painting is a built-in one. Several paintings in one
network:

  ... --set "algorithm.styles=('a.jpg','b.jpg')" \
    --set algorithm.transformer.num_styles=2
  art_jax translate runs/fast_style --direction=b \
    --input=photos --output=painted

With Oxford's weights (art_jax fetch vgg16), whose features are those of
pictures in 0..255, the settings of the paper's code:

  ... --set algorithm.weights=vgg16 --set algorithm.content_weight=1 \
    --set "algorithm.style_weights=(5,5,5,5)" \
    --set "algorithm.content_layers=('relu3_3',)"

Expect the painting's colors after a few hundred steps and its strokes after a
few thousand. experiments/fast_style_squeezenet.py is the small form for a CPU.
"""

from art_jax import core
from art_jax.algorithms.johnson import FastStyle
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.transformer_net import TransformerNet
from art_jax.nn.vgg import VGG


def experiment() -> core.Experiment:
  """Return the run of PyTorch's example."""
  return core.Experiment(
    algorithm=FastStyle(styles=('builtin:5',)),
    data=core.Data(source=Tfds('coco/2014'), size=256, flip=False),
    train=core.Train(
      duration=core.Epochs(2),
      batch_size=4,
      log_every=50,
      render_every=500,
      checkpoint_every=2000,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights.

  Random features know textures, but no things: the loss falls, and the pictures
  mean little.
  """
  return core.Experiment(
    algorithm=FastStyle(
      transformer=TransformerNet((4, 4, 8), 1, (4, 4), num_styles=2),
      styles=('builtin:5', 'builtin:3'),
      style_size=64,
      features=VGG(16, width=2),
      weights='',
      content_weight=1.0,
      style_weights=(1.0, 1.0, 1.0, 1.0),
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.Train(duration=20, batch_size=8, log_every=5),
  )

"""DCGAN networks: exact sizes, every supported side, clear errors."""

import jax
import jax.numpy as jnp
import pytest

from art_jax.nn.acgan import ACGANDiscriminator, ACGANGenerator
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator
from art_jax.nn.gangogh import GANGoghDiscriminator, GANGoghGenerator
from art_jax.nn.ladder import sides


def _count(module, *inputs):
  variables = jax.eval_shape(module.init, jax.random.key(0), *inputs)
  return sum(a.size for a in jax.tree.leaves(variables['params']))


def _pictures(size, channels=3):
  return jax.ShapeDtypeStruct((2, size, size, channels), 'float32')


def _rows(width):
  return jax.ShapeDtypeStruct((2, width), 'float32')


# By arithmetic, and as the PyTorch tutorial's networks and those of
# martinarjovsky/WassersteinGAN count; 150 px has the layers of 128 px.
@pytest.mark.parametrize(
  'size, channels, generator, discriminator',
  [
    (32, 3, 1_068_928, 663_296),
    (64, 3, 3_576_704, 2_765_568),
    (64, 1, 3_574_656, 2_763_520),
    (128, 3, 12_786_560, 11_164_416),
    (150, 3, 12_786_560, 11_164_416),
    (256, 3, 47_983_488, 44_739_328),
  ],
)
def test_parameter_counts(size, channels, generator, discriminator):
  module = DCGANGenerator(size=size, channels=channels)
  assert _count(module, _rows(100)) == generator
  assert (
    _count(DCGANDiscriminator(), _pictures(size, channels)) == discriminator
  )


def test_capped_width():
  module = DCGANGenerator(size=128, max_width=512)
  assert _count(module, _rows(100)) == 7_772_032


def test_upsampling_by_repeated_pixels():
  module = DCGANGenerator(upsample='resize')
  # 9 weights for 16, but in the first layer; nothing else changes.
  first = 100 * 512 * 16
  norms = 2 * (512 + 256 + 128 + 64)
  others = 3_576_704 - first - norms
  assert _count(module, _rows(100)) == first + norms + others * 9 // 16
  shape = jax.eval_shape(
    lambda z: module.init_with_output(jax.random.key(0), z)[0], _rows(100)
  )
  assert shape.shape == (2, 64, 64, 3)
  with pytest.raises(ValueError, match='150 px need 4, 9, 18.*transpose'):
    _count(DCGANGenerator(size=150, upsample='resize'), _rows(100))
  with pytest.raises(ValueError, match="upsample = 'bilinear'"):
    _count(DCGANGenerator(upsample='bilinear'), _rows(100))


@pytest.mark.parametrize(
  'width, classes, generator, discriminator',
  [
    (64, 4, 3_184_451, 2_767_041),
    (64, 5, 3_188_547, 2_767_553),
    (64, 10, 3_209_027, 2_770_113),
    (128, 2, 11_857_539, 11_037_057),
    (128, 4, 11_873_923, 11_039_105),
    (128, 10, 11_923_075, 11_045_249),
    (128, 14, 11_955_843, 11_049_345),
  ],
)
def test_conditional_parameter_counts(width, classes, generator, discriminator):
  labels = _rows(classes)
  module = CDCGANGenerator(width=width)
  assert _count(module, _rows(100), labels) == generator
  module = CDCGANDiscriminator(width=width)
  assert _count(module, _pictures(64), labels) == discriminator


# 64 px as the published code of both counts; the others by arithmetic.
@pytest.mark.parametrize(
  'generator, discriminator, size, classes, counts',
  [
    (ACGANGenerator, ACGANDiscriminator, 64, 10, (2_844_608, 1_101_467)),
    (ACGANGenerator, ACGANDiscriminator, 32, 10, (718_528, 276_123)),
    (GANGoghGenerator, GANGoghDiscriminator, 64, 14, (14_624_067, 4_431_247)),
  ],
)
def test_two_headed_parameter_counts(
  generator, discriminator, size, classes, counts
):
  g, d = generator(size=size), discriminator(num_classes=classes)
  assert _count(g, _rows(g.latent_size), _rows(classes)) == counts[0]
  assert _count(d, _pictures(size)) == counts[1]


@pytest.mark.parametrize('size', [32, 64, 128, 150, 256])
@pytest.mark.parametrize('conditional', [False, True])
def test_shapes(size, conditional):
  labels = [_rows(3)] if conditional else []
  if conditional:
    generator = CDCGANGenerator(size=size, width=4)
    discriminator = CDCGANDiscriminator(width=4, dropout=0.3)
  else:
    generator = DCGANGenerator(size=size, width=4)
    discriminator = DCGANDiscriminator(width=4, dropout=0.3)
  key = jax.random.key(0)
  images, _ = jax.eval_shape(
    generator.init_with_output, key, _rows(100), *labels
  )
  assert images.shape == (2, size, size, 3)
  logits, _ = jax.eval_shape(
    discriminator.init_with_output, key, images, *labels
  )
  assert (logits.shape, logits.dtype) == ((2,), jnp.float32)


def test_ladder_of_150():
  assert sides(150) == (4, 9, 18, 37, 75, 150)


@pytest.mark.parametrize(
  'module, inputs, message',
  [
    (DCGANGenerator(size=96), (_rows(100),), '32, 64, 128, 150, 256'),
    (DCGANDiscriminator(), (_pictures(48),), '32, 64, 128, 150, 256'),
    (DCGANGenerator(), (_rows(99),), r'expected \[B, 100\]'),
    (DCGANGenerator(activation='gelu'), (_rows(100),), 'relu, leaky_relu'),
    (DCGANGenerator(norm='group'), (_rows(100),), 'instance, instance_affine'),
    (DCGANGenerator(max_width=8), (_rows(100),), 'max_width = 8'),
    (DCGANDiscriminator(dropout=1.0), (_pictures(32),), 'dropout = 1.0'),
    (
      CDCGANGenerator(),
      (_rows(100), jax.ShapeDtypeStruct((3, 4), 'float32')),
      r'one-hot rows \[2, K\]',
    ),
  ],
)
def test_errors(module, inputs, message):
  with pytest.raises(ValueError, match=message):
    jax.eval_shape(module.init, jax.random.key(0), *inputs)


@pytest.mark.slow
def test_dropout_acts_in_training_alone():
  module = DCGANDiscriminator(width=4, norm='none', dropout=0.5)
  x = jnp.ones((2, 32, 32, 3))
  variables = module.init(jax.random.key(0), x)

  def logits(seed, train):
    rngs = {'dropout': jax.random.key(seed)}
    return module.apply(variables, x, train=train, rngs=rngs)

  assert (logits(0, False) == logits(1, False)).all()
  assert (logits(0, True) != logits(1, True)).any()

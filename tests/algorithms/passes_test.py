"""One pass over several batches equals a pass over each."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import optim, passes
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.devices import mesh
from art_jax.nn import pure
from art_jax.nn.acgan import ACGANDiscriminator
from art_jax.nn.cdcgan import CDCGANDiscriminator
from art_jax.nn.dcgan import DCGANDiscriminator
from art_jax.nn.gangogh import GANGoghDiscriminator
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator

_RESNET = functools.partial(ResnetGenerator, width=4, blocks=1)
_PATCH = functools.partial(PatchGAN, width=4, layers=1)
_DCGAN = functools.partial(DCGANDiscriminator, width=4)
_CDCGAN = functools.partial(CDCGANDiscriminator, width=4)
_ACGAN = functools.partial(ACGANDiscriminator, num_classes=3, width=4)
_GOGH = functools.partial(GANGoghDiscriminator, num_classes=3, width=4)


@pytest.mark.parametrize(
  'network, alone',
  [
    *((make(norm=n), n != 'batch') for n in ('instance', 'batch', 'none')
      for make in (_RESNET, _PATCH, _DCGAN, _CDCGAN, _ACGAN, _GOGH)),
    (_RESNET(norm='layer'), True),
    (_RESNET(norm='instance_affine'), True),
    (_RESNET(dropout=0.5), False),
    (_DCGAN(norm='none', dropout=0.1), False),
    (_DCGAN(norm='none', spectral_norm=True), False),
    (_DCGAN(norm='none', minibatch_std=4), False),
    (_CDCGAN(norm='none', dropout=0.1), False),
    (_CDCGAN(norm='none', spectral_norm=True), False),
    (_CDCGAN(norm='none', minibatch_std=4), False),
    (_ACGAN(norm='none', dropout=0.1), False),
    (_ACGAN(norm='none', minibatch_std=4), False),
    (object(), False),
  ],
)  # fmt: skip
def test_networks_that_treat_pictures_alone(network, alone):
  assert core.per_picture(network) is alone


def _pass_and_gradient(network, together):
  """Return outputs, other variables and the gradient of a loss of both."""
  keys = jax.random.split(jax.random.key(0), 4)
  batches = [(jax.random.uniform(k, (2, 32, 32, 3)),) for k in keys[:2]]
  if isinstance(network, CDCGANDiscriminator):
    batches = [(x, jax.nn.one_hot(jnp.arange(2), 3)) for (x,) in batches]
  variables = dict(network.init(jax.random.key(1), *batches[0]))
  params = variables.pop('params')

  def loss(params):
    if together:
      outputs, rest = passes.apply_each(
        network, params, variables, batches, keys=list(keys[2:])
      )
    else:
      outputs, rest = [], variables
      for inputs, key in zip(batches, keys[2:], strict=True):
        output, rest = pure.apply_train(network, params, rest, *inputs, key=key)
        outputs.append(output)
    first, second = (jax.tree.leaves(y) for y in outputs)
    total = sum(jnp.mean(jnp.square(y)) for y in first)
    return total + sum(jnp.mean(jnp.sin(y)) for y in second), (outputs, rest)

  return jax.jit(jax.value_and_grad(loss, has_aux=True))(params)


@pytest.mark.parametrize(
  'network',
  [
    _RESNET(),
    _PATCH(norm='instance_affine'),
    _CDCGAN(norm='none'),
    _ACGAN(norm='layer'),
    # These run in turn, with the same draws and the same updates.
    _RESNET(dropout=0.5),
    _PATCH(norm='batch'),
    _DCGAN(norm='none', spectral_norm=True),
  ],
)
def test_one_pass_is_a_pass_over_each(network):
  got, want = (_pass_and_gradient(network, t) for t in (True, False))
  close = functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=2e-5)
  jax.tree.map(close, got, want)


class _Apart(ResnetGenerator):
  @property
  def per_picture(self):
    return False


class _JudgesApart(PatchGAN):
  @property
  def per_picture(self):
    return False


@pytest.mark.slow
@pytest.mark.parametrize('count', [1, 8])
def test_a_step_of_cyclegan_is_that_of_separate_passes(count):
  devices = mesh.make_devices(count)
  batch = {
    name: jax.random.uniform(key, (8, 16, 16, 3), minval=-1)
    for name, key in zip('ab', jax.random.split(jax.random.key(0)), strict=True)
  }
  results = []
  for generator, judge in ((ResnetGenerator, PatchGAN), (_Apart, _JudgesApart)):
    algorithm = CycleGAN(
      generator=generator(width=4, blocks=1),
      discriminator=judge(width=4, layers=1),
      generator_optimizer=optim.SGD(learning_rate=1.0),
      discriminator_optimizer=optim.SGD(learning_rate=1.0),
      pool_size=4,
    )
    key = jax.random.key(1)
    state = algorithm.init(key, batch)
    step = devices.compile_step(
      lambda state, _, batch, key, index, step=algorithm.step: step(
        state, batch, key
      ),
      state,
    )
    results.append(
      step(devices.place_state(state), (), devices.place_batch(batch), key, 0)
    )
  close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
  jax.tree.map(close, *results)

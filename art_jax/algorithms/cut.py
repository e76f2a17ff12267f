"""CUT and FastCUT: unpaired translation with one generator.

Park, Efros, Zhang, Zhu 2020, "Contrastive Learning for Unpaired Image-to-Image
Translation", arXiv:2007.15651.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from art_jax import core
from art_jax.algorithms import fields, optim, trainable
from art_jax.algorithms.early import early
from art_jax.algorithms.patch_contrast import HEAD, PatchContrast
from art_jax.algorithms.runner import Runner
from art_jax.losses.adversarial import least_squares, unit, verdict
from art_jax.nn import pure
from art_jax.nn.patch_head import PatchHead
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator

_PAPER_ADAM = optim.Adam(
  learning_rate=2e-4,
  b1=0.5,
  b2=0.999,
  schedule=optim.LinearDecay(start=core.Epochs(200), end=core.Epochs(400)),
)


class CUTState(struct.PyTreeNode):
  """Everything CUT learns.

  Attributes:
    generator: params {direction, 'head'}: G and F, one optimizer.
    discriminator: params {the domain it judges}.
    clock: i32[], steps taken; the schedules read it.
  """

  generator: trainable.Trainable
  discriminator: trainable.Trainable
  clock: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class CUT:
  """One G, whose translation of a patch is recognized as that patch.

    L_GAN(G, D, X, Y) + lambda_X PatchNCE(G, F, X) + lambda_Y PatchNCE(G, F, Y)

  (equation 5). The features that F compares are those of G's own encoder. The
  second term is for pictures of Y, which G shall leave as they are.

  # Differs from the authors' code: that takes half of each term where both are
  # on.

  Attributes:
    generator: G.
    discriminator: D, judges patches of the second domain.
    head: F, which maps patches of features to unit vectors.
    generator_optimizer: of G and F.
    discriminator_optimizer: of D.
    nce_weight: lambda_X; 1 in CUT, 10 in FastCUT.
    identity_weight: lambda_Y; 1 in CUT, 0 in FastCUT: none.
    contrast: PatchNCE, its layers and patches.
    flip_equivariance: half of the pictures are mirrored before G and their
      features back, so that G cannot rely on where things are (FastCUT).
    direction: 'ab' learns a map from a to b, 'ba' from b to a.
  """

  inputs: ClassVar[tuple[str, ...]] = ('a', 'b')
  aligned: ClassVar[bool] = False

  generator: nn.Module = ResnetGenerator(upsample='blur', downsample='blur')
  discriminator: nn.Module = PatchGAN(downsample='blur')
  head: nn.Module = PatchHead()
  generator_optimizer: optim.Optimizer = _PAPER_ADAM
  discriminator_optimizer: optim.Optimizer = _PAPER_ADAM
  nce_weight: float = 1.0
  identity_weight: float = 1.0
  contrast: PatchContrast = PatchContrast()
  flip_equivariance: bool = False
  direction: str = 'ab'

  def __post_init__(self):
    fields.require_one_of('direction', self.direction, ('ab', 'ba'))
    self.contrast.require_layers_of(self.generator)
    fields.require_all(
      self,
      ('nce_weight', self.nce_weight > 0, 'is > 0: it holds the content'),
      ('identity_weight', self.identity_weight >= 0, 'is >= 0', '0: none'),
    )

  @property
  def directions(self) -> tuple[str, ...]:
    """The one map that is learned."""
    return (self.direction,)

  @property
  def multiple(self) -> int:
    """Height and width that the generator accepts are multiples of it."""
    return core.size_multiple(self.generator)

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return G, D and F, each with example inputs."""
    source, target = (batch[domain] for domain in self.direction)
    return {
      f'generator_{self.direction}': (self.generator, (source,)),
      f'discriminator_{self.direction[1]}': (self.discriminator, (target,)),
      HEAD: (
        self.head,
        self.contrast.examples(self.generator, source),
      ),
    }

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> CUTState:
    """Return fresh networks."""
    generator_key, discriminator_key = jax.random.split(key)
    source, target = (batch[domain] for domain in self.direction)
    fields.require_channels(self.generator, source)
    examples = jax.tree.map(
      lambda s: jnp.zeros(s.shape, s.dtype),
      self.contrast.examples(self.generator, source),
    )
    return CUTState(
      generator=trainable.create_networks(
        {
          self.direction: (self.generator, (source,)),
          HEAD: (self.head, examples),
        },
        generator_key,
        self.generator_optimizer,
      ),
      discriminator=trainable.create(
        {self.direction[1]: self.discriminator},
        discriminator_key,
        target,
        optimizer=self.discriminator_optimizer,
      ),
      clock=jnp.int32(0),
    )

  def step(
    self, state: CUTState, batch: core.Batch, key: core.Key
  ) -> tuple[CUTState, core.Metrics]:
    """Update D, then G and F.

    Args:
      state: of the step before.
      batch: a, b: f32[B, H, W, C] in [-1, 1], unpaired.
      key: PRNG key of this step.

    Returns:
      The next state and the value of every term of the losses.
    """
    flip_key, *paint_keys = jax.random.split(key, 4)
    source, target = (batch[domain] for domain in self.direction)
    rows = {'source': source, 'target': target}
    if self.flip_equivariance:
      coins = jax.random.bernoulli(flip_key, shape=source.shape[:1])
      rows['flipped'] = coins
    paint = functools.partial(self._paint, paint_keys)
    painted = trainable.forward_vjp(state.generator, paint, rows)
    discriminator, judged = trainable.descend(
      state.discriminator,
      self._discriminator_loss,
      self.discriminator_optimizer,
      state.clock,
      {'real': target, 'fake': painted.output['fake']},
    )
    generator, metrics = trainable.descend_vjp(
      state.generator,
      painted,
      paint,
      functools.partial(self._generator_loss, discriminator),
      self.generator_optimizer,
      state.clock,
      rows,
    )
    return CUTState(generator, discriminator, state.clock + 1), metrics | judged

  def _paint(
    self,
    keys: Sequence[core.Key],
    params: core.Params,
    collections: trainable.Collections,
    rows: core.Batch,
  ) -> tuple[Mapping[str, jax.Array], trainable.Collections]:
    """Return the fakes and the terms of the loss that need G and F alone."""
    dropout_key, source_key, target_key = keys
    source, output = rows['source'], {}
    if self.identity_weight:

      def identity(params, constants):
        collections, target = constants
        run = self._runner(params, collections, target_key)
        _, nce = self.contrast.compare(
          run, self.direction, target, None, target_key
        )
        return nce, run.collections

      # Else the activations of both passes would be kept at once.
      output['identity'], collections, source = early(
        identity, params, (collections, rows['target']), source
      )
    run = self._runner(params, collections, dropout_key)
    output['fake'], output['nce'] = self.contrast.compare(
      run, self.direction, source, rows.get('flipped'), source_key
    )
    return output, run.collections

  def _runner(self, params, collections, key) -> Runner:
    """Return what applies G and F."""
    modules = {self.direction: self.generator, HEAD: self.head}
    return Runner(modules, params, collections, key)

  def _generator_loss(self, discriminator, painted, rows):
    """Return the loss of G and F, and its terms; D is a constant."""
    # The batch statistics of D stay.
    judge = Runner(
      self.discriminator, discriminator.params, discriminator.collections
    )
    logits = judge(self.direction[1], painted['fake'])
    metrics = {
      'loss/adversarial': least_squares(logits, 1.0),
      'loss/nce': painted['nce'],
    }
    loss = metrics['loss/adversarial'] + self.nce_weight * painted['nce']
    if self.identity_weight:
      metrics['loss/identity'] = painted['identity']
      loss += self.identity_weight * painted['identity']
    return loss, metrics | {'loss/generator': loss}

  def _discriminator_loss(self, params, collections, batch):
    """Return half the loss of real pictures and fakes, for `descend`."""
    judge = Runner(self.discriminator, params, collections)
    domain = self.direction[1]
    real, fake = judge.each(domain, batch['real'], batch['fake'])
    half = 0.5 * (least_squares(real, 1.0) + least_squares(fake, 0.0))
    metrics = {
      'loss/discriminator': half,
      'score/real': jnp.mean(real),
      'score/fake': jnp.mean(fake),
    }
    return half, (judge.collections, metrics | verdict(unit, real, fake))

  def render(
    self, state: CUTState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return inputs beside their translations.

    Returns:
      ab or ba: f32[N, H, 2 W, C] in [-1, 1].
    """
    source = batch[self.direction[0]]
    fake = self.translate(self.inference(state), source, key=key)
    return {self.direction: jnp.concatenate([source, fake], axis=2)}

  def inference(self, state: CUTState) -> core.Params:
    """Return {direction: variables of G}."""
    variables = trainable.variables_by_name(state.generator)
    return {self.direction: variables[self.direction]}

  def translate(
    self,
    params: core.Params,
    images: jax.Array,
    direction: str | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Translate pictures.

    Args:
      params: what `inference` returned.
      images: f32[N, H, W, C] in [-1, 1]; H and W multiples of `multiple`.
      direction: `self.direction`, the default.
      key: not used; a translation is deterministic.

    Returns:
      f32[N, H, W, C] in [-1, 1].
    """
    return pure.apply(
      self.generator, params[direction or self.direction], images
    )

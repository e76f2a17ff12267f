"""An autoencoder whose latents lie in [0, 1]."""

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from art_jax import core
from art_jax.algorithms import fields, optim, runner, trainable
from art_jax.losses.reconstruction import l2
from art_jax.nn import autoencoder, pure


class AutoencoderState(struct.PyTreeNode):
  """Everything an autoencoder, variational or not, learns.

  Attributes:
    model: params {'encoder', 'decoder'}, one optimizer.
    clock: i32[], steps taken; the schedules read it.
  """

  model: trainable.Trainable
  clock: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class Autoencoder:
  """Autoencoder: z = sigmoid(encoder(x)), minimize E[(tanh(decoder(z)) - x)^2].

  Nothing tells the codes to fill the cube [0, 1]^Z, so pictures of latents
  drawn from U(0, 1) may look unlike the data: what a VAE is for.

  Reference: Hinton & Salakhutdinov 2006, Science 313, 504-507.

  Attributes:
    encoder: trunk, pictures to features; a dense layer follows.
    decoder: latents to pictures before their tanh.
    optimizer: of both.
    latent_size: numbers in a code.
    dropout: rate on the encoder's features in training.
  """

  inputs: ClassVar[tuple[str, ...]] = ('image',)
  aligned: ClassVar[bool] = False

  encoder: nn.Module = autoencoder.ConvTrunk()
  decoder: nn.Module = autoencoder.ConvDecoder()
  optimizer: optim.Optimizer = optim.Adam(learning_rate=1e-3, b1=0.9)
  latent_size: int = 64
  dropout: float = 0.25

  def __post_init__(self):
    require_latent_size(self.latent_size)
    fields.require_all(
      self,
      (
        'dropout',
        0 <= self.dropout < 1,
        'is in [0, 1)',
        'pass 0 to turn it off',
      ),
    )

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return encoder and decoder, each with example inputs."""
    return networks_of(self, batch['image'], self.latent_size, self.dropout)

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> AutoencoderState:
    """Return fresh networks."""
    return AutoencoderState(create(self, key, batch), jnp.int32(0))

  def step(
    self, state: AutoencoderState, batch: core.Batch, key: core.Key
  ) -> tuple[AutoencoderState, core.Metrics]:
    """Take one step down the squared error.

    Args:
      state: of the step before.
      batch: image: f32[B, H, W, C] in [-1, 1].
      key: PRNG key of this step.

    Returns:
      The next state, and the error and spread of the codes: `latent/std` is the
      mean over dimensions of the deviation over the batch (U(0, 1): 0.289).
    """
    modules = {name: net for name, (net, _) in self.networks(batch).items()}

    def loss_fn(params, collections, batch):
      run = runner.Runner(modules, params, collections, key)
      codes = jax.nn.sigmoid(run('encoder', batch['image']))
      loss = l2(jnp.tanh(run('decoder', codes)), batch['image'])
      metrics = {
        'loss/reconstruction': loss,
        'latent/mean': jnp.mean(codes),
        'latent/std': jnp.mean(jnp.std(codes, axis=0)),
      }
      return loss, (run.collections, metrics)

    model, metrics = trainable.descend(
      state.model,
      loss_fn,
      self.optimizer,
      state.clock,
      {'image': batch['image']},
    )
    return AutoencoderState(model, state.clock + 1), metrics

  def render(
    self, state: AutoencoderState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return held-out pictures beside their reconstructions, and samples.

    Returns:
      reconstruction: f32[N, H, 2 W, C]; sample: f32[N, H, W, C], in [-1, 1].
    """
    return pictures_of(self, self.inference(state), batch['image'], key)

  def inference(self, state: AutoencoderState) -> core.Params:
    """Return {'encoder', 'decoder'}: the variables of each."""
    return trainable.variables_by_name(state.model)

  def latents(self, key: core.Key, count: int) -> jax.Array:
    """Return f32[count, latent_size] drawn from U(0, 1)."""
    return jax.random.uniform(key, (count, self.latent_size))

  def encode(self, params: core.Params, images: jax.Array) -> jax.Array:
    """Return the codes f32[N, latent_size] in [0, 1] of f32[N, H, W, C]."""
    head, _ = self.networks({'image': images})['encoder']
    return jax.nn.sigmoid(pure.apply(head, params['encoder'], images))

  def generate(
    self,
    params: core.Params,
    latents: jax.Array,
    labels: jax.Array | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Return f32[N, H, W, C] in [-1, 1] of codes; labels and key: not used."""
    return jnp.tanh(pure.apply(self.decoder, params['decoder'], latents))


def networks_of(
  algorithm: Any, images: jax.Array, features: int, dropout: float = 0.0
) -> core.Networks:
  """Return the encoder, whose head has so many outputs, and the decoder."""
  latents = jnp.zeros((images.shape[0], algorithm.latent_size))
  dtype = getattr(algorithm.encoder, 'dtype', 'float32')
  head = autoencoder.DenseHead(algorithm.encoder, features, dropout, dtype)
  return {
    'encoder': (head, (images,)),
    'decoder': (algorithm.decoder, (latents,)),
  }


def create(
  algorithm: Any, key: core.Key, batch: core.Batch
) -> trainable.Trainable:
  """Return fresh networks, once the decoder's pictures fit the data."""
  _require_decoder(algorithm.decoder, algorithm.latent_size, batch['image'])
  return trainable.create_networks(
    algorithm.networks(batch), key, algorithm.optimizer
  )


def pictures_of(
  algorithm: Any, params: core.Params, images: jax.Array, key: core.Key
) -> core.Images:
  """Return what `render` shows of a model that encodes and generates."""
  again = algorithm.generate(params, algorithm.encode(params, images))
  latents = algorithm.latents(key, images.shape[0])
  return {
    'reconstruction': jnp.concatenate([images, again], axis=2),
    'sample': algorithm.generate(params, latents),
  }


def require_latent_size(size: int) -> None:
  """Raise UserError unless there is at least one latent."""
  fields.require(
    'latent_size',
    size,
    size >= 1,
    'is at least 1',
    'pass --set algorithm.latent_size=64',
  )


def _require_decoder(
  decoder: nn.Module, latents: int, images: jax.Array
) -> None:
  """Raise UserError unless a decoder makes pictures shaped like the data's."""
  codes = jax.ShapeDtypeStruct((images.shape[0], latents), jnp.float32)
  made, _ = jax.eval_shape(decoder.init_with_output, jax.random.key(0), codes)
  size, _, channels = images.shape[1:]
  core.require(
    made.shape == images.shape,
    f'algorithm.decoder makes pictures of {made.shape[1:]}, but the data has '
    f'{images.shape[1:]}; pass --set algorithm.decoder.size={size} and --set '
    f'algorithm.decoder.channels={channels}, or change data.size and '
    'data.channels',
  )

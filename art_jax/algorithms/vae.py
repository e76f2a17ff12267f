"""The variational autoencoder.

Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv:1312.6114.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import autoencoder, fields, optim, runner, trainable
from art_jax.losses import variational
from art_jax.nn import pure
from art_jax.nn.autoencoder import ConvDecoder, ConvTrunk

LIKELIHOODS = ('bernoulli', 'gaussian')


@dataclasses.dataclass(frozen=True, kw_only=True)
class VAE:
  """Variational autoencoder: maximize the evidence lower bound.

  log p(x) >= ELBO = E_{z ~ q(z|x)}[log p(x|z)] - KL(q(z|x) || N(0, 1)), with
  q(z|x) = N(mu(x), sigma(x)^2), one z per picture, z = mu + sigma * eps, eps ~
  N(0, 1) (eq. 10 with L = 1); minimized is E[-log p(x|z) + beta KL], in nats
  per picture. With beta = 1 this is the negative ELBO.

  Attributes:
    encoder: trunk, pictures to features; a dense layer gives mu, log sigma^2.
    decoder: latents to pictures before their last activation.
    optimizer: of both.
    latent_size: dimensions of z.
    beta: weight of the KL; 1 in the paper, larger in beta-VAE (Higgins et al.
      2017).
    likelihood: 'bernoulli': pixels in [0, 1] with p = sigmoid(decoder(z));
      'gaussian': pixels in [-1, 1] with mean tanh(decoder(z)).
    sigma: deviation of a pixel of the Gaussian, in units of [-1, 1]; the larger
      it is, the more the KL counts.
  """

  inputs: ClassVar[tuple[str, ...]] = ('image',)
  aligned: ClassVar[bool] = False

  encoder: nn.Module = ConvTrunk()
  decoder: nn.Module = ConvDecoder()
  optimizer: optim.Optimizer = optim.Adam(learning_rate=1e-3, b1=0.9)
  latent_size: int = 128
  beta: float = 1.0
  likelihood: str = 'gaussian'
  sigma: float = 1.0

  def __post_init__(self):
    autoencoder.require_latent_size(self.latent_size)
    fields.require_one_of('likelihood', self.likelihood, LIKELIHOODS)
    fields.require_all(
      self,
      ('beta', self.beta >= 0, 'is >= 0', 'pass 1 for the ELBO'),
      (
        'sigma',
        self.sigma > 0,
        'is > 0',
        'pass 1, or the error per pixel that you expect',
      ),
    )

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return encoder and decoder, each with example inputs."""
    return autoencoder.networks_of(self, batch['image'], 2 * self.latent_size)

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> autoencoder.AutoencoderState:
    """Return fresh networks."""
    return autoencoder.AutoencoderState(
      autoencoder.create(self, key, batch), jnp.int32(0)
    )

  def step(
    self, state: autoencoder.AutoencoderState, batch: core.Batch, key: core.Key
  ) -> tuple[autoencoder.AutoencoderState, core.Metrics]:
    """Take one step up the ELBO.

    Args:
      state: of the step before.
      batch: image: f32[B, H, W, C] in [-1, 1].
      key: PRNG key of this step.

    Returns:
      The next state and the terms of the loss in nats per picture, with the
      number of latents whose mean KL exceeds 0.01 nats (`latent/active`).
    """
    modules = {name: net for name, (net, _) in self.networks(batch).items()}
    noise_key, dropout_key = jax.random.split(key)

    def loss_fn(params, collections, batch):
      run = runner.Runner(modules, params, collections, dropout_key)
      mean, log_variance = _halves(run('encoder', batch['image']))
      z = mean + jnp.exp(0.5 * log_variance) * batch['noise']
      log_likelihood = self._log_likelihood(run('decoder', z), batch['image'])
      kl = variational.gaussian_kl(mean, log_variance)
      reconstruction, divergence = -jnp.mean(log_likelihood), jnp.mean(kl)
      loss = reconstruction + self.beta * divergence
      metrics = {
        'loss/total': loss,
        'loss/negative_elbo': reconstruction + divergence,
        'loss/reconstruction': reconstruction,
        'loss/kl': divergence,
        'latent/active': _active(mean, log_variance),
      }
      return loss, (run.collections, metrics)

    image = batch['image']
    # The noise is part of the batch: every slice of it gets its own.
    noise = self.latents(noise_key, image.shape[0])
    model, metrics = trainable.descend(
      state.model,
      loss_fn,
      self.optimizer,
      state.clock,
      {'image': image, 'noise': noise},
    )
    return autoencoder.AutoencoderState(model, state.clock + 1), metrics

  def render(
    self, state: autoencoder.AutoencoderState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return held-out pictures beside their reconstructions, and samples.

    Returns:
      reconstruction: f32[N, H, 2 W, C]; sample: f32[N, H, W, C], in [-1, 1].
    """
    return autoencoder.pictures_of(
      self, self.inference(state), batch['image'], key
    )

  def inference(self, state: autoencoder.AutoencoderState) -> core.Params:
    """Return {'encoder', 'decoder'}: the variables of each."""
    return trainable.variables_by_name(state.model)

  def latents(self, key: core.Key, count: int) -> jax.Array:
    """Return f32[count, latent_size] drawn from N(0, 1)."""
    return jax.random.normal(key, (count, self.latent_size))

  def posterior(
    self, params: core.Params, images: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    """Return mu and log sigma^2, f32[N, latent_size], of f32[N, H, W, C]."""
    head, _ = self.networks({'image': images})['encoder']
    return _halves(pure.apply(head, params['encoder'], images))

  def encode(self, params: core.Params, images: jax.Array) -> jax.Array:
    """Return the mean of q(z|x), f32[N, latent_size], of f32[N, H, W, C]."""
    return self.posterior(params, images)[0]

  def generate(
    self,
    params: core.Params,
    latents: jax.Array,
    labels: jax.Array | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Return the mean of p(x|z), f32[N, H, W, C] in [-1, 1].

    Args:
      params: what `inference` returned.
      latents: f32[N, latent_size].
      labels: not used.
      key: not used: the noise of single pixels is left out.
    """
    output = pure.apply(self.decoder, params['decoder'], latents)
    # 2 sigmoid(x) - 1 = tanh(x / 2).
    return jnp.tanh((0.5 if self.likelihood == 'bernoulli' else 1.0) * output)

  def elbo(
    self, params: core.Params, images: jax.Array, *, key: core.Key
  ) -> jax.Array:
    """Return the ELBO (beta = 1) of pictures, f32[N] in nats, one z each."""
    mean, log_variance = self.posterior(params, images)
    z = mean + jnp.exp(0.5 * log_variance) * self.latents(key, images.shape[0])
    return self._log_likelihood(
      pure.apply(self.decoder, params['decoder'], z), images
    ) - variational.gaussian_kl(mean, log_variance)

  def _log_likelihood(self, output: jax.Array, images: jax.Array) -> jax.Array:
    """Return log p(x|z), f32[B], of the decoder's output."""
    return (
      variational.bernoulli_log_likelihood(output, 0.5 * (images + 1))
      if self.likelihood == 'bernoulli'
      else variational.gaussian_log_likelihood(
        jnp.tanh(output), images, self.sigma
      )
    )


def _halves(output: jax.Array) -> tuple[jax.Array, jax.Array]:
  first, second = jnp.split(output, 2, axis=-1)
  return first, second


def _active(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
  kl = (
    variational.gaussian_kl(mean.reshape(-1, 1), log_variance.reshape(-1, 1))
    .reshape(mean.shape)
    .mean(axis=0)
  )
  return jnp.sum((kl > 0.01).astype(jnp.float32))

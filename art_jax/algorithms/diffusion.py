"""Diffusion: learn to remove noise, then make pictures out of noise alone.

Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative
Models" (EDM), arXiv:2206.00364; with other fields the DDPM of Ho et al. 2020,
arXiv:2006.11239, or the rectified flow of Liu et al. 2022, arXiv:2209.03003.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from art_jax import core
from art_jax.algorithms import diffusion_parts, optim, trainable
from art_jax.algorithms.optim import Decay
from art_jax.losses.denoising import EDM, Preconditioning
from art_jax.nn.diffusion_unet import DiffusionUNet


class DiffusionState(struct.PyTreeNode):
  """Everything a diffusion model learns.

  Attributes:
    denoiser: the network and its optimizer.
    average: moving average of its parameters, which makes the pictures.
    clock: i32[], steps taken; the schedules read it.
  """

  denoiser: trainable.Trainable
  average: core.Params
  clock: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diffusion:
  """Denoising diffusion.

  Attributes:
    denoiser: F, noisy pictures and their noise level to pictures.
    preconditioning: how F becomes the denoiser D, and what it is trained at.
    optimizer: of F.
    num_classes: K of a conditional model; 0: no labels.
    label_dropout: share of the labels hidden in training, so that the model
      works without one too, as guidance needs; 0.1 in Ho & Salimans.
    ema_decay: of the average of the parameters: a number, `PowerEMA` or
      `HalfLife`.
    augment: probability of each non-leaky augmentation (see
      `geometric_augment`); 0.12 for CIFAR-10; 0: none at all.
    sampler: 'euler', 'heun', 'velocity_heun', 'ancestral' (DDPM) or
      'dpm_solver_2m'.
    num_steps: steps of the sampler, >= 1.
    guidance: w of classifier-free guidance, D_w = D(x) + w (D(x|label) -
      D(x)): 0 ignores the label, 1 is the conditional model, more exaggerates
      the class at the cost of variety (Ho & Salimans 2022, arXiv:2207.12598,
      eq. 6, whose w is ours - 1).
    sigma_min: smallest noise level of the sampler above 0.
    sigma_max: its largest.
    rho: the larger, the more steps near sigma_min; at least 1, even steps.
    spacing: of the sampler's steps: 'edm', by the three fields above, or
      'uniform', even in the time of a rectified flow, below sigma_max.
    strength: of `translate`: share of the sampler's steps that repaint a
      picture; 1 keeps nothing of it.
  """

  aligned: ClassVar[bool] = False
  directions: ClassVar[tuple[str, ...]] = ('repaint',)
  # A trained model may be used with other values of these.
  in_use: ClassVar[tuple[str, ...]] = (
    'sampler',
    'num_steps',
    'guidance',
    'strength',
    'sigma_min',
    'sigma_max',
    'rho',
    'spacing',
  )

  denoiser: nn.Module = DiffusionUNet()
  preconditioning: Preconditioning = EDM()
  optimizer: optim.Optimizer = optim.Adam(learning_rate=2e-4, b1=0.9)
  num_classes: int = 0
  label_dropout: float = 0.1
  ema_decay: Decay = 0.999
  augment: float = 0.0
  sampler: str = 'heun'
  num_steps: int = 18
  guidance: float = 1.0
  sigma_min: float = 0.002
  sigma_max: float = 80.0
  rho: float = 7.0
  spacing: str = 'edm'
  strength: float = 0.5

  def __post_init__(self):
    diffusion_parts.require_fields(self)

  @property
  def inputs(self) -> tuple[str, ...]:
    """The keys of a batch that `step` reads."""
    return ('image', 'label') if self.num_classes else ('image',)

  @property
  def multiple(self) -> int:
    """Sides of all pictures are multiples of it."""
    return self.denoiser.multiple

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return the denoiser with example inputs."""
    noise = jax.ShapeDtypeStruct(batch['image'].shape[:1], jnp.float32)
    return {'denoiser': (self.denoiser, (batch['image'], noise))}

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> DiffusionState:
    """Return a fresh network; raises UserError if the pictures do not fit."""
    images = batch['image']
    diffusion_parts.require_picture_shape(self, images.shape)
    diffusion_parts.require_hidden_labels(self)
    inputs, optimizer = (images, jnp.zeros(len(images))), self.optimizer
    denoiser = trainable.create(
      self.denoiser, key, *inputs, optimizer=optimizer
    )
    # A copy: a donated state may not hold one array twice.
    average = jax.tree.map(jnp.copy, denoiser.params)
    return DiffusionState(denoiser, average, jnp.int32(0))

  def step(
    self, state: DiffusionState, batch: core.Batch, key: core.Key
  ) -> tuple[DiffusionState, core.Metrics]:
    """Take one step down E[weight(sigma) |D(y + sigma n; sigma) - y|^2].

    Args:
      state: of the step before.
      batch: image: f32[B, H, W, C] in [-1, 1]; a conditional model reads
        label: i32[B] too.
      key: PRNG key of this step.

    Returns:
      The next state; the loss as a mean over pixels, and the error of D
      without its weight.
    """
    draws, dropout_key = diffusion_parts.draw(self, batch, key)

    def loss_fn(params, collections, batch):
      y, sigma = batch['image'], batch['sigma']
      conditions = {k: batch[k] for k in ('labels', 'augment') if k in batch}
      noisy = y + diffusion_parts.wide(sigma) * batch['noise']
      denoised = diffusion_parts.denoise(
        self, params, noisy, sigma, rngs={'dropout': dropout_key}, **conditions
      )
      error = jnp.mean(jnp.square(denoised - y), axis=(1, 2, 3))
      loss = jnp.mean(self.preconditioning.weight(sigma) * error)
      metrics = {'loss/denoising': loss, 'error/squared': jnp.mean(error)}
      return loss, (collections, metrics)

    denoiser, metrics = trainable.descend(
      state.denoiser, loss_fn, self.optimizer, state.clock, draws
    )
    average = trainable.ema(
      state.average, denoiser.params, self.ema_decay, state.clock
    )
    return DiffusionState(denoiser, average, state.clock + 1), metrics

  def render(
    self, state: DiffusionState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return as many samples as the batch has pictures.

    With classes, each latent is drawn in every class in turn.

    Returns:
      samples: f32[N, H, W, C] in [-1, 1].
    """
    rows = jnp.arange(batch['image'].shape[0])
    latents_key, key = jax.random.split(key)
    z, labels = self.latents(latents_key, rows.size), None
    if self.num_classes:
      z, labels = z[rows // self.num_classes], rows % self.num_classes
    return {'samples': self.generate(self.inference(state), z, labels, key=key)}

  def inference(self, state: DiffusionState) -> core.Params:
    """Return {'denoiser': the average of its parameters}."""
    return {'denoiser': state.average}

  def latents(self, key: core.Key, count: int) -> jax.Array:
    """Draw f32[count, size, size, channels] from N(0, 1)."""
    net = self.denoiser
    return jax.random.normal(key, (count, net.size, net.size, net.channels))

  def denoise(
    self,
    params: core.Params,
    images: jax.Array,
    sigma: jax.Array,
    labels: jax.Array | None = None,
  ) -> jax.Array:
    """Return D_w(x; sigma), the estimate of the pictures behind the noise.

    Args:
      params: what `inference` returned.
      images: x, f32[N, H, W, C].
      sigma: f32[N], their noise levels.
      labels: i32[N]; None: no class.
    """
    net = params['denoiser']
    return diffusion_parts.guided(self, net, images, sigma, labels)

  def generate(
    self,
    params: core.Params,
    latents: jax.Array,
    labels: jax.Array | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Make a picture of each latent.

    Args:
      params: what `inference` returned.
      latents: f32[N, H, W, C], noise of variance 1.
      labels: i32[N] in [0, num_classes); needed by a conditional model alone.
      key: of the noise that 'ancestral' adds; None: one and the same.

    Returns:
      f32[N, H, W, C] in [-1, 1].
    """
    core.require(
      not self.num_classes or labels is not None,
      f'this model has {self.num_classes} classes and needs labels: pass one '
      f'number in [0, {self.num_classes}) for each picture',
    )
    sigmas = diffusion_parts.levels(self)
    sample = diffusion_parts.sampler(self, params, labels)
    return sample(sigmas[0] * latents, sigmas, key)

  def translate(
    self,
    params: core.Params,
    images: jax.Array,
    direction: str | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Paint over pictures with a share `strength` of the sampler's steps.

    See `diffusion_parts.repaint`. A conditional model paints without a class.

    Args:
      params: what `inference` returned.
      images: f32[N, H, W, C] in [-1, 1]; sides are multiples of `multiple`.
      direction: 'repaint', the only one.
      key: of the noise.

    Returns:
      f32[N, H, W, C] in [-1, 1].
    """
    return diffusion_parts.repaint(
      diffusion_parts.sampler(self, params),
      images,
      diffusion_parts.levels(self),
      self.strength,
      key,
    )

  def inpaint(
    self,
    params: core.Params,
    images: jax.Array,
    mask: jax.Array,
    labels: jax.Array | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Fill in the parts of pictures that a mask leaves open.

    See `diffusion_parts.inpaint`.

    Args:
      params: what `inference` returned.
      images: f32[N, H, W, C] in [-1, 1]; masked pixels are not read.
      mask: f32[N, H, W, 1], 1 where a picture is to be made, 0 where kept.
      labels: i32[N] or None.
      key: of the noise.

    Returns:
      f32[N, H, W, C] in [-1, 1], `images` where the mask is 0.
    """
    return diffusion_parts.inpaint(
      diffusion_parts.sampler(self, params, labels),
      images,
      mask,
      diffusion_parts.levels(self),
      key,
    )

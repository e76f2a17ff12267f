"""Fast style transfer: one network that paints in one pass."""

import dataclasses
import pathlib
import re
from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import fields, optim, style_states, trainable
from art_jax.losses import style as losses
from art_jax.nn import pure, squeezenet, transformer_net, vgg

_STYLE_LAYERS = ('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3')


@dataclasses.dataclass(frozen=True, kw_only=True)
class FastStyle:
  """Fast style transfer: minimize over the weights of a network f, of x,

    alpha E_content(F(f(x)), F(x)) + sum_l beta_l E_style(F_l(f(x)), A_l)
      + tv TV(f(x)).

  The losses are those of `Gatys`, with features F and what is kept of a
  painting, A_l; the mean over the pictures x of a batch. With several paintings
  each row of a batch gets one at random, and the network has that style's
  scales and biases (Dumoulin et al.).

  Reference: Johnson et al. 2016, arXiv:1603.08155; weights as in
  pytorch/examples fast_neural_style. Dumoulin et al. 2017, arXiv:1610.07629.

  Attributes:
    transformer: the network; its `num_styles` is the number of paintings.
    styles: the paintings, paths or 'builtin', 'builtin:7'. They are read when
      training starts; the run folder needs them no more.
    style_size: longest side of the paintings, in pixels (the paper: 256).
    features: the network of the losses.
    weights: name or path of its weights; '': random ones, for tests.
    content_layers: of E_content (the paper's code: relu3_3).
    content_weight: alpha, for `reduction`.
    style_layers: of E_style (paper).
    style_weights: of each, for `reduction`.
    style_loss: `Gram()` or `WassersteinStyle()`.
    tv_weight: weight of the total variation, for `reduction`.
    reduction: 'paper', 'sum' or 'mean', see losses/style.py.
    optimizer: of the network.
  """

  inputs: ClassVar[tuple[str, ...]] = ('image',)
  aligned: ClassVar[bool] = False

  transformer: transformer_net.TransformerNet = transformer_net.TransformerNet()
  styles: tuple[str, ...] = ()
  style_size: int = 256
  features: vgg.VGG | squeezenet.SqueezeNet = vgg.VGG(16)
  weights: str = 'vgg16_torchvision'
  content_layers: tuple[str, ...] = ('relu2_2',)
  content_weight: float = 1e5
  style_layers: tuple[str, ...] = _STYLE_LAYERS
  style_weights: tuple[float, ...] = (1e10, 1e10, 1e10, 1e10)
  style_loss: losses.StyleLoss = losses.Gram()
  tv_weight: float = 0.0
  reduction: str = 'mean'
  optimizer: optim.Optimizer = optim.Adam(learning_rate=1e-3, b1=0.9)

  def __post_init__(self):
    fields.require_one_of('reduction', self.reduction, losses.REDUCTIONS)
    fields.require_style_size(self.style_size)
    core.require(
      isinstance(self.style_loss, losses.SumsStyleLoss),
      f'algorithm.style_loss={type(self.style_loss).__name__}: it keeps more '
      'of a painting than its statistics; use Gram() or WassersteinStyle()',
    )
    fields.require_weights(self, 'content_weight', 'style_weights', 'tv_weight')
    count, num_styles = len(self.styles), self.transformer.num_styles
    core.require(
      not self.styles or count == num_styles,
      f'algorithm.styles={self.styles}: {count} paintings for a network of '
      f'{num_styles} styles; pass --set algorithm.transformer.num_styles='
      f'{count}',
    )
    fields.require_layers(
      self.features, self.layers, self.style_layers, self.style_weights
    )

  @property
  def layers(self) -> tuple[str, ...]:
    """The layers that the losses read."""
    return tuple(sorted({*self.content_layers, *self.style_layers}))

  @property
  def directions(self) -> tuple[str, ...]:
    """'stylize'; with several paintings, their names."""
    count = self.transformer.num_styles
    return ('stylize',) if count == 1 else _titles(self.styles, count)

  @property
  def multiple(self) -> int:
    """Height and width that the network accepts are multiples of it."""
    return self.transformer.multiple

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return the network that is trained, with an example input."""
    return {'transformer': (self.transformer, (batch['image'],))}

  def pretrained(self, read_picture: core.PictureReader) -> core.PyTree:
    """Return the feature network's variables and the paintings.

    Raises:
      core.UserError: saying how to get weights, or which painting is missing.
    """
    core.require(
      self.styles,
      'algorithm.styles=(): there is no painting to learn; pass --set '
      '"algorithm.styles=(\'painting.jpg\',)"',
    )
    features = style_states.load_features(self)
    styles = tuple(read_picture(x, self.style_size) for x in self.styles)
    return {'features': features, 'styles': styles}

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> style_states.FastStyleState:
    """Return a fresh network and the statistics of the paintings.

    Args:
      key: PRNG key.
      batch: image f32[B, H, W, 3].
      pretrained: what `pretrained()` returned; (): random features and
        paintings of noise.
    """
    network_key, features_key, noise_key = jax.random.split(key, 3)
    small = (1, fields.MIN_STYLE, fields.MIN_STYLE, 3)
    if not pretrained:
      noise = jax.random.uniform(
        noise_key, (self.transformer.num_styles, *small), minval=-1
      )
      pretrained = {'features': (), 'styles': tuple(noise)}
    features = style_states.features_or_random(
      self, pretrained['features'], features_key, jnp.zeros(small)
    )
    targets = [
      style_states.style_target(self, features, x) for x in pretrained['styles']
    ]
    return style_states.FastStyleState(
      transformer=trainable.create(
        self.transformer, network_key, batch['image'], optimizer=self.optimizer
      ),
      features=features,
      targets=jax.tree.map(lambda *x: jnp.concatenate(x), *targets),
      clock=jnp.int32(0),
    )

  def losses(
    self,
    state: style_states.FastStyleState,
    result: jax.Array,
    batch: core.Batch,
  ) -> tuple[jax.Array, core.Metrics]:
    """Return the loss of stylized pictures, f32[], and its parts.

    Args:
      state: only `features` and `targets` are read.
      result: f32[B, H, W, 3].
      batch: image f32[B, H, W, 3], of which it is made; style i32[B].
    """
    painted = pure.apply(self.features, state.features, result, self.layers)
    source = pure.apply(
      self.features, state.features, batch['image'], self.content_layers
    )
    content, style = jnp.float32(0), jnp.float32(0)
    for name in self.content_layers:
      content += losses.content_error(
        painted[name], source[name], self.reduction
      ).mean()
    for name, weight in zip(self.style_layers, self.style_weights, strict=True):
      target = jax.tree.map(lambda x: x[batch['style']], state.targets[name])
      error = losses.style_error(
        self.style_loss, painted[name], target, self.reduction
      )
      style += weight * error.mean()
    content *= self.content_weight
    metrics = {'loss/content': content, 'loss/style': style}
    total = content + style
    if self.tv_weight:
      smooth = losses.total_variation(result, 'l2', self.reduction).mean()
      metrics['loss/smoothness'] = self.tv_weight * smooth
      total += self.tv_weight * smooth
    return total, {'loss/total': total, **metrics}

  def step(
    self, state: style_states.FastStyleState, batch: core.Batch, key: core.Key
  ) -> tuple[style_states.FastStyleState, core.Metrics]:
    """Take one step of the optimizer on the network.

    Args:
      state: of the step before.
      batch: image f32[B, H, W, 3] in [-1, 1].
      key: draws the paintings.

    Returns:
      The next state, and the losses before the step.
    """
    count = self.transformer.num_styles
    style = jax.random.randint(key, batch['image'].shape[:1], 0, count)

    def loss_fn(params, collections, batch):
      shares = jax.nn.one_hot(batch['style'], count)
      result = pure.apply(
        self.transformer, {'params': params}, batch['image'], shares
      )
      loss, metrics = self.losses(state, result, batch)
      return loss, (collections, metrics)

    transformer, metrics = trainable.descend(
      state.transformer,
      loss_fn,
      self.optimizer,
      state.clock,
      {'image': batch['image'], 'style': style},
    )
    return (
      state.replace(transformer=transformer, clock=state.clock + 1),
      metrics,
    )

  def render(
    self, state: style_states.FastStyleState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return f32[B, H, 2 W, 3]: pictures and what becomes of them.

    With several paintings, row i shows number i modulo their count.
    """
    images, count = batch['image'], self.transformer.num_styles
    shares = jax.nn.one_hot(jnp.arange(images.shape[0]) % count, count)
    result = pure.apply(
      self.transformer, state.transformer.variables, images, shares
    )
    return {
      'stylised': jnp.concatenate([images, jnp.clip(result, -1, 1)], axis=2)
    }

  def inference(self, state: style_states.FastStyleState) -> core.Params:
    """Return by direction the variables of a network of one style."""
    return self.by_direction(state.transformer.variables)

  def by_direction(self, variables: core.Params) -> core.Params:
    """Split the variables of the network by direction; see `inference`."""
    if self.transformer.num_styles == 1:
      return {self.directions[0]: variables}
    return {
      name: transformer_net.of_one_style(variables, number)
      for number, name in enumerate(self.directions)
    }

  def translate(
    self,
    params: core.Params,
    images: jax.Array,
    direction: str | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Stylize pictures.

    Args:
      params: what `inference` returned.
      images: f32[N, H, W, 3] in [-1, 1]; H and W multiples of `multiple`.
      direction: one of `directions`; None: the first.
      key: not used.

    Returns:
      f32[N, H, W, 3] in [-1, 1].
    """
    variables = params[direction or self.directions[0]]
    network = self.transformer.clone(num_styles=1)
    return jnp.clip(pure.apply(network, variables, images), -1, 1)


def _titles(names: Sequence[str], count: int) -> tuple[str, ...]:
  """Return what paintings are called: the stems of their files, builtin_7.

  Where they are not `count` different ones: style_0, style_1, ...
  """
  stems = {
    name.replace(':', '_')
    if re.fullmatch(r'builtin(:\d+)?(:photo)?', name)
    else pathlib.Path(name).stem: None
    for name in names
  }
  numbers = (f'style_{number}' for number in range(count))
  return tuple(stems if len(stems) == count else numbers)

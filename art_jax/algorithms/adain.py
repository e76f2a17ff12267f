"""Arbitrary style transfer: one network for every painting (AdaIN)."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.algorithms import fields, optim, style_states, trainable
from art_jax.algorithms.style_states import AdaINState
from art_jax.media import images
from art_jax.nn import pure
from art_jax.nn.adain import AdaINDecoder, adain, moments
from art_jax.nn.vgg import VGG
from art_jax.weights.normalized import normalize

_DIRECTION = 'stylize'
_MEASURED = 6  # built-in scenes, as photo and painted, that filters see
_MEASURED_SIZE = (256, 256)  # pixels


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaIN:
  """Arbitrary style transfer: a decoder g, with f(x) = relu4_1 of a VGG,

    t = AdaIN(f(c), f(s)),  x = g(t),
    L = |f(x) - t|^2
      + lambda sum_i |m(F_i(x)) - m(F_i(s))|^2 + |s(F_i(x)) - s(F_i(s))|^2
      + mu |g(f(c)) - c|^2,

  m and s mean and deviation over the positions of layer i, and |.|^2 the mean
  of squares. The encoder is frozen. After training any painting works, as only
  its m and s are needed: `styled` puts them beside the weights.

  Reference: Huang & Belongie 2017, arXiv:1703.06868, equations 8 to 15.

  Attributes:
    decoder: the network that learns; its depth is the encoder's.
    features: the encoder.
    weights: name or path of its weights; '': random ones, for tests.
    normalized: rescale its filters to a mean response of 1, measured on
      built-in pictures (the authors' code has such a VGG).
    content_layer: of f and of the first term (paper: relu4_1), from which the
      decoder doubles back. relu3_1, with a decoder of 2 blocks, is learned much
      sooner and keeps the shapes of the photo; its strokes are finer.
    style_layers: of the second term (paper).
    style_weight: lambda (10, of the authors' code for PyTorch's means).
    identity_weight: mu: a photo that is given no style stays itself. 0 is the
      paper; with a few hundred (Park & Lee 2019, arXiv:1812.02342, has 50 of
      it) the decoder learns to paint things in hundreds of steps.
    alpha: share of the style when it is used, in [0, 1]: g is given
      (1 - alpha) f(c) + alpha t. Training has 1.
    blend: shares of several paintings when it is used; (): equal ones.
    style_size: longest side of a painting when it is used, in pixels: larger
      strokes for a larger one (paper: 512).
    optimizer: of the decoder.
  """

  inputs: ClassVar[tuple[str, ...]] = ('a', 'b')
  aligned: ClassVar[bool] = False
  directions: ClassVar[tuple[str, ...]] = (_DIRECTION,)
  multiple: ClassVar[int] = 8
  in_use: ClassVar[tuple[str, ...]] = ('alpha', 'blend', 'style_size')

  decoder: AdaINDecoder = AdaINDecoder(19)
  features: VGG = VGG(19)
  weights: str = 'vgg19'
  normalized: bool = True
  content_layer: str = 'relu4_1'
  style_layers: tuple[str, ...] = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1')
  style_weight: float = 10.0
  identity_weight: float = 0.0
  alpha: float = 1.0
  blend: tuple[float, ...] = ()
  style_size: int = 512
  optimizer: optim.Optimizer = optim.Adam(learning_rate=1e-4, b1=0.9)

  def __post_init__(self):
    weights = (1.0,) * len(self.style_layers)
    fields.require_layers(
      self.features, self.layers, self.style_layers, weights
    )
    fields.require_style_size(self.style_size)
    blocks = self.decoder.blocks
    block = blocks + 1
    core.require(
      self.content_layer.startswith((f'relu{block}', f'conv{block}')),
      f'algorithm.content_layer={self.content_layer!r}: the decoder doubles '
      f'{blocks} times (algorithm.decoder.blocks), so it is a layer behind as '
      f'many pools: relu{block}_1',
    )
    fields.require_all(self, ('alpha', 0 <= self.alpha <= 1, 'is in [0, 1]'))
    fields.require_shares(self.blend)
    fields.require_weights(self, 'style_weight', 'identity_weight')

  @property
  def layers(self) -> tuple[str, ...]:
    """The layers that the losses read."""
    return tuple(sorted({self.content_layer, *self.style_layers}))

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return the decoder, with an example input."""
    rows, height, width, _ = batch['a'].shape
    blocks = self.decoder.blocks
    channels = dict(self.features.plan())[f'conv{blocks + 1}_1']
    shape = (rows, height >> blocks, width >> blocks, channels)
    return {'decoder': (self.decoder, (jax.ShapeDtypeStruct(shape, 'f4'),))}

  def pretrained(self, read_picture: core.PictureReader) -> core.PyTree:
    """Return the encoder's variables.

    Raises:
      core.UserError: saying how to get weights.
    """
    variables = style_states.load_features(self)
    if not (self.weights and self.normalized):
      return variables
    scenes = [
      images.to_uint8(read_picture(f'builtin:{number}{kind}', 512))[0]
      for number in range(_MEASURED)
      for kind in ('', ':photo')
    ]
    small = [Image.fromarray(scene).resize(_MEASURED_SIZE) for scene in scenes]
    pictures = [images.from_uint8(np.asarray(x))[None] for x in small]
    return normalize(self.features, variables, pictures)

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> AdaINState:
    """Return a fresh decoder.

    Args:
      key: PRNG key.
      batch: a f32[B, H, W, 3].
      pretrained: what `pretrained()` returned; (): random features.
    """
    decoder_key, features_key = jax.random.split(key)
    ((module, (shape,)),) = self.networks(batch).values()
    return AdaINState(
      decoder=trainable.create(
        module, decoder_key, jnp.zeros(shape.shape), optimizer=self.optimizer
      ),
      features=style_states.features_or_random(
        self, pretrained, features_key, batch['a'][:1]
      ),
      clock=jnp.int32(0),
    )

  def losses(
    self, features: core.PyTree, params: core.Params, batch: core.Batch
  ) -> tuple[jax.Array, core.Metrics]:
    """Return the loss of a batch, f32[], and its parts.

    Args:
      features: variables of the encoder.
      params: of the decoder.
      batch: a, contents, and b, paintings: f32[B, H, W, 3].
    """
    content = self._encode(features, batch['a'])
    painting = pure.apply(self.features, features, batch['b'], self.layers)
    style = moments(painting[self.content_layer])
    target = jax.lax.stop_gradient(adain(content, *style))
    result = pure.apply(self.decoder, {'params': params}, target)
    output = pure.apply(self.features, features, result, self.layers)
    content_loss = jnp.mean(jnp.square(output[self.content_layer] - target))
    style_loss = jnp.float32(0)
    for name in self.style_layers:
      pairs = zip(moments(output[name]), moments(painting[name]), strict=True)
      style_loss += sum(jnp.mean(jnp.square(x - y)) for x, y in pairs)
    style_loss *= self.style_weight
    total = content_loss + style_loss
    metrics = {'loss/content': content_loss, 'loss/style': style_loss}
    if self.identity_weight:
      same = pure.apply(self.decoder, {'params': params}, content)
      identity = self.identity_weight * jnp.mean(jnp.square(same - batch['a']))
      metrics['loss/identity'] = identity
      total += identity
    return total, {'loss/total': total, **metrics}

  def step(
    self, state: AdaINState, batch: core.Batch, key: core.Key
  ) -> tuple[AdaINState, core.Metrics]:
    """Take one step of the optimizer on the decoder.

    Args:
      state: of the step before.
      batch: a, contents, and b, paintings: f32[B, H, W, 3] in [-1, 1].
      key: not used.

    Returns:
      The next state, and the losses before the step.
    """

    def loss_fn(params, collections, batch):
      loss, metrics = self.losses(state.features, params, batch)
      return loss, (collections, metrics)

    decoder, metrics = trainable.descend(
      state.decoder,
      loss_fn,
      self.optimizer,
      state.clock,
      {'a': batch['a'], 'b': batch['b']},
    )
    return state.replace(decoder=decoder, clock=state.clock + 1), metrics

  def render(
    self, state: AdaINState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return f32[B, H, 3 W, 3]: contents, paintings and both in one."""
    a, b = batch['a'], batch['b']
    style = moments(self._encode(state.features, b))
    target = adain(self._encode(state.features, a), *style)
    result = pure.apply(self.decoder, state.decoder.variables, target)
    row = jnp.concatenate([a, b, jnp.clip(result, -1, 1)], axis=2)
    return {'stylised': row}

  def inference(self, state: AdaINState) -> core.Params:
    """Return {'stylize': {'decoder', 'features'}}."""
    return {
      _DIRECTION: {
        'decoder': state.decoder.variables,
        'features': state.features,
      }
    }

  def styled(
    self, params: core.Params, styles: Sequence[jax.Array]
  ) -> core.Params:
    """Return `params` for given paintings; `translate` needs them.

    Args:
      params: what `inference` returned.
      styles: paintings f32[1, h, w, 3] in [-1, 1], of any sizes.

    Raises:
      core.UserError: `blend` does not have a share for each, or a painting
        is too thin for the network.
    """
    core.require(
      not self.blend or len(self.blend) == len(styles),
      f'algorithm.blend={self.blend}: {len(self.blend)} shares for '
      f'{len(styles)} paintings; give one for each',
    )
    one = params[_DIRECTION]
    measure = jax.jit(lambda x: moments(self._encode(one['features'], x)))
    with core.as_user_error(
      'it is too thin a painting: crop it, or --set a larger '
      'algorithm.style_size'
    ):
      each = [measure(painting) for painting in styles]
    mean, deviation = (jnp.concatenate(x) for x in zip(*each, strict=True))
    return {_DIRECTION: one | {'style': {'mean': mean, 'deviation': deviation}}}

  def translate(
    self,
    params: core.Params,
    images: jax.Array,
    direction: str | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Stylize pictures: g((1 - alpha) f(c) + alpha sum_k w_k AdaIN(f(c), s_k)).

    Args:
      params: what `styled` returned.
      images: f32[N, H, W, 3] in [-1, 1]; H and W multiples of 8.
      direction: not used: there is one.
      key: not used.

    Returns:
      f32[N, H, W, 3] in [-1, 1].

    Raises:
      core.UserError: no painting was given.
    """
    params = params[_DIRECTION]
    core.require(
      'style' in params,
      'this network paints like any painting and needs one: pass '
      '--style=FILE[,FILE...]; in Python, run.styled(paintings)',
    )
    mean, deviation = (params['style'][k] for k in ('mean', 'deviation'))
    content = self._encode(params['features'], images)
    shares = jnp.array(self.blend or (1.0,) * mean.shape[0])
    shares = self.alpha * shares / shares.sum()
    # AdaIN is linear in mean and deviation, so the blend of results is the
    # result of the blend.
    mixed = adain(content, (shares @ mean)[None], (shares @ deviation)[None])
    mixed = mixed + (1 - self.alpha) * content
    return jnp.clip(pure.apply(self.decoder, params['decoder'], mixed), -1, 1)

  def _encode(
    self, variables: Mapping[str, Any], pictures: jax.Array
  ) -> jax.Array:
    """Return f(x)."""
    name = self.content_layer
    return pure.apply(self.features, variables, pictures, (name,))[name]

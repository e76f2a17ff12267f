"""What is exported of a trained model: functions of arrays of any size.

`export` writes them as StableHLO, `onnx_export` as ONNX.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import export as jax_export

from art_jax import core
from art_jax.config import renamed
from art_jax.inference.run import Run, require_direction
from art_jax.nn import lowering

GENERATOR = 'generator'
_LEAST = 4  # sides are at least so many times the multiple of the network


class Input(NamedTuple):
  """An array that a program takes.

  Attributes:
    name: 'images', 'style', 'latents' or 'labels'.
    shape: whole numbers, or jax's symbolic dimensions.
    dtype: NumPy's.
    pixels: whether it is a picture in [-1, 1].
  """

  name: str
  shape: tuple[Any, ...]
  dtype: Any
  pixels: bool = False


class Program(NamedTuple):
  """A function of weights and arrays.

  Attributes:
    name: a direction, or 'generator'.
    weights: arrays by 'params/layer/...'.
    inputs: what it takes beside them.
    output: name of what it returns, f32[N, H, W, C] in [-1, 1].
    call: (weights, *inputs) -> pictures; traced with native convolutions.
  """

  name: str
  weights: dict[str, Any]
  inputs: tuple[Input, ...]
  output: str
  call: Callable[..., jax.Array]


def of_run(run: Run, direction: str | None = None) -> list[Program]:
  """Return a program for each direction of a translator, or a generator's.

  Args:
    run: a trained model.
    direction: None: every direction that the run knows; of a model that also
      makes pictures of latents, that.

  Raises:
    core.UserError: the model does neither, or not this way.
  """
  algorithm = run.algorithm
  translates = isinstance(algorithm, core.Translator)
  if direction is not None and translates:
    if direction not in algorithm.directions:
      direction = renamed.option('direction', direction)
    require_direction(algorithm, direction, '--direction')
    return [translator(run, direction)]
  core.require(
    direction is None,
    f'--direction={direction}: {type(algorithm).__name__} does not translate; '
    'leave it out',
  )
  if isinstance(algorithm, core.Generative):
    return [generator(run)]
  core.require(
    translates,
    f'{type(algorithm).__name__} cannot be exported: it neither translates '
    'nor makes pictures of latents; use a run of CycleGAN, a GAN, diffusion '
    'or another such model',
  )
  known = run.params if isinstance(run.params, Mapping) else {}
  every = core.directions(algorithm)
  return [translator(run, d) for d in every if not known or d in known]


def translator(run: Run, direction: str) -> Program:
  """Return the program of one direction: images to translated.

  That of a `Stylable` model takes a painting too: style [1, H, W, C].
  """
  algorithm: Any = run.algorithm
  alone = isinstance(run.params, Mapping) and direction in run.params
  params = run.params[direction] if alone else run.params
  sides = {'images': 'n, {0}*h, {0}*w'}
  if isinstance(run.algorithm, core.Stylable):
    sides['style'] = '1, {0}*style_h, {0}*style_w'
  scope = _scope(' '.join(sides.values()), _LEAST)
  inputs = [_pictures(run, name, text, scope) for name, text in sides.items()]

  def translate(tree, images, *styles):
    tree = {direction: tree} if alone else tree
    if styles:
      tree = algorithm.styled(tree, styles)
    # No key: an exported program draws no random numbers.
    return algorithm.translate(tree, images, direction, key=None)

  return _program(direction, params, inputs, 'translated', translate)


def generator(run: Run) -> Program:
  """Return the program that makes images of latents, and labels if it has any.

  Labels are i32[N] of a model with classes, and f32[N, W] of one with
  attributes: what `Attributed.labels` returns.
  """
  algorithm: Any = run.algorithm
  one = jax.eval_shape(lambda: algorithm.latents(jax.random.key(0), 1))
  data, multiple = run.experiment.data, core.size_multiple(algorithm)
  picture = (data.size, data.size, data.channels)
  shape = ('n', *map(str, one.shape[1:]))
  least = 1
  if isinstance(run.algorithm, core.SizeMultiple) and one.shape[1:] == picture:
    shape = ('n', f'{multiple}*h', f'{multiple}*w', str(data.channels))
    least = max(1, min(_LEAST, data.size // multiple))
  text = ', '.join(shape)
  shape = (*jax_export.symbolic_shape(text, scope=_scope(text, least)),)
  inputs = [Input('latents', shape, np.float32)]
  if attributes := core.attributes(algorithm):
    width = sum(attribute.width for attribute in attributes)
    inputs.append(Input('labels', (shape[0], width), np.float32))
  elif core.num_classes(algorithm):
    inputs.append(Input('labels', shape[:1], np.int32))

  def generate(tree, latents, labels=None):
    key = jax.random.key(0)
    return algorithm.generate(tree, latents, labels, key=key)

  return _program(GENERATOR, run.params, inputs, 'images', generate)


def _scope(shapes: str, least: int) -> jax_export.SymbolicScope:
  """Return where the sides named in shapes are so large at least."""
  names = [name for name in re.findall('[a-z_]+', shapes) if name != 'n']
  return jax_export.SymbolicScope([f'{name} >= {least}' for name in names])


def _pictures(run, name, shape, scope) -> Input:
  sides = shape.format(core.size_multiple(run.algorithm))
  text = f'{sides}, {run.experiment.data.channels}'
  dims = jax_export.symbolic_shape(text, scope=scope)
  return Input(name, tuple(dims), np.float32, pixels=True)


def _program(name, params, inputs, output, function) -> Program:
  every: dict[str, Any] = {**traverse_util.flatten_dict(params, sep='/')}

  def call(weights, *arrays):
    # What is not read may be asked for, such as statistics that training moves.
    unread = every.keys() - weights.keys()
    zeros = {key: jnp.zeros_like(every[key]) for key in unread}
    tree = traverse_util.unflatten_dict({**weights, **zeros}, sep='/')
    with lowering.native_lowering():  # the sizes are symbolic: no rule by shape
      return function(tree, *arrays)

  weights = _read(call, every, inputs)
  return Program(name, weights, tuple(inputs), output, call)


def _read(call, weights, inputs) -> dict[str, Any]:
  """Return the weights that a function reads: no discriminator of a GAN."""
  shapes = [jax.ShapeDtypeStruct(i.shape, i.dtype) for i in inputs]
  jaxpr = jax.make_jaxpr(call)(weights, *shapes).jaxpr
  read = {id(v) for eqn in jaxpr.eqns for v in eqn.invars}
  read |= {id(v) for v in jaxpr.outvars}
  names = sorted(weights)  # as jax orders the leaves of a dict
  kept = {
    name for name, v in zip(names, jaxpr.invars, strict=False) if id(v) in read
  }
  return {name: value for name, value in weights.items() if name in kept}

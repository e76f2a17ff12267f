"""AdaIN: the equation, the decoder, the encoder's scales, learning, use."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from art_jax import core
from art_jax.cli.flags import FLAGS
from art_jax.cli.modes import stylize, translate
from art_jax.config import experiments
from art_jax.inference import export, programs, run
from art_jax.media import images
from art_jax.nn.adain import AdaINDecoder, adain, moments
from art_jax.nn.vgg import VGG
from art_jax.weights.normalized import normalize


def test_moments_become_the_paintings():
  rng = np.random.default_rng(0)
  x = rng.normal(2, 3, (2, 5, 7, 4)).astype('f4')
  y = rng.normal(-1, 0.5, (2, 9, 4, 4)).astype('f4')
  mean, deviation = moments(y)
  np.testing.assert_allclose(mean, y.mean((1, 2)), rtol=1e-5)
  np.testing.assert_allclose(deviation, y.std((1, 2)), rtol=1e-4)
  result = adain(x, mean, deviation)
  for got, want in zip(moments(result), (mean, deviation), strict=True):
    np.testing.assert_allclose(got, want, rtol=1e-3)
  # A map of one value has no deviation; its gradient is finite.
  flat = jnp.ones((1, 3, 3, 1))
  slope = jax.grad(lambda z: adain(z, mean[:1, :1], deviation[:1, :1]).sum())
  assert np.isfinite(slope(flat)).all()


@pytest.mark.parametrize(
  'depth, blocks, count',
  [
    (19, 3, 3505219),  # of the well-known PyTorch implementation's decoder
    (16, 3, 2915139),  # one 3x3 convolution of 256 channels less
    # Without conv4_1 (1,179,904) and those of 256 channels (590,080 each).
    (19, 2, 555075),
    (16, 2, 555075),
  ],
)
def test_decoder_mirrors_vgg(depth, blocks, count):
  x = jax.ShapeDtypeStruct(
    (1, 32 >> blocks, 40 >> blocks, 64 << blocks), 'float32'
  )
  module = AdaINDecoder(depth, blocks=blocks)
  y, variables = jax.eval_shape(
    lambda k, x: module.init_with_output(k, x), jax.random.key(0), x
  )
  assert y.shape == (1, 32, 40, 3)
  params = variables['params']
  assert sum(p.size for p in jax.tree.leaves(params)) == count
  last = jax.eval_shape(
    lambda k, x: VGG(depth).init(k, x, (f'relu{blocks + 1}_1',)),
    jax.random.key(0),
    jax.ShapeDtypeStruct((1, 32, 40, 3), 'float32'),
  )
  assert params.keys() == last['params'].keys()


@pytest.mark.slow
def test_normalized_filters_answer_with_mean_one():
  module = VGG(16, width=8)
  rng = np.random.default_rng(1)
  x = rng.uniform(-1, 1, (1, 32, 32, 3)).astype('f4')
  layers = ('relu1_1', 'relu2_2', 'relu3_1')
  old = module.init(jax.random.key(2), x, layers)
  new = normalize(module, old, [x])
  before = module.apply(old, x, layers)
  after = module.apply(new, x, layers)
  for name in layers:
    mean = np.asarray(after[name]).mean((0, 1, 2))
    usual = np.asarray(before[name]).mean((0, 1, 2))
    fires = usual > 0.06 * usual.mean()
    assert fires.sum() >= 3
    np.testing.assert_allclose(mean[fires], 1, rtol=1e-3)
    # Nothing but the scale of a channel has changed.
    scaled = before[name][..., fires] / usual[fires]
    np.testing.assert_allclose(after[name][..., fires], scaled, atol=2e-3)


@pytest.fixture(scope='module')
def trained():
  """Return (algorithm, first metrics, last metrics, a model of it)."""
  experiment = experiments.load('adain', tiny=True)
  algorithm = experiment.algorithm
  rng = np.random.default_rng(3)
  shape = (2, 32, 32, 3)
  batch = {k: rng.uniform(-1, 1, shape).astype('f4') for k in 'ab'}
  batch['b'] = 0.3 * batch['b'] + 0.5
  state = jax.jit(algorithm.init)(jax.random.key(0), batch)
  step, first = jax.jit(algorithm.step), None
  for i in range(30):
    state, metrics = step(state, batch, jax.random.key(i))
    first = first or metrics
  model = run.Run(experiment, algorithm.inference(state))
  return algorithm, first, metrics, model


def test_a_decoder_from_a_lower_layer():
  algorithm = experiments.load('adain', tiny=True).algorithm
  lower = {
    'content_layer': 'relu3_1',
    'style_layers': ('relu1_1', 'relu2_1', 'relu3_1'),
  }
  with pytest.raises(core.UserError, match=r'doubles 3 times .*: relu4_1'):
    dataclasses.replace(algorithm, **lower)
  decoder = dataclasses.replace(algorithm.decoder, blocks=2)
  algorithm = dataclasses.replace(algorithm, decoder=decoder, **lower)
  batch = {k: jnp.zeros((2, 32, 40, 3)) for k in 'ab'}

  def painted(key):
    state, _ = algorithm.step(algorithm.init(key, batch), batch, key)
    params = algorithm.styled(algorithm.inference(state), [batch['b'][:1]])
    return algorithm.translate(params, batch['a'])

  assert jax.eval_shape(painted, jax.random.key(0)).shape == (2, 32, 40, 3)


@pytest.mark.slow
def test_learns(trained):
  _, first, last, _ = trained
  assert last['loss/total'] < 0.6 * first['loss/total']


def _painting(seed, height, width):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (1, height, width, 3)).astype('f4')


def _with(model, **fields):
  algorithm = dataclasses.replace(model.algorithm, **fields)
  experiment = dataclasses.replace(model.experiment, algorithm=algorithm)
  return dataclasses.replace(model, experiment=experiment)


def test_a_painting_that_is_too_thin_is_refused():
  algorithm = experiments.load('adain', tiny=True).algorithm
  features = algorithm.features.init(
    jax.random.key(0), jnp.zeros((1, 32, 32, 3)), algorithm.style_layers
  )
  params = {'stylize': {'features': features}}
  assert algorithm.styled(params, [_painting(0, 8, 64)])
  with pytest.raises(core.UserError, match='too thin a painting: crop it'):
    algorithm.styled(params, [_painting(0, 1, 64)])


@pytest.mark.slow
def test_any_painting_any_size_and_blends(trained):
  *_, model = trained
  one, two = _painting(0, 40, 48), 0.2 * _painting(1, 33, 64) - 0.6
  picture = np.random.default_rng(0).integers(0, 256, (35, 46, 3), np.uint8)
  first = model.styled([one]).translate(picture)
  assert first.shape == picture.shape and first.dtype == np.uint8
  second = model.styled([two]).translate(picture)
  assert (first != second).mean() > 0.5
  only = _with(model, blend=(1.0, 0.0)).styled([one, two])
  np.testing.assert_array_equal(only.translate(picture), first)
  # Without style it is the decoded photo, whatever the painting.
  plain = [_with(model, alpha=0.0).styled([x]) for x in (one, two)]
  np.testing.assert_array_equal(*(x.translate(picture) for x in plain))
  export.exported(programs.translator(model, 'stylize'))


@pytest.mark.parametrize(
  'fields, match',
  [
    ({'alpha': 1.5}, r'alpha=1.5: .* in \[0, 1\]'),
    ({'blend': (-1.0, 2.0)}, 'shares are >= 0'),
    ({'style_weight': -10.0}, 'style_weight=-10.0: it is >= 0'),
    ({'content_layer': 'relu3_1'}, 'doubles 3 times .*behind as many pools'),
    ({'style_layers': ('relu9_1',)}, "'relu9_1': VGG has"),
    ({'style_size': 8}, 'style_size=8'),
  ],
)
def test_bad_fields(fields, match):
  algorithm = experiments.load('adain', tiny=True).algorithm
  with pytest.raises(core.UserError, match=match):
    dataclasses.replace(algorithm, **fields)


def _flags(mode, tmp_path, **changes):
  if not FLAGS.is_parsed():
    FLAGS(['test'])
  values = dict(mode=mode, run='somewhere', output=str(tmp_path / 'out.png'))
  return flagsaver.flagsaver(**{**values, **changes})


@pytest.mark.slow
def test_command_line(trained, tmp_path, monkeypatch, capsys):
  *_, model = trained
  monkeypatch.setattr(run, 'load', lambda *unused: model)
  for name, shape in (('photo', (40, 56)), ('painting', (48, 64))):
    pixels = images.to_uint8(_painting(4, *shape)[0])
    Image.fromarray(pixels).save(tmp_path / f'{name}.png')
  photo, painting = (str(tmp_path / f'{n}.png') for n in ('photo', 'painting'))
  both = dict(content=photo, style=f'{painting},{painting}')
  shares = ['algorithm.blend=(0.5,0.5)', 'algorithm.style_size=64']
  with _flags('stylize', tmp_path, **both, set=shares):
    stylize.run(FLAGS)
  assert Image.open(tmp_path / 'out.png').size == (56, 40)
  assert '56x40 pixels' in capsys.readouterr().out
  folder = str(tmp_path / 'painted')
  painted = dict(input=photo, output=folder)
  with _flags('translate', tmp_path, **painted, style=painting):
    translate.run(FLAGS)
  assert Image.open(tmp_path / 'painted/photo.png').size == (56, 40)
  for changes, match in (
    ({}, 'AdaIN paints like any painting.*--style=FILE'),
    ({'style': 'gone.jpg'}, "painting 'gone.jpg' does not exist"),
    ({**both, 'set': ['algorithm.blend=(1,)']}, '1 shares for 2 paintings'),
    (
      {**both, 'set': ['algorithm.style_weight=2']},
      'style_weight=.*cannot be changed in it.*algorithm.alpha',
    ),
    (both, 'out.png exists'),
  ):
    with (
      _flags('stylize', tmp_path, **{'content': photo, **changes}),
      pytest.raises(core.UserError, match=match),
    ):
      stylize.run(FLAGS)


def test_other_models_have_learnt_their_paintings():
  fast = experiments.load('fast_style', tiny=True)
  with pytest.raises(core.UserError, match=r'direction \(builtin_5, builtin_3'):
    run.Run(fast, {}).styled([_painting(0, 32, 32)])

"""CUT: PyTorch's features, what the terms see, and clear errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.cut import CUT
from art_jax.algorithms.patch_contrast import PatchContrast, mirrored
from art_jax.config import experiments
from art_jax.inference.run import Run
from art_jax.nn.patch_head import PatchHead
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.profiling import describe
from art_jax.weights import families


def _uniform(i, shape):
  return np.random.RandomState(i).uniform(-0.3, 0.3, shape).astype('float32')


def _image():
  image = np.random.RandomState(99).uniform(-1, 1, (1, 32, 32, 3))
  return image.astype('float32')


_ORDER = (
  'stem down_0 down_1 block_0/conv_0 block_0/conv_1 block_1/conv_0 '
  'block_1/conv_1 up_0 up_1 head'
).split()
_ORDER_OF_D = 'conv_0 conv_1 conv_2 conv_3 head'.split()


def _params(module, order):
  """Return the weights that PyTorch had: tensor i is RandomState(i)."""
  shapes = jax.eval_shape(module.init, jax.random.key(0), _image())['params']
  params = {}
  for i, path in enumerate(order):
    shape, place = shapes, params
    for name in path.split('/'):
      shape, place = shape[name], place.setdefault(name, {})
    h, w, inp, out = shape['kernel'].shape
    kernel = _uniform(2 * i, (out, inp, h, w))
    place['kernel'] = kernel.transpose(2, 3, 1, 0)
    place['bias'] = _uniform(2 * i + 1, (out,))
  return {'params': params}


# Origin of all numbers: PyTorch 2.14.1, float32, CPU; a ResNet generator of
# width 4 with 2 blocks and a 70x70 PatchGAN of width 4, written from the paper:
# convolutions of stride 1, the blur [1, 2, 1] mirrored at the border before
# every second pixel, bilinear doubling; the weights above.
_FEATURES = {  # name -> (first three channels at [5, 7], Euclidean norm)
  'down_0': (
    [-1.1771365404129028, 0.9760442972183228, -0.566328763961792],
    66.07350158691406,
  ),
  'down_1': (
    [0.4049568772315979, 0.6018567085266113, 0.29498690366744995],
    50.0262565612793,
  ),
  'block_0': (
    [1.2547929286956787, 0.358515202999115, -0.48059481382369995],
    35.19562911987305,
  ),
  'block_1': (
    [1.4405596256256104, -1.999981164932251, 0.46200525760650635],
    49.315406799316406,
  ),
  'output': (
    [0.9207085371017456, -0.007837031036615372, 0.046475477516651154],
    40.1122932434082,
  ),
}
_GRADIENTS = {  # of mean((output - 0.5)^2) + mean(block_0^2): norm, last
  'stem': (0.8818642497062683, -0.04705023765563965),
  'down_0': (0.670091986656189, 0.008042452856898308),
  'down_1': (0.5756127834320068, 0.018480228260159492),
  'up_0': (0.457832008600235, -0.005266319960355759),
  'up_1': (0.35579952597618103, -0.016444245353341103),
  'head': (1.4232921600341797, -0.06282749027013779),
}
_LOGITS = [
  -1.8590803146362305,
  0.1542091816663742,
  1.2151434421539307,
  -2.1195619106292725,
]


def test_golden_numbers_of_pytorch():
  module = ResnetGenerator(4, 2, upsample='blur', downsample='blur')
  names = tuple(_FEATURES)

  def loss(variables):
    found = module.apply(variables, _image(), names, method='outputs_of')
    found = dict(zip(names, found, strict=True))
    far = jnp.mean(jnp.square(found['output'] - 0.5))
    return far + jnp.mean(jnp.square(found['block_0'])), found

  run = jax.jit(jax.grad(loss, has_aux=True))
  gradients, found = run(_params(module, _ORDER))
  for name, (pixel, size) in _FEATURES.items():
    np.testing.assert_allclose(
      found[name][0, 5, 7, :3], pixel, atol=1e-4, err_msg=name
    )
    norm = jnp.linalg.norm(found[name].ravel())
    np.testing.assert_allclose(norm, size, rtol=1e-5, err_msg=name)
  for name, (size, last) in _GRADIENTS.items():
    kernel = np.asarray(gradients['params'][name]['kernel'])
    norm = np.linalg.norm(kernel.ravel())
    np.testing.assert_allclose(norm, size, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(
      kernel[-1, -1, -1, -1], last, atol=1e-4 * size, err_msg=name
    )


def test_golden_logits_of_pytorch():
  module = PatchGAN(4, downsample='blur')
  logits = module.apply(_params(module, _ORDER_OF_D), _image())
  np.testing.assert_allclose(logits.ravel(), _LOGITS, atol=1e-4)


def test_published_parameter_counts():
  assert describe.parameters(experiments.load('cut')) == {
    'generator_ab': 11_378_179,
    'discriminator_b': 2_764_737,
    'head': 560_384,
  }


def test_weights_of_the_authors_code_are_read():
  module = ResnetGenerator(4, 2, upsample='blur', downsample='blur')
  params = _params(module, _ORDER)
  tensors = families.to_torch(module, params)
  places = '1 4 8 12.conv_block.1 12.conv_block.5 13.conv_block.1 '
  places += '13.conv_block.5 15 19 23'
  assert [n for n in tensors if n.endswith('weight')] == [
    f'model.{place}.weight' for place in places.split()
  ]
  blurs = {f'model.{i}.filt': np.ones((8, 1, 3, 3), 'f4') for i in (7, 11, 14)}
  found, variables = families.from_torch(tensors | blurs)
  assert found == module
  jax.tree.map(np.testing.assert_array_equal, variables, params)


@pytest.mark.parametrize(
  'names, layers',
  [(('input',), 0), (('stem',), 1), (('down_1', 'stem'), 3), (('block_1',), 5)],
)
def test_nothing_behind_the_last_layer_is_computed(names, layers):
  _, variables = jax.eval_shape(
    lambda x: ResnetGenerator(2, 3).init_with_output(
      jax.random.key(0), x, names, method='outputs_of'
    ),
    jax.ShapeDtypeStruct((1, 16, 16, 3), 'float32'),
  )
  assert len(variables.get('params', {})) == layers


def _small(**changes):
  """Return CUT without norms, at the smallest size, and a batch."""
  algorithm = CUT(
    **{
      'generator': ResnetGenerator(4, 1, halvings=0, norm='none'),
      'discriminator': PatchGAN(4, 1, norm='none'),
      'head': PatchHead(8),
      'generator_optimizer': optim.SGD(learning_rate=0.1),
      'discriminator_optimizer': optim.SGD(learning_rate=0.1),
      'contrast': PatchContrast(layers=('input', 'stem'), patches=16),
      **changes,
    }
  )
  rng = np.random.default_rng(0)
  batch = {
    name: jnp.asarray(rng.uniform(-1, 1, (2, 16, 16, 3)), 'f4')
    for name in ('a', 'b')
  }
  return algorithm, batch


def _stepped(algorithm, batch):
  state = algorithm.init(jax.random.key(0), batch)
  return state, *jax.jit(algorithm.step)(state, batch, jax.random.key(1))


@pytest.mark.slow
def test_the_loss_is_the_weighted_sum():
  _, _, metrics = _stepped(*_small(nce_weight=3.0, identity_weight=0.5))
  total = (
    metrics['loss/adversarial']
    + 3 * metrics['loss/nce']
    + 0.5 * metrics['loss/identity']
  )
  np.testing.assert_allclose(metrics['loss/generator'], total, rtol=1e-6)


@pytest.mark.parametrize('direction', ['ab', 'ba'])
def test_one_map_is_learned_in_its_direction(direction):
  algorithm, batch = _small(direction=direction, identity_weight=0.0)
  before, after, metrics = _stepped(algorithm, batch)
  assert 'loss/identity' not in metrics
  source = batch[direction[0]]
  (rendered,) = algorithm.render(after, batch, None).values()
  np.testing.assert_array_equal(rendered[:, :, :16], source)
  moved = jax.tree.map(
    lambda x, y: bool((x != y).any()),
    before.generator.params,
    after.generator.params,
  )
  assert all(jax.tree.leaves(moved)), 'G, and every layer of F'


def test_the_other_direction_is_refused():
  tiny = experiments.load('cut', tiny=True)
  run = Run(tiny, {'ab': None})
  with pytest.raises(core.UserError, match='set algorithm.direction=ba'):
    run.translate(np.zeros((16, 16, 3), 'float32'), 'ba')
  with pytest.raises(core.UserError, match="direction='up': it is one of ab$"):
    run.translate(np.zeros((16, 16, 3), 'float32'), 'up')


def test_mirrored_pictures_are_compared_where_they_were():
  x = jnp.arange(2.0 * 2 * 3).reshape(2, 2, 3, 1)
  found = mirrored(x, jnp.array([True, False]))
  np.testing.assert_array_equal(found[0], x[0, :, ::-1])
  np.testing.assert_array_equal(found[1], x[1])


def test_flip_equivariance_trains_another_way():
  plain, flipped = (
    _stepped(*_small(flip_equivariance=flips, identity_weight=0.0))
    for flips in (False, True)
  )
  assert set(plain[2]) == set(flipped[2])
  assert plain[2]['loss/nce'] != flipped[2]['loss/nce']


@pytest.mark.slow
def test_it_learns():
  """A picture's negative is found: its colors by D, its places by PatchNCE."""
  adam = optim.Adam(learning_rate=3e-3)
  algorithm, _ = _small(generator_optimizer=adam, discriminator_optimizer=adam)
  step, key = jax.jit(algorithm.step), jax.random.key(0)
  state, first = None, None
  for _ in range(60):
    key, a_key, b_key = jax.random.split(key, 3)
    batch = {'a': _spots(a_key), 'b': _spots(b_key)[..., ::-1]}
    if state is None:
      state = algorithm.init(key, batch)
    state, metrics = step(state, batch, key)
    first = first or metrics
  assert metrics['loss/nce'] < 0.7 * first['loss/nce']


def _spots(key):
  """Return red squares on blue."""
  at = jax.random.randint(key, (4, 2), 0, 9)
  y, x = jnp.mgrid[:16, :16]
  inside = ((y - at[:, :1, None]) % 16 < 7) & ((x - at[:, 1:, None]) % 16 < 7)
  one = jnp.where(inside, 1.0, -1.0)
  return jnp.stack([one, jnp.zeros_like(one), -one], -1)


@pytest.mark.parametrize(
  'assignment, match',
  [
    ('algorithm.direction=aa', 'direction.*ab, ba'),
    ('algorithm.contrast.negatives=none', 'negatives.*picture, batch'),
    ('algorithm.nce_weight=0', 'nce_weight=0'),
    ('algorithm.identity_weight=-1', 'identity_weight=-1.*0: none'),
    ('algorithm.contrast.temperature=0', 'temperature=0'),
    ('algorithm.contrast.patches=1', 'patches=1'),
    (
      'algorithm.contrast.layers=("stem", "down_2")',
      'layers.*there are input, stem',
    ),
    ('algorithm.contrast.layers=("stem", "stem")', 'layers.*each once'),
    ('algorithm.contrast.layers=()', 'layers'),
    ('algorithm.generator=UNet()', 'generator.*UNet.*ResnetGenerator'),
    (
      'algorithm.generator.blocks=0',
      'layers.*block_0.*there are input, stem, down_0',
    ),
  ],
)
def test_bad_fields(assignment, match):
  with pytest.raises(core.UserError, match=match):
    experiments.override(experiments.load('cut', tiny=True), [assignment])

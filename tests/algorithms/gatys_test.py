"""Gatys: golden numbers of PyTorch, tiles, devices, optimizers, resuming."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gatys import Gatys
from art_jax.algorithms.style_states import StyleTargets
from art_jax.config import experiments
from art_jax.data import paintings
from art_jax.devices import mesh
from art_jax.losses.patches import Patches
from art_jax.losses.wasserstein_style import WassersteinStyle
from art_jax.media.images import to_uint8
from art_jax.nn.squeezenet import SqueezeNet
from art_jax.nn.vgg import VGG
from art_jax.style_transfer import optimize, tiles
from art_jax.style_transfer.task import Task, require_paintable, scales
from art_jax.training import loop
from art_jax.weights import features

_LAYERS = (
  *('conv1_1', 'conv1_2', 'conv2_1', 'conv2_2'),
  *('conv3_1', 'conv3_2', 'conv3_3', 'conv4_1'),
)
_WIDTHS = (4, 4, 8, 8, 16, 16, 16, 32)


def _picture(seed, h, w):
  uniform = np.random.RandomState(seed).rand(1, h, w, 3)
  return (uniform * 2 - 1).astype('f4')


def _tensors():
  """Return the weights of a VGG-16 of width 4 under torchvision's names."""
  rng, tensors, channels = np.random.RandomState(7), {}, 3
  positions = (0, 2, 5, 7, 10, 12, 14, 17)
  for position, width in zip(positions, _WIDTHS, strict=True):
    kernel = rng.randn(width, channels, 3, 3) * np.sqrt(2 / 9 / channels)
    tensors[f'features.{position}.weight'] = kernel.astype('f4')
    bias = (rng.randn(width) * 0.1).astype('f4')
    tensors[f'features.{position}.bias'] = bias
    channels = width
  return tensors


def _gatys(**changes):
  fields = dict(
    features=VGG(16, width=4, pool='average'),
    weights='',
    content_layers=('relu3_2',),
    content_weight=3.0,
    style_layers=('relu1_1', 'relu2_1', 'relu4_1'),
    style_weights=(1e4, 2e4, 3e4),
    tv_weight=0.5,
  )
  return Gatys(**{**fields, **changes})


def _variables(algorithm):
  return features.convert(algorithm.features, _tensors(), algorithm.layers)


def _loss_and_gradient(algorithm, masks=()):
  variables = _variables(algorithm)

  def loss(x):
    targets = algorithm.targets(
      variables, _picture(2, 40, 33), (_picture(3, 32, 48),), masks
    )
    value, _ = algorithm.loss(algorithm.sums(variables, x, targets), targets)
    return value + algorithm.smoothness(x)

  value, gradient = jax.jit(jax.value_and_grad(loss))(_picture(1, 40, 33))
  return value, np.asarray(gradient)[0]


# Loss, norm of the gradient, two of its pixels: from an implementation of the
# equations in losses/style.py with torch 2.13 (nn.functional and autograd
# alone), of the same random weights and pictures.
_GOLDEN = {
  'paper': (
    *(2617.34619140625, 150.82916259765625),
    [0.26302286982536316, 2.0473599433898926, -0.9759742021560669],
    [-0.9102795720100403, -1.1629669666290283, -4.1857757568359375],
  ),
  'sum': (
    *(2709.708984375, 200.90640258789062),
    [1.5388752222061157, 2.3827133178710938, -0.2005552053451538],
    [1.2673311233520508, -3.3544821739196777, -4.784370422363281],
  ),
  'mean': (
    *(7.259006500244141, 11.535124778747559),
    [0.10319465398788452, 0.026871899142861366, 0.06264565885066986],
    [0.1687847226858139, -0.17891907691955566, -0.05971000716090202],
  ),
}


@pytest.mark.slow
@pytest.mark.parametrize('reduction', _GOLDEN)
def test_loss_and_gradient_equal_pytorch(reduction):
  value, gradient = _loss_and_gradient(_gatys(reduction=reduction))
  loss, norm, first, inner = _GOLDEN[reduction]
  np.testing.assert_allclose(value, loss, rtol=1e-4)
  np.testing.assert_allclose(np.linalg.norm(gradient), norm, rtol=1e-4)
  scale = 1e-4 * np.abs(gradient).max()
  np.testing.assert_allclose(gradient[0, 0], first, atol=scale)
  np.testing.assert_allclose(gradient[17, 20], inner, atol=scale)


def test_loss_and_gradient_equal_pytorch_live():
  torch = pytest.importorskip('torch')
  functional, tensors = torch.nn.functional, _tensors()

  def layers(x):
    x, found = torch.tensor(x) if isinstance(x, np.ndarray) else x, {}
    x = x.permute(0, 3, 1, 2)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = ((x + 1) / 2 - mean) / std
    kernels, biases = list(tensors.values())[::2], list(tensors.values())[1::2]
    for name, w, b in zip(_LAYERS, kernels, biases, strict=True):
      if name in ('conv2_1', 'conv3_1', 'conv4_1'):
        x = functional.avg_pool2d(x, 2)
      x = functional.conv2d(x, torch.tensor(w), torch.tensor(b), padding=1)
      x = found[name.replace('conv', 'relu')] = functional.relu(x)
    return found

  def gram(x):
    flat = x.flatten(2)
    return flat @ flat.transpose(1, 2) / (x.shape[1] * flat.shape[2])

  x = torch.tensor(_picture(1, 40, 33), requires_grad=True)
  f, p, s = layers(x), layers(_picture(2, 40, 33)), layers(_picture(3, 32, 48))
  loss = 3 * functional.mse_loss(f['relu3_2'], p['relu3_2'])
  for name, weight in (('relu1_1', 1e4), ('relu2_1', 2e4), ('relu4_1', 3e4)):
    loss = loss + weight * functional.mse_loss(gram(f[name]), gram(s[name]))
  down, across = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
  loss = loss + 0.5 * ((down**2).sum() + (across**2).sum()) / x.numel()
  loss.backward()
  value, gradient = _loss_and_gradient(_gatys(reduction='mean'))
  np.testing.assert_allclose(value, loss.item(), rtol=1e-4)
  expected = x.grad.numpy()[0]
  scale = 1e-4 * np.abs(expected).max()
  np.testing.assert_allclose(gradient, expected, atol=scale)


@pytest.mark.parametrize('blend', [(0.7, 0.3), (7.0, 3.0), ()])
def test_shares_of_paintings_add_up_to_one(blend):
  layers = {'relu1_1': 1e4, 'relu2_1': 2e4, 'relu4_1': 3e4}
  gram = {'gram': jnp.full((1, 2, 2), 3.0), 'count': jnp.float32(1)}
  sums = {'content': {}, 'styles': (dict.fromkeys(layers, gram),) * 2}
  # Means of squares (3 - 1)^2 and (3 - 2)^2, over N^2 of 2 channels.
  styles = tuple(dict.fromkeys(layers, jnp.full((1, 2, 2), a)) for a in (1, 2))
  loss, _ = _gatys(blend=blend, reduction='mean').loss(
    sums, StyleTargets({}, styles)
  )
  first, second = blend or (0.5, 0.5)
  mean = (4 * first + 1 * second) / (first + second) / 4
  np.testing.assert_allclose(loss, mean * sum(layers.values()), rtol=1e-5)


def test_a_mask_keeps_the_style_out():
  algorithm = _gatys(content_weight=0.0, tv_weight=0.0)
  mask = jnp.zeros((40, 33)).at[:, :8].set(1.0)
  _, gradient = _loss_and_gradient(algorithm, (mask,))
  assert np.abs(gradient[:, :8]).max() > 0
  # relu4_1 sees 29 pixels beyond its own block of 8... of which the mask's are.
  assert np.abs(gradient[:, 8 + 38 :]).max(initial=0) == 0


# Optimisers ----------------------------------------------------------------


def _descended(optimizer, steps=60):
  algorithm = _gatys(
    optimizer=optimizer,
    content_layers=('relu2_1',),
    style_layers=('relu1_1', 'relu2_1'),
    style_weights=(1e4, 2e4),
  )
  variables = _variables(algorithm)
  batch = {'content': _picture(2, 32, 32), 'style': _picture(3, 32, 32)}
  state = jax.jit(algorithm.init)(jax.random.key(0), batch, variables)
  step = jax.jit(algorithm.step)
  for _ in range(steps):
    state, metrics = step(state, {}, jax.random.key(0))
  return float(metrics['loss/total'])


def test_lbfgs_ends_lower_than_adam():
  rates = (0.005, 0.02)
  adam = min(_descended(optim.Adam(learning_rate=r, b1=0.9)) for r in rates)
  assert _descended(optim.LBFGS()) < adam


# Tiles ---------------------------------------------------------------------


def _tiled(algorithm, content, style, halo, tile):
  variables = _variables(algorithm)
  paintings = dataclasses.replace(algorithm, content_layers=())
  targets = jax.jit(paintings.targets)(
    variables, content[:, :32, :32], (style,)
  )
  start = _picture(1, *content.shape[1:3])
  canvas = algorithm.begin(jnp.asarray(start), (), ()).canvas
  state = tiles.TiledState(
    canvas, jnp.asarray(content), variables, targets, jnp.int32(0)
  )
  worker = tiles.Tiles(algorithm, content.shape[1:3], tile, halo)
  return worker(state, (48, 16))


@pytest.mark.slow
@pytest.mark.parametrize(
  'changes',
  [{}, {'style_loss': Patches(stride=1)}, {'margin': 16}],
  ids=['gram', 'patches', 'margin'],
)
def test_tiles_that_overlap_enough_equal_the_whole(changes):
  algorithm = _gatys(
    optimizer=optim.SGD(learning_rate=10.0),
    # What relu3_1 sees fits into the overlap.
    content_layers=('relu2_1',),
    style_layers=('relu1_1', 'relu3_1'),
    style_weights=(1e2, 1e2),
    **changes,
  )
  content, style = _picture(2, 128, 160), _picture(3, 32, 48)
  state, metrics = _tiled(algorithm, content, style, 16, 96)
  batch = {'content': content, 'style': style}
  init, step = jax.jit(algorithm.init), jax.jit(algorithm.step)
  whole = init(jax.random.key(0), batch, _variables(algorithm))
  start = {'pixels': jnp.asarray(_picture(1, 128, 160))}
  whole = whole.replace(canvas=whole.canvas.replace(params=start))
  whole, expected = step(whole, {}, jax.random.key(0))
  for name in ('loss/total', 'loss/content', 'loss/style'):
    # Patches that lie across two tiles are counted by their middle.
    np.testing.assert_allclose(metrics[name], expected[name], rtol=1e-3)
  moved = np.asarray(whole.canvas.params['pixels']) - start['pixels']
  tiled = np.asarray(state.canvas.params['pixels']) - start['pixels']
  assert np.abs(moved).max() > 1e-4
  np.testing.assert_allclose(tiled, moved, atol=2e-3 * np.abs(moved).max())


def test_a_painting_in_tiles_is_the_painting():
  algorithm = _gatys(style_layers=('relu1_1', 'relu2_1'), style_weights=(1, 1))
  variables, painting = _variables(algorithm), _picture(3, 128, 160)
  parts = tiles.painting_target(
    algorithm, variables, jnp.asarray(painting), 96, 16
  )
  whole = jax.jit(algorithm.targets)(variables, painting, (painting,)).styles[0]
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), parts, whole
  )


@pytest.mark.parametrize('shift', [(0, 0), (16, 48), (496, 32)])
def test_every_pixel_is_part_of_one_tile(shift):
  count = np.zeros((320, 128), int)
  for cell in tiles.cells((320, 128), (160, 128), 32, shift):
    (top, left), (y, x), (bottom, right) = cell
    assert 0 <= top <= y < bottom <= top + 160 <= 320
    assert 0 <= left <= x < right <= left + 128 <= 128
    assert top % 16 == 0 and (top == 0 or y - top >= 32)
    count[y:bottom, x:right] += 1
  assert (count == 1).all()


# Scales, devices, files ----------------------------------------------------


_SHALLOW = dict(
  content_layers=('relu2_1',),
  style_layers=('relu1_1', 'relu3_1'),
  style_weights=(1.0, 1.0),
)
_SHALLOW_SQUEEZENET = dict(
  features=SqueezeNet(width=0.0625),
  content_layers=('features.3',),
  style_layers=('features.1', 'features.4'),
  style_weights=(1.0, 1.0),
)


def _experiment(**changes):
  experiment = experiments.load('style_transfer', tiny=True)
  algorithm = dataclasses.replace(experiment.algorithm, **changes)
  return dataclasses.replace(
    experiment,
    algorithm=algorithm,
    data=dataclasses.replace(experiment.data, size=48),
    train=dataclasses.replace(experiment.train, duration=3),
  )


def _image(seed, h, w):
  return Image.fromarray(to_uint8(_picture(seed, h, w)[0]))


_TASK = Task(_image(2, 48, 64), (_image(3, 40, 56),))


def test_scales_are_root_two_apart():
  algorithm = _gatys(coarse_size=128)
  assert scales(algorithm, 512) == [128, 181, 256, 362, 512]
  assert scales(algorithm, 100) == [100]
  assert scales(_gatys(), 512) == [512]


def test_optimizer_goes_on_at_the_next_scale():
  experiment = _experiment(coarse_size=45, **_SHALLOW)
  experiment = experiments.override(experiment, ['data.size=64'])
  seen = []
  picture = optimize.paint(
    experiment, _TASK, report=lambda n, m, p: seen.append((n, p().shape))
  )
  assert picture.shape == (48, 64, 3)
  assert [n for n, _ in seen] == [1, 2, 3, 4, 5, 6]
  assert seen[0][1] == (34, 45, 3) and seen[5][1] == (48, 64, 3)
  algorithm = experiment.algorithm
  old = algorithm.begin(jnp.ones((1, 4, 6, 3)), (), ()).canvas
  filled = jax.tree.map(lambda x: jnp.full_like(x, 7), old.opt_state)
  old = old.replace(opt_state=filled)
  new = algorithm.begin(jnp.ones((1, 8, 12, 3)), (), ()).canvas
  carried = optimize._carry(old, new)
  shapes = [jax.tree.map(np.shape, c.opt_state) for c in (carried, new)]
  assert shapes[0] == shapes[1]
  for leaf in jax.tree.leaves(carried.opt_state):
    np.testing.assert_allclose(leaf, 7, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
  'changes',
  [
    {'optimizer': optim.SGD(learning_rate=0.1), **_SHALLOW_SQUEEZENET},
    {'optimizer': optim.LBFGS(memory=3), **_SHALLOW},
  ],
  ids=['squeezenet', 'vgg'],
)
def test_rows_over_eight_devices_equal_one(changes):
  experiment = _experiment(**changes)
  experiment = experiments.override(experiment, ['data.size=64'])
  pictures = [
    optimize.paint(experiment, _TASK, devices=mesh.make_devices(count))
    for count in (1, 8)
  ]
  assert np.abs(np.diff(np.int16(pictures), axis=0)).max() <= 1


@pytest.mark.slow
def test_a_tiled_picture_is_that_of_the_whole():
  # Tiles are 16-aligned, and 32 pixels of overlap hold what relu2_1 sees.
  shallow = {**_SHALLOW, 'style_layers': ('relu1_1', 'relu2_1')}
  experiment = _experiment(optimizer=optim.SGD(learning_rate=1e4), **shallow)
  experiment = experiments.override(
    experiment, ['data.size=256', 'train.duration=1']
  )
  content, style = _image(2, 192, 256), _image(3, 192, 256)
  mask = Image.fromarray(np.repeat(np.uint8([[0, 255]]), 128, 1))
  mask = mask.resize((256, 192), Image.NEAREST)
  task = Task(content, (style,), (mask,))
  whole, tiled = (optimize.paint(experiment, task, tile=t) for t in (0, 128))
  assert np.abs(np.int16(whole) - np.asarray(content)).max() > 1
  assert np.abs(np.int16(whole) - tiled).max() <= 1


def test_rows_lie_on_different_devices():
  devices = mesh.make_devices(8)
  tree = {'a': jnp.zeros((1, 16, 4, 3)), 'b': jnp.zeros((5, 1, 12, 4, 3))}
  spread = devices.picture_shardings(tree)
  assert spread['a'].shard_shape((1, 16, 4, 3)) == (1, 2, 4, 3)
  assert spread['b'].is_fully_replicated  # 12 rows do not divide


@pytest.mark.slow
@pytest.mark.parametrize(
  'changes',
  [
    {'colors': 'luminance'},
    {'colors': 'content', 'start': 'noise'},
    {'colors': 'histogram', 'start': 'recolored', 'margin': 16},
    {'blend': (0.3, 0.7), 'style_loss': WassersteinStyle()},
  ],
  ids=str,
)
def test_options_paint(changes):
  experiment = _experiment(**_SHALLOW, **changes)
  task = _TASK
  if 'blend' in changes:
    half = Image.fromarray(np.uint8([[0, 255] * 32] * 48))
    both = (_image(3, 40, 56), _image(4, 33, 60))
    task = dataclasses.replace(task, styles=both, masks=(half, half))
  picture = optimize.paint(experiment, task)
  assert picture.shape == (36, 48, 3) and picture.std() > 1
  if changes.get('colors') == 'luminance':
    content = np.asarray(task.content.resize((48, 36), Image.LANCZOS))
    differences = np.diff(np.int16(picture) - content, axis=-1)
    clipped = (picture == 0) | (picture == 255)
    assert np.abs(differences[~clipped.any(-1)]).max() <= 2


@pytest.mark.slow
def test_a_margin_makes_borders_like_the_middle():
  """Of a picture of equal rows, all rows of features are equal."""
  picture = np.tile(_picture(5, 1, 48), (1, 48, 1, 1))
  for margin, alike in ((0, False), (16, True)):
    algorithm = _gatys(margin=margin)
    found = algorithm.extract(_variables(algorithm), picture, ('relu3_1',))
    rows = np.asarray(found['relu3_1'])[0, margin // 4 :][: 48 // 4]
    assert np.allclose(rows, rows[6], atol=1e-4) == alike


def test_temporal_loss_holds_what_is_trusted():
  adam = optim.Adam(learning_rate=0.02, b1=0.9)
  algorithm = _gatys(temporal_weight=1e9, optimizer=adam, **_SHALLOW)
  content, before = _picture(2, 32, 32), _picture(3, 32, 32)
  trust = np.repeat(np.float32([[1.0], [0.0]]), 16, 0) * np.ones((1, 32), 'f4')
  batch = {'content': content, 'style': _picture(4, 32, 32)}
  state = jax.jit(algorithm.init)(jax.random.key(0), batch)
  targets = state.targets.replace(
    before=jnp.asarray(before), trust=jnp.asarray(trust)
  )
  state = algorithm.begin(jnp.asarray(before), state.features, targets)
  step = jax.jit(algorithm.step)
  for _ in range(3):
    state, metrics = step(state, {}, jax.random.key(0))
  change = np.abs(np.asarray(state.canvas.params['pixels']) - before)[0]
  assert change[:16].mean() < 0.2 * change[16:].mean()
  error = metrics['loss/total'] - sum(
    metrics[f'loss/{name}']
    for name in ('content', 'style', 'smoothness', 'temporal')
  )
  assert abs(error) < 1e-3 * metrics['loss/total']


@pytest.mark.slow
def test_a_run_keeps_its_features(tmp_path, monkeypatch):
  """Frozen weights come from `pretrained` at the start, then from the run."""
  algorithm = _gatys()
  monkeypatch.setattr(Gatys, 'pretrained', lambda self, _: _variables(self))
  experiment = dataclasses.replace(_experiment(), algorithm=algorithm)
  assert core.pretrained(algorithm, paintings.read).keys() == {
    'params',
    'constants',
  }
  made = loop.shapes.initializer(experiment)(
    jax.random.key(0), core.pretrained(algorithm, paintings.read)
  )
  jax.tree.map(
    np.testing.assert_array_equal, made.features, _variables(algorithm)
  )
  # Without them: random ones of the same shapes, for eval_shape.
  other = loop.shapes.state_shapes(experiment)
  assert jax.tree.map(np.shape, made) == jax.tree.map(np.shape, other)


# Bad input -----------------------------------------------------------------


@pytest.mark.parametrize(
  'task, assignments, tile, message',
  [
    ({'content': _image(0, 8, 40)}, [], 0, '--content: a picture of 40x8'),
    ({'styles': (_image(0, 40, 8),)}, [], 0, '--style: a picture of 8x40'),
    (
      {'styles': (_image(0, 40, 2000),)},
      [],
      0,
      '--style: painting 1 has 2000x40 pixels and would be 48x1 .*; crop it',
    ),
    ({}, ['data.size=16'], 0, '--size=16.*12 pixels on its shorter'),
    ({}, ['data.size=1000', 'algorithm.coarse_size=20'], 0, 'its coarsest'),
    (
      {'masks': (Image.new('L', (10, 10)),)},
      [],
      0,
      'number 1 has 10x10 pixels, the content 64x48',
    ),
    ({'masks': (Image.new('L', (64, 48)),)}, [], 0, 'black everywhere'),
    (
      {'masks': (Image.new('L', (64, 48), 255),) * 2},
      [],
      0,
      '2 given for 1 paintings',
    ),
    ({}, ['algorithm.blend=(1, 2)'], 0, 'blend: 2 given for 1'),
    ({}, [], 100, '--tile=100: it is a multiple of 16'),
  ],
)
def test_bad_tasks_are_refused(task, assignments, tile, message):
  experiment = experiments.override(
    experiments.load('style_transfer', tiny=True),
    ['data.size=48', *assignments],
  )
  task = dataclasses.replace(_TASK, **task)
  with pytest.raises(core.UserError, match=message):
    require_paintable(experiment, task, tile)


def test_a_thin_painting_is_taken_where_the_network_reads_it():
  experiment = experiments.override(
    experiments.load('style_transfer_squeezenet'),
    ['data.size=256', 'algorithm.coarse_size=0'],
  )
  task = dataclasses.replace(_TASK, styles=(_image(0, 100, 2000),))
  require_paintable(experiment, task, 0)


@pytest.mark.parametrize(
  'changes, message',
  [
    ({'start': 'style'}, "start='style': it is one of content, noise"),
    ({'reduction': 'max'}, "reduction='max'.*paper, sum, mean"),
    ({'style_weights': (1.0,)}, 'one for each.*pass 3 numbers'),
    ({'content_layers': ('relu9_1',)}, "'relu9_1': VGG has conv1_1"),
    ({'blend': (-1.0, 2.0)}, 'shares are >= 0'),
    ({'style_weights': (1.0, -1.0, 1.0)}, 'style_weights=.* it is >= 0'),
    ({'coarse_size': -1}, 'coarse_size=-1: it is >= 0 pixels'),
    ({'style_scale': 0.0}, 'style_scale=0.0: it is > 0'),
    ({'style_scale': float('nan')}, 'style_scale=nan'),
  ],
)
def test_bad_fields_are_refused(changes, message):
  with pytest.raises(core.UserError, match=message):
    _gatys(**changes)


def test_training_says_to_use_stylize(tmp_path):
  with pytest.raises(core.UserError, match='art_jax stylize, with --content'):
    loop.train(experiments.load('style_transfer', tiny=True), tmp_path)
  assert not list(pathlib.Path(tmp_path).iterdir())


@pytest.mark.slow
def test_diverging_stops():
  experiment = _experiment(optimizer=optim.SGD(learning_rate=1e30), **_SHALLOW)
  with pytest.raises(core.Diverged, match='step .*the loss is'):
    optimize.paint(
      experiments.override(experiment, ['train.duration=10']), _TASK
    )

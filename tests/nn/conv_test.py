"""Every lowering of a convolution computes the same function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from art_jax.nn import conv, cpu_rewrites, lowering

# (x, kernel h w I O, stride, padding)
_CONVS = {
  'unpadded': ((1, 12, 11, 5), (3, 3, 5, 4), 1, 'VALID'),
  'unpadded, few outputs': ((1, 14, 14, 16), (7, 7, 16, 3), 1, 0),
  'few outputs': ((2, 9, 8, 16), (3, 4, 16, 3), 1, ((1, 2), (0, 2))),
  'unpadded, stride 2': ((1, 21, 21, 3), (4, 4, 3, 4), 2, 'VALID'),
  'many patches': ((2, 36, 36, 32), (3, 3, 32, 32), 1, 0),
  'fewer outputs': ((2, 9, 8, 6), (3, 3, 6, 2), 1, 1),
  'columns': ((1, 10, 9, 32), (3, 3, 32, 32), 1, 1),
  'columns, stride 2': ((1, 9, 12, 33), (4, 4, 33, 34), 2, 1),
  'dense': ((3, 4, 4, 6), (4, 4, 6, 5), 1, 0),
  'dense, many': ((2, 4, 4, 32), (4, 4, 32, 32), 1, 'VALID'),
  'first layer': ((1, 13, 13, 3), (7, 7, 3, 32), 1, 'VALID'),
  'columns, few channels': ((2, 8, 8, 3), (4, 4, 3, 4), 2, 1),
  'blocks k4 s2': ((2, 8, 8, 6), (4, 4, 6, 7), 2, 1),
  'blocks k2 s2': ((1, 7, 6, 5), (2, 2, 5, 4), 2, 0),
  'deep, stride 2': ((1, 9, 8, 3), (4, 4, 3, 512), 2, 1),
  'deep, small': ((2, 4, 4, 3), (5, 5, 3, 4), 2, 2),
  'phases k3 s2': ((2, 9, 8, 5), (3, 3, 5, 7), 2, 1),
  'phases k5 s3': ((1, 11, 10, 5), (5, 5, 5, 7), 3, ((1, 2), (0, 2))),
  'SAME': ((2, 9, 7, 3), (4, 4, 3, 2), 2, 'SAME'),
  'kernel below stride': ((1, 9, 9, 3), (1, 1, 3, 4), 2, 0),
  'pixel': ((2, 8, 8, 32), (1, 1, 32, 32), 1, 0),
  'pixel, deep': ((1, 4, 4, 300), (1, 1, 300, 5), 1, 0),
}
# (x, kernel h w I O, stride, padding, output_padding)
_TRANSPOSED = {
  'k3 s2 p1 op1': ((2, 5, 4, 7), (3, 3, 7, 5), 2, 1, 1),
  'k4 s2 p1': ((2, 4, 5, 7), (4, 4, 7, 5), 2, 1, 0),
  'k4 s2 p1, few channels': ((2, 4, 5, 3), (4, 4, 3, 2), 2, 1, 0),
  'k4 s2 p1, columns': ((2, 12, 11, 32), (4, 4, 32, 32), 2, 1, 0),
  'k4 s1 p0': ((3, 1, 1, 33), (4, 4, 33, 5), 1, 0, 0),
}


def _normal(shape, seed, dtype='float32'):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.normal(size=shape), dtype)


def _functions():
  for name, (x, w, stride, padding) in _CONVS.items():
    yield name, x, w, lambda x, w, s=stride, p=padding: conv.conv(x, w, s, p)
  for name, (x, w, stride, p, op) in _TRANSPOSED.items():
    yield (
      name,
      x,
      w,
      lambda x, w, s=stride, p=p, op=op: conv.conv_transpose(x, w, s, p, op),
    )


def _close(got, expected, tolerance=2e-5):
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
    assert a.dtype == b.dtype
    a, b = np.asarray(a, 'float32'), np.asarray(b, 'float32')
    scale = max(np.abs(b).max(initial=0), 1e-6)
    np.testing.assert_allclose(a / scale, b / scale, atol=tolerance)


def _both(f, *args):
  """Run f as CPU gets it and natively (separate functions, separate jits)."""
  with lowering.native_lowering():
    expected = jax.jit(lambda *a: f(*a))(*args)
  return jax.jit(lambda *a: f(*a))(*args), expected


def _everything(f):
  """Value, first order, and the gradient of a gradient penalty."""

  def run(x, w):
    y, vjp = jax.vjp(f, x, w)
    c = jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape)
    c = c.astype(y.dtype)

    def penalty(x, w):
      g = jax.grad(lambda x, w: jnp.sum(jnp.sin(f(x, w)) * c), (0, 1))(x, w)
      return sum(jnp.sum(jnp.square(a)) for a in g)

    return y, vjp(c), jax.grad(penalty, (0, 1))(x, w)

  return run


@pytest.mark.slow
@pytest.mark.parametrize(
  'x, w, f', [pytest.param(*r[1:], id=r[0]) for r in _functions()]
)
def test_rewrites_equal_native_to_second_order(x, w, f):
  _close(*_both(_everything(f), _normal(x, 0), _normal(w, 1)))


@pytest.fixture
def taken(monkeypatch):
  """The names of the rewrites that were chosen since the test began."""
  names = set()
  for which in ('forward', 'input_grad', 'kernel_grad'):
    choose = getattr(lowering, f'_choose_{which}')

    def recorded(a, b, geo, choose=choose):
      rewrite = choose(a, b, geo)
      names.add(getattr(rewrite, '__name__', None))
      return rewrite

    monkeypatch.setattr(lowering, f'_choose_{which}', recorded)
  return names


# Of one device, or for kernels of a million values: tested where they are
# forced.
_FORCED = {
  *('kernel_grad_bands', 'kernel_grad_apart'),
  *('forward_taps', 'input_grad_taps', 'kernel_grad_taps'),
}


def test_the_shapes_take_every_rewrite(taken):
  for _, x, w, f in _functions():
    jax.eval_shape(_everything(f), _normal(x, 0), _normal(w, 1))
  functions = {
    name
    for name, value in vars(cpu_rewrites).items()
    if name.startswith(('forward_', 'input_grad_', 'kernel_grad_'))
    and callable(value)
  }
  assert _FORCED < functions
  assert taken - {None} == functions - _FORCED


@pytest.mark.parametrize(
  'name', [n for n in _CONVS if n.startswith(('blocks', 'columns', 'phases'))]
)
def test_names_say_how_their_input_gradient_is_made(name, taken):
  f, x, w = _grad_of(name)
  jax.eval_shape(f, x, w)
  assert f'input_grad_{name.split()[0].strip(",")}' in taken


def test_no_examples_are_no_error():
  x, w, stride, padding = _CONVS['few outputs']
  x, w = jnp.zeros((0, *x[1:])), jnp.zeros(w)
  _close(*_both(lambda x, w: conv.conv(x, w, stride, padding), x, w))


@pytest.mark.slow
@pytest.mark.parametrize('name', _TRANSPOSED)
def test_large_turned_kernels_are_used_where_they_lie(name, taken, monkeypatch):
  """Of 256 outputs at most: those of more are run as before."""
  monkeypatch.setattr(lowering, '_LARGE', 1)
  x, w, stride, p, op = _TRANSPOSED[name]

  def f(x, w):
    return conv.conv_transpose(x, w, stride, p, op)

  _close(*_both(_everything(f), _normal(x, 0), _normal(w, 1)))
  # The values of x are the outputs of the convolution that f transposes.
  few = x[0] * x[1] * x[2] <= 256
  taps = {'forward_taps', 'input_grad_taps', 'kernel_grad_taps'}
  assert taken & taps == (taps if few else set())


@pytest.mark.slow
@pytest.mark.parametrize('band', [40, 700, 5000])
@pytest.mark.parametrize(
  'x, w, f', [pytest.param(*r[1:], id=r[0]) for r in _functions()]
)
def test_kernel_gradients_in_bands(x, w, f, band, monkeypatch):
  """Of samples, of rows of one, some over the bottom."""
  monkeypatch.setattr(cpu_rewrites, 'BAND', band)
  monkeypatch.setattr(cpu_rewrites, '_FEWEST', 1)
  bands = cpu_rewrites.kernel_grad_bands
  monkeypatch.setattr(lowering, '_choose_kernel_grad', lambda *_: bands)

  def gradient(x, w):
    return jax.grad(lambda w: jnp.sum(jnp.sin(f(x, w))))(w)

  x, w = _normal((6, *x[1:]), 0), _normal(w, 1)
  _close(*_both(gradient, x, w))
  _close(*_both(jax.vmap(gradient, (0, None)), jnp.stack([x, x[::-1]]), w))


@pytest.mark.parametrize('name', ['columns', 'phases k5 s3', 'dense'])
def test_kernel_gradients_of_operands_apart(name, monkeypatch):
  monkeypatch.setattr(
    lowering, '_choose_kernel_grad', lambda *_: cpu_rewrites.kernel_grad_apart
  )
  x, w, stride, padding = _CONVS[name]

  def f(x, w):
    return conv.conv(x, w, stride, padding)

  def gradient(x, w):
    return jax.grad(lambda w: jnp.sum(jnp.sin(f(x, w))))(w)

  x, w = _normal(x, 0), _normal(w, 1)
  _close(*_both(_everything(f), x, w))
  _close(*_both(jax.vmap(gradient, (0, None)), jnp.stack([x, -x]), w))


def test_operands_apart_are_left_to_one_device(monkeypatch):
  """And stay a function of their own, which XLA fuses with nothing."""
  x, w = jnp.zeros((8, 12, 12, 16)), jnp.zeros((3, 3, 16, 16))

  def apart():
    def gradient(x, w):
      return jax.grad(lambda w: jnp.sum(conv.conv(3 * x, w, 1, 1)))(w)

    return ' call(' in jax.jit(gradient).lower(x, w).compile().as_text()

  assert not apart()
  monkeypatch.setattr(jax, 'device_count', lambda: 1)
  assert apart()


def test_loops_are_left_to_one_device(monkeypatch):
  x, w = jnp.zeros((3, 82, 82, 32)), jnp.zeros((3, 3, 32, 32))

  def loops():
    def gradient(x, w):
      return jax.grad(lambda w: jnp.sum(conv.conv(x, w, 2, 0)))(w)

    return ' while(' in jax.jit(gradient).lower(x, w).compile().as_text()

  assert not loops()
  monkeypatch.setattr(jax, 'device_count', lambda: 1)
  assert loops()


@pytest.mark.parametrize(
  'name', ['columns', 'blocks k4 s2', 'phases k3 s2', 'unpadded']
)
def test_bfloat16(name):
  x, w, stride, padding = _CONVS[name]
  x, w = _normal(x, 0, 'bfloat16'), _normal(w, 1, 'bfloat16')

  def f(x, w):
    y, vjp = jax.vjp(lambda x, w: conv.conv(x, w, stride, padding), x, w)
    return y, vjp(y)

  got, expected = _both(f, x, w)
  assert got[0].dtype == jnp.bfloat16
  _close(got, expected, 2e-2)


@pytest.mark.slow
@pytest.mark.parametrize(
  'name',
  [
    'columns',
    'blocks k4 s2',
    'phases k3 s2',
    'unpadded',
    'dense',
    'few outputs',
  ],
)
@pytest.mark.parametrize('axes', [(0, None), (None, 0), (0, 0)])
def test_vmap(name, axes):
  x, w, stride, padding = _CONVS[name]

  def grads(x, w):
    def loss(x, w):
      return jnp.sum(jnp.sin(conv.conv(x, w, stride, padding)))

    return jax.grad(loss, (0, 1))(x, w)

  x = _normal((2, *x) if axes[0] == 0 else x, 0)
  w = _normal((2, *w) if axes[1] == 0 else w, 1)
  got = jax.jit(jax.vmap(grads, axes))(x, w)

  def pick(a, axis, i):
    return a if axis is None else a[i]

  for i in range(2):
    with lowering.native_lowering():
      expected = jax.jit(lambda x, w: grads(x, w))(
        pick(x, axes[0], i), pick(w, axes[1], i)
      )
    _close(jax.tree.map(lambda a, i=i: a[i], got), expected)


@pytest.mark.parametrize(
  'name',
  [
    'columns',
    'blocks k4 s2',
    'phases k3 s2',
    'unpadded',
    'many patches',
    'dense',
  ],
)
def test_rows_sharded_over_devices(name):
  if jax.device_count() < 8:
    pytest.skip('needs 8 devices: --xla_force_host_platform_device_count=8')
  x, w, stride, padding = _CONVS[name]
  x, w = _normal((8, *x[1:]), 0), _normal(w, 1)

  def grads(x, w):
    def loss(x, w):
      return jnp.sum(jnp.sin(conv.conv(x, w, stride, padding)))

    return jax.grad(loss, (0, 1))(x, w)

  mesh = Mesh(np.asarray(jax.devices()[:8]), ('data',))
  rows = jax.device_put(x, NamedSharding(mesh, PartitionSpec('data')))
  copies = jax.device_put(w, NamedSharding(mesh, PartitionSpec()))
  compiled = jax.jit(grads).lower(rows, copies).compile()
  with lowering.native_lowering():
    expected = jax.jit(lambda x, w: grads(x, w))(x, w)
  _close(compiled(rows, copies), expected)
  text = compiled.as_text()
  assert 'all-gather' not in text and ' conditional(' not in text


def _grad_of(name):
  x, w, stride, padding = _CONVS[name]

  def loss(x, w):
    return jnp.sum(jnp.sin(conv.conv(x, w, stride, padding)))

  return jax.grad(loss, (0, 1)), jnp.zeros(x), jnp.zeros(w)


@pytest.mark.parametrize(
  'name',
  ['columns', 'blocks k4 s2', 'phases k3 s2', 'deep, small', 'fewer outputs'],
)
def test_no_conditional_is_left_on_cpu(name):
  f, x, w = _grad_of(name)
  text = jax.jit(f).lower(x, w).compile().as_text()
  assert 'conv_cpu_rewrite' in text
  assert ' conditional(' not in text


@pytest.mark.slow
@pytest.mark.parametrize('platform', ['tpu', 'cuda'])
@pytest.mark.parametrize('name', sorted(_CONVS))
def test_other_platforms_get_native_convolutions(platform, name):
  f, x, w = _grad_of(name)

  def lowered(f):
    low = jax.jit(f).trace(x, w).lower(lowering_platforms=(platform,))
    return low.as_text(debug_info=True)

  text = lowered(f)
  assert 'conv_cpu_rewrite' not in text
  assert 'dot_general' not in text
  with lowering.native_lowering():
    native = lowered(lambda x, w: f(x, w))
  assert text.count('stablehlo.convolution') == native.count(
    'stablehlo.convolution'
  )


def test_native_lowering_is_part_of_the_cache_key():
  f, x, w = _grad_of('columns')
  f = jax.jit(f)
  rewritten = f.lower(x, w).as_text(debug_info=True)
  with lowering.native_lowering():
    native = f.lower(x, w).as_text(debug_info=True)
  again = f.lower(x, w).as_text(debug_info=True)
  assert 'conv_cpu_rewrite' in rewritten
  assert 'conv_cpu_rewrite' not in native
  assert 'conv_cpu_rewrite' in again


@pytest.mark.parametrize(
  'k, s, p, op', [(3, 2, 1, 1), (4, 2, 1, 0), (4, 1, 0, 0)]
)
def test_conv_transpose_is_the_definition(k, s, p, op):
  x, w = (
    np.asarray(_normal((1, 3, 2, 2), 0)),
    np.asarray(_normal((k, k, 2, 3), 1)),
  )
  full = np.zeros((2 * s + k + op, s + k + op, 3))
  for i in range(3):
    for j in range(2):
      patch = np.einsum('hwio,i->hwo', w, x[0, i, j])
      full[i * s : i * s + k, j * s : j * s + k] += patch
  # Output padding enlarges the canvas, padding cuts it at both ends.
  expected = full[p : full.shape[0] - p, p : full.shape[1] - p]
  got = conv.conv_transpose(x, w, s, p, op)
  np.testing.assert_allclose(got[0], expected, atol=1e-5)


def test_reflect_pad():
  x = jnp.arange(9.0).reshape(1, 3, 3, 1)
  y = conv.reflect_pad(x, 2)
  np.testing.assert_array_equal(y[0, 2, :, 0], [2, 1, 0, 1, 2, 1, 0])
  np.testing.assert_array_equal(y[0, :, 2, 0], [6, 3, 0, 3, 6, 3, 0])
  with pytest.raises(ValueError, match='3x3'):
    conv.reflect_pad(x, 3)


def test_resize_conv():
  x = _normal((1, 4, 5, 3), 0)
  module = conv.ResizeConv(2)
  y, variables = module.init_with_output(jax.random.key(0), x)
  assert y.shape == (1, 8, 10, 2)
  w = variables['params']['kernel']
  big = jnp.pad(
    jnp.repeat(jnp.repeat(x, 2, 1), 2, 2),
    ((0, 0), (1, 1), (1, 1), (0, 0)),
    mode='reflect',
  )
  _close(y, conv.conv(big, w, 1, 'VALID'))


@pytest.mark.slow
def test_modules_keep_float32_parameters():
  x = jnp.ones((1, 8, 8, 3))
  for module in (
    conv.Conv(4, dtype='bfloat16'),
    conv.ConvTranspose(4, dtype='bfloat16', use_bias=False),
    conv.ResizeConv(4, dtype='bfloat16'),
  ):
    y, variables = module.init_with_output(jax.random.key(0), x)
    assert y.dtype == jnp.bfloat16
    assert {a.dtype for a in jax.tree.leaves(variables)} == {jnp.dtype('f4')}
    assert ('bias' in variables['params']) == module.use_bias


def test_kernel_starts_as_normal_002():
  variables = conv.Conv(64).init(jax.random.key(0), jnp.ones((1, 8, 8, 64)))
  kernel = variables['params']['kernel']
  assert abs(float(kernel.std()) - 0.02) < 5e-4
  assert abs(float(kernel.mean())) < 5e-4


@pytest.mark.parametrize(
  'module, match',
  [
    (conv.Conv(0), 'features = 0'),
    (conv.Conv(4, kernel_size=0), 'kernel_size = 0'),
    (conv.Conv(4, stride=0), 'stride = 0'),
    (conv.Conv(4, padding='CIRCULAR'), "padding = 'CIRCULAR'"),
    (conv.Conv(4, padding=-1), 'padding = '),
    (conv.Conv(4, kernel_init='best'), "kernel_init = 'best'"),
    (conv.Conv(4, kernel_size=9, padding='VALID'), 'smaller than the kernel'),
    (conv.ConvTranspose(4, padding=4), 'padding = 4'),
    (conv.ConvTranspose(4, output_padding=2), 'output_padding = 2'),
    (conv.ResizeConv(4, padding='SAME'), "padding = 'SAME'"),
    (conv.ResizeConv(4, kernel_size=2), 'kernel_size = 2'),
  ],
)
def test_bad_fields(module, match):
  with pytest.raises(ValueError, match=match):
    module.init(jax.random.key(0), jnp.ones((1, 8, 8, 3)))

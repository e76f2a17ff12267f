"""Targets: names, bounds, and what is read from a program's text."""

import pathlib

import pytest

from art_jax import core
from art_jax.devices import chips, targets
from art_jax.profiling import bounds, compiled_figures, hlo_text

# A step of one convolution, one product in bfloat16 and a loop of 5 rounds, as
# XLA prints them; shortened.
_GPU = (pathlib.Path(__file__).parent / 'gpu_step.hlo').read_text()


def test_operations_are_counted_by_kind_and_loops_as_often_as_they_run():
  figures = compiled_figures.read(_GPU)
  assert figures.operations == {
    'products': 2,
    'fusions': 1,
    'transposes': 1,
    'copies': 5,
    'collectives': 1,
  }
  assert figures.launches == 10
  assert figures.collectives == {'all-reduce': (1, 4 * 2 * 4 * 4 * 32)}


def test_the_share_of_bfloat16_is_one_of_flops():
  convolution, product = 2 * (2 * 4 * 4 * 32) * 3 * 3 * 16, 2 * 4 * 16 * 8
  found = compiled_figures.read(_GPU).bfloat16
  assert found == pytest.approx(product / (product + convolution))


def test_traffic_is_what_is_read_and_written_of_main_memory():
  w, x, y, rows = 4 * 9 * 16 * 32, 4 * 2 * 81 * 16, 4 * 2 * 16 * 32, 4 * 4 * 8
  gathered, index = 4 * 8, 4 * 4
  product = 2 * (4 * 8 + 8 * 16 + 4 * 16)
  assert compiled_figures.read(_GPU).traffic == (
    (w + w)  # turned
    + (x + w + y)
    + (gathered + index + rows)  # not all of u8[1000,8]
    + product
    + 5 * 2 * rows
    + 2 * y
  )


@pytest.mark.parametrize(
  ('text', 'size', 'main'),
  [
    ('f32[8,32]{1,0:T(8,128)S(1)}', 4 * 8 * 128, False),
    ('bf16[8,32,32,16]{3,0,2,1:T(8,128)(2,1)}', 2 * 8 * 32 * 32 * 128, True),
    ('bf16[32,64]{1,0}', 2 * 32 * 64, True),
    ('f32[]{:T(128)}', 4, True),
    ('pred[7]{0}', 7, True),
  ],
)
def test_arrays_have_the_size_of_their_tiles(text, size, main):
  line = f'  %a = {text} negate(%b)'
  (array,) = hlo_text._instruction(line).results
  assert (array.size, array.main) == (size, main)


def test_what_starts_is_told_from_its_operands():
  line = (
    '  %copy-start = (bf16[2,4]{1,0:S(1)}, bf16[2,4]{1,0}, u32[]{:S(2)}) '
    'copy-start(%p), cross_program_prefetch_index=0'
  )
  instruction = hlo_text._instruction(line)
  assert instruction.opcode == 'copy-start' and len(instruction.results) == 3
  assert instruction.operands == ('p',)


@pytest.mark.parametrize(
  ('name', 'count', 'full'),
  [
    ('tpu:v5e:2x2', 4, 'tpu:v5e:2x2'),
    ('tpu:v5p:2x2x1', 4, 'tpu:v5p:2x2x1'),
    ('TPU:v6e:4x4', 16, 'tpu:v6e:4x4'),
    ('gpu:h100', 1, 'gpu:h100'),
    ('gpu:h100x1', 1, 'gpu:h100'),
    ('gpu:h100x8', 8, 'gpu:h100x8'),
  ],
)
def test_targets_have_names(name, count, full):
  target = targets.parse(name)
  assert (target.count, target.name) == (count, full)


@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('gpu:h1000', 'no such chip; there are: gpu:h100'),
    ('tpu:v5:2x2', r'no such chip; there are: tpu:v5\w:'),
    ('tpu:v5e:3x3', r'no such shape; there are: tpu:v5e:\dx\d'),
    ('gpu:h100x3', 'no such shape; there are: gpu:h100'),
    ('v5litepod-16', 'no such chip'),
    ('tpu:v5e', 'no such chip; there are: tpu:v5e'),
    ('', 'no such chip'),
  ],
)
def test_an_unknown_target_lists_what_there_is(name, message):
  with pytest.raises(core.UserError, match=message) as raised:
    targets.parse(name)
  assert 'gpu:h100' in str(raised.value) or 'v5e' in str(raised.value)


def _installed(monkeypatch, **versions):
  monkeypatch.setattr(
    targets, '_version', lambda p: versions.get(p.replace('-', '_'))
  )


@pytest.mark.parametrize(
  ('name', 'versions', 'message'),
  [
    ('tpu:v5e:2x2', {}, r'not installed: pip install "art_jax\[tpu\]"'),
    ('tpu:v5e:2x2', {'libtpu': '0.0.1.2'}, 'of another version of jax'),
    ('gpu:h100', {'jaxlib': '0.10.2'}, r'pip install "art_jax\[cuda\]"'),
    (
      'gpu:h100',
      {'jaxlib': '0.10.2', 'jax_cuda13_pjrt': '0.9.0'},
      'jax-cuda13-pjrt 0.9.0 is of another version of jax',
    ),
  ],
)
def test_a_plugin_that_cannot_be_used_is_named(
  monkeypatch, name, versions, message
):
  _installed(monkeypatch, **versions)
  with pytest.raises(core.UserError, match=message):
    targets.open_devices(targets.parse(name))


def test_bounds_are_those_of_the_published_figures():
  chip = chips.CHIPS['gpu:h100']
  found = bounds.of_step(
    chip,
    flops=494.7e12,
    bfloat16=0.5,
    traffic=3.352e12,
    collectives={'all-reduce': (3, 450e9), 'all-gather': (1, 450e9)},
    launches=1e6,
    devices=2,
  )
  assert found['arithmetic'] == pytest.approx(0.5 + 0.25)
  assert found['memory'] == pytest.approx(1)
  assert found['links'] == pytest.approx(2 * 0.5 + 0.5)
  assert found['launches'] == pytest.approx(3)


def test_every_figure_of_a_chip_has_a_source():
  for chip in chips.CHIPS.values():
    assert {'memory', 'bandwidth', 'peak', 'link'} <= set(chip.sources)
    assert set(chip.peak) == {'bfloat16', 'float32'}
    assert all(targets.parse(name) for name in targets.names())

"""Targets: names, bounds, and what is read from a program's text."""

import pathlib

import pytest
import toy

from art_jax import core
from art_jax.devices import chips, mesh, targets
from art_jax.profiling import (
  bounds,
  compiled_figures,
  hlo_text,
  target_fit,
  target_step,
)

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
  assert (figures.launches, figures.turned) == (10, 1)
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


@pytest.mark.parametrize(
  ('peak', 'first', 'unit', 'limit', 'best', 'most'),
  [
    (lambda b: 100 + 10 * b, 8, 1, 1000, 90, 3),  # a line: the third confirms
    (lambda b: 100 + 10 * b, 8, 8, 1000, 88, 3),
    (lambda b: 100 + 10 * b, 512, 8, 1000, 88, 3),  # the first is too large
    (lambda b: 100 + 10 * b + b * b / 10, 8, 4, 1000, 48, 4),  # it bends
    (lambda b: 2000 + b, 8, 8, 1000, 0, 4),  # nothing fits
    (lambda b: 900 + 100 * b, 1, 1, 1000, 1, 3),
    (lambda b: 500, 8, 8, 1000, 64, 4),  # rows cost nothing
  ],
)
def test_the_largest_batch_is_found_in_four_compilations(
  peak, first, unit, limit, best, most
):
  found, tried = target_fit.search(peak, first, unit, limit)
  assert found == best and len(tried) <= most
  assert found == 0 or tried[found] <= limit
  assert all(batch % unit == 0 for batch in tried)


def _too_large(monkeypatch, fixed, each, state, **changes):
  """Return the message for a toy step of so many bytes on two devices."""
  experiment = toy.experiment(**changes)
  devices = mesh.make_devices(2)

  def memory(rows):
    return {'peak': fixed + each * rows, 'state': state}

  monkeypatch.setattr(
    target_step,
    'compile_step',
    lambda e, *_: target_step.Program(
      memory(e.train.batch_size), 1000, 'text', None, 'streaming', None
    ),
  )
  rows = experiment.train.batch_size
  result = {'fits': False, 'bytes/limit': 1000}
  result |= {f'bytes/{k}': v for k, v in memory(rows).items()}
  with pytest.raises(core.UserError) as raised:
    target_fit.require_fits(
      experiment, targets.parse('gpu:h100x2'), devices, result
    )
  return str(raised.value)


def test_a_step_that_does_not_fit_names_what_would(monkeypatch):
  message = _too_large(monkeypatch, 200, 200, 100)
  assert 'train.batch_size=8 needs' in message
  assert '--set train.batch_size=4 would fit' in message
  assert '--set train.accumulate=2 may' in message
  assert 'shard_state' not in message  # 50 bytes would be saved
  message = _too_large(monkeypatch, 1000, 10, 400)
  assert '--set train.shard_state=True would' in message
  assert 'batch_size=4' not in message and 'accumulate' not in message
  message = _too_large(monkeypatch, 2000, 10, 400)
  assert 'no batch fits' in message


@pytest.mark.parametrize(
  ('message', 'peak'),
  [
    (
      'RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 20.50G '
      'of 15.75G hbm. Exceeded hbm capacity by 4.75G.',
      20.5 * 2**30,
    ),
    (
      'RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required '
      'for HLO temporaries (385.00G) exceeds available HBM (15.75G).',
      385 * 2**30 + 1000,
    ),
    ('UNIMPLEMENTED: no such operation', None),
  ],
)
def test_what_a_refused_program_needs_is_read(message, peak):
  assert target_step._refused(message, state=1000) == peak

"""The benchmark: what it reports, what it refuses, what it writes."""

import json
import os

import jax
import pytest
import toy

from art_jax import core
from art_jax.core import paths
from art_jax.devices import memory, mesh
from art_jax.profiling import benchmark, cold_start, roofline
from art_jax.profiling.step_timer import Stepper


@pytest.fixture
def _quick(monkeypatch):
  monkeypatch.setattr(roofline, '_MATRICES', {'cpu': (64,)})
  monkeypatch.setattr(roofline, '_CONVOLUTIONS', {'cpu': ((1, 8, 8),)})


@pytest.mark.slow
def test_every_number_is_there_and_can_be_true(_quick, tmp_path):
  devices = mesh.make_devices(2)
  trace = str(tmp_path / 'trace')
  found = benchmark.measure(toy.experiment(), devices, steps=4, trace=trace)
  assert found['devices'] == 2 and found['steps'] == 4
  assert found['images_per_second'] == pytest.approx(
    8 * found['steps_per_second']
  )
  assert 0 < found['seconds/step_p50'] <= found['seconds/step_p95']
  assert found['bytes/peak'] == (
    found['bytes/arguments']
    + found['bytes/outputs']
    - found['bytes/reused']
    + found['bytes/temporaries']
  )
  assert found['bytes/reused'] > 0, 'the state is donated'
  assert found['ceiling/share'] == pytest.approx(
    found['flops/second']
    / max(found['ceiling/matmul'], found['ceiling/conv3x3'])
  )
  assert 0 <= found['loop/input_share'] <= 1
  json.dumps(found)
  text = benchmark.text({**found, 'start/cold': 9.0, 'start/warm': 3.0})
  assert 'first step after 9.0 s, with compiled programs after 3.0 s' in text
  profile = [p.name for p in (tmp_path / 'trace').rglob('*') if p.is_file()]
  assert any(name.startswith('perfetto') for name in profile), profile


@pytest.mark.slow
def test_scaling_keeps_the_batch_or_the_share_of_a_device():
  rows = benchmark.scaling(toy.experiment(), [1, 4], steps=2)
  batches = [(r['scaling'], r['devices'], r['batch_size']) for r in rows]
  assert batches == [
    ('weak', 1, 8),
    ('weak', 4, 32),
    ('strong', 1, 8),
    ('strong', 4, 8),
  ]
  assert rows[0]['efficiency'] == rows[2]['efficiency'] == 1
  assert len(benchmark.scaling_text(rows).splitlines()) == 5


@pytest.mark.parametrize(
  'rows, unit, needs, half, available, fits',
  [
    (64, 8, 10 + 64, 10 + 32, 50, 40),  # 10 that stay, 1 a row
    (6, 2, 100 + 6, 100 + 4, 103, 2),
    (64, 8, 10 + 64, 10 + 32, 17, None),
  ],
)
def test_the_batch_that_would_fit(rows, unit, needs, half, available, fits):
  with pytest.raises(core.UserError) as error:
    memory.require_batch_fits(rows, unit, needs, half, available)
  said = f'train.batch_size={fits} would' if fits else 'no batch fits'
  assert said in str(error.value)
  memory.require_batch_fits(rows, unit, needs, half, needs)


def test_no_free_memory_is_told_before_a_step_is_taken(monkeypatch):
  devices = mesh.make_devices(1)
  fits = Stepper(toy.experiment(), devices)
  fits.close()
  monkeypatch.setattr(memory, 'free', lambda _: fits.memory['peak'] - 1)
  with pytest.raises(
    core.UserError, match=r'batch_size=8 needs .*=7 would fit'
  ):
    benchmark.seconds_to_first_step(toy.experiment(), devices)


def test_the_age_of_this_process():
  first = cold_start.process_age()
  assert 0 < first <= cold_start.process_age() < 86400


def test_an_existing_output_is_kept(tmp_path):
  path = tmp_path / 'b.json'
  path.touch()
  with pytest.raises(core.UserError, match='--overwrite'):
    paths.new_file(str(path), overwrite=False)
  with pytest.raises(core.UserError, match='no folder'):
    paths.new_file(str(tmp_path / 'no' / 'b.json'), overwrite=False)
  assert paths.new_file(str(path), overwrite=True) == path


def test_the_ceiling_is_of_all_devices(_quick):
  most = roofline.measure(mesh.make_devices(4), 'bfloat16', seconds=0.01)
  assert most['matmul'] > 0 and most['conv3x3'] > 0
  assert jax.device_count() == 8 and os.environ['JAX_PLATFORMS'] == 'cpu'

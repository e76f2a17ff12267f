"""The loop: resume, engines, stopping, transfer, what is written where."""

import dataclasses
import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest
import toy

import art_jax
from art_jax import core
from art_jax.config import experiments
from art_jax.devices import mesh
from art_jax.inference import export, programs
from art_jax.inference import run as run_module
from art_jax.runs import folder as run_folder
from art_jax.runs import metrics_log, restore
from art_jax.training import loop


def _experiment(*assignments: str) -> core.Experiment:
  # cyclegan_demo has the smallest networks of all CycleGANs.
  tiny = experiments.load('cyclegan_demo', tiny=True)
  return experiments.override(
    tiny,
    (
      'train.duration=8',
      'train.checkpoint_every=4',
      'train.log_every=1',
      'train.render_every=8',
      'train.rescale=false',
      'data.source=Builtin(count=12)',  # fewer than two batches: epochs cross
      *assignments,
    ),
  )


def _train(path, *assignments, **kwargs):
  devices = mesh.make_devices(8)
  return loop.train(_experiment(*assignments), path, devices=devices, **kwargs)


def _assert_same_state(a, b):
  a, b = restore.load_state(a), restore.load_state(b)
  paths = jax.tree_util.tree_leaves_with_path(a)
  for (path, x), y in zip(paths, jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y, jax.tree_util.keystr(path))


@pytest.fixture(scope='module')
def straight(tmp_path_factory):
  path = tmp_path_factory.mktemp('straight')
  _train(path)
  return path


@pytest.mark.slow
@pytest.mark.parametrize('engine', ['resident', 'streaming'])
def test_stopped_and_continued_is_never_stopped(engine, straight, tmp_path):
  """Bitwise, image pools included, in both engines."""
  engine = f'data.engine={engine}'
  _train(tmp_path, engine, 'train.duration=4')
  _train(tmp_path, engine)
  _assert_same_state(straight, tmp_path)
  rows = metrics_log.read_metrics(tmp_path / 'metrics.jsonl')
  assert [row['step'] for row in rows] == list(range(1, 9))
  assert rows == metrics_log.read_metrics(straight / 'metrics.jsonl')
  assert len(json.loads((tmp_path / 'run.json').read_text())) == 2


@pytest.mark.slow
def test_a_signal_saves_and_the_same_command_continues(straight, tmp_path):
  original = loop.Progress.show
  stopped_at = []

  def show_and_signal(self, step, values):
    original(self, step, values)
    if step == 3 and not stopped_at:
      stopped_at.append(step)
      os.kill(os.getpid(), signal.SIGTERM)

  loop.Progress.show = show_and_signal
  try:
    with pytest.raises(loop.Preempted, match='after step 4 of 8'):
      _train(tmp_path)
    _train(tmp_path)
  finally:
    loop.Progress.show = original
  _assert_same_state(straight, tmp_path)


def test_a_finished_run_has_nothing_to_do(straight):
  before = (straight / 'metrics.jsonl').read_text()
  summary = _train(straight)
  assert summary['steps'] == 0
  assert (straight / 'metrics.jsonl').read_text() == before


def test_a_run_that_goes_on_has_no_summary_before_its_end(
  tmp_path, monkeypatch
):
  devices = mesh.make_devices(1)
  loop.train(toy.experiment(), tmp_path, devices=devices)
  before = (tmp_path / 'summary.json').read_text()
  loop.train(toy.experiment(), tmp_path, devices=devices)  # nothing to do
  assert (tmp_path / 'summary.json').read_text() == before

  def killed(self, step, values):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(metrics_log.Writer, 'scalars', killed)
    with pytest.raises(KeyboardInterrupt):
      loop.train(toy.experiment('train.duration=9'), tmp_path, devices=devices)
  assert not (tmp_path / 'summary.json').exists()
  loop.train(toy.experiment('train.duration=9'), tmp_path, devices=devices)
  assert json.loads((tmp_path / 'summary.json').read_text())['steps'] == 1


def test_a_best_metric_that_no_row_has_is_refused_at_the_first(tmp_path):
  experiment = toy.experiment('train.best_metric=loss/toys')
  with pytest.raises(core.UserError, match='loss/toys: no row.*of loss/toy$'):
    loop.train(experiment, tmp_path, devices=mesh.make_devices(1))
  assert not (tmp_path / 'metrics.jsonl').read_text()


def test_run_folder_holds_what_it_should(straight):
  for name in ('config.txt', 'run.json', 'data.json', 'summary.json'):
    assert (straight / name).exists(), name
  assert list(straight.rglob('events.out.tfevents*'))
  assert sorted(p.name for p in (straight / 'images' / 'ab').iterdir()) == [
    '00000001.png',
    '00000008.png',
  ]
  summary = json.loads((straight / 'summary.json').read_text())
  assert 0 <= summary['input_share'] <= 1
  assert summary['steps_per_second'] > 0


def test_a_start_that_failed_does_not_bind_the_folder(tmp_path):
  """The error asks for another setting: it must be possible to pass it."""
  tiny = experiments.load('fast_style_squeezenet', tiny=True)
  absent = experiments.override(tiny, ('algorithm.weights=nowhere',))
  with pytest.raises(core.UserError, match='nowhere'):
    loop.train(absent, tmp_path, devices=mesh.make_devices(1))
  folder = run_folder.RunFolder(tmp_path, writable=False)
  folder.check_config(tiny)
  (tmp_path / metrics_log.FILE).write_text('{"step": 1}\n')
  with pytest.raises(core.UserError, match="weights: 'nowhere' there, '' now"):
    folder.check_config(tiny)


def test_checkpoints_without_a_config_are_nobody_s_to_continue(tmp_path):
  tiny = experiments.load('vae', tiny=True)
  folder = run_folder.RunFolder(tmp_path, writable=False)
  folder.checkpoints.mkdir()
  (folder.checkpoints / '.writable.1').touch()  # of a start that was killed
  folder.check_config(tiny)  # an empty folder binds nobody
  (folder.checkpoints / '10').mkdir()
  with pytest.raises(core.UserError, match='checkpoints but no config.txt'):
    folder.check_config(tiny)


def test_another_config_is_refused_with_the_fields(straight):
  with pytest.raises(core.UserError) as error:
    _train(straight, 'train.seed=1', 'algorithm.cycle_weight=3')
  assert 'train.seed: 0 there, 1 now' in str(error.value)
  assert 'algorithm.cycle_weight: 10.0 there, 3.0 now' in str(error.value)


@pytest.mark.slow
def test_divergence_names_step_and_pictures(tmp_path):
  with pytest.raises(core.Diverged, match=r'step \d: .* is (nan|inf)'):
    _train(
      tmp_path,
      'algorithm.cycle_weight=inf',
    )
  assert not list((tmp_path / 'checkpoints').glob('[0-9]*'))


@pytest.mark.slow
def test_init_from_takes_networks_and_nothing_else(straight, tmp_path):
  _train(
    tmp_path,
    'train.duration=1',
    'train.seed=5',
    'algorithm.generator_optimizer.learning_rate=1e-12',
    'algorithm.discriminator_optimizer.learning_rate=1e-12',
    init_from=straight,
  )
  old, new = restore.load_state(straight), restore.load_state(tmp_path)
  for x, y in zip(
    jax.tree.leaves(old.generators.params),
    jax.tree.leaves(new.generators.params),
    strict=True,
  ):
    np.testing.assert_allclose(x, y, atol=1e-9)
  assert int(new.clock) == 1


@pytest.mark.slow
def test_init_from_another_width_names_the_parameter(straight, tmp_path):
  with pytest.raises(core.UserError, match=r'--init_from: generators'):
    _train(tmp_path, 'algorithm.generator.width=4', init_from=straight)


@pytest.mark.slow
def test_init_from_a_model_of_the_users_own(tmp_path):
  devices = mesh.make_devices(1)
  first, second = tmp_path / 'first', tmp_path / 'second'
  loop.train(toy.experiment('train.duration=2'), first, devices=devices)
  longer = [toy.experiment(f'train.duration={n}') for n in (2, 4)]
  loop.train(longer[0], second, devices=devices, init_from=first)
  # Continued, the run needs the other one no more.
  shutil.rmtree(first)
  loop.train(longer[1], second, devices=devices, init_from=first)
  with pytest.raises(core.UserError, match='--init_from=.*there is no config'):
    loop.train(longer[1], tmp_path / 'x', devices=devices, init_from=first)


@pytest.mark.slow
def test_a_run_that_is_longer_already_and_a_damaged_record(tmp_path, caplog):
  devices = mesh.make_devices(1)
  loop.train(toy.experiment('train.duration=4'), tmp_path, devices=devices)
  (tmp_path / 'run.json').write_text('')
  summary = loop.train(
    toy.experiment('train.duration=2'), tmp_path, devices=devices
  )
  assert summary['steps'] == 0
  assert 'is at step 4 and train.duration is 2' in caplog.text
  assert 'run.json is damaged' in caplog.text
  assert len(json.loads((tmp_path / 'run.json').read_text())) == 1


@pytest.mark.slow
def test_accumulated_steps_equal_whole_ones(tmp_path):
  sgd = (
    'algorithm.generator_optimizer=SGD(learning_rate=1e-3)',
    'algorithm.discriminator_optimizer=SGD(learning_rate=1e-3)',
    'train.duration=2',
  )
  devices = mesh.make_devices(4)
  for name, slices in (('whole', 1), ('sliced', 2)):
    loop.train(
      _experiment(*sgd, f'train.accumulate={slices}'),
      tmp_path / name,
      devices=devices,
    )
  whole = restore.load_state(tmp_path / 'whole')
  sliced = restore.load_state(tmp_path / 'sliced')
  for x, y in zip(jax.tree.leaves(whole), jax.tree.leaves(sliced), strict=True):
    np.testing.assert_allclose(x, y, atol=1e-5)


def test_loaded_run_translates_any_size(straight):
  run = art_jax.load(straight)
  assert run.step == 8
  rng = np.random.default_rng(0)
  for shape in [(1, 32, 32, 3), (2, 37, 50, 3), (33, 34, 3)]:
    pictures = rng.integers(0, 256, shape, np.uint8)
    output = run.translate(pictures, 'ba')
    assert output.shape == shape and output.dtype == np.uint8
  with pytest.raises(core.UserError, match='one of ab, ba'):
    run.translate(pictures, 'sideways')


def test_exported_program_equals_the_run(straight):
  run = art_jax.load(straight)
  pictures = np.random.default_rng(0).uniform(-1, 1, (2, 32, 40, 3))
  pictures = pictures.astype(np.float32)
  program = programs.translator(run, 'ab')
  again = jax.export.deserialize(export.exported(program).serialize())
  output = again.call(program.weights, pictures)
  np.testing.assert_allclose(output, run.translate(pictures, 'ab'), atol=2e-5)


def test_load_says_what_is_missing(tmp_path, straight):
  with pytest.raises(core.UserError, match='no config.txt'):
    art_jax.load(tmp_path)
  with pytest.raises(core.UserError, match='has the steps 4, 8'):
    art_jax.load(straight, 3)
  with pytest.raises(core.UserError, match='latest, best or the number'):
    art_jax.load(straight, 'newest')


@pytest.mark.slow
def test_run_of_a_user_s_own_class_needs_its_file(tmp_path):
  path = tmp_path / 'mine.py'
  path.write_text(
    'import dataclasses\n'
    'from art_jax.config import experiments\n'
    'from art_jax.algorithms.cyclegan import CycleGAN\n'
    '@dataclasses.dataclass(frozen=True, kw_only=True)\n'
    'class Mine(CycleGAN):\n'
    '  pass\n'
    'def experiment():\n'
    '  tiny = experiments.load("cyclegan_demo", tiny=True)\n'
    '  return dataclasses.replace(tiny, algorithm=Mine(\n'
    '    generator=tiny.algorithm.generator,\n'
    '    discriminator=tiny.algorithm.discriminator, pool_size=2))\n'
  )
  experiment = experiments.override(
    experiments.load(str(path)),
    ['train.duration=1', 'data.source=Builtin(count=4)'],
  )
  loop.train(experiment, tmp_path / 'run', devices=mesh.make_devices(8))
  with pytest.raises(core.UserError, match='Mine is not a config class'):
    art_jax.load(tmp_path / 'run')
  run = run_module.load(
    tmp_path / 'run', extra=experiments.user_classes(str(path))
  )
  assert dataclasses.asdict(run.experiment.train)['duration'] == 1

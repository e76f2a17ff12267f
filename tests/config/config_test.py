"""Experiments as values and as text: override, resolve, round trips."""

import dataclasses

import pytest

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.config import choose, experiments, serialization, shapes
from art_jax.data.sources import Builtin, Folder


def _experiment(**train) -> core.Experiment:
  train = {'duration': core.Epochs(200), 'batch_size': 1, **train}
  return core.Experiment(
    algorithm=CycleGAN(),
    data=core.Data(source=Builtin(), size=64),
    train=core.Train(**train),
  )


@pytest.mark.parametrize(
  'assignment, path, value',
  [
    ('train.batch_size=4', 'train.batch_size', 4),
    ('train.duration=100', 'train.duration', 100),
    ('train.duration=Epochs(2.5)', 'train.duration', core.Epochs(2.5)),
    ('train.rescale=false', 'train.rescale', False),
    ('algorithm.cycle_weight=5', 'algorithm.cycle_weight', 5.0),
    ('algorithm.generator.width=7', 'algorithm.generator.width', 7),
    (
      'algorithm.generator.upsample=resize',
      'algorithm.generator.upsample',
      'resize',
    ),
    ('algorithm.generator.norm=none', 'algorithm.generator.norm', 'none'),
    ("algorithm.generator.norm='batch'", 'algorithm.generator.norm', 'batch'),
    ("data.source=Folder('/p')", 'data.source', Folder('/p')),
    ('data.source=Builtin(count=3)', 'data.source', Builtin(count=3)),
    ("data.classes=['x', 'y']", 'data.classes', ('x', 'y')),
    ('data.load_size=None', 'data.load_size', None),
    (
      'algorithm.generator_optimizer=SGD(learning_rate=1e-3)',
      'algorithm.generator_optimizer',
      optim.SGD(learning_rate=1e-3),
    ),
    (
      'algorithm.generator_optimizer.schedule=StepDecay(boundaries=(1, 2))',
      'algorithm.generator_optimizer.schedule',
      optim.StepDecay(boundaries=(1, 2)),
    ),
  ],
)
def test_override(assignment, path, value):
  changed = experiments.override(_experiment(), [assignment])
  assert experiments.get(changed, path) == value
  assert type(experiments.get(changed, path)) is type(value)


def test_assignments_are_applied_at_once():
  # Either one alone would break the rule load_size >= size.
  changed = experiments.override(
    _experiment(), ['data.size=128', 'data.load_size=143']
  )
  assert (changed.data.size, changed.data.load_size) == (128, 143)


@pytest.mark.parametrize(
  'assignment, message',
  [
    ('train.bath_size=4', "no field 'bath_size'; it has: batch_size"),
    ('trian.batch_size=4', "no field 'trian'; it has: train"),
    ('train.batch_size=big', "'big' is not allowed"),
    ('train.batch_size=1.5', 'is a whole number'),
    ('train.batch_size=0', 'is at least 1'),
    ('train.duration=-5', 'is at least one step'),
    ('train.duration=Epochs(-1)', 'is >= 0'),
    ('train.checkpoint_every=Epochs(inf)', 'and finite'),
    ('train.seed=4294967296', 'below 2**32'),
    ('train.batch_size', 'write --set path.to.field=value'),
    ('train.rescale=7', 'is true or false'),
    ('data.size=64.0', 'is a whole number'),
    ('data.fit=squeeze', "is one of 'crop', 'stretch'"),
    ('data.load_size=32', 'at least data.size=64'),
    ('data.source=Floder("/p")', 'there are: Folder'),
    ('data.source=Folder(rot="/p")', "no field 'rot'; it has: root"),
    ('data.source=3', 'is a Source'),
    ('data.source=__import__("os").system("true")', 'not allowed'),
    ('data.source=().__class__', 'not allowed'),
    ('algorithm.pool_size=-1', 'is >= 0'),
    ('algorithm.generator_optimizer.learning_rate=0', 'is > 0'),
    ('train.seed.x=1', 'has no fields'),
  ],
)
def test_override_refuses(assignment, message):
  with pytest.raises(core.UserError) as error:
    experiments.override(_experiment(), [assignment])
  assert message in str(error.value)
  assert '\n' not in str(error.value)


def test_unknown_experiment_lists_nearest_first():
  with pytest.raises(core.UserError, match='there are: cyclegan'):
    experiments.load('cyclgan')


def test_resolve_turns_times_into_steps():
  experiment = _experiment(batch_size=4, checkpoint_every=core.Epochs(0.5))
  resolved = experiments.resolve(experiment, num_examples=1000)
  assert resolved.train.duration == 50_000
  assert resolved.train.checkpoint_every == 125
  schedule = resolved.algorithm.generator_optimizer.schedule
  assert (schedule.start, schedule.end) == (25_000, 50_000)


@pytest.mark.parametrize(
  'assignments, boundaries',
  [
    (['train.duration=Epochs(20)'], (10_000, 20_000)),
    (['train.duration=500'], (250, 500)),
    (['train.duration=Steps(500)', 'train.rescale=false'], (100_000, 200_000)),
  ],
)
def test_shorter_run_still_decays_to_its_end(assignments, boundaries):
  changed = experiments.override(_experiment(), assignments)
  schedule = experiments.resolve(
    changed, 1000
  ).algorithm.generator_optimizer.schedule
  assert (schedule.start, schedule.end) == boundaries


def test_accumulate_reaches_every_optimiser():
  experiment = _experiment(batch_size=4, accumulate=2)
  algorithm = experiments.resolve(experiment, 10).algorithm
  assert algorithm.generator_optimizer.accumulate == 2
  assert algorithm.discriminator_optimizer.accumulate == 2


def test_everywhere_rewrites_linen_modules_too():
  experiment = experiments.everywhere(_experiment(), {'dtype': 'bfloat16'})
  assert experiment.algorithm.generator.dtype == 'bfloat16'
  assert experiment.algorithm.discriminator.dtype == 'bfloat16'


def test_replace_changes_values_at_once():
  base = experiments.load('diffusion_paintings')
  changed = experiments.replace(
    base, {'algorithm.num_classes': 5, 'algorithm.denoiser.num_classes': 5}
  )
  assert experiments.differences(base, changed) == [
    'algorithm.denoiser.num_classes',
    'algorithm.num_classes',
  ]
  with pytest.raises(TypeError, match='class'):
    experiments.replace(base, {'data.class': 5})


def test_differences_name_the_paths():
  old = _experiment()
  new = experiments.override(
    old, ['algorithm.generator.width=8', 'train.seed=1']
  )
  assert experiments.differences(old, new) == [
    'algorithm.generator.width',
    'train.seed',
  ]


@pytest.mark.parametrize(
  'text',
  [
    '__import__("os")',
    'Folder(open("/etc/passwd").read())',
    'Folder(*["x"])',
    'Folder(**{"root": "x"})',
    '[x for x in ()]',
    'lambda: 0',
    'b"bytes"',
    'Folder.open',
    '(' * 5000,
    'Steps("many")',
    'Experiment()',
    'f"{1}"',
    '',
  ],
)
def test_a_config_is_data(text):
  with pytest.raises(core.UserError):
    serialization.from_text(text)


def test_user_classes_are_known_only_when_named(tmp_path):
  path = tmp_path / 'mine.py'
  path.write_text(
    'import dataclasses\n'
    '@dataclasses.dataclass(frozen=True)\n'
    'class Mine:\n'
    '  x: int = 1\n'
  )
  extra = experiments.user_classes(str(path))
  assert dataclasses.asdict(serialization.from_text('Mine(x=2)', extra)) == {
    'x': 2
  }
  with pytest.raises(core.UserError, match='Mine is not a config class'):
    serialization.from_text('Mine(x=2)')


def test_experiment_file_without_experiment(tmp_path):
  path = tmp_path / 'empty.py'
  path.write_text('x = 1\n')
  with pytest.raises(core.UserError, match='defines no function experiment'):
    experiments.load(str(path))


@pytest.mark.parametrize(
  'make',
  [
    lambda: choose.choose(
      'style_transfer_squeezenet', {'algorithm.features.version': '1.1.5'}
    ),
    lambda: serialization.from_text(
      "Gatys(features=SqueezeNet(version='1.1.5'), weights='')"
    ),
  ],
)
def test_what_a_network_refuses_is_told_like_any_bad_input(make):
  with pytest.raises(core.UserError, match=r"'1.1.5': must be '1.0' or '1.1'"):
    make()


@pytest.mark.parametrize('dtype', ['int32', 'bool', 'float64', 'complex64'])
def test_layers_compute_in_a_type_that_they_train_in(dtype):
  """Weights of N(0, 0.02^2) are 0 as whole numbers: nothing is learned."""
  experiment = experiments.override(
    experiments.load('cyclegan_demo', tiny=True),
    [f'algorithm.generator.dtype={dtype}'],
  )
  with pytest.raises(
    core.UserError, match=f"ResnetGenerator.dtype='{dtype}'.*bfloat16"
  ):
    shapes.state_shapes(experiment)

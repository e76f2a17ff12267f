"""What a recipe cannot learn from is told before anything is compiled."""

import pytest

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.devices import mesh
from art_jax.training import start

_GANS = {
  'dcgan_paintings': '32, 64, 128, 150, 256',
  'cdcgan_wikiart': '32, 64, 128, 150, 256',
  'cdcgan_attributes': '32, 64, 128, 150, 256',
  'acgan_wikiart': '32, 64, 128, 150, 256',
  'gangogh': '32, 64, 128',
  'projected_paintings64': '64, 128, 256, 512, 1024',
}
_DENOISERS = ('flow_paintings', 'diffusion_paintings', 'diffusion_wikiart')


def _begin(name, *assignments):
  """Do what `train` does before it opens the data."""
  experiment = experiments.load(name, tiny=True)
  experiment = experiments.override(experiment, list(assignments))
  start.check_before_data(experiment, mesh.make_devices(1))
  return shapes.state_shapes(experiments.resolve(experiment, num_examples=32))


def _part(name):
  return 'denoiser' if name in _DENOISERS else 'generator'


@pytest.mark.parametrize('size', [40, 2048])
@pytest.mark.parametrize('name', _GANS)
def test_a_size_that_the_generator_cannot_make(name, size):
  with pytest.raises(core.UserError, match=f'{size} px.*{_GANS[name]} ') as e:
    _begin(name, f'data.size={size}', f'algorithm.generator.size={size}')
  assert '--set algorithm' in str(e.value)


@pytest.mark.parametrize('name', _DENOISERS)
def test_a_size_that_the_denoiser_cannot_halve(name):
  with pytest.raises(core.UserError, match='size=33.*multiple of.*data.size=3'):
    _begin(name, 'data.size=33', 'algorithm.denoiser.size=33')


@pytest.mark.parametrize('name', [*_GANS, *_DENOISERS])
def test_pictures_of_another_size(name):
  with pytest.raises(core.UserError, match=f'{_part(name)}.size=128'):
    _begin(name, 'data.size=128')


@pytest.mark.slow
@pytest.mark.parametrize('name', [*_GANS, *_DENOISERS])
def test_gray_pictures(name):
  """The field to set is named, and with it they are learned from."""
  field = f'algorithm.{_part(name)}.channels=1'
  with pytest.raises(core.UserError, match=field):
    _begin(name, 'data.channels=1')
  assert _begin(name, 'data.channels=1', field)


@pytest.mark.parametrize('name', ['cut', 'cyclegan', 'pix2pix_facades'])
def test_gray_pictures_for_a_translator(name):
  field = 'algorithm.generator.channels'
  for wrong, right in (('data.channels=1', 1), (f'{field}=1', 3)):
    with pytest.raises(core.UserError, match=f'--set {field}={right}'):
      _begin(name, wrong)
  assert _begin(name, 'data.channels=1', f'{field}=1')


@pytest.mark.parametrize(
  'size, told', [(16, 'multiple of 32'), (100, 'multiple of 32'), (0, 'of 32')]
)
def test_project_size(size, told):
  with pytest.raises(core.UserError, match=f'project_size={size}.*{told}'):
    _begin('projected_paintings64', f'algorithm.project_size={size}')


@pytest.mark.parametrize('side', [32, 96])
def test_pictures_below_and_above_project_size_are_resized(side):
  assert _begin('projected_paintings64', f'algorithm.project_size={side}')


@pytest.mark.parametrize(
  'field, told',
  [
    ('patch=0', 'patch = 0: must be at least 1'),
    ('patch=3', 'data.size=32.*multiple of 6'),
    ('width=6', 'width = 6.*multiple of 4'),
    ('blocks=0', 'at least one block'),
  ],
)
def test_a_denoiser_that_cannot_be_built(field, told):
  with pytest.raises(core.UserError, match=told):
    _begin('flow_paintings', f'algorithm.denoiser.{field}')


@pytest.mark.parametrize('width', [4, 36, 48, 100])
def test_a_denoiser_of_any_multiple_of_4_is_built(width):
  # 36 + 2 x 36 channels do not divide into 32 groups.
  assert _begin('flow_paintings', f'algorithm.denoiser.width={width}')

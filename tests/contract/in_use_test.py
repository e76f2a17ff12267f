"""What a trained diffusion model can be asked for: fields, holes, hours."""

import dataclasses
import re
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.algorithms.diffusion import Diffusion
from art_jax.cli import options
from art_jax.config import experiments
from art_jax.devices import mesh
from art_jax.inference import run, translate
from art_jax.profiling import estimate


def _model() -> run.Run:
  return run.Run(experiments.load('diffusion_mnist', tiny=True), params={})


def test_fields_of_the_sampler_change_in_use():
  changed = options.in_use(
    _model(), ['algorithm.num_steps=7', 'algorithm.guidance=3']
  )
  assert changed.algorithm.num_steps == 7 and changed.algorithm.guidance == 3
  assert set(Diffusion.in_use) <= {
    field.name for field in dataclasses.fields(Diffusion)
  }


@pytest.mark.parametrize(
  'assignment, message',
  [
    ('algorithm.ema_decay=0.5', 'cannot be changed in it; fields that act'),
    ('train.seed=1', 'cannot be changed in it'),
    ('algorithm.num_steps=0', 'is at least 1'),
  ],
)
def test_other_fields_are_refused(assignment, message):
  with pytest.raises(core.UserError, match=message):
    options.in_use(_model(), [assignment])


@dataclasses.dataclass(frozen=True)
class _White:
  """Paints white where it is asked to, and grey around it."""

  directions: ClassVar = ('repaint',)
  multiple: ClassVar[int] = 4

  def inpaint(self, params, images, mask, labels=None, *, key):
    assert images.shape[1] % 4 == images.shape[2] % 4 == 0
    return mask * 1.0 + (1 - mask) * 0.0 * images


def test_inpainting_keeps_what_the_mask_leaves(tmp_path):
  experiment = dataclasses.replace(_model().experiment, algorithm=_White())
  white = run.Run(experiment, params={})
  pixels = np.random.default_rng(0).integers(0, 255, (6, 9, 1), np.uint8)
  mask = np.zeros((6, 9), bool)
  mask[1:3, 2:5] = True
  made = white.inpaint(pixels, mask)
  assert (made[mask] == 255).all() and (made[~mask] == pixels[~mask]).all()
  with pytest.raises(core.UserError, match='mask of shape'):
    white.inpaint(pixels, mask[1:])
  for name, picture in (('in', pixels[..., 0]), ('mask', 255 * mask)):
    Image.fromarray(picture.astype(np.uint8)).save(tmp_path / f'{name}.png')
  translate.files(
    *(white, tmp_path / 'in.png', tmp_path / 'out'),
    mask=str(tmp_path / 'mask.png'),
  )
  written = np.asarray(Image.open(tmp_path / 'out' / 'in.png'))
  np.testing.assert_array_equal(written, made[..., 0])


def test_a_mask_is_for_models_that_inpaint(tmp_path):
  gan = run.Run(experiments.load('dcgan_paintings', tiny=True), params={})
  Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / 'x.png')
  with pytest.raises(core.UserError, match='GAN does not inpaint'):
    translate.files(
      *(gan, tmp_path / 'x.png', tmp_path / 'out'),
      mask=str(tmp_path / 'x.png'),
    )


@pytest.mark.parametrize(
  'speed, seconds, told',
  [
    # 100 steps: of an earlier run; timed; at the ceiling of 1 GFLOP/s.
    (2.0, None, r'^50.0 s to finish: as a run here took \(2 steps/s\)'),
    (None, (36.0, 5), '^about 1.00 hours to finish: 5 steps timed now'),
    (
      None,
      None,
      '^not known .* at least 6.7 minutes to finish: .* at 1 GFLOP/s',
    ),
  ],
)
def test_hours_say_how_they_are_known(monkeypatch, speed, seconds, told):
  monkeypatch.setattr(estimate, 'recall', lambda *_: speed)
  monkeypatch.setattr(estimate, 'step_seconds', lambda *_: seconds)
  monkeypatch.setattr(estimate.roofline, 'measure', lambda *_: {'matmul': 1e9})
  experiment = experiments.override(
    experiments.load('dcgan_paintings', tiny=True), ['train.duration=100']
  )
  found = estimate.sentence(
    experiment, mesh.make_devices(1), 4e9, timed=seconds is not None
  )
  assert re.search(told, found), found

"""`style_transfer_nnst`: tiles, devices, scales, options and videos."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.algorithms import optim
from art_jax.config import experiments
from art_jax.devices import mesh
from art_jax.media import frame_store
from art_jax.style_transfer import optimize, task
from art_jax.style_transfer import video as style_video


def _image(seed, height, width):
  random = np.random.default_rng(seed)
  small = random.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
  return Image.fromarray(small).resize((width, height), Image.BICUBIC)


_TASK = task.Task(_image(0, 48, 64), (_image(1, 40, 56),))


def _experiment(*changes, **fields):
  experiment = experiments.override(
    experiments.load('style_transfer_nnst', tiny=True),
    [
      *('data.size=64', 'train.duration=4', 'algorithm.start=content'),
      "algorithm.layers=('relu1_1', 'relu2_1')",
      *changes,
    ],
  )
  return dataclasses.replace(
    experiment, algorithm=dataclasses.replace(experiment.algorithm, **fields)
  )


@pytest.mark.slow
def test_scales_double_and_end_in_the_paintings_colors():
  red = Image.fromarray(np.full((48, 48, 3), (200, 30, 30), np.uint8))
  experiment = _experiment('algorithm.coarse_size=48', 'data.size=96')
  assert task.scales(experiment.algorithm, 96) == [48, 96]
  seen = []
  picture = optimize.paint(
    experiment,
    task.Task(_TASK.content, (red,)),
    report=lambda number, metrics, picture: seen.append(picture().shape),
  )
  assert seen[3] == (36, 48, 3) and seen[4:] == [(72, 96, 3)] * 4
  np.testing.assert_allclose(picture.mean((0, 1)), (200, 30, 30), atol=3)


@pytest.mark.slow
def test_a_tiled_picture_is_that_of_the_whole():
  experiment = _experiment(
    *('data.size=256', 'train.duration=1', 'algorithm.projection=0'),
    optimizer=optim.SGD(learning_rate=30.0),
    share_schedule=None,
  )
  both = (_image(3, 192, 256), _image(4, 256, 160))
  mask = np.zeros((192, 256), 'u1')
  mask[:, :128] = 255
  masks = tuple(Image.fromarray(m) for m in (mask, 255 - mask))
  job = task.Task(_image(2, 192, 256), both, masks)
  whole, tiled = (optimize.paint(experiment, job, tile=t) for t in (0, 128))
  assert np.abs(np.int16(whole) - np.asarray(job.content)).mean() > 5
  differences = np.abs(np.int16(whole) - tiled)
  # A cell whose two best matches are as good as equal may take the other.
  assert np.mean(differences > 2) < 0.01


@pytest.mark.slow
def test_rows_over_eight_devices_equal_one():
  pictures = [
    optimize.paint(_experiment(), _TASK, devices=mesh.make_devices(count))
    for count in (1, 8)
  ]
  assert np.mean(np.abs(np.diff(np.int16(pictures), axis=0)) > 1) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
  'changes',
  [
    ('algorithm.colors=luminance', 'algorithm.start=noise'),
    ('algorithm.colors=histogram', 'algorithm.start=recolored'),
    ('algorithm.blend=(0.3, 0.7)', 'algorithm.turns=(0, 1, 6)'),
  ],
  ids=str,
)
def test_options_paint(changes):
  styles = (*_TASK.styles, _image(5, 64, 40))[
    : 2 if 'blend' in str(changes) else 1
  ]
  job = dataclasses.replace(_TASK, styles=styles, start=None)
  picture = optimize.paint(_experiment(*changes), job)
  assert picture.shape == (48, 64, 3) and picture.std() > 1


@pytest.mark.slow
def test_a_video_is_painted_and_resumes(tmp_path):
  pytest.importorskip('cv2')
  scene = np.asarray(_image(6, 96, 128))
  clip = [scene[i : i + 48, 2 * i : 2 * i + 64] for i in range(3)]
  experiment = _experiment('algorithm.temporal_weight=1.0')
  whole = frame_store.Frames(tmp_path / 'a.mp4', {})
  loss = style_video.paint(experiment, iter(clip), _TASK.styles, whole)
  assert whole.count == 3 and np.isfinite(loss)
  half = frame_store.Frames(tmp_path / 'b.mp4', {})
  style_video.paint(experiment, iter(clip[:2]), _TASK.styles, half)
  style_video.paint(experiment, iter(clip), _TASK.styles, half)
  for one, other in zip(whole, half, strict=True):
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
  'changes, content, message',
  [
    (['data.size=16'], _TASK.content, '--size=16: .* 12 pixels on its shorter'),
    (['algorithm.blend=(1, 2)'], _TASK.content, 'blend: 2 given for 1'),
    ([], _image(0, 16, 64), '--content: a picture of 64x16 pixels'),
  ],
)
def test_bad_tasks_are_refused(changes, content, message):
  job = dataclasses.replace(_TASK, content=content)
  with pytest.raises(core.UserError, match=message):
    task.require_paintable(_experiment(*changes), job, 0)


def test_absent_weights_say_how_to_get_them(monkeypatch, tmp_path):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)
  with pytest.raises(core.UserError, match="'vgg16' are not here. Three ways"):
    optimize.paint(experiments.load('style_transfer_nnst'), _TASK)

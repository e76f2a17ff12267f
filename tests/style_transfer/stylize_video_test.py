"""Videos painted: flow, steadiness, resuming, refusals."""

import dataclasses
import shutil

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from art_jax import core
from art_jax.cli.flags import FLAGS
from art_jax.cli.modes import stylize
from art_jax.config import experiments
from art_jax.data import paintings
from art_jax.inference import run as runs
from art_jax.media import frame_store, images, optical_flow, video
from art_jax.style_transfer import video as style_video

cv2 = pytest.importorskip('cv2')
pytest.importorskip('av')

_SIZE = (64, 48)


def _pan(count, step=(3, 1), size=_SIZE):
  """Return u8[count, H, W, 3]: a window that moves over a painted scene."""
  scene = paintings.scene(2, photo=True).resize((256, 256))
  boxes = [(10 + i * step[0], 20 + i * step[1]) for i in range(count)]
  return np.stack(
    [np.asarray(scene.crop((x, y, x + size[0], y + size[1]))) for x, y in boxes]
  )


def test_flow_and_what_is_trusted():
  first, second = _pan(2, size=(128, 96))
  backward = optical_flow.between(second, first)
  forward = optical_flow.between(first, second)
  # The window moves right and down, so what it shows lies ahead of it.
  np.testing.assert_allclose(np.median(backward, (0, 1)), (3, 1), atol=0.1)
  trust = optical_flow.trusted(backward, forward)
  assert trust[:, -3:].max() == 0, 'it came in from outside'
  assert trust.mean() > 0.8
  moved = optical_flow.warp(first, backward)
  assert np.abs(moved - second)[trust > 0].mean() < 3
  # A square of another motion uncovers what was behind it.
  square = first.copy()
  square[30:60, 30:60] = 255 - square[30:60, 30:60]
  other = first.copy()
  other[30:60, 40:70] = square[30:60, 30:60]
  back, ahead = (
    optical_flow.between(other, square),
    optical_flow.between(square, other),
  )
  uncovered = optical_flow.trusted(back, ahead)[32:58, 31:38]
  assert uncovered.mean() < 0.5


def test_flicker_counts_what_does_not_move_along():
  clip = list(_pan(3, size=(96, 64)))
  noise = np.random.default_rng(0).normal(0, 10, (3, 64, 96, 3))
  noisy = [
    np.clip(x + n, 0, 255).astype('u1')
    for x, n in zip(clip, noise, strict=True)
  ]
  plain, flat, shaken = optical_flow.flicker(
    clip, [x // 2 + 20 for x in clip], noisy
  )
  assert plain < 2 and flat < 2
  # E|n - n'| of two normals of deviation 10 is 11.3; warping averages a bit.
  assert 7 < shaken < 14
  assert optical_flow.flicker(clip[:1], clip[:1]) == (0, 0)
  with pytest.raises(ValueError):
    optical_flow.flicker(clip, clip[:2])


def test_frames_belong_to_a_job(tmp_path):
  output, frame = tmp_path / 'a.mp4', np.zeros((4, 4, 3), np.uint8)
  done = frame_store.Frames(output, {'x': 1})
  done.append(frame)
  done.append(frame + 1)
  again = frame_store.Frames(output, {'x': 1})
  assert again.count == 2 and again[1].max() == 1
  with pytest.raises(core.UserError, match='frames of another job.*--overw'):
    frame_store.Frames(output, {'x': 2})
  assert frame_store.Frames(output, {'x': 2}, overwrite=True).count == 0
  again.drop()
  assert not list(tmp_path.iterdir())


def _gatys(**changes):
  experiment = experiments.override(
    experiments.load('style_transfer', tiny=True),
    [
      *('train.duration=6', 'data.size=64', 'algorithm.temporal_weight=10.0'),
      "algorithm.content_layers=('relu1_2',)",
      "algorithm.style_layers=('relu1_1',)",
      'algorithm.style_weights=(1,)',
    ],
  )
  algorithm = dataclasses.replace(experiment.algorithm, **changes)
  return dataclasses.replace(experiment, algorithm=algorithm)


@pytest.mark.slow
@pytest.mark.parametrize('colors', ['style', 'luminance'])
def test_gatys_is_steady_and_resumes(tmp_path, colors):
  clip = _pan(4)
  clip[3] = clip[2]
  style = (paintings.scene(1),)
  experiment = _gatys(colors=colors)
  whole = frame_store.Frames(tmp_path / 'a.mp4', {})
  loss = style_video.paint(experiment, iter(clip), style, whole)
  assert whole.count == 4 and np.isfinite(loss)
  assert whole[0].shape == clip[0].shape
  np.testing.assert_array_equal(whole[3], whole[2])  # nothing moved
  half = frame_store.Frames(tmp_path / 'b.mp4', {})
  style_video.paint(experiment, iter(clip[:2]), style, half)
  half = frame_store.Frames(tmp_path / 'b.mp4', {})
  assert half.count == 2
  style_video.paint(experiment, iter(clip), style, half)
  for one, other in zip(whole, half, strict=True):
    np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_temporal_loss_takes_flicker_away(tmp_path):
  clip, style = _pan(3), (paintings.scene(1),)
  flickers = []
  for weight in (0.0, 100.0):
    experiment = _gatys(temporal_weight=weight, start='noise')
    done = frame_store.Frames(tmp_path / f'{weight}.mp4', {})
    style_video.paint(experiment, iter(clip), style, done)
    flickers.append(optical_flow.flicker(clip, done)[1])
  # From noise in every frame the same seed still gives another texture.
  assert flickers[1] < 0.5 * flickers[0]


class _Negative:
  """A model that turns pictures into negatives, and notes their number."""

  experiment = experiments.load('cyclegan_demo', tiny=True)
  algorithm = experiment.algorithm
  step = None

  def __init__(self):
    self.batches = []

  def translate(self, pictures, direction=None):
    self.batches.append(len(pictures))
    return 255 - pictures


def test_network_gets_batches_of_one_size(tmp_path):
  clip, model = _pan(19), _Negative()
  done = frame_store.Frames(tmp_path / 'a.mp4', {})
  style_video.translate(model, iter(clip), done)
  assert model.batches == [16, 16] and done.count == 19
  np.testing.assert_array_equal(done[18], 255 - clip[18])


class _Gray(_Negative):
  experiment = experiments.override(_Negative.experiment, ['data.channels=1'])

  def translate(self, pictures, direction=None):
    assert pictures.shape[-1] == 1
    return super().translate(pictures)


def test_gray_networks_paint_clips_and_pictures(files, monkeypatch):
  done, clip = frame_store.Frames(files / 'a.mp4', {}), _pan(2)
  style_video.translate(_Gray(), iter(clip), done)
  want = 255 - np.asarray(Image.fromarray(clip[1]).convert('L'))
  np.testing.assert_array_equal(done[1], np.stack([want] * 3, axis=-1))
  monkeypatch.setattr(runs, 'load', lambda *unused: _Gray())
  (files / 'run').mkdir()
  picture, output = files / 'painting.png', files / 'out.png'
  _run(files, run=str(files / 'run'), content=str(picture), output=str(output))
  want = 255 - np.asarray(Image.open(picture).convert('L'))
  np.testing.assert_array_equal(np.asarray(Image.open(output)), want)


@pytest.fixture
def files(tmp_path):
  video.write(tmp_path / 'clip.mp4', _pan(5), fps=12)
  paintings.scene(1).resize((64, 64)).save(tmp_path / 'painting.png')
  (tmp_path / 'text.mp4').write_text('no video')
  return tmp_path


def _run(files, **changes):
  if not FLAGS.is_parsed():
    FLAGS(['test'])
  values = dict(
    mode='stylize',
    content=str(files / 'clip.mp4'),
    output=str(files / 'out.mp4'),
  )
  with flagsaver.flagsaver(**{**values, **changes}):
    stylize.run(FLAGS)


def test_command_line_with_a_network(files, monkeypatch, capsys):
  model = _Negative()
  monkeypatch.setattr(runs, 'load', lambda *unused: model)
  append, kept = frame_store.Frames.append, []

  def killed(self, frame):
    if len(kept) == 2:
      raise KeyboardInterrupt
    kept.append(frame)
    append(self, frame)

  monkeypatch.setattr(frame_store.Frames, 'append', killed)
  (files / 'run').mkdir()
  with pytest.raises(KeyboardInterrupt):
    _run(files, run=str(files / 'run'))
  assert not (files / 'out.mp4').exists()
  assert len(list((files / 'out.mp4.frames').glob('*.png'))) == 2
  monkeypatch.setattr(frame_store.Frames, 'append', append)
  with pytest.raises(core.UserError, match='another job'):
    _run(files, run=str(files / 'run'), size=48)
  _run(files, run=str(files / 'run'))
  printed = capsys.readouterr()
  assert 'continued: 2 frames are done' in printed.err
  assert (
    '5 frames of 64x48 pixels' in printed.out and 'flicker: ' in printed.out
  )
  assert not (files / 'out.mp4.frames').exists()
  want = 255 - np.stack(list(video.read(files / 'clip.mp4')))
  got = np.stack(list(video.read(files / 'out.mp4')))
  assert np.abs(got.astype(int) - want).mean() < 4


@pytest.mark.parametrize(
  ('name', 'value'), [('precision', 'bfloat16'), ('devices', 2), ('tiny', True)]
)
def test_what_a_trained_network_does_not_take_is_refused(files, name, value):
  with pytest.raises(core.UserError, match=f'--{name}.*not for trained'):
    _run(files, run=str(files / 'run'), **{name: value})


def test_frames_too_small_for_a_network_name_its_least(files, monkeypatch):
  monkeypatch.setattr(runs, 'load', lambda *unused: _Negative())
  monkeypatch.setattr(core, 'size_multiple', lambda algorithm: 64)
  with pytest.raises(
    core.UserError, match='64x48.*both sides are at least 128'
  ):
    _run(files, run=str(files / 'run'))


@pytest.mark.slow
def test_command_line_with_gatys(files, capsys):
  shallow = [
    "algorithm.content_layers=('relu1_2',)",
    "algorithm.style_layers=('relu1_1',)",
    'algorithm.style_weights=(1,)',
    'algorithm.temporal_weight=1',
  ]
  style = str(files / 'painting.png')
  gatys = dict(experiment='style_transfer', tiny=True, style=style)
  _run(files, **gatys, set=shallow, size=49, steps=2)
  printed = capsys.readouterr().out
  assert '5 frames of 48x36 pixels' in printed and 'style loss' in printed
  assert video.read(files / 'out.mp4').size == (36, 48)


def test_all_frames_are_as_large_as_an_odd_size_becomes(files, monkeypatch):
  def paint(experiment, clip, styles, done, report):
    size = experiment.data.size  # that optimize.paint gives the first frame
    for frame in clip:
      assert images.shape_of(Image.fromarray(frame), size, 1) == (36, 48)
      done.append(frame)
    return 0.0

  monkeypatch.setattr(style_video, 'paint', paint)
  style = str(files / 'painting.png')
  _run(files, experiment='style_transfer', tiny=True, style=style, size=49)
  assert video.read(files / 'out.mp4').size == (36, 48)


@pytest.mark.slow
@pytest.mark.parametrize(
  'changes, message',
  [
    ({'content': 'text.mp4'}, 'is no video'),
    ({'content': 'gone.mp4'}, 'no such file'),
    ({'output': 'clip.mp4'}, 'clip.mp4 exists'),
    ({'output': 'clip.mp4', 'overwrite': True}, '--output is --content'),
    ({'size': 8}, 'both sides are at least 32'),
    ({'tile': 512}, '--tile: it is for pict.*not for videos'),
    ({'versus': ['data.size=9']}, '--versus: it is for pictures'),
  ],
)
def test_refusals(files, changes, message):
  for name in ('content', 'output'):
    if name in changes:
      changes = changes | {name: str(files / changes[name])}
  before = sorted(files.iterdir())
  style = str(files / 'painting.png')
  gatys = dict(experiment='style_transfer', tiny=True, style=style)
  with pytest.raises(core.UserError, match=message):
    _run(files, **gatys, **changes)
  assert sorted(files.iterdir()) == before


def test_a_rate_that_cannot_be_written_is_refused_before_painting(files):
  frames = [Image.fromarray(frame) for frame in _pan(2)]
  frames[0].save(
    files / 'slow.gif',
    save_all=True,
    append_images=frames[1:],
    duration=200_000,
  )
  style = str(files / 'painting.png')
  gatys = dict(experiment='style_transfer', tiny=True, style=style)
  with pytest.raises(core.UserError, match=r'fps=0\.005: .* convert the clip'):
    _run(files, content=str(files / 'slow.gif'), **gatys)
  assert not (files / 'out.mp4.frames').exists()


def test_without_opencv(files, monkeypatch, capsys):
  monkeypatch.setattr(runs, 'load', lambda *unused: _Negative())
  monkeypatch.setitem(__import__('sys').modules, 'cv2', None)
  style = str(files / 'painting.png')
  gatys = dict(experiment='style_transfer', tiny=True, style=style)
  steady = ['algorithm.temporal_weight=1']
  with pytest.raises(core.UserError, match='pip install opencv-python-headl'):
    _run(files, **gatys, set=steady, size=48, steps=2)
  _run(files, run=str(files))
  assert 'not measured' in capsys.readouterr().err
  shutil.rmtree(files / 'out.mp4.frames', ignore_errors=True)

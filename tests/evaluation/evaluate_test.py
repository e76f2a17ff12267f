"""--mode=evaluate: known truths, what applies to which model, bad input."""

import dataclasses
import json
import re
import shutil
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command_line import run_main

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.data.sources import Builtin, Classes, Folder
from art_jax.devices import mesh
from art_jax.evaluation import models, pictures, record
from art_jax.evaluation.scores import Scores
from art_jax.evaluation.survey import survey
from art_jax.inference.run import Run
from art_jax.media import images
from art_jax.metrics import features, fid, kid
from art_jax.metrics.conditional_accuracy import nearest_classes
from art_jax.metrics.precision_recall import precision_recall

_PIXELS = features.get('pixels32')


@pytest.fixture(scope='module')
def paintings():
  """Return f32[160, 32, 32, 3] and their genres."""
  source = Builtin(layout='images', count=160)
  data = core.Data(source=source, size=32)
  rows = [source.open(data).train[0].read(i) for i in range(160)]
  stacked = np.stack([row['image'] for row in rows])
  return images.from_uint8(stacked), np.stack([row['label'] for row in rows])


def _blurred(x, times):
  """Blur by [1, 2, 1] / 4 along both sides, several times."""
  for _ in range(times):
    for axis in (1, 2):
      x = np.pad(x, [(0, 0)] + [(a == axis,) * 2 for a in (1, 2, 3)], 'edge')
      x = (
        x.take(range(x.shape[axis] - 2), axis)
        + x.take(range(2, x.shape[axis]), axis)
        + 2 * x.take(range(1, x.shape[axis] - 1), axis)
      )
      x = x / 4
  return x


@pytest.mark.slow
def test_scores_order_known_damage(paintings):
  real, others = paintings[0][:80], paintings[0][80:]
  noise = np.random.default_rng(0).normal(0, 0.7, others.shape)
  sets = [
    others,
    _blurred(others, 1),
    _blurred(others, 6),
    np.clip(others + noise, -1, 1),
  ]
  apply = jax.jit(_PIXELS.apply)
  known = np.asarray(apply((), real))
  features_of = [np.asarray(apply((), x.astype(np.float32))) for x in sets]
  values = [kid.kid(known, f, subsets=20)[0] for f in features_of]
  assert values == sorted(values) and values[1] > 2 * abs(values[0])
  each = [fid.statistics(f) for f in (known, *features_of)]
  values = [fid.frechet_distance(each[0], f) for f in each[1:]]
  assert values == sorted(values) and values[1] > 1.1 * values[0]


@pytest.mark.slow
def test_recall_falls_when_genres_are_missing(paintings):
  real = np.asarray(_PIXELS.apply((), paintings[0]))
  recalls = [
    precision_recall(real[::2], real[1::2][paintings[1][1::2] < genres])[1]
    for genres in (5, 3, 1)
  ]
  assert recalls[0] > recalls[1] + 0.1 > recalls[2] + 0.2


def test_nearest_classes():
  known = np.asarray([[0.0], [1.0], [10.0], [11.0], [12.0]], np.float32)
  labels = np.asarray([0, 0, 1, 1, 1])
  queries = np.asarray([[0.4], [10.6], [3.0]], np.float32)
  classes = nearest_classes(known, labels, queries, k=3)
  assert classes.tolist() == [0, 1, 0]


def _set(values):
  return pictures.Pictures('test', len(values), lambda i: values[i])


def test_survey_is_the_same_on_8_devices_and_cached(paintings):
  chosen = _set(images.to_uint8(paintings[0][:40]))
  one = survey(chosen, _PIXELS, (), mesh.make_devices(1), keep=True)
  many = survey(chosen, _PIXELS, (), mesh.make_devices(8))
  again = survey(chosen, _PIXELS, (), mesh.make_devices(1), keep=True)
  assert again.cached and not one.cached
  for name in ('features', 'sharpness', 'colorfulness', 'checkerboard'):
    wanted = getattr(one, name)
    np.testing.assert_allclose(
      getattr(many, name), wanted, rtol=1e-4, atol=1e-3
    )
    np.testing.assert_array_equal(getattr(again, name), wanted)
  # One other pixel: other pictures.
  changed = images.to_uint8(paintings[0][:40])
  changed[7, 3, 3] += 1
  other = survey(_set(changed), _PIXELS, (), mesh.make_devices(1), keep=True)
  assert not other.cached


@dataclasses.dataclass(frozen=True)
class Model:
  """Blends gray towards a picture by class; encodes and translates too."""

  directions: ClassVar[tuple[str, ...]] = ('ab', 'ba')
  multiple: ClassVar[int] = 1
  aligned: ClassVar[bool] = False
  num_classes: int = 0
  broken: bool = False

  def latents(self, key, count):
    return jax.random.normal(key, (count, 16 * 16 * 3))

  def generate(self, params, latents, labels=None, *, key=None):
    x = jnp.tanh(latents).reshape(-1, 16, 16, 3) + params
    if labels is not None:
      x = x * 0.1 + labels[:, None, None, None] - 0.5
    return jnp.clip(x * (jnp.nan if self.broken else 1), -1, 1)

  def encode(self, params, images):
    return jnp.arctanh(images.reshape(-1, 16 * 16 * 3) * 0.99)

  def translate(self, params, images, direction=None, *, key=None):
    return -images if direction == 'ab' else -0.9 * images


def _evaluate(model, layout, wanted=(), **fields):
  source = Builtin(layout=layout, count=24)
  data = core.Data(source=source, size=16, heldout=0.4)
  experiment = core.Experiment(
    algorithm=model, data=data, train=core.Train(duration=1, batch_size=8)
  )
  run = Run(experiment, np.zeros((16, 16, 3), np.float32), 1)
  scores = Scores(wanted)
  models.Evaluator(
    run, source.open(data), _PIXELS, (), mesh.make_devices(2), **fields
  ).evaluate(scores)
  scores.require_known()
  return scores, {row.name: row for row in scores.rows}


class Generator:
  """The generative part of a model alone."""

  def __init__(self, model):
    self.latents, self.generate = model.latents, model.generate
    self.num_classes = model.num_classes


@pytest.mark.slow
def test_what_applies_to_an_autoencoder():
  model = Model()
  part = Generator(model)
  part.encode = model.encode
  scores, by_name = _evaluate(part, 'images')
  for name in (
    'kid',
    'precision',
    'recall',
    'density',
    'coverage',
    'diversity',
  ):
    assert f'{name}/pixels32@24' in by_name
  assert by_name['diversity/pixels32@24'].real > 0
  assert 'bias' in scores.left_out['fid']
  assert 'lpips' in scores.left_out  # no weights here, or too few pixels
  # 0.99 times the picture: an error of 1 % of its root mean square.
  assert 40 < by_name['reconstruction/psnr@10'].value < 55
  assert by_name['reconstruction/ssim@10'].value > 0.99
  assert by_name['path_length/pixels32@512'].value > 0


def test_what_applies_to_a_conditional_generator():
  part = Generator(Model(num_classes=5))
  _, by_name = _evaluate(part, 'images', ('accuracy', 'fid'), num=40)
  assert by_name['fid/pixels32@40-of-24'].value > 0
  assert 0 <= by_name['accuracy-5nn/pixels32@40'].value <= 1


def _evaluator(model, source, heldout, **fields):
  data = core.Data(source=source, size=16, heldout=heldout)
  experiment = core.Experiment(
    algorithm=model, data=data, train=core.Train(duration=1, batch_size=8)
  )
  run = Run(experiment, np.zeros((16, 16, 3), np.float32), 1)
  opened = source.open(data)
  return models.Evaluator(
    run, opened, _PIXELS, (), mesh.make_devices(1), **fields
  )


def test_fewer_pictures_are_a_random_subset_of_all_classes(
  tmp_path, monkeypatch
):
  levels = np.repeat([60, 130, 220], 12).tolist()
  for i, level in enumerate(levels):
    path = tmp_path / f'{level:03}' / f'{i:02}.png'
    images.save_png(path, np.full((16, 16, 3), level, np.uint8))
  model = Generator(Model(num_classes=3))
  model.generate = lambda params, z, labels, key: jnp.zeros((len(z), 16, 16, 3))

  def accuracy(**fields):
    scores, one = Scores(('accuracy',)), _evaluator(model, source, **fields)
    one.evaluate(scores)
    return scores.rows[0].value, scores

  source = Classes(str(tmp_path))
  value, scores = accuracy(heldout=0, num=18)
  assert 0.1 < value < 0.6  # Gray is always of one class.
  assert scores.rows[0].real is None  # A known picture votes for itself.
  text = 'train image: a fixed random subset, 18 of 36 pictures'
  assert text in record.table(scores)
  # All of them: in order.
  chosen = _evaluator(model, source, 0, num=36)._pictures(
    scores := Scores(), 'train', 'image'
  )
  assert chosen.labels.tolist() == [0] * 12 + [1] * 12 + [2] * 12
  assert not scores.subsets
  # Fewer samples than real pictures ask for all classes too.
  monkeypatch.setattr(models, '_ASIDE', 9)
  value, scores = accuracy(heldout=0.5, reference='heldout')
  assert 0.1 < value < 0.7
  assert scores.rows[0].real == 1  # One color a class, other pictures.
  # A folder the same way.
  (tmp_path / '060' / '99.png').write_bytes(b'')
  for most, total in ((18, 37), (36, None), (99, None)):
    chosen = pictures.of_folder(tmp_path, 'real', most=most)
    got = chosen.read(np.arange(chosen.count))[:, 0, 0, 0].tolist()
    assert chosen.total == total
    assert got == levels if total is None else set(got) == set(levels)


def test_a_gan_with_attributes_is_told_those_of_real_pictures():
  gan = experiments.load('cdcgan_attributes', tiny=True).algorithm
  told = []

  class Told(Generator):
    attributes, columns, labels = gan.attributes, gan.columns, gan.labels

  model = Told(Model())
  model.generate = lambda params, z, labels, key: (
    told.append(labels.shape)
    or jnp.tile(labels[:, None, None, -3:], (1, 16, 16, 1))
  )
  source = Builtin(layout='attributes', count=24)
  evaluator = _evaluator(model, source, 0.4, num=10)
  evaluator.evaluate(scores := Scores(('kid', 'accuracy', 'path_length')))
  assert [row.name.partition('/')[0] for row in scores.rows] == [
    'kid',
    'path_length',
  ]
  assert {shape[1] for shape in told} == {8}  # five genres and a palette
  # Labels are those of the pictures at the same places.
  real = evaluator._pictures(scores, 'train', 'image')
  first = images.from_uint8(real.read(np.arange(3)))
  want = gan.attributes[1].observe({'image': first})
  np.testing.assert_allclose(real.labels[:3, 5:], want, rtol=1e-5)
  assert (real.labels[:, :5].sum(1) == 1).all()


@pytest.mark.parametrize('count', [100, 140, 260])
def test_labels_are_dealt_in_the_proportions_of_the_pictures(count):
  # Class by class, as folders of classes are read.
  labels = np.repeat(np.arange(5, dtype=np.int32), [30, 30, 20, 10, 10])
  known = pictures.Pictures('known', 100, lambda i: i, labels)
  shares = np.bincount(known.dealt(count), minlength=5) / count
  np.testing.assert_allclose(shares, [0.3, 0.3, 0.2, 0.1, 0.1], atol=0.05)


def test_a_subset_keeps_pairs():
  source, every = Builtin(count=24), np.arange(5)
  for key in 'ab':
    few, whole = (
      _evaluator(Model(), source, 0, num=num)._pictures(
        Scores(), 'heldout', key
      )
      for num in (5, None)
    )
    rows = pictures.subset(whole.count, 5)
    assert rows.tolist() != every.tolist()
    np.testing.assert_array_equal(few.read(every), whole.read(rows))


@pytest.mark.slow
def test_samples_against_pictures_kept_aside():
  part = Generator(Model(num_classes=5))
  wanted = ('kid', 'coverage', 'accuracy')
  _, against = _evaluate(part, 'images', wanted, num=40, reference='heldout')
  row = against['heldout/kid/pixels32@40-of-10']
  assert row.interval[0] < row.value < row.interval[1]
  assert row.deviation is None
  assert 'heldout/coverage/pixels32@40-of-10' in against
  # The classifier learns from training pictures all the same.
  _, usual = _evaluate(part, 'images', wanted, num=40)
  accuracy = 'accuracy-5nn/pixels32@40'
  assert against[accuracy].value == usual[accuracy].value
  assert not any(name.startswith('heldout/') for name in usual)
  # 500 samples unless the user says how many.
  _, against = _evaluate(part, 'images', ('kid',), reference='heldout')
  assert list(against) == ['heldout/kid/pixels32@500-of-10']


def test_reference_heldout_needs_pictures_kept_aside(tmp_path):
  for i in range(6):
    row = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
    images.save_png(tmp_path / f'{i}.png', row)
  source = Folder(str(tmp_path))
  data = core.Data(source=source, size=16, heldout=0)
  experiment = core.Experiment(
    algorithm=Generator(Model()),
    data=data,
    train=core.Train(duration=1, batch_size=2),
  )
  run = Run(experiment, np.zeros((16, 16, 3), np.float32), 1)
  evaluator = models.Evaluator(
    run,
    source.open(data),
    _PIXELS,
    (),
    mesh.make_devices(1),
    reference='heldout',
  )
  with pytest.raises(
    core.UserError, match='keeps no pictures aside.*heldout=0'
  ):
    evaluator.evaluate(Scores())


def test_what_applies_to_a_translator():
  class Translator:
    inputs = ('a', 'b')
    directions, multiple, aligned = ('ab', 'ba'), 1, False
    translate = staticmethod(Model().translate)

  with pytest.raises(core.UserError, match='Translator makes none'):
    _evaluate(Translator(), 'unpaired', ('kid',), reference='heldout')
  scores, by_name = _evaluate(Translator(), 'unpaired', ('psnr', 'kid'))
  assert {'ab/kid/pixels32@10', 'ba/kid/pixels32@10'} <= by_name.keys()
  # The truth of built-in scenes is known, and both ways give 0.9 x.
  assert by_name['ab/psnr@10'].value > 0
  assert by_name['cycle_a/psnr@10'].value > 20


@pytest.mark.parametrize('name', ['adain', 'fast_style'])
def test_styles_lead_to_no_domain_that_could_be_compared_with(name):
  algorithm = experiments.load(name, tiny=True).algorithm
  with pytest.raises(core.UserError, match='makes no pictures that could be'):
    _evaluate(algorithm, 'unpaired', ('kid',))


def test_the_path_length_is_that_of_float32():
  source = Builtin(layout='images', count=24)
  gan = experiments.load('dcgan_paintings', tiny=True)
  gan = experiments.replace(gan, {'data.source': source})
  init = jax.jit(shapes.initializer(gan))
  params = gan.algorithm.inference(init(jax.random.key(0)))
  lengths = {}
  for dtype in ('float32', 'bfloat16'):
    run = Run(experiments.everywhere(gan, {'dtype': dtype}), params, 1)
    evaluator = models.Evaluator(
      run, source.open(gan.data), _PIXELS, (), mesh.make_devices(1), num=8
    )
    evaluator.evaluate(scores := Scores(('path_length',)))
    lengths[dtype] = scores.rows[0].value
  assert lengths['bfloat16'] == lengths['float32'] > 0


@pytest.mark.parametrize('wanted', ['precision', 'recall', 'coverage'])
def test_one_metric_of_two_is_computed_alone(wanted):
  scores, by_name = _evaluate(Generator(Model()), 'images', (wanted,))
  assert list(by_name) == [f'{wanted}/pixels32@24']
  assert not scores.left_out  # Of FID, which nobody asked for, nothing is said.


def test_unknown_metric_and_broken_model():
  part = Generator(Model())
  with pytest.raises(core.UserError, match='--metrics=beauty.*precision'):
    _evaluate(part, 'images', ('beauty', 'kid'))
  with pytest.raises(core.UserError, match='NaN'):
    _evaluate(Generator(Model(broken=True)), 'images')


@pytest.fixture(scope='module')
def folders(paintings, tmp_path_factory):
  root = tmp_path_factory.mktemp('folders')
  whole = images.to_uint8(paintings[0])
  for name, rows in (('real', whole[:12]), ('fake', whole[12:22])):
    for i, row in enumerate(rows):
      images.save_png(root / name / f'{i:02}.png', row)
  images.save_png(root / 'odd' / '0.png', whole[0])
  images.save_png(root / 'odd' / '1.png', whole[1, :20])
  for i in range(3):
    images.save_png(root / 'few' / f'{i}.png', whole[i])
  return root


@pytest.mark.slow
def test_two_folders(folders, tmp_path):
  command = (
    *('--mode=evaluate', f'--real={folders / "real"}'),
    *(f'--fake={folders / "fake"}', f'--output={tmp_path / "out"}'),
    '--metrics=kid,recall,colourfulness',
  )
  for times in (1, 2):
    code, out, err = run_main(*command)
    assert code == 0, err
    assert 'kid/pixels32@10-of-12' in out and 'recall/' in out
    entries = json.loads((tmp_path / 'out' / 'evaluation.json').read_text())
    assert len(entries) == times
  assert entries[-1]['num_fake'] == 10
  assert entries[0]['scores'] == entries[1]['scores']
  assert entries[0]['features'] == 'pixels32'
  (tmp_path / 'out' / 'evaluation.json').write_text('{')
  code, _, err = run_main(*command)
  assert code == 2 and 'move it away' in err


@pytest.mark.parametrize('size', [(), ('--size=24',)])
def test_bad_files_have_no_part_in_the_scores(folders, tmp_path, size):
  def scores(*arguments):
    code, _, err = run_main(
      *('--mode=evaluate', '--metrics=kid', f'--output={tmp_path}', *size),
      *arguments,
    )
    entries = json.loads((tmp_path / 'evaluation.json').read_text())
    return code, err, entries[-1]

  real, fake = (f'--{name}={folders / name}' for name in ('real', 'fake'))
  code, _, good = scores(real, fake)
  assert code == 0 and 'unreadable' not in good
  bad = tmp_path / 'fake'
  shutil.copytree(folders / 'fake', bad)
  whole = (bad / '00.png').read_bytes()
  (bad / '._00.png').write_bytes(b'litter')
  (bad / '000.png').write_bytes(whole[: len(whole) // 2])
  (bad / '05b.jpg').write_bytes(b'')
  (bad / 'gone.png').symlink_to(bad / 'nowhere.png')
  code, err, entry = scores(real, f'--fake={bad}')
  assert code == 2
  last = err.strip().splitlines()[-1]
  assert last.startswith('art_jax: 3 picture(s) could not be read and')
  for name in ('000.png', '05b.jpg: the file is empty', 'gone.png: No such'):
    assert f'--fake: {name}' in last
  assert entry['scores'] == good['scores'] and entry['num_fake'] == 10
  assert list(entry['unreadable']['fake']) == ['000.png', '05b.jpg', 'gone.png']
  # The first so many that can be read.
  code, _, entry = scores(real, f'--fake={bad}', '--num=4')
  assert code == 2 and entry['num_fake'] == entry['num_real'] == 4
  for path in bad.iterdir():
    path.unlink()
  (bad / 'x.png').write_bytes(b'')
  code, err, _ = scores(real, f'--fake={bad}')
  assert code == 2 and 'none of 1 pictures can be read (x.png: the' in err


@pytest.mark.parametrize(
  'arguments, message',
  [
    (('--real=real',), 'two folders of pictures'),
    (('--real=real', '--fake=odd'), '2 sizes.*32x20.*--size=N'),
    (('--real=real', '--fake=none'), '--fake: folder .* does not exist'),
    (('--real=real', '--fake=fake', '--features=vgg'), 'one of pixels32'),
    (
      ('--real=real', '--fake=fake', '--features=inception-clean'),
      'inception_fid.* are not here',
    ),
    (('--real=real', '--fake=few', '--metrics=kid'), 'KID of 12 and 3 .*least'),
    (
      ('--real=real', '--fake=few', '--metrics=fid_infinity'),
      'FID-infinity of 3 samples: it takes at least 10000',
    ),
    (('--real=real', '--fake=fake', '--num=1'), 'at least 2'),
    (('--real=real', '--fake=fake', '--reference=heldout'), 'of a RUN'),
    (('--run=real', '--size=32'), '--size=32 resizes .*--real'),
    (('--run=real', '--output=o'), '--output=o: .* written into its folder'),
  ],
)
def test_bad_input(folders, monkeypatch, arguments, message):
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)
  monkeypatch.chdir(folders)
  code, _, err = run_main('--mode=evaluate', *arguments)
  assert code == 2
  assert re.search(message, err), err

"""docs/extending.md: its model is trained, probed, sampled and reported."""

import dataclasses
import pathlib
import re
from typing import Any, ClassVar

import jax
import numpy as np
import pytest

import art_jax
from art_jax import core
from art_jax.config import experiments
from art_jax.data.dataset import Dataset, Examples
from art_jax.devices import mesh
from art_jax.report import page
from art_jax.runs import metrics_rows
from art_jax.sampling import study
from art_jax.training import loop

_PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'extending.md'


def _blocks() -> list[str]:
  return re.findall(r'```python\n(.*?)```', _PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope='module')
def file(tmp_path_factory):
  """Return the file of the model as the page has it."""
  (source,) = (x for x in _blocks() if 'def experiment()' in x)
  path = tmp_path_factory.mktemp('mine') / 'flow.py'
  path.write_text(source)
  return str(path)


@pytest.fixture(scope='module')
def trained(file):
  """Return the run folder of the model and its classes."""
  extra = experiments.user_classes(file)
  assert {'Couplings', 'Flow'} <= set(extra)
  tiny = experiments.override(
    experiments.load(file, tiny=True),
    ['train.duration=4', 'train.render_every=2', 'train.log_every=1'],
    extra,
  )
  folder = pathlib.Path(file).with_name('run')
  loop.train(tiny, folder, devices=mesh.make_devices(1))
  return folder, extra


@pytest.mark.slow
def test_the_loop_trains_it_and_the_probe_measures_it(trained):
  folder, _ = trained
  rows = metrics_rows.read_metrics(folder / 'metrics.jsonl')
  assert [row['step'] for row in rows] == [1, 2, 3, 4]
  assert rows[-1]['loss/nll'] < rows[0]['loss/nll']
  measured = {name.split('/')[1] for name in rows[-1] if 'probe/' in name}
  # Samples; reconstructions, as it encodes; likelihoods, as it scores.
  assert {'kid', 'diversity', 'memorised', 'l1', 'score'} <= measured
  (error,) = (rows[-1][n] for n in rows[-1] if n.startswith('probe/l1/'))
  assert error < 1e-3, 'the inverse of a flow is exact'


@pytest.mark.slow
def test_it_is_sampled_and_reported(trained):
  folder, extra = trained
  model = art_jax.load(folder, extra=extra)
  assert model.sample(3).shape == (3, 16, 16, 3)
  for name in ('grid', 'interpolate', 'reconstruct', 'top'):
    study.find(model, name)  # raises unless the model can do it
  request = study.Request(num=2)
  sheet = study.find(model, 'top').study(model, request).pictures['top']
  assert sheet.dtype == np.uint8
  page.write(folder)
  assert 'Flow' in (folder / 'report.html').read_text()


def test_the_other_examples_are_what_they_say():
  names: dict[str, Any] = {
    'Any': Any,
    'ClassVar': ClassVar,
    'Dataset': Dataset,
    'Examples': Examples,
    'dataclasses': dataclasses,
    'np': np,
  }
  for source in _blocks():
    if 'def experiment()' not in source:
      exec(compile(source, str(_PAGE), 'exec'), names)
  data = core.Data(source=names['Stripes'](), size=16)
  dataset = data.source.open(data)
  assert dataset.num_examples == 56 and dataset.keys == ('image',)
  assert dataset.train[0].read(0)['image'].shape == (16, 16, 3)
  loss = names['Linear']()
  logits = jax.numpy.array([1.0, 3.0])
  assert loss.real(logits) == loss.generator(logits) == -2
  assert loss.fake(logits) == 2 and not loss.has_targets

"""A set without pictures has the shapes of the real one."""

import jax
import numpy as np
import pytest

from art_jax.config import experiments
from art_jax.data import abstract, pipeline
from art_jax.devices import mesh


def _shapes(tree):
  return jax.tree.map(lambda x: (x.shape, np.dtype(x.dtype)), tree)


@pytest.mark.parametrize('kind', pipeline.ENGINES)
@pytest.mark.parametrize(
  'name', ['cyclegan', 'pix2pix_facades', 'acgan_mnist', 'cdcgan_attributes']
)
def test_inputs_of_a_step_are_those_of_a_run(name, kind):
  experiment = experiments.load(name, tiny=True)
  real = experiment.data.source.open(experiment.data)
  planned = abstract.dataset_of(experiment, real.num_examples)
  engine, abstracted = (
    pipeline.ENGINES[kind](
      dataset, experiment.data, experiment.rows_per_step, 0, mesh.make_devices()
    )
    for dataset in (real, planned)
  )
  constants, inputs = abstracted.abstract()
  assert _shapes(constants) == _shapes(engine.constants)
  with_rows = next(engine.inputs(0))
  assert _shapes(inputs) == _shapes(with_rows)

"""StableHLO: a program and its weights give what the model gives."""

import jax
import numpy as np
import pytest
from inference.onnx_export_test import _arrays, _require_near, _run
from safetensors import numpy as safetensors_numpy

from art_jax.inference import export, programs


@pytest.mark.slow
@pytest.mark.parametrize('name', ['cdcgan_mnist', 'adain'])
def test_a_program_needs_its_weights_alone(name, tmp_path):
  run = _run(name)
  (program,) = programs.of_run(run)
  paths = export.write(run, tmp_path)
  assert [path.name for path in paths] == [
    'config.txt',
    f'program_{program.name}.stablehlo',
    f'weights_{program.name}.safetensors',
  ]
  again = jax.export.deserialize(paths[1].read_bytes())
  weights = safetensors_numpy.load_file(paths[2])
  arrays = _arrays(program, run.algorithm, 3, 4, 5)
  expected = program.call(program.weights, *arrays.values())
  result = again.call(weights, *arrays.values())
  _require_near(np.asarray(result), np.asarray(expected))


def test_a_diffusion_model_has_two_programs():
  run = _run('diffusion_mnist')
  assert [p.name for p in programs.of_run(run)] == ['generator']
  assert [p.name for p in programs.of_run(run, 'repaint')] == ['repaint']

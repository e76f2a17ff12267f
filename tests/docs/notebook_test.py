"""The notebook: its cells run from top to bottom, at tiny size."""

import json
import pathlib

import pytest
from PIL import Image

_NOTEBOOK = pathlib.Path(__file__).parents[2] / 'docs' / 'art_jax.ipynb'


@pytest.mark.slow
def test_every_cell_runs(tmp_path, monkeypatch, capfd):
  monkeypatch.setenv('ART_JAX_NOTEBOOK_TINY', '1')
  monkeypatch.setenv('ART_JAX_NOTEBOOK_RUN', str(tmp_path / 'run'))
  notebook = json.loads(_NOTEBOOK.read_text())
  names, shown = {}, []
  for cell in notebook['cells']:
    if cell['cell_type'] != 'code':
      continue
    assert cell['outputs'] == [], 'outputs are not committed'
    source = ''.join(cell['source'])
    lines = [x for x in source.splitlines() if not x.startswith(('%', '!'))]
    *_, last = lines
    exec(compile('\n'.join(lines), cell['id'], 'exec'), names)
    if last.startswith('Image'):
      shown.append(eval(last, names))
  assert names['run'].step == 4
  # It went on from the first training, which ended at step 2.
  assert 'continuing from step 2' in capfd.readouterr().err
  assert [isinstance(picture, Image.Image) for picture in shown] == [True] * 2

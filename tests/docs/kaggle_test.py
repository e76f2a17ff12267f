"""The notebook of Kaggle's competition, on a stand-in of its data's layout."""

import json
import pathlib
import zipfile

import numpy as np
import pytest
from command_line import run_main
from PIL import Image

_NOTEBOOK = pathlib.Path(__file__).parents[2] / 'docs' / 'kaggle.ipynb'


@pytest.mark.slow
def test_every_cell_runs(tmp_path, monkeypatch, capsys):
  rng = np.random.default_rng(0)
  for name, count in (('monet', 5), ('photo', 7)):
    folder = tmp_path / f'{name}_jpg'
    folder.mkdir()
    (tmp_path / f'{name}_tfrec').mkdir()
    (tmp_path / f'{name}_tfrec' / f'{name}00-{count}.tfrec').write_bytes(b'')
    for i in range(count):
      pixels = rng.integers(0, 255, (40, 40, 3), np.uint8)
      Image.fromarray(pixels).save(folder / f'{i:010x}.jpg')
  monkeypatch.setenv('ART_JAX_DATA', str(tmp_path))
  monkeypatch.setenv('ART_JAX_OUT', str(tmp_path / 'out'))
  monkeypatch.setenv('ART_JAX_TINY', '--tiny --set train.duration=2')
  notebook, names = json.loads(_NOTEBOOK.read_text()), {}
  for cell in notebook['cells']:
    if cell['cell_type'] != 'code':
      continue
    assert cell['outputs'] == [], 'outputs are not committed'
    source = ''.join(cell['source'])
    if source.startswith('!art_jax '):
      words = source.removeprefix('!art_jax ').format(**names).split()
      code, _, err = run_main(*words)
      assert code == 0, err
    elif '%pip' not in source:
      exec(compile(source, cell['id'], 'exec'), names)
  with zipfile.ZipFile(tmp_path / 'out' / 'images.zip') as file:
    assert file.namelist() == [f'{i:010x}.jpg' for i in range(7)]
  assert '7 pictures' in capsys.readouterr().out

"""Published models: as good as the run, and nothing of them is executed."""

import ast
import dataclasses
import json
import sys
import types
from unittest import mock

import fake_hub
import jax
import numpy as np
import pytest
from command_line import run_main
from inference.onnx_export_test import _run as onnx_run
from PIL import Image
from safetensors import numpy as safetensors_numpy

import art_jax
from art_jax import core
from art_jax.config import experiments
from art_jax.inference import card, export, publish, published, run, space
from art_jax.inference.run import Run

_TINY = ('vae', 'cyclegan_demo', 'cdcgan_mnist', 'diffusion_paintings')


def _run(name: str, **fields) -> Run:
  """Return a model that never trained."""
  experiment = experiments.load(name, tiny=True)
  resolved = experiments.resolve(experiment, num_examples=1)
  from art_jax.config import shapes

  state = jax.jit(shapes.initializer(resolved))(jax.random.key(0))
  params = experiment.algorithm.inference(state)
  count = core.num_classes(experiment.algorithm)
  names = tuple(f'kind {i}' for i in range(count))
  return Run(experiment, params, 7, names, **fields)


def _same(first: Run, second: Run) -> None:
  assert first.experiment.algorithm == second.experiment.algorithm
  assert (first.step, first.class_names) == (second.step, second.class_names)
  jax.tree.map(np.testing.assert_array_equal, first.params, second.params)


@pytest.mark.parametrize('name', _TINY)
def test_a_folder_holds_the_model(name, tmp_path, monkeypatch):
  monkeypatch.setattr(publish, '_SAMPLES', 2)
  model = _run(name)
  place = publish.publish(
    model, str(tmp_path / 'out'), 'cc-by-4.0', with_space=True
  )
  _same(run.load(place), model)
  page = (tmp_path / 'out' / 'README.md').read_text()
  assert 'license: "cc-by-4.0"' in page and "art_jax.load('out')" in page
  assert 'Not measured' in page
  table = json.loads((tmp_path / 'out' / 'config.json').read_text())
  assert table['algorithm'] == type(model.algorithm).__name__
  ast.parse((tmp_path / 'out' / 'space' / 'app.py').read_text())
  with pytest.raises(core.UserError, match='exists'):
    publish.publish(model, place, 'cc-by-4.0')


def test_a_folder_has_a_name_from_within(tmp_path, monkeypatch):
  (tmp_path / 'painter').mkdir()
  monkeypatch.chdir(tmp_path / 'painter')
  monkeypatch.setattr(publish, '_samples', lambda run: {})
  publish.publish(Run(experiments.load('vae', tiny=True), {}), '.', 'other')
  page = (tmp_path / 'painter' / 'README.md').read_text()
  assert '\n# painter\n' in page and "art_jax.load('painter')" in page


def test_a_folder_of_the_home_folder(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  monkeypatch.setattr(publish, '_samples', lambda run: {})
  model = _run('vae')
  publish.publish(model, '~/painter', 'other')
  _same(run.load('~/painter'), model)


@pytest.mark.parametrize('name', ["me/it's", 'me/a"""b', 'a: b # c', 'painter'])
def test_a_demo_of_any_name_is_a_program(name):
  made = space.files(_run('vae'), name)
  program = ast.unparse(ast.parse(made['app.py']))
  assert (f'model = {f"hf:{name}"!r}' in program) == ('/' in name)
  assert f'title: {json.dumps(name)}\n' in made['README.md']


def _demo(model: Run, monkeypatch, name='me/it', load=None, **names):
  """Run the program of a demo; return what its page calls."""
  made = types.SimpleNamespace(launch=lambda: None)
  page = {'Interface': lambda paint, *_, **__: vars(made).update(paint=paint)}
  stub = mock.MagicMock(**page)
  monkeypatch.setitem(sys.modules, 'gradio', stub)
  monkeypatch.setattr(art_jax, 'load', load or (lambda name: model))
  program = space.files(model, name)['app.py']
  exec(program.replace('demo.launch()', ''), names)
  return made.paint


def test_a_demo_paints(monkeypatch):
  photo = np.zeros((16, 24, 3), np.uint8)
  paint = _demo(onnx_run('adain'), monkeypatch)
  assert paint(photo, Image.new('RGB', (40, 32))).shape == photo.shape
  paint = _demo(onnx_run('cyclegan_demo'), monkeypatch)
  assert paint(photo, 'ba').shape == photo.shape
  paint = _demo(onnx_run('cdcgan_mnist'), monkeypatch)
  assert len(paint(0, 2, '3')) == 2


def test_a_demo_in_a_folder_loads_its_model(tmp_path, monkeypatch):
  model = _run('vae')
  load = mock.Mock(return_value=model)
  program = str(tmp_path / 'vae' / 'space' / 'app.py')
  paint = _demo(model, monkeypatch, 'vae', load, __file__=program)
  assert len(paint(0, 2)) == 2
  load.assert_called_once_with(str(tmp_path / 'vae'))


@pytest.mark.parametrize('name', ['adain', 'cdcgan_attributes'])
def test_the_code_of_a_card_works(name, monkeypatch):
  model = onnx_run(name)
  page = card.text(model, 'it', 'other', [], {})
  monkeypatch.setattr(art_jax, 'load', lambda name: model)
  names = {
    'photo': np.zeros((16, 24, 3), np.uint8),
    'painting': np.zeros((1, 32, 40, 3), np.float32),
  }
  exec(page.partition('```python\n')[2].partition('```')[0], names)
  assert ('painted' if name == 'adain' else 'pictures') in names
  assert ('--style=' in page) == (name == 'adain')


def test_what_takes_attributes_says_so():
  model = onnx_run('cdcgan_attributes')
  told = r'attributes \(genre, palette\)'
  with pytest.raises(core.UserError, match=f'{told}.*algorithm.generate'):
    model.sample(2)
  with pytest.raises(core.UserError, match=f'--space: .*{told}; leave it out'):
    space.files(model, 'me/it')


@pytest.mark.parametrize(
  'name', ['config.json', 'README.md', 'samples/samples.png', 'space/app.py']
)
def test_no_file_of_a_folder_is_overwritten(name, tmp_path):
  mine = tmp_path / name
  mine.parent.mkdir(exist_ok=True)
  mine.write_text('mine')
  with pytest.raises(core.UserError, match=f'{name} exists; pass another --to'):
    publish.publish(_run('vae'), str(tmp_path), 'other', with_space=True)
  assert mine.read_text() == 'mine'
  assert [path for path in tmp_path.rglob('*') if path.is_file()] == [mine]


def test_the_config_of_a_run_is_not_replaced(tmp_path):
  model, told = onnx_run('vae_mnist_mlp'), 'it is the folder of a run'
  (tmp_path / 'checkpoints').mkdir()
  with pytest.raises(core.UserError, match=f'--to=.*: {told}'):
    publish.publish(model, str(tmp_path), 'other', overwrite=True)
  with pytest.raises(core.UserError, match=f'--output=.*: {told}'):
    export.write(model, tmp_path, overwrite=True)
  assert [path.name for path in tmp_path.iterdir()] == ['checkpoints']


def test_pictures_that_fail_leave_no_files(tmp_path, monkeypatch):
  def fails():
    raise core.UserError('a sample is NaN')

  monkeypatch.setattr(publish, '_samples', lambda run: {'a.png': fails})
  with pytest.raises(core.UserError, match='a sample is NaN'):
    publish.publish(_run('vae'), str(tmp_path / 'it'), 'other')
  assert not list(tmp_path.iterdir())


def test_all_files_that_are_written_are_checked_before(tmp_path, monkeypatch):
  checked = []
  monkeypatch.setattr(
    publish, 'require_free', lambda path, *rest: checked.append(path)
  )
  publish.publish(_run('cyclegan_demo'), str(tmp_path), 'o', with_space=True)
  assert set(checked) == {x for x in tmp_path.rglob('*') if x.is_file()}


@pytest.fixture(name='server')
def _server(tmp_path, monkeypatch):
  pytest.importorskip('huggingface_hub')
  with fake_hub.serve() as server:
    fake_hub.use(server, monkeypatch, tmp_path / 'cache')
    monkeypatch.setenv('HF_TOKEN', 'hf_none')
    yield server


@pytest.mark.extra
def test_a_repository_holds_the_model(server, tmp_path):
  model = _run('vae')
  place = publish.publish(model, 'hf:me/vae', 'cc0-1.0')
  files = server.repos['models', 'me/vae']['main']
  assert files.keys() == {
    *('config.txt', 'config.json', 'model.safetensors', 'README.md'),
    'samples/samples.png',
  }
  with pytest.raises(core.UserError, match='holds 5 files already'):
    publish.publish(model, 'hf:me/vae', 'cc0-1.0')
  # What others put beside is not even downloaded.
  evil = {**files, 'model.pkl': b'cos\nsystem\n', 'modeling.py': b'1/0'}
  sha = server.add('models', 'me/vae', evil)
  server.fetched.clear()
  _same(loaded := run.load('hf:me/vae'), model)
  assert set(server.fetched) <= {
    *('config.txt', 'config.json', 'model.safetensors')
  }
  np.testing.assert_array_equal(
    loaded.sample(3, seed=5), model.sample(3, seed=5)
  )
  _same(run.load(place), model)  # the commit of before
  code, out, err = run_main(
    *('sample', 'hf:me/vae', '--study=pictures', '--num=2'),
    f'--output={tmp_path / "out"}',
  )
  assert code == 0 and f'model: hf:me/vae@{sha}' in err
  assert len(list((tmp_path / 'out').iterdir())) == 2


@pytest.mark.extra
@pytest.mark.parametrize(
  'name, words',
  [
    ('hf:me/none', 'there is no such model'),
    ('hf:me/gated', 'it is gated'),
    ('hf:me/pickle', r'has no config.txt and no model.safetensors: .*x\.pkl'),
    ('hf:me/pickle:part', 'a model has no parts'),
    ('hf:me/code', 'cannot be read|not a config|is no'),
  ],
)
def test_repositories_that_are_refused(server, name, words):
  server.add('models', 'me/pickle', {'x.pkl': b'x', 'x.py': b'1/0'})
  server.add('models', 'me/gated', {'x.pkl': b'x'})
  server.gated.add('me/gated')
  code = b'__import__("os").abort()'
  server.add(
    'models', 'me/code', {'config.txt': code, 'model.safetensors': b''}
  )
  with pytest.raises(core.UserError, match=words):
    run.load(name)


@pytest.mark.extra
def test_a_hub_that_cannot_be_reached_is_one_line(server, monkeypatch):
  from huggingface_hub import constants

  monkeypatch.setattr(constants, 'ENDPOINT', 'http://127.0.0.1:9')
  with pytest.raises(core.UserError, match='cannot be reached') as error:
    run.load('hf:me/vae')
  assert '\n' not in str(error.value)


def test_a_missing_package_is_one_line(monkeypatch):
  monkeypatch.setitem(__import__('sys').modules, 'huggingface_hub', None)
  with pytest.raises(core.UserError, match=r'art-jax\[hub\]'):
    run.load('hf:me/vae')


@pytest.mark.parametrize(
  'change, words',
  [
    ('cut', 'cannot be read as safetensors'),
    ('missing', r'tensor .* is none, and its config.txt needs float32\['),
    ('shape', r'is float32\[1\], and its config.txt needs float32\['),
    ('more', r"'zzz' is float32\[1\], and its config.txt needs none"),
    ('no config', 'there is no config.txt'),
  ],
)
def test_damaged_models_are_refused(change, words, tmp_path):
  place = tmp_path / 'out'
  publish.publish(_run('cyclegan_demo'), str(place), 'other')
  file = place / published.WEIGHTS
  arrays = safetensors_numpy.load_file(file)
  name = next(iter(arrays))
  if change == 'cut':
    file.write_bytes(file.read_bytes()[:1000])
  elif change == 'no config':
    (place / published.CONFIG).unlink()
  else:
    if change == 'missing':
      del arrays[name]
    else:
      arrays[name if change == 'shape' else 'zzz'] = np.zeros(1, np.float32)
    safetensors_numpy.save_file(arrays, file)
  with pytest.raises(core.UserError, match=words):
    run.load(place)


@pytest.mark.parametrize('license_id', [None, '', 'my own', 'CC BY'])
def test_a_license_is_asked_for(license_id, tmp_path):
  with pytest.raises(core.UserError, match='under which license'):
    publish.publish(_run('vae'), str(tmp_path / 'x'), license_id)
  assert not (tmp_path / 'x').exists()


def test_no_path_of_the_machine_is_published(tmp_path):
  model = _run('vae')
  from art_jax.data.sources import Folder

  data = dataclasses.replace(
    model.experiment.data, source=Folder('/home/ann/secret/paintings')
  )
  experiment = dataclasses.replace(model.experiment, data=data)
  model = dataclasses.replace(model, experiment=experiment)
  publish.publish(model, str(tmp_path / 'x'), 'other')
  for file in ('config.txt', 'README.md', 'config.json'):
    text = (tmp_path / 'x' / file).read_text()
    assert 'secret' not in text
  assert "Folder('paintings')" in (
    tmp_path / 'x' / 'README.md'
  ).read_text() or ('paintings' in (tmp_path / 'x' / 'config.txt').read_text())
  assert card.without_folders("--real=/a/b/c.png x='~/d/e'") == (
    "--real=c.png x='e'"
  )


@pytest.mark.slow
def test_a_run_from_the_command_line(tmp_path):
  folder = tmp_path / 'run'
  code, _, err = run_main(
    *('train', 'vae', '--tiny', '--set', 'train.duration=2'),
    f'--workdir={folder}',
  )
  assert code == 0, err
  (folder / 'evaluation.json').write_text(
    json.dumps(
      [{'num': 9, 'scores': {'kid/pixels32@9': {'value': 0.5, 'real': None}}}]
    )
  )
  code, _, err = run_main('publish', str(folder), f'--to={tmp_path / "out"}')
  assert code == 2 and '--license' in err
  code, out, err = run_main(
    *('publish', str(folder), f'--to={tmp_path / "out"}', '--license=other')
  )
  assert code == 0, err
  page = (tmp_path / 'out' / 'README.md').read_text()
  assert '| kid/pixels32@9 | 0.5 |  |' in page and 'Protocol: num 9.' in page
  assert 'training pictures' in page and 'unknown' not in page
  _same(run.load(tmp_path / 'out'), run.load(folder))

"""The gallery keeps what it made, and says what it could not make."""

import json
import pathlib

import pytest
from PIL import Image

from tools import command
from tools.studies import gallery, gallery_entries, gallery_inputs, timed_run

_INPUT = gallery_inputs.Input(('photo.png',), 'a photo, CC0', 'take one')


@pytest.fixture
def entries(monkeypatch):
  """Return two entries: one of two commands, one that needs a file."""
  one = gallery_entries.Entry(
    'one',
    'One',
    'gan',
    'Shown.',
    'Lacks.',
    ('a.png', 'b.png'),
    ('art_jax make --output=a.png', 'art_jax make --output=b.png'),
  )
  two = gallery_entries.Entry(
    'two', 'Two', 'gan', 'Shown.', 'Lacks.', ('photo.png',), (), ('photo.png',)
  )
  _use(monkeypatch, one, two)
  monkeypatch.setitem(gallery_inputs.INPUTS, 'photo.png', _INPUT)
  return one, two


@pytest.fixture
def ran(monkeypatch):
  """Return the commands that ran; each writes its --output in red."""
  lines = []

  def execute(line, folder, log):
    lines.append(line)
    name = line.partition('--output=')[2]
    assert not (folder / name).exists()
    Image.new('RGB', (8, 4), 'red').save(folder / name)
    return 2.0

  monkeypatch.setattr(gallery, 'execute', execute)
  return lines


def _use(monkeypatch, *entries):
  for module in (gallery_entries, gallery.gallery_page):
    monkeypatch.setattr(module, 'ENTRIES', entries)


def _run(folder: pathlib.Path, *words: str) -> int:
  return command.call(
    gallery.main,
    [
      f'--assets={folder}/assets',
      f'--runs={folder}/runs',
      f'--workdir={folder}/work',
      f'--output={folder}/docs/gallery.md',
      *words,
    ],
  )


def _rows(folder: pathlib.Path) -> dict:
  return json.loads((folder / 'docs/results/gallery.json').read_text())


def test_what_is_made_is_kept_and_what_is_absent_is_said(
  entries, ran, tmp_path, capsys
):
  assert _run(tmp_path) == 0
  assert 'photo.png is absent: take one' in capsys.readouterr().out
  row = _rows(tmp_path)['one']
  assert [part['seconds'] for part in row['commands']] == [2.0, 2.0]
  page = (tmp_path / 'docs/gallery.md').read_text()
  assert '![One](pictures/gallery_one.jpg)' in page
  assert (
    '\n    art_jax make --output=a.png\n' in page and '4 CPU seconds' in page
  )
  assert '**Not made.** photo.png is absent: take one' in page
  assert _run(tmp_path) == 0
  assert len(ran) == 2

  (tmp_path / 'assets').mkdir()
  Image.new('RGB', (8, 8)).save(tmp_path / 'assets/photo.png')
  assert _run(tmp_path) == 0
  assert len(ran) == 2
  page = (tmp_path / 'docs/gallery.md').read_text()
  assert 'Not made' not in page and 'a photo, CC0' in page


def test_a_killed_command_is_run_again_and_the_others_are_not(
  entries, ran, tmp_path, monkeypatch
):
  def killed(line, folder, log):
    (folder / 'b.png').write_bytes(b'half')
    raise KeyboardInterrupt

  first = gallery.execute
  monkeypatch.setattr(
    gallery,
    'execute',
    lambda line, *rest: (killed if 'b.png' in line else first)(line, *rest),
  )
  with pytest.raises(KeyboardInterrupt):
    _run(tmp_path)
  monkeypatch.setattr(gallery, 'execute', first)
  assert _run(tmp_path) == 0
  assert [line[-5:] for line in ran] == ['a.png', 'b.png']
  parts = _rows(tmp_path)['one']['commands']
  assert [part['interrupted'] for part in parts] == [False, True]
  assert 'At least 4 CPU' in (tmp_path / 'docs/gallery.md').read_text()


@pytest.mark.parametrize('change', ['command', 'version', 'training'])
def test_a_picture_of_another_command_or_version_is_refused(
  entries, ran, tmp_path, monkeypatch, capsys, change
):
  entry = gallery.dataclasses.replace(entries[0], runs=('gan',))
  _use(monkeypatch, entry)
  trained = gallery_inputs.Trained(('toy',), 'art_jax train gan', 'an hour')
  monkeypatch.setitem(gallery_inputs.RUNS, 'gan', trained)
  (tmp_path / 'runs/toy/checkpoints/50').mkdir(parents=True)
  assert _run(tmp_path) == 0
  assert _rows(tmp_path)['one']['runs'] == {'gan': 50}
  if change == 'command':
    lines = ('art_jax make --output=a.png', 'art_jax new --output=b.png')
    _use(monkeypatch, gallery.dataclasses.replace(entry, commands=lines))
  elif change == 'training':
    other = gallery.dataclasses.replace(trained, training='art_jax train vae')
    monkeypatch.setitem(gallery_inputs.RUNS, 'gan', other)
  else:
    monkeypatch.setattr(gallery, 'VERSION', '99')
    assert _run(tmp_path) == 0  # the page says which version it is of
  page = (tmp_path / 'docs/gallery.md').read_bytes()
  assert _run(tmp_path, *(['--only=one'] * (change == 'version'))) == 2
  assert 'pass --only=one --again' in capsys.readouterr().err
  assert (tmp_path / 'docs/gallery.md').read_bytes() == page
  assert _run(tmp_path, '--only=one', '--again') == 0
  assert len(ran) == 4


def test_a_picture_of_another_layout_is_put_together_anew(
  entries, ran, tmp_path, monkeypatch
):
  assert _run(tmp_path) == 0
  assert _rows(tmp_path)['one']['size'] == [1032, 256]
  _use(monkeypatch, gallery.dataclasses.replace(entries[0], columns=1))
  assert _run(tmp_path) == 0
  assert _rows(tmp_path)['one']['size'] == [512, 520] and len(ran) == 2


def test_a_picture_that_cannot_be_made_anew_stays(
  entries, ran, tmp_path, monkeypatch
):
  (tmp_path / 'assets').mkdir()
  photo = tmp_path / 'assets/photo.png'
  Image.new('RGB', (8, 8)).save(photo)
  assert _run(tmp_path) == 0
  rows, picture = _rows(tmp_path), tmp_path / 'docs/pictures/gallery_two.jpg'
  photo.unlink()
  before = picture.read_bytes()

  def failed(line, folder, log):
    raise timed_run.Failed('no memory')

  monkeypatch.setattr(gallery, 'execute', failed)
  assert _run(tmp_path, '--again') == 1
  assert _rows(tmp_path) == rows and picture.read_bytes() == before
  page = ' '.join((tmp_path / 'docs/gallery.md').read_text().split())
  assert 'photo.png is absent: take one' in page and 'no memory' in page
  assert page.count('the last one that was made') == 2


def test_a_command_runs_beside_its_inputs_and_its_time_is_measured(tmp_path):
  line = 'python -m tools.studies.drawings drawings'
  seconds = gallery.execute(line, tmp_path, tmp_path / 'log')
  assert 0.05 < seconds < 60
  assert (tmp_path / 'drawings/boat.png').is_file()


def test_every_input_and_run_of_the_entries_is_known():
  for entry in gallery_entries.ENTRIES:
    assert set(entry.inputs) <= set(gallery_inputs.INPUTS)
    assert set(entry.runs) <= set(gallery_inputs.RUNS)
    assert pathlib.Path('docs', f'{entry.more}.md').is_file()

"""The short form `art_jax MODE [POSITIONALS] [--flags]`, and the other one."""

import random
import subprocess
import sys
import types

import pytest
from absl import flags
from command_line import run_main

from art_jax.cli import arguments, entry
from art_jax.cli.flags import FLAGS, NAMES
from art_jax.cli.modes import compare, report
from art_jax.cli.table import MODES
from art_jax.core import paths
from art_jax.evaluation import record


@pytest.fixture(autouse=True)
def fresh_flags():
  FLAGS.unparse_flags()
  yield
  FLAGS.unparse_flags()


@pytest.fixture
def places(tmp_path, monkeypatch):
  """A folder with a run, an empty folder and an experiment file."""
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'runs' / 'mine').mkdir(parents=True)
  (tmp_path / 'runs' / 'mine' / 'config.txt').write_text('Experiment()')
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'own.py').write_text('')
  return tmp_path


@pytest.mark.parametrize(
  'words, values',
  [
    ('train cyclegan', {'mode': 'train', 'experiment': 'cyclegan'}),
    ('train cyclegan --tiny', {'experiment': 'cyclegan', 'tiny': True}),
    ('train --tiny cyclegan', {'experiment': 'cyclegan', 'tiny': True}),
    ('--tiny train cyclegan', {'mode': 'train', 'tiny': True}),
    ('train --experiment=vae', {'mode': 'train', 'experiment': 'vae'}),
    ('train vae --experiment=vae', {'experiment': 'vae'}),
    ('train own.py --set a.b=1', {'experiment': 'own.py', 'set': ['a.b=1']}),
    ('describe vae --set a=1 --set b=2', {'set': ['a=1', 'b=2']}),
    ('sample runs/mine --study=grid', {'run': 'runs/mine', 'study': 'grid'}),
    ('sample --weights=x.pth', {'run': None, 'weights': 'x.pth'}),
    ('evaluate --real=a --fake=b', {'mode': 'evaluate', 'real': 'a'}),
    ('stylize --run=runs/mine', {'run': 'runs/mine', 'experiment': None}),
    ('checkpoints runs/mine --prune', {'run': 'runs/mine', 'prune': True}),
    ('sweep vae --random=3', {'mode': 'sweep', 'random': 3}),
    ('benchmark vae --devices=1,2', {'devices': (1, 2)}),
    ('list', {'mode': 'list'}),
    ('--experiment=vae', {'mode': 'train', 'experiment': 'vae'}),
    ('--mode=sample --run=runs/mine', {'mode': 'sample', 'run': 'runs/mine'}),
  ],
)
def test_both_forms_set_the_same_flags(words, values, places):
  assert arguments.parse(['art_jax', *words.split()]) == ['art_jax']
  assert {name: FLAGS[name].value for name in values} == values


@pytest.mark.parametrize(
  'words, names',
  [
    ('compare runs/a runs/b --overwrite', ['runs/a', 'runs/b']),
    ('--mode=compare runs/a runs/b', ['runs/a', 'runs/b']),
    ('fetch vgg16', ['vgg16']),
    ('fetch', []),
    ('help train', ['train']),
    ('', []),
    ('--help', []),
    ('train cyclegan --help', ['train']),
    ('--mode=sample -h', ['sample']),
  ],
)
def test_modes_that_take_any_number_of_names(words, names):
  assert arguments.parse(['art_jax', *words.split()])[1:] == names


@pytest.mark.parametrize(
  'words, parts',
  [
    ('trian vae', ("no mode 'trian'; there are: train", 'art_jax help')),
    ('help trian', ("no mode 'trian'; there are: train",)),
    ('vae', ("'vae' is an experiment", 'art_jax train vae')),
    ('own.py', ("'own.py' is an experiment", 'art_jax train own.py')),
    ('runs/mine', ("'runs/mine' is a run", 'art_jax report runs/mine')),
    ('experiment=vae', ("'experiment=vae' is neither", '--experiment=vae')),
    ('train', ('train needs an EXPERIMENT', 'art_jax list', 'art_jax train ')),
    ('report', ('report needs a RUN (--run)', 'art_jax report runs/')),
    ('sample', ('needs a RUN (--run) or --weights', 'art_jax sample runs/')),
    ('stylize', ('--experiment;', 'or --run or --weights', 'style_transfer')),
    ('train vae cyclegan', ('takes one EXPERIMENT', "'vae cyclegan'")),
    ('train vae train.seed=1', ('takes one', '--set path=value')),
    ('list vae', ('list takes nothing but flags', "'vae'")),
    ('train vae --experiment=own.py', ("'vae'", '--experiment=own.py', 'one')),
    ('sample runs/mine --run=empty', ("'runs/mine'", '--run=empty', 'one')),
    ('train runs/mine', ("'runs/mine' is a run", 'needs an EXPERIMENT')),
    ('--experiment=runs/mine', ("'runs/mine' is a run", 'an EXPERIMENT')),
    ('stylize runs/mine', ('art_jax stylize --run=runs/mine',)),
    ('sample vae', ("'vae' is an experiment", 'art_jax sample runs/vae')),
    ('report own.py', ("'own.py' is an experiment", 'needs a RUN')),
    ('--mode=report --run=vae', ("'vae' is an experiment", 'needs a RUN')),
    ('train vae --study=x', ('not take --study', 'do: sample;', 'help train')),
    ('list --tiny', ('list does not take --tiny', 'train, describe')),
    ('train vae --nonsense', ("'nonsense'", '`art_jax help train`')),
    ('train vae --devices=x', ('devices', 'x', '`art_jax help train`')),
    ('train vae --notiny=3', ('notiny=3', '`art_jax help train`')),
    ('train vae --set', ('Missing value', '--set', '`art_jax help train`')),
    ('train vae --keep_last=0', ('keep_last', '`art_jax help train`')),
  ],
)
def test_bad_input(words, parts, places, monkeypatch):
  monkeypatch.setattr(entry, 'main', None)  # refused before a mode is run
  code, out, err = run_main(*words.split())
  assert (code, out) == (2, '')
  assert err.startswith('art_jax: ') and err.count('\n') == 1
  assert all(part in err for part in parts), err


def test_another_mode_s_flag_is_a_warning_in_the_absl_form():
  code, out, err = run_main('--mode=list', '--study=grid')
  assert code == 0 and 'cyclegan_demo' in out
  assert err == (
    'art_jax: --study is ignored: list does not take it (modes that do: '
    'sample)\n'
  )


def test_help_of_a_mode_and_of_all():
  code, out, _ = run_main('help', 'sweep')
  assert code == 0 and '--random=N' in out and '--study' not in out
  code, out, _ = run_main()
  assert code == 0 and all(f'  {name} ' in out for name in MODES)


@pytest.mark.process
def test_the_module_takes_both_forms_and_needs_no_jax():
  program = (
    'import sys; sys.modules["jax"] = None; from art_jax import main;'
    'sys.argv[1:] = {}; main.cli()'
  )
  for words in (['list'], ['--mode=list'], ['help', 'train'], ['trian']):
    done = subprocess.run(
      [sys.executable, '-c', program.format(words)],
      capture_output=True,
      text=True,
    )
    assert done.returncode == (2 if words == ['trian'] else 0), done.stderr


def test_any_words_are_taken_or_refused_in_one_line(places):
  """Words at random: never a traceback, and never a mode that is unknown."""
  rng = random.Random(0)
  pool = [
    *MODES,
    *('vae', 'runs/mine', 'empty', 'own.py', '-', '--', '', '=', 'ä', '--set'),
    *(f'--{name}' for name in NAMES),
    *(f'--{name}={rng.choice(("1", "x", "", "a=b"))}' for name in NAMES),
    *('--nonsense', '-h', '--no', '--flagfile=gone', '--undefok=x'),
  ]
  refused = 0
  for _ in range(600):
    FLAGS.unparse_flags()
    words = rng.choices(pool, k=rng.randint(0, 5))
    if words and rng.random() < 0.3:  # a letter is missing
      at = rng.randrange(len(words))
      words[at] = words[at][:-1]
    try:
      entry.parse(['art_jax', *words])
      assert FLAGS.mode in MODES
    except SystemExit as error:
      assert error.code == 2, words
      refused += 1
    except flags.Error as error:  # pragma: no cover
      raise AssertionError(words) from error
  assert 100 < refused < 600


def test_a_tilde_in_a_flag_is_the_home_folder(tmp_path, monkeypatch):
  """No shell writes it out behind `--output=`."""
  home = tmp_path / 'home'
  monkeypatch.setenv('HOME', str(home))
  monkeypatch.chdir(tmp_path)
  home.mkdir()
  for name in ('a', 'b'):
    (tmp_path / name).mkdir()
    row = '{"step": 1, "loss/g": 1}\n'
    (tmp_path / name / 'metrics.jsonl').write_text(row)
  flags = types.SimpleNamespace(output='~/made', run='a', overwrite=False)
  compare.run(flags, ['a', 'b'])
  report.run(flags)
  scores = types.SimpleNamespace(rows=[], left_out={}, subsets={})
  record.append('~/made', scores, {})
  made = sorted(path.name for path in (home / 'made').iterdir())
  assert made == ['compare.html', 'evaluation.json', 'report.html']
  assert paths.new_file('~/x.json', False) == home / 'x.json'
  assert not (tmp_path / '~').exists()

"""The page about the earlier projects: budgets, what is kept, what is shown."""

import dataclasses
import importlib.util
import io
import json
import pathlib
import shlex
import time

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from tools import command
from tools.studies import originals, systems
from tools.studies.systems import gather, kept, page, spend
from tools.studies.systems.row import Do, Row, at_least, of_tables

_TRAIN = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *a: end())
path = pathlib.Path({folder!r}, 'steps')
n = int(path.read_text()) if path.exists() else 0
def end():
  path.write_text(str(n))
  print(f'stopped on request after step {{n}} of {steps}')
  sys.exit(75)
print('begins at', n, flush=True)
while n < {steps}:
  sum(range(20000))
  n += 1
path.write_text(str(n))
print('trained', n)
"""
_MEASURE = "print('digits 97.5 %'); print('| | kid |\\n|---|---|\\n| a | 2 |')"


@pytest.fixture
def toy(tmp_path, monkeypatch):
  """Return a function that makes a row of a toy training, and what runs it."""
  monkeypatch.setattr(spend, '_POLL', 0.02)

  def make(steps=50, budget=1.0, needs=(), measure=_MEASURE, minutes=0.0):
    row = Row(
      'T1',
      'Toy',
      'a toy',
      'nothing',
      (
        Do('art_jax train toy --data={mnist} --workdir={work}/run'),
        Do(
          'tools.studies.toy {work}/run',
          (('digits', r'digits ([\d.]+) %'),),
          tables=True,
          minutes=minutes,
        ),
      ),
      (at_least('digits', 'digits', 97, ' %'),),
      budget=budget,
      needs=needs,
      unreached='it is a toy',
    )
    script = _TRAIN.format(folder=str(tmp_path), steps=steps)
    monkeypatch.setattr(systems, 'ROWS', (row,))
    monkeypatch.setattr(systems, 'ORDER', ('T1',))
    monkeypatch.setattr(
      originals,
      'as_arguments',
      lambda line: ['-c', script if ' train ' in line else measure],
    )
    return row

  return make


@pytest.fixture
def plan(tmp_path):
  return originals.Plan(
    workdir=str(tmp_path / 'runs'),
    results=str(tmp_path / 'results'),
    output=str(tmp_path / 'page.md'),
  )


def _result(plan):
  return json.loads(kept.path_of(plan.results, 'T1').read_text())


def test_a_row_runs_once_and_is_kept(toy, plan, tmp_path, capsys):
  toy()
  given = originals.Given(mnist=str(tmp_path / 'secret.npz'))
  assert originals.main(plan, given) == 0
  found = _result(plan)
  assert found['status'] == 'done' and found['format'] == kept.FORMAT
  assert found['figures'] == {'digits': 97.5, 'a/kid': 2.0}
  assert found['core_minutes'] >= 0 and 'core' in found['machine']
  text = pathlib.Path(plan.output).read_text()
  assert '| digits: at least 97 % | 97.5 % | yes |' in text
  assert '--data=MNIST --workdir=runs/originals/T1/run' in text
  assert str(tmp_path) not in text + json.dumps(found)
  assert 'it is a toy' not in text  # shown only where a target is not reached
  (pathlib.Path(plan.workdir) / 'T1' / '0.log').unlink()
  assert originals.main(plan, given) == 0
  assert not (pathlib.Path(plan.workdir) / 'T1' / '0.log').exists()


def test_numbers_are_read_anew_from_the_logs(toy, plan):
  toy()
  assert originals.main(plan, originals.Given()) == 0
  log = pathlib.Path(plan.workdir) / 'T1' / '1.log'
  log.write_text('digits 99 %')
  assert originals.main(plan, originals.Given(), run=False) == 0
  assert _result(plan)['figures'] == {'digits': 99}
  log.parent.rename(log.parent.with_name('elsewhere'))
  assert originals.main(plan, originals.Given(), run=False) == 0
  assert _result(plan)['figures'] == {'digits': 99}


def test_the_budget_ends_a_training_and_the_row_reports_what_it_has(toy, plan):
  row = toy(steps=10**9, budget=0.3 / 60)
  assert originals.main(plan, originals.Given()) == 0
  found = _result(plan)
  assert found['status'] == 'budget' and found['figures']['digits'] == 97.5
  assert found['ended'][0].startswith('step ')
  assert 'of 1,000,000,000' in '\n'.join(page.state(row, found))


def test_minutes_end_the_command_and_the_same_command_continues(toy, plan):
  toy(steps=1500, budget=60)
  codes = []
  for _ in range(60):
    codes.append(originals.main(plan, originals.Given(), minutes=0.1 / 60))
    if pathlib.Path(plan.results).exists():
      break
  assert codes[0] == 75 and len(codes) > 1
  assert _result(plan)['status'] == 'done'
  log = (pathlib.Path(plan.workdir) / 'T1' / '0.log').read_text()
  assert not log.startswith('begins at 0') and 'trained 1500' in log


def test_a_killed_command_continues_and_its_seconds_count(toy, plan, tmp_path):
  row = toy(budget=0.3 / 60)
  folder = tmp_path / 'runs' / 'T1'
  state = kept.Progress(originals.named(row), training=100)
  kept.save(folder, state)  # as of a process that was killed
  assert originals.main(plan, originals.Given()) == 0
  found = _result(plan)
  assert found['core_minutes'] == 1.7 and found['status'] == 'budget'
  assert found['ended'] == ['not begun: the budget is spent']


def test_what_measures_is_not_begun_without_its_minutes(toy, plan):
  toy(minutes=5)
  assert originals.main(plan, originals.Given(), minutes=1) == 75
  assert not pathlib.Path(plan.results).exists()
  assert originals.main(plan, originals.Given()) == 0


def test_a_failed_row_is_said_and_not_kept(toy, plan, capsys):
  toy(measure="raise SystemExit('no such run')")
  assert originals.main(plan, originals.Given()) == 0
  assert 'T1: failed: no such run' in capsys.readouterr().out
  assert not pathlib.Path(plan.results).exists()


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'format': 99}, 'has the format 99, and this version reads 1'),
    ({'commands': []}, 'there were 0 of them, and now there are 2'),
    (
      {'commands': ['art_jax train other', 'b']},
      'was made by other commands: `art_jax train other`, and now it is',
    ),
  ],
)
def test_a_result_of_another_version_or_command_is_refused(
  toy, plan, change, message
):
  row = toy()
  entry = kept.keep(
    plan.results, row, kept.Progress(originals.named(row)), figures={}
  )
  path = kept.path_of(plan.results, 'T1')
  path.write_text(json.dumps(entry | change))
  with pytest.raises(core.UserError, match='T1.json') as error:
    originals.main(plan, originals.Given(), run=False)
  assert message in str(error.value)


def test_a_folder_of_other_commands_is_refused(toy, plan, tmp_path):
  toy()
  kept.save(tmp_path / 'runs' / 'T1', kept.Progress(['a', 'b']))
  with pytest.raises(core.UserError, match='begun by other commands'):
    originals.main(plan, originals.Given())


def test_a_row_without_its_data_keeps_its_figures_marked_as_old(
  toy, plan, capsys
):
  row = toy(needs=('mnist',))
  old = {'format': 1, 'row': 'T1', 'status': 'old', 'commands': ['smaller']}
  old |= {'core_minutes': 2, 'figures': {}, 'lines': ['agreement 49.7%']}
  path = kept.path_of(plan.results, row.name)
  path.parent.mkdir()
  path.write_text(json.dumps(old | {'figure': 'pictures/old.jpg'}))
  assert originals.main(plan, originals.Given()) == 0
  assert 'T1: left out, as --mnist is not given' in capsys.readouterr().out
  assert json.loads(path.read_text())['status'] == 'old'
  text = pathlib.Path(plan.output).read_text()
  for part in (page.OLD.format(2), '    agreement 49.7%', 'pictures/old.jpg'):
    assert part in text
  assert 'not measured yet' in text and page.DATA['mnist'] in text


def test_a_row_that_reads_another_waits_for_it(toy, plan, monkeypatch, capsys):
  row = toy()
  second = dataclasses.replace(row, name='T2', after=('T1',))
  monkeypatch.setattr(systems, 'ROWS', (row, second))
  monkeypatch.setattr(systems, 'ORDER', ('T2',))
  assert originals.main(plan, originals.Given()) == 0
  assert 'T2: left out, as it reads the runs of T1' in capsys.readouterr().out


def test_again_makes_a_row_anew(toy, plan, tmp_path):
  toy()
  assert originals.main(plan, originals.Given()) == 0
  (tmp_path / 'steps').unlink()
  toy(measure="print('digits 50 %')")
  given = originals.Given()
  assert originals.main(plan, given, again=True, only=('T1',)) == 0
  assert _result(plan)['figures'] == {'digits': 50}
  assert 'Not reached: it is a toy' in pathlib.Path(plan.output).read_text()
  with pytest.raises(core.UserError, match='--only'):
    originals.main(plan, given, again=True)


def test_seconds_are_those_of_the_processor(tmp_path):
  begun = time.monotonic()
  outcome = spend.run(
    ['-c', 'import time; time.sleep(0.7)'], tmp_path / 'log', 9, spend.Stop()
  )
  assert outcome.seconds < 0.5 < time.monotonic() - begun


@pytest.mark.parametrize(
  ('sizes', 'whole'),
  [
    (((1280, 640),), (640, 320)),  # made smaller
    (((100, 50),), (300, 150)),  # enlarged at most three times
    (((640, 640), (320, 320)), (640, 316)),  # side by side, of one height
    (((640, 320), (1280, 320)), (640, 320 + 8 + 160)),  # wide: one below
  ],
)
def test_parts_of_a_figure_are_joined(sizes, whole):
  parts = [Image.new('RGB', size) for size in sizes]
  assert gather.joined(parts).size == whole


def test_figures_are_small_files():
  noise = np.random.default_rng(0).integers(0, 255, (500, 640, 3), np.uint8)
  data = gather.as_jpeg(Image.fromarray(noise))
  assert len(data) <= 36_000
  assert Image.open(io.BytesIO(data)).width < 640
  plain = Image.new('RGB', (640, 500))
  assert Image.open(io.BytesIO(gather.as_jpeg(plain))).size == plain.size


def test_long_commands_break_before_flags():
  line = 'tools.studies.x --a="b c" ' + ' '.join(
    f'--flag_{i}=1' for i in range(9)
  )
  lines = page.wrapped(line)
  assert len(lines) > 1 and all(len(x) <= 90 for x in lines)
  joined = ' '.join(x.removesuffix(' \\').strip() for x in lines)
  assert joined == f'python -m {line}'
  assert page.wrapped('art_jax list') == ['art_jax list']
  files = 'tools.studies.measure ' + ' '.join(['picture.png'] * 9)
  first, second, *rest = page.wrapped(f'{files} --style=S')
  assert first.startswith('python -m tools.studies.measure picture.png')
  assert second.startswith('  picture.png') and second.endswith('--style=S')
  assert not rest


def test_the_last_number_or_the_least_one():
  take = (('share', r'share ([\d.]+)%'), ('share (least)', r'share ([\d.]+)%'))
  figures = Do('', take).figures('share 8%\nshare 6.7%\nshare 12.7%\n')
  assert figures == {'share': 12.7, 'share (least)': 6.7}


def test_numbers_of_tables():
  text = '| | kid | far |\n|---|---|---|\n| a | 1.5e+03 +- 2 | +0.1 |\nx'
  assert of_tables(text) == {'a/kid': 1500, 'a/kid +-': 2, 'a/far': 0.1}


def test_tables_of_a_text_stay_apart():
  first, second = (
    '| | kid |\n|---|---|\n| a | 2 |',
    '| b | x |\n|---|---|\n| c | 3 |',
  )
  text = f'step 1\n\n\n{first}\n\n{second}\nended'
  assert gather.table_lines(text) == f'{first}\n\n{second}'


def test_the_plan_names_every_row_and_fits_a_weekend(capsys):
  assert command.call(originals.main, ['--plan']) == 0
  text = capsys.readouterr().out
  assert all(f'| {row.name} |' in text for row in systems.ROWS)
  assert sum(row.takes for row in systems.ROWS) <= 16 * 60
  assert all(row.takes <= 1.2 * row.budget <= 432 for row in systems.ROWS)


def test_every_row_can_be_built():
  """Tools exist, experiments do, and so do the fields that are set."""
  rows = {row.name: row for row in systems.ROWS}
  assert len(rows) == len(systems.ROWS) == 24
  assert sorted(systems.ORDER) == sorted(rows)
  names = {field.name for field in dataclasses.fields(originals.Given)}
  assert names == page.DATA.keys()
  built = set()
  for row in systems.ROWS:
    order = systems.ORDER.index
    assert all(order(name) < order(row.name) for name in row.after)
    for do, line in zip(row.commands, originals.named(row), strict=True):
      used = {n for n in names if f'{{{n}}}' in do.line}
      assert used <= set(row.needs), (row.name, used)
      program, *words = shlex.split(line)
      assert program == 'art_jax' or importlib.util.find_spec(program)
      sets = [v for w, v in zip(words, words[1:], strict=False) if w == '--set']
      mode, name, *_ = *words, ''
      if program == 'art_jax' and mode in ('train', 'stylize'):
        experiments.override(experiments.load(name), sets)
        built.add(name)
  assert len(built) > 12

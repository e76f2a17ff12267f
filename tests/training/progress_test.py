"""What a run says while it trains, and how it accounts for its time."""

import io
import time
import types

import pytest

from art_jax.training import goodput, input_advice, progress


class _Arrays:
  """Stands in for device arrays that are or are not computed yet."""

  def __init__(self, ready):
    self.ready = ready

  def is_ready(self):
    return self.ready


def test_plain_lines_without_a_terminal():
  stream = io.StringIO()
  with progress.Progress(0, 100, rows=4, stream=stream) as bar:
    for step in range(1, 11):
      bar.advance(step)
      time.sleep(0.002)
    bar.show(10, {'loss/cycle': 0.25, 'score/real': 1.0})
  line = stream.getvalue()
  assert line.startswith('step 10/100 ')
  assert 'steps/s' in line and 'images/s' in line and 'left' in line
  assert 'cycle 0.25' in line and 'real' not in line
  assert '\r' not in line


def test_a_bar_on_a_terminal():
  stream = io.StringIO()
  stream.isatty = lambda: True
  with progress.Progress(50, 100, rows=1, stream=stream) as bar:
    bar.advance(51)
    time.sleep(0.002)
    bar.advance(60)
    bar.show(60, {'loss/cycle': 0.25})
  text = stream.getvalue()
  assert '60/100' in text and 'cycle 0.25' in text


def test_silent_in_other_processes():
  stream = io.StringIO()
  with progress.Progress(0, 9, rows=1, stream=stream, enabled=False) as bar:
    bar.advance(1)
    bar.show(1, {'loss/x': 1.0})
  assert stream.getvalue() == ''


@pytest.mark.parametrize(
  'in_flight, name',
  [(None, 'input'), ([_Arrays(True)], 'input'), ([_Arrays(False)], 'step')],
)
def test_input_counts_only_while_the_device_waits(in_flight, name):
  clocks = goodput.Clocks()
  with clocks.of_input(in_flight):
    time.sleep(0.01)
  assert list(clocks.seconds) == [name]
  assert clocks.seconds[name] >= 0.01


def test_summary_shares():
  clocks = goodput.Clocks()
  clocks.seconds = {'step': 3.0, 'input': 1.0, 'compile': 9.0}
  clocks.timed = 8
  summary = clocks.summary(steps=9, rows=2)
  assert summary['steps_per_second'] == 2.0  # the first step compiled
  assert summary['images_per_second'] == 4.0
  assert summary['input_share'] == 0.25
  assert summary['seconds/compile'] == 9.0


@pytest.mark.parametrize(
  'step, waits, said',
  [(15, 4, None), (19, 1, None), (30, 10, '25 % of the time'), (0, 0, None)],
  ids=['too early', 'hardly', 'a quarter', 'no step'],
)
def test_a_run_that_waits_for_pictures_says_what_to_do(step, waits, said):
  since = {'step': 1.0, 'input': 50.0}
  now = {'step': 1.0 + step, 'input': 50.0 + waits, 'compile': 99.0}
  text = input_advice.sentence(now, since)
  assert text is None if said is None else said in text


@pytest.mark.parametrize(
  'kind, cache, files, helps',
  [
    ('streaming', None, 'known', True),
    ('streaming', '~/kept', 'known', False),
    ('resident', None, 'known', False),
    ('streaming', None, None, False),
  ],
  ids=['a folder', 'decoded once', 'in memory', 'no files'],
)
def test_a_cache_is_named_where_it_helps(kind, cache, files, helps):
  of, examples = types.SimpleNamespace, types.SimpleNamespace(files=files)
  dataset = of(train=(examples,))
  assert input_advice.helps(of(cache=cache), dataset, of(kind=kind)) is helps

"""The model card of a published run: README.md with metadata on top."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from art_jax import core
from art_jax.algorithms import attributes
from art_jax.core.version import VERSION
from art_jax.inference.run import Run
from art_jax.runs.metrics_rows import read_metrics

_PATH = re.compile(r'(?<![\w:/])[~/][^\s\'",;=]*/')
_MEMORIZED = 'probe/memorised/'
_SHOWN_SCORES = 20


def task(run: Run) -> str:
  """Return the task of a model, as the hub names it."""
  if isinstance(run.algorithm, core.Generative):
    return 'unconditional-image-generation'
  return 'image-to-image'


def without_folders(text: str) -> str:
  """Return a text in which paths of this machine are names of files."""
  return _PATH.sub('', text)


def text(
  run: Run, name: str, license_id: str, samples: list[str], data: Mapping
) -> str:
  """Return README.md.

  Args:
    run: a loaded run.
    name: 'owner/name' on the hub, or of the folder.
    license_id: as the hub spells it, e.g. 'cc-by-4.0'.
    samples: relative paths of its pictures.
    data: content of the run's data.json.
  """
  tags = ['art', 'jax', 'flax', 'safetensors', type(run.algorithm).__name__]
  head = {
    'library_name': 'art_jax',
    'pipeline_tag': task(run),
    'license': license_id,
    'tags': tags,
  }
  # A JSON value is a YAML value.
  lines = [f'{key}: {json.dumps(value)}' for key, value in head.items()]
  pictures = [f'![]({path})' for path in samples]
  return '\n'.join(
    [
      *('---', *lines, '---', '', f'# {name}', ''),
      f'A {type(run.algorithm).__name__}, trained by art_jax {VERSION} for '
      f'{run.step} steps on pictures of {run.experiment.data.size} px.',
      *('', *pictures, '', '## Use it', '', _use(run, name), ''),
      *('## Data', '', _data(run, data), ''),
      *('## Scores', '', _scores(run), ''),
      *('## Memorization', '', _memorization(run), ''),
      *('## Files', ''),
      '`config.txt` is the experiment as literals and `model.safetensors` the '
      'weights. art_jax reads these and `config.json`; nothing of this '
      'repository is executed.',
      '',
    ]
  )


def _use(run: Run, name: str) -> str:
  where = f'hf:{name}' if '/' in name else name
  algorithm, quoted = run.algorithm, shlex.quote(where)
  command, imports = '', 'import art_jax  # pip install "art-jax[hub]"'
  if told := core.attributes(algorithm):
    imports += '\nimport jax'
    asked = {one.name: _example(one) for one in told}
    python = (
      'z = run.algorithm.latents(jax.random.key(1), 16)\n'
      f'pictures = run.algorithm.generate(run.params, z, {asked})'
    )
  elif isinstance(algorithm, core.Generative):
    labels = ', labels=0' if core.num_classes(algorithm) else ''
    all_labels = ' --labels=all' if labels else ''
    python = f'pictures = run.sample(16, seed=1{labels})  # u8[16, H, W, C]'
    command = (
      f'art_jax sample {quoted} --study=grid{all_labels} --output=samples'
    )
  else:
    ways = ', '.join(core.directions(algorithm))
    python = f'painted = run.translate(photo)  # u8[H, W, C]; ways: {ways}'
    command = f'art_jax translate {quoted} --input=photos --output=painted'
    if isinstance(algorithm, core.Stylable):
      styled = 'run = run.styled([painting])  # f32[1, H, W, 3] in [-1, 1]'
      python, command = f'{styled}\n{python}', f'{command} --style=painting.jpg'
  return '\n'.join(
    [
      *('```python', imports, ''),
      *(f'run = art_jax.load({where!r})', python, '```'),
      *(('', f'    {command}') if command else ()),
    ]
  )


def _example(attribute: Any) -> Any:
  """Return a value that a user may ask for."""
  if isinstance(attribute, attributes.Palette):
    return (50, 20, 20)
  return getattr(attribute, 'low', 0)


def _data(run: Run, data: Mapping[str, Any]) -> str:
  counts = {
    what: ' + '.join(map(str, data.get(key) or ())) or 'unknown'
    for what, key in (('training', 'train'), ('held-out', 'heldout'))
  }
  source = without_folders(repr(run.experiment.data.source))
  lines = [
    f'{counts["training"]} training pictures, {counts["held-out"]} held out '
    f'(`{source}`).'
  ]
  if run.class_names:
    shown = ', '.join(run.class_names[:50])
    lines.append(f'Classes: {shown}.')
  return ' '.join(lines)


def _scores(run: Run) -> str:
  """Return the newest entry of evaluation.json with its protocol."""
  entry = _last_evaluation(run)
  if not entry:
    return 'Not measured (`art_jax evaluate RUN`).'
  rows = ['| score | value | real pictures |', '|---|---|---|']
  for score, row in list(entry['scores'].items())[:_SHOWN_SCORES]:
    values = [
      '' if row.get(key) is None else f'{row[key]:.5g}'
      for key in ('value', 'real')
    ]
    rows.append(f'| {score} | {" | ".join(values)} |')
  protocol = ', '.join(
    f'{key} {without_folders(str(entry[key]))}'
    for key in ('checkpoint', 'features', 'num', 'size', 'seed', 'real')
    if entry.get(key) is not None
  )
  return '\n'.join([*rows, '', f'Protocol: {protocol}.'])


def _last_evaluation(run: Run) -> dict[str, Any] | None:
  if run.folder is None:
    return None
  try:
    entries = json.loads((run.folder / 'evaluation.json').read_text())
    return entries[-1] if entries and entries[-1]['scores'] else None
  except (OSError, ValueError, KeyError, TypeError, IndexError):
    return None


def _memorization(run: Run) -> str:
  """Return the share of samples that the run's probe finds to be copies."""
  path = run.folder and run.folder / 'metrics.jsonl'
  shares: dict[str, float] = {}
  if path and path.exists():
    for row in read_metrics(path):
      shares |= {k: v for k, v in row.items() if k.startswith(_MEMORIZED)}
  if not shares:
    return 'Not measured: this run has no probe of it.'
  told = '; '.join(
    f'{name.removeprefix(_MEMORIZED)}: {share:.1%}'
    for name, share in shares.items()
  )
  return (
    'Samples that lie nearer to a training picture than training pictures lie '
    f'to one another, at the last probe: {told}.'
  )

"""The page that says which model to choose, from figures that are kept."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from art_jax.config import recommended
from art_jax.core.version import VERSION
from tools import command

_HEADER = (
  *('model', 'KID', 'KID, SqueezeNet', 'recall', 'precision', 'copied'),
  *('steps', 'trained, images/s', 'sampled, images/s'),
)
_COLUMNS = 'recall precision copied sampled'.split()
_JUDGED = 'kid/squeezenet', 'deviation/squeezenet'
_ENOUGH = 10  # minutes; below, the figures are no advice
_PARTS = ('built-in', 'folder')
_METHOD = """KID compares samples with the training pictures (lower is better);
+- is its standard deviation over subsets. The first column uses `pixels32`,
which sees colors and sharpness, the second SqueezeNet's features, which see
what is shown. Recall is the share of the data that is near to samples,
precision the share of samples that are near to data, copied the share of
samples that are as near to a training picture as the nearest training pictures
are to each other, and much nearer to it than to any other. See
[metrics](metrics.md).
"""


def page(
  known: Mapping[str, Any], models: Sequence[str], recipes: Sequence[str]
) -> str:
  """Return the page.

  Args:
    known: by 'built-in' and 'folder': 'plan' of the last command, 'rows' by
      model, each with its own 'plan', and 'picture'.
    models: names of the rows, in order.
    recipes: those that have their own width and batch.
  """
  parts = [
    _recommended(),
    '## Every kind of model for the same time\n',
    _METHOD,
  ]
  for part in _PARTS:
    if part in known:
      parts.append(_section(known[part], models, recipes))
  return '\n'.join(['# Which model\n', *parts])


def _recommended() -> str:
  """Return what to begin with, as `art_jax list` says it."""
  lines = '\n'.join(f'- {line}' for line in recommended.lines('`'))
  return f"""## What to begin with

{lines}

For paintings, [Projected GAN](projected.md#how-good-it-is) compares its figures
after an hour on one CPU core with those of DCGAN, and [the painter](painter.md)
paints samples at a larger size.
"""


def _section(
  section: Mapping[str, Any],
  models: Sequence[str],
  recipes: Sequence[str],
) -> str:
  """Return what is known of one set of pictures."""
  plan, rows = section['plan'], section['rows']
  data = plan['data']
  chosen = f' --data={data}' if data else ''
  own = ' and '.join(name for name in recipes if name in rows)
  text = [
    f'### {data or plan["pictures"]}\n',
    f'At {plan["size"]} px, networks of width {plan["width"]}, batch '
    f'{plan["batch"]}{f" ({own}: their own)" if own else ""}, '
    f'{plan["minutes"]:g} minutes of training each (compilation not counted), '
    f'{plan["num"]} samples; {plan["machine"]}:\n',
    '    python -m tools.studies.which_model'
    f'{chosen} --minutes={plan["minutes"]:g} --size={plan["size"]} '
    f'--width={plan["width"]} --batch={plan["batch"]}\n',
  ]
  lines, older = [], set()
  for name in models:
    row = rows.get(name, {'failed': 'not run yet'})
    old = name in rows and not _is_current(row['plan'], plan)
    if old:
      older.add(_of(row['plan']))
    lines.append([f'{name} *' if old else name, *_shown(row)])
  text.append(command.table(_HEADER, lines) + '\n')
  text += [
    f'\\* Measured with an earlier version or other settings: {one}.\n'
    for one in sorted(older)
  ]
  if 'picture' in section:
    text.append(f'![16 samples of each model]({section["picture"]})\n')
  current = {n: r for n, r in rows.items() if _is_current(r['plan'], plan)}
  return '\n'.join([*text, _verdict(current, plan, models)])


def _is_current(row: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
  """Return whether a row is of a plan, on any machine, and this version."""
  return {**row, 'machine': ''} == {**plan, 'machine': '', 'version': VERSION}


def _of(plan: Mapping[str, Any]) -> str:
  return (
    f'{plan["minutes"]:g} minutes at {plan["size"]} px, width {plan["width"]}, '
    f'batch {plan["batch"]}, version {plan["version"]}, {plan["machine"]}'
  )


def _shown(row: Mapping[str, Any]) -> list[str]:
  """Return the figures of a model as text."""
  if 'failed' in row:
    return [row['failed'], *[''] * (len(_HEADER) - 2)]
  judged = [row[name] for name in _JUDGED if name in row]
  return [
    _with_deviation(row['kid'], row['deviation']),
    _with_deviation(*judged) if judged else '',
    *(f'{row[name]:.2f}' for name in ('recall', 'precision', 'copied')),
    f'{row["steps"]:,}',
    *(f'{row[name]:.0f}' for name in ('trained', 'sampled')),
  ]


def _with_deviation(value: float, deviation: float) -> str:
  """Return both, to two digits of the deviation."""
  digits = 2
  if deviation > 0:
    digits = max(0, 1 - math.floor(math.log10(deviation)))
  return f'{value:,.{digits}f} +- {deviation:,.{digits}f}'


def _verdict(
  rows: Mapping[str, Any], plan: Mapping[str, Any], models: Sequence[str]
) -> str:
  """Return what the figures say, in sentences."""
  measured = {k: v for k, v in rows.items() if 'kid' in v}
  if len(rows) < len(models) or plan['minutes'] < _ENOUGH or len(measured) < 2:
    return (
      f'{len(measured)} of {len(models)} models are measured with this version '
      f'and these settings. Once all are, for {_ENOUGH} minutes or more, this '
      'page says here which to choose.\n'
    )
  judged = all(_JUDGED[0] in row for row in measured.values())
  names = _JUDGED if judged else ('kid', 'deviation')
  kid, deviation, recall, precision, copied, sampled = (
    {name: row[column] for name, row in measured.items()}
    for column in (*names, *_COLUMNS)
  )
  best, second, *_ = by_kid = sorted(kid, key=kid.__getitem__)
  noise = max(deviation[best], deviation[second])
  space = 'SqueezeNet' if judged else '`pixels32`'
  nearest = (
    f'{best} comes nearest to the data in this time (lowest KID in {space})'
    if kid[second] - kid[best] > 2 * noise
    else f'{best} and {second} come nearest (KID in {space}), apart by less '
    'than two deviations'
  )
  # Blurs and noise lie far from each other, which counts as covering the data:
  # recall is said of those models only whose samples are often near to it.
  precise = max(precision.values()) / 2
  near = [name for name in precision if precision[name] >= precise]
  varied = max(near, key=recall.__getitem__)
  quick = max(sampled, key=sampled.__getitem__)
  slow = min(sampled, key=sampled.__getitem__)
  fast = next(n for n in by_kid if sampled[n] > sampled[quick] / 10)
  copies = ', '.join(name for name in copied if copied[name] > 0.05)
  without = ', '.join(name for name in models if name not in measured)
  return f"""What these figures say{f' (without {without})' if without else ''}:

- New pictures near to the data: {nearest}.
- The same, with many pictures a second: {fast}.
- The variety of the data: {varied} (recall {recall[varied]:.2f}, among the
  models with a precision of {precise:.2f} or more).
- {quick} samples fastest, {sampled[quick] / sampled[slow]:,.0f} times as many
  pictures a second as {slow}.
- Models that copy training pictures (more than 5 % of the samples):
  {copies or 'none'}.
- Latent codes of given pictures, to change and decode: the autoencoder or the
  VAE, the only models with an encoder. Painting over a picture, and inpainting:
  diffusion.
"""

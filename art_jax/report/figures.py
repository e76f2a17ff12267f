"""The curves of a report, as SVG pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from art_jax.report import pictures
from art_jax.runs import plots

_SIZE = 5.4, 3.2  # inches: readable at the width of a phone
_MAX_CURVES = 12
_HIDDEN = ('probe/kid_of_grey',)
_TITLES = {
  'loss': 'Losses',
  'probe/kid': 'Distance of samples to the data (KID; smaller is better)',
  'probe/diversity': 'Distance of two samples, relative to the data',
  'probe/distinct': 'Distinct samples, relative to the data',
  'probe/recall': 'Share of the data that the samples cover',
  'probe/memorised': 'Share of samples that are copies',
  'probe/checkerboard': 'Checkerboard artifacts, relative to the data',
  'probe/score': 'Scores of training, held-out and generated pictures',
  'verdict': 'Accuracy of the discriminator',
  'probability': 'Probability of being real, by the discriminator',
  'score': 'Scores of the discriminator',
  'probe/l1': 'Mean error per pixel (held-out pictures, if at least 8)',
}


def groups(names: Sequence[str]) -> dict[str, list[str]]:
  """Return the metrics that share a figure, by what they have in common."""
  members: dict[str, list[str]] = {}
  for name in names:
    parts = name.split('/')
    group = '/'.join(parts[:2]) if parts[0] == 'probe' else parts[0]
    if group not in _HIDDEN:
      members.setdefault(group, []).append(name)
  order = [group for group in _TITLES if group in members]
  return {group: members[group] for group in dict.fromkeys([*order, *members])}


def heading(group: str) -> str:
  """Return the title of the figure of a group."""
  return _TITLES.get(group, group)


def of_run(
  rows: Sequence[Mapping[str, Any]], marks: Mapping[int, str]
) -> list[dict[str, str]]:
  """Return a figure for each group of metrics: {'title', 'uri'}.

  Args:
    rows: of metrics.jsonl.
    marks: steps at which alarms began, and their names.
  """
  names = dict.fromkeys(k for row in rows for k in row if k != 'step')
  return [
    figure(rows, chosen[:_MAX_CURVES], heading(group), group, marks)
    for group, chosen in groups(list(names)).items()
  ]


def of_runs(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict]:
  """Return a figure for each metric, with a curve for each run."""
  names = dict.fromkeys(
    k
    for rows in runs.values()
    for row in rows
    for k in row
    if k != 'step' and not k.startswith(_HIDDEN)
  )
  every = [f'run/{run}' for run in runs]  # a run may be named 'step'
  curves = []
  for name in names:
    rows = [
      {'step': row['step'], f'run/{run}': row[name]}
      for run, rows in runs.items()
      for row in rows
      if name in row
    ]
    # One run's curve alone compares nothing.
    if len({key for row in rows for key in row}) > 2:
      curves.append(figure(rows, every, name, 'run', {}))
  return curves


def figure(
  rows: Sequence[Mapping[str, Any]],
  names: Sequence[str],
  heading: str,
  group: str,
  marks: Mapping[int, str],
) -> dict[str, str]:
  """Return one figure: its 'title', and its SVG as a 'uri'.

  Args:
    rows: of metrics.jsonl.
    names: the metrics, a curve each.
    heading: the title.
    group: what is left out of the names in the legend.
    marks: steps to mark by a line, and what to write there.
  """
  drawn = plots.curves(rows, names, marks=marks, size=_SIZE)
  axes = drawn.axes[0]
  for patch in (drawn.patch, axes.patch):  # the page's own background
    patch.set_visible(False)
  handles, labels = axes.get_legend_handles_labels()
  axes.get_legend().remove()
  if len(labels) > 1:
    axes.legend(
      handles,
      [plots.label(label.removeprefix(f'{group}/')) for label in labels],
      loc='upper center',
      bbox_to_anchor=(0.5, -0.16),
      ncol=2,
      frameon=False,
      fontsize='small',
    )
  return {'title': heading, 'uri': pictures.svg(plots.svg(drawn))}

"""An experiment by its name or as a value, with fields changed by values."""

from collections.abc import Mapping
from typing import Any

from art_jax import core
from art_jax.config import experiments, serialization


def choose(
  experiment: str | core.Experiment,
  overrides: Mapping[str, Any] | None = None,
  *,
  tiny: bool = False,
) -> tuple[core.Experiment, dict[str, type]]:
  """Return an experiment with fields changed, and the classes of its config.

  Args:
    experiment: name or path of its file, or the value itself.
    overrides: values by path, {'train.duration': 1000}. A string is read like
      the text of `--set`, any other value is taken as it is.
    tiny: take the small variant; for names alone.

  Raises:
    core.UserError: there is no such experiment or field, or a value of another
      type.
  """
  if isinstance(experiment, str):
    experiment = experiments.load(experiment, tiny=tiny)
  elif tiny:
    raise core.UserError(
      'tiny=True: an Experiment has no small variant; pass the name of an '
      'experiment, or leave tiny out'
    )
  overrides, assignments = overrides or {}, []
  for path, value in overrides.items():
    try:
      text = value if isinstance(value, str) else serialization.to_text(value)
    except TypeError as error:
      raise core.UserError(f'{path}: {error}') from None
    assignments.append(f'{path}={text}')
  parts = serialization.walk((experiment, *overrides.values()))
  classes = {type(part).__name__: type(part) for part in parts}
  return experiments.override(experiment, assignments, classes), classes

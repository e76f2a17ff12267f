"""Networks inside checkpoints: which part of the names is a network's own.

Training scripts save a network below keys of theirs ('netG', 'params_ema',
'model', 'state_dict', ... at any depth, several in one file) and in wrappers
('module', '_orig_mod'). No list of keys is needed: a network begins where the
name of its first tensor does.
"""

import re
from collections.abc import Collection, Iterator, Mapping

import numpy as np

# DataParallel, torch.compile, FSDP, activation checkpoints: they add a level
# of names and nothing else.
_WRAPPERS = {
  'module',
  '_orig_mod',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
}
_AVERAGED = re.compile(r'(?<![A-Za-z])(ema|swa|averaged|shadow)(?![a-z])', re.I)
_MOST = 64


def without_wrappers(tensors: Mapping[str, np.ndarray]) -> dict:
  """Return the tensors without the levels of wrappers in their names.

  Names that would become equal all stay as they are.
  """
  names = [
    '.'.join(part for part in name.split('.') if part not in _WRAPPERS)
    for name in tensors
  ]
  if len(set(names)) < len(names):
    return dict(tensors)
  return dict(zip(names, tensors.values(), strict=True))


def places(names: Collection[str], firsts: Collection[str]) -> Iterator[str]:
  """Yield the prefixes below which a network may begin, outermost first.

  Args:
    names: of all tensors.
    firsts: names that first tensors of known networks have.

  Yields:
    '' or 'outer.inner.'; at most 64.
  """
  prefixes = {
    name.removesuffix(first): None
    for name in names
    for first in firsts
    if name == first or name.endswith(f'.{first}')
  }
  yield from sorted(prefixes, key=lambda prefix: prefix.count('.'))[:_MOST]


def below(
  tensors: Mapping[str, np.ndarray], prefix: str
) -> dict[str, np.ndarray]:
  """Return the tensors whose names begin with a prefix, without it."""
  return {
    name.removeprefix(prefix): value
    for name, value in tensors.items()
    if name.startswith(prefix)
  }


def averaged(prefix: str) -> bool:
  """Return whether a prefix names averaged weights: 'params_ema', 'gEMA'."""
  return bool(_AVERAGED.search(prefix)) or 'EMA' in prefix

"""The one setting of XLA that art_jax changes, for CPUs.

XLA gives most float32 convolutions to YNNPACK, which is slower at them than
XLA's own code, and in jaxlib 0.10.2 leaves some to one core: two cores take 78
ms for 64x32x32x64, 3x3 -> 64, and 36 ms with XLA's own; 101 and 30 ms for
1x66x66x256, 3x3 -> 256, not padded (docs/benchmarks/cpu.md). So convolutions
are taken from it.
"""

import importlib.metadata
import importlib.util
import os
from collections.abc import MutableMapping

_NAME = 'xla_cpu_experimental_ynn_fusion_type'
FLAG = f'--{_NAME}=-LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION'
# XLA ends a process that passes a flag it does not know: only where tried.
_FIRST, _BEYOND = (0, 10, 2), (0, 13)


def set_flag(environ: MutableMapping[str, str] = os.environ) -> None:
  """Add `FLAG` to XLA_FLAGS, which XLA reads when it is first used.

  Left alone where the user set the same flag or XLA_FLAGS names a file, with
  versions of jaxlib that it was not tried with, and where an accelerator's
  plugin, which reads XLA_FLAGS too, may be used.
  """
  flags = environ.get('XLA_FLAGS', '').strip()
  set_by_user = _NAME in flags or (flags and not flags.startswith('-'))
  cpu = environ.get('JAX_PLATFORMS') == 'cpu'
  tried = _FIRST <= _jaxlib() < _BEYOND
  if tried and not set_by_user and (cpu or not _has_plugin()):
    environ['XLA_FLAGS'] = f'{flags} {FLAG}'.strip()


def _has_plugin() -> bool:
  return any(map(importlib.util.find_spec, ('libtpu', 'jax_plugins')))


def _jaxlib() -> tuple[int, ...]:
  try:
    version = importlib.metadata.version('jaxlib')
    return tuple(int(part) for part in version.split('.')[:3])
  except (importlib.metadata.PackageNotFoundError, ValueError):
    return ()

"""Feed damaged files to everything that reads files.

  python -m tools.robustness.fuzz --count=2000 [--seed=0] [--kind=image]

Mutates small good files (bits, cuts, copies, lengths, strings) and reads them
as a user's own: pictures, archives, weights of all formats, configs, metrics,
checkpoints. A file is read or refused with a core.UserError within --seconds;
memory is capped; nothing that a file names may run or appear outside. Anything
else is a finding: it is printed with its kind and seed, and the exit code is 1.
"""

import collections
import pathlib
import resource
import signal
import tempfile
import time

from absl import app, flags, logging

from tools.robustness import mutations

_COUNT = flags.DEFINE_integer('count', 2000, 'Mutated files in all.', 1)
_SEED = flags.DEFINE_integer('seed', 0, 'The first seed.')
_KIND = flags.DEFINE_enum('kind', None, list(mutations.KINDS), 'Default: all.')
_SECONDS = flags.DEFINE_integer('seconds', 10, 'Limit of one file.', 1)
_GIGABYTES = flags.DEFINE_integer('gigabytes', 4, 'Limit of memory on top.', 1)


class TooSlow(BaseException):
  """Not an Exception: no reader may take it for its own."""


def main(argv: list[str]) -> int:
  """Print a row per kind and every finding."""
  del argv
  logging.set_verbosity(logging.FATAL)
  kinds = [_KIND.value] if _KIND.value else list(mutations.KINDS)
  results, findings = collections.Counter(), []
  slowest = collections.defaultdict(float)

  def too_slow(*unused):
    raise TooSlow(f'over {_SECONDS.value} s')

  signal.signal(signal.SIGALRM, too_slow)
  with tempfile.TemporaryDirectory(prefix='fuzz_') as folder:
    for kind in kinds:  # imports and first compiles are not the file's
      mutations.prepare(kind, pathlib.Path(folder))
    used = int(pathlib.Path('/proc/self/statm').read_text().split()[0]) * 4096
    limit = used + _GIGABYTES.value * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for index in range(_COUNT.value):
      kind, seed = kinds[index % len(kinds)], _SEED.value + index
      start = time.monotonic()
      signal.alarm(_SECONDS.value)
      try:
        result = mutations.read_one(kind, pathlib.Path(folder), seed)
      except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
          raise
        result = 'FOUND'
        text = ' '.join(str(error).split())[:200]
        findings.append(f'{kind} {seed}: {type(error).__name__}: {text}')
      finally:
        signal.alarm(0)
      results[kind, result] += 1
      slowest[kind] = max(slowest[kind], time.monotonic() - start)
  print(f'{"kind":<12} {"read":>6} {"refused":>8} {"found":>6}  slowest')
  for kind in kinds:
    read, refused, found = (
      results[kind, result] for result in ('read', 'refused', 'FOUND')
    )
    print(
      f'{kind:<12} {read:>6} {refused:>8} {found:>6}  {slowest[kind]:.2f} s'
    )
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
  print(f'{sum(results.values())} files, peak memory {peak:.0f} MB')
  print('\n'.join(findings))
  return int(bool(findings))


if __name__ == '__main__':
  app.run(main)

"""Feeds damaged files to everything that reads files.

  python -m tools.robustness.fuzz --count=2000 [--seed=0] [--kind=image]

Mutates small good files (bits, cuts, copies, lengths, strings) and reads them
as a user's own: pictures, archives, weights of all formats, configs, metrics,
checkpoints. A file is read or refused with a core.UserError within --seconds;
memory is capped; nothing that a file names may run or appear outside. Anything
else is a finding: it is printed with its kind and seed, and the exit code is 1.
"""

import collections
import resource
import signal
import time

import psutil

from tools import command
from tools.robustness import mutations


class TooSlow(BaseException):
  """Not an Exception: no reader may take it for its own."""


def main(
  *,
  count: command.Count = 2000,
  seed: int = 0,
  kind: str = '',
  seconds: command.Count = 10,
  gigabytes: command.Count = 4,
) -> int:
  """Print a row per kind and every finding; return 1 if there is one.

  Args:
    count: mutated files in all.
    seed: the first one.
    kind: default: all.
    seconds: limit of one file.
    gigabytes: limit of memory on top.
  """
  kinds = command.chosen('kind', [kind] if kind else [], mutations.KINDS)
  results, findings, slowest = (
    collections.Counter(),
    [],
    dict.fromkeys(kinds, 0),
  )

  def too_slow(*unused):
    raise TooSlow(f'over {seconds} s')

  signal.signal(signal.SIGALRM, too_slow)
  with command.folder('fuzz_') as folder:
    for kind in kinds:  # imports and first compiles are not the file's
      mutations.prepare(kind, folder)
    limit = psutil.Process().memory_info().vms + gigabytes * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for index in range(count):
      kind, start = kinds[index % len(kinds)], time.monotonic()
      signal.alarm(seconds)
      try:
        result = mutations.read_one(kind, folder, seed + index)
      except KeyboardInterrupt:
        raise
      except BaseException as error:
        result = 'FOUND'
        text = f'{type(error).__name__}: {" ".join(str(error).split())[:200]}'
        findings.append(f'{kind} {seed + index}: {text}')
      finally:
        signal.alarm(0)
      results[kind, result] += 1
      slowest[kind] = max(slowest[kind], time.monotonic() - start)
  print(f'{"kind":<12} {"read":>6} {"refused":>8} {"found":>6}  slowest')
  for kind in kinds:
    print(
      f'{kind:<12} {results[kind, "read"]:>6} {results[kind, "refused"]:>8} '
      f'{results[kind, "FOUND"]:>6}  {slowest[kind]:.2f} s'
    )
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
  print(f'{sum(results.values())} files, peak memory {peak:.0f} MB')
  print('\n'.join(findings))
  return int(bool(findings))


if __name__ == '__main__':
  command.run(main, quiet=True)

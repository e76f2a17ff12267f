"""Counts the statements of art_jax/ and tools/, docstrings excluded.

  python -m tools.studies.statements [FOLDER]

Prints a line for each folder and the total, then the files of more than 300
lines and the functions of more than 60. The generated pictures of
art_jax/data/procedural are left out.
"""

import ast
import collections
import pathlib

from tools import command

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def main(folder: str = '.') -> None:
  """Print the counts, and what is too long.

  Args:
    folder: the repository.
  """
  counts, long = collections.Counter(), []
  for path in sorted(pathlib.Path(folder).glob('*/**/*.py')):
    place = path.relative_to(folder)
    if (
      place.parts[0] in ('art_jax', 'tools') and 'procedural' not in place.parts
    ):
      text = path.read_text()
      nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.stmt)]
      counts['/'.join(place.parts[:2])] += len(nodes) - sum(
        map(_is_text, nodes)
      )
      functions = (n for n in nodes if isinstance(n, _FUNCTIONS))
      spans = [
        (place, text.count('\n'), 300),
        *(
          (f'{place}:{n.lineno} {n.name}', n.end_lineno - n.lineno + 1, 60)
          for n in functions
        ),
      ]
      long += [f'{n} lines: {name}' for name, n, most in spans if n > most]
  for name, count in [*counts.most_common(), ('total', counts.total())]:
    print(f'{count:6} {name}')
  print('\n'.join(long))


def _is_text(node: ast.stmt) -> bool:
  """Return whether a statement is nothing but a text, as docstrings are."""
  return isinstance(node, ast.Expr) and isinstance(
    getattr(node.value, 'value', None), str
  )


if __name__ == '__main__':
  command.run(main)

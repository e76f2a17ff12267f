"""The commands of README and docs: their modes and flags exist.

`tools/docs.sh --run` runs them too.
"""

from tools.docs import run_commands


def test_every_command_parses():
  rows = list(run_commands.all_commands())
  assert len(rows) > 150
  assert {row[0].partition(':')[0] for row in rows} >= {
    'README.md',
    'docs/start.md',
    'docs/originals.md',
  }
  failed = {}
  for place, text in rows:
    try:
      code = run_commands.parse(text)
    except Exception as error:
      code = str(error)
    if code:
      failed[f'{place}: {text}'] = code
  assert not failed


def test_a_command_over_several_lines_is_one(tmp_path, monkeypatch):
  monkeypatch.setattr(run_commands, '_ROOT', tmp_path)
  page = tmp_path / 'page.md'
  page.write_text(
    'Text\n\n    art_jax train vae \\\n      --set a=1  # b\n    x\n'
  )
  assert list(run_commands.commands(page)) == [
    ('page.md:3', 'art_jax train vae --set=a=1')
  ]

"""The completion script, in a real bash and a real zsh."""

import os
import pty
import shutil
import subprocess
import time

import pytest
from command_line import run_main

from art_jax.cli import completion, table


def _complete(tmp_path, *words: str) -> list[str]:
  """Return what bash offers for the last word, as readline splits them."""
  script = tmp_path / 'complete.bash'
  script.write_text(completion.script('bash'))
  array = ' '.join(f"'{word}'" for word in words)
  program = (
    f'source {script}; COMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; '
    '_art_jax; printf "%s\\n" "${COMPREPLY[@]}"'
  )
  done = subprocess.run(
    ['bash', '--norc', '-uc', program],
    capture_output=True,
    text=True,
    check=True,
    cwd=tmp_path,
  )
  assert not done.stderr
  return done.stdout.split()


@pytest.mark.process
@pytest.mark.skipif(not shutil.which('bash'), reason='there is no bash')
def test_bash_completes(tmp_path):
  (tmp_path / 'runs').mkdir()
  assert _complete(tmp_path, 'art_jax', 'ex') == ['export']
  assert set(_complete(tmp_path, 'art_jax', '')) == set(table.MODES)
  assert 'cyclegan_demo' in _complete(tmp_path, 'art_jax', 'train', 'cycle')
  flags = _complete(tmp_path, 'art_jax', 'sample', 'runs/x', '--s')
  assert set(flags) >= {'--study=', '--seed=', '--save_arrays'}
  assert '--tiny' not in flags
  assert _complete(tmp_path, 'art_jax', 'sample', 'ru') == ['runs']
  words = ('art_jax', 'train', 'x', '--precision', '=', 'b')
  assert _complete(tmp_path, *words) == ['bfloat16']
  words = ('art_jax', 'train', 'x', '--workdir', '=', 'r')
  assert _complete(tmp_path, *words) == ['runs']
  words = ('art_jax', 'train', 'x', '--precision', '=')
  assert set(_complete(tmp_path, *words)) == {'float32', 'bfloat16'}


def _read_until(terminal: int, text: bytes) -> bytes:
  read, end = b'', time.monotonic() + 60
  while text not in read and time.monotonic() < end:
    read += os.read(terminal, 4096)
  return read


@pytest.mark.process
@pytest.mark.skipif(not shutil.which('zsh'), reason='there is no zsh')
def test_zsh_completes(tmp_path):
  (tmp_path / 'complete.zsh').write_text(completion.script('zsh'))
  (tmp_path / 'start.zsh').write_text(
    "PS1=''; autoload -Uz compinit; compinit -u -D; source complete.zsh\n"
    'art_jax() { print "GOT:$*:" }\nprint REA"DY"\n'
  )
  terminal, end = pty.openpty()
  shell = subprocess.Popen(
    ['zsh', '-f', '-i'],
    cwd=tmp_path,
    env={'TERM': 'dumb', 'PATH': os.environ['PATH'], 'HOME': str(tmp_path)},
    stdin=end,
    stdout=end,
    stderr=end,
    start_new_session=True,
  )
  try:
    os.write(terminal, b'source start.zsh\n')
    assert b'READY' in _read_until(terminal, b'READY')
    for typed, words in (
      (b'expo', b'export'),
      (b'train cyclegan_de', b'train cyclegan_demo'),
      (b'sample runs/x --stu', b'sample runs/x --study='),
    ):
      os.write(terminal, b'art_jax ' + typed + b'\t\n')
      read = _read_until(terminal, b'GOT:' + words)
      assert b'GOT:' + words in read
  finally:
    shell.kill()
    shell.wait()
    os.close(terminal)
    os.close(end)


def test_the_script_is_printed():
  code, out, _ = run_main('completion', 'zsh')
  assert code == 0 and 'bashcompinit' in out
  code, _, err = run_main('completion', 'fish')
  assert code == 2 and 'name one of bash, zsh' in err

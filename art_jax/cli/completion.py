"""Completion of commands in bash and zsh, made from the table of modes."""

import shlex

from absl import flags as absl_flags

from art_jax.cli import table
from art_jax.cli.flags import FLAGS
from art_jax.config import experiment_files

SHELLS = ('bash', 'zsh')

_SCRIPT = """\
# Completion of art_jax; made by `art_jax completion {shell}`.
{head}_art_jax() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" mode="${{COMP_WORDS[1]}}"
  local flags= values=
  # bash takes = for a word of its own.
  local flag="${{COMP_WORDS[COMP_CWORD-1]}}"
  if [ "$flag" = '=' ]; then
    flag="${{COMP_WORDS[COMP_CWORD-2]}}"
  elif [ "$word" = '=' ]; then
    word=
  else
    flag=
  fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W {modes} -- "$word"))
    return
  fi
  case "$flag" in
{values}
    --*) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
    return
  fi
  case "$mode" in
{flags}
  esac
  case "$word" in
    -*)
      COMPREPLY=($(compgen -W "$flags" -- "$word"))
      case "${{COMPREPLY[0]}}" in *=) compopt -o nospace 2>/dev/null ;; esac
      ;;
    *)
      COMPREPLY=($(compgen -W "$values" -- "$word") $(compgen -f -- "$word"))
      ;;
  esac
}}
complete -o filenames -F _art_jax art_jax
"""
_ZSH = 'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit\n'


def script(shell: str) -> str:
  """Return the script that a shell reads by `source`.

  Args:
    shell: 'bash' or 'zsh', which reads that of bash.
  """
  modes = ' '.join(table.MODES)
  rows = []
  for mode in table.MODES.values():
    taken = ' '.join(_flag(name) for name in mode.flags)
    words = ' '.join(_positionals(mode))
    rows.append(
      f'    {mode.name}) flags={shlex.quote(taken)}; '
      f'values={shlex.quote(words)} ;;'
    )
  return _SCRIPT.format(
    shell=shell,
    head=f'{_ZSH}bashcompinit\n' if shell == 'zsh' else '',
    modes=shlex.quote(modes),
    flags='\n'.join(rows),
    values='\n'.join(_choices()),
  )


def _flag(name: str) -> str:
  """Return a flag as it is typed: those with a value end with '='."""
  return f'--{name}' if FLAGS[name].boolean else f'--{name}='


def _choices() -> list[str]:
  """Return the cases of flags that take one of a few words."""
  words = {
    name: flag.parser.enum_values
    for name in sorted({name for m in table.MODES.values() for name in m.flags})
    if isinstance((flag := FLAGS[name]).parser, absl_flags.EnumParser)
  }
  words['experiment'] = sorted(experiment_files.files())
  words['log'] = ['wandb', 'mlflow', 'trackio']
  return [
    f'    --{name}) values={shlex.quote(" ".join(values))} ;;'
    for name, values in words.items()
  ]


def _positionals(mode: table.Mode) -> list[str]:
  if mode.takes == 'EXPERIMENT':
    return sorted(experiment_files.files())
  if mode.takes == 'MODE':
    return list(table.MODES)
  return list(SHELLS) if mode.name == 'completion' else []

"""The command line of art_jax, run in the process of a test."""

import contextlib
import io

from absl import flags

from art_jax.cli import entry


def run_main(*arguments: str) -> tuple[int, str, str]:
  """Run the command line in this process: (exit code, stdout, stderr)."""
  out, err = io.StringIO(), io.StringIO()
  flags.FLAGS.unparse_flags()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      code = entry.main(entry.parse(['art_jax', *arguments]))
    except SystemExit as exit_:
      code = exit_.code
    finally:
      flags.FLAGS.unparse_flags()  # no test begins with the flags of another
  return code, out.getvalue(), err.getvalue()

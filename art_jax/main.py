"""What `python -m art_jax.main` and the console script `art_jax` run."""

from art_jax.cli import terminal


def cli() -> None:
  """Run the command line; signals and streams are taken care of first."""
  terminal.stop.take()
  terminal.guard_streams()
  from art_jax.cli import entry

  entry.cli()


if __name__ == '__main__':
  cli()

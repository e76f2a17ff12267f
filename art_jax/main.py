"""What `python -m art_jax.main` and the console script `art_jax` run."""

from art_jax.cli.entry import cli

if __name__ == '__main__':
  cli()

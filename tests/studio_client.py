"""The studio as a browser asks it, without one; skips where it is absent."""

import pathlib

import pytest

pytest.importorskip('starlette')
from starlette.testclient import TestClient

from art_jax.studio import app, settings

TOKEN = 'a-token-of-a-test-0123'


def client_of(folder: pathlib.Path) -> TestClient:
  """Return a client that sends the token, of a studio of a folder of runs."""
  chosen = settings.Settings(runs=folder, token=TOKEN)
  return TestClient(
    app.make(chosen),
    base_url='http://127.0.0.1:8765',
    headers={'Authorization': f'Bearer {TOKEN}'},
  )

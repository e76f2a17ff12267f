"""The pages in a real browser: they grow as a run does, and load nothing else.

They need Playwright and a Chromium of the system; with
ART_JAX_REQUIRE_BROWSER=1 their absence is a failure, not a skip.
"""

import json
import os
import shutil
import time

import pytest
import run_files

import art_jax

pytestmark = [pytest.mark.extra, pytest.mark.slow, pytest.mark.process]

_FLAGS = (
  *('--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'),
  *('--disable-background-networking', '--disable-component-update'),
  '--disable-sync',
)
_SECONDS = 60  # that a page may take on a busy machine


def _absent(what: str):
  if os.environ.get('ART_JAX_REQUIRE_BROWSER') == '1':
    pytest.fail(f'{what} is absent')
  pytest.skip(f'{what} is absent')


@pytest.fixture
def page(tmp_path):
  """A page of a new profile; what is not of this machine is refused."""
  try:
    from playwright.sync_api import sync_playwright
  except ImportError:
    _absent('playwright')
  browser = shutil.which('chromium') or shutil.which('chromium-browser')
  if browser is None:
    _absent('chromium')
  with sync_playwright() as playwright:
    context = playwright.chromium.launch_persistent_context(
      tmp_path / 'profile', executable_path=browser, args=_FLAGS
    )
    page = context.new_page()
    page.set_default_timeout(1000 * _SECONDS)
    page.foreign, page.faults = [], []

    def route(way):
      if way.request.url.startswith('http://127.0.0.1:'):
        way.continue_()
      else:
        page.foreign.append(way.request.url)
        way.abort()

    page.route('**/*', route)
    page.on('pageerror', lambda error: page.faults.append(str(error)))
    yield page
    context.close()


@pytest.fixture
def studio(tmp_path):
  run_files.write(tmp_path / 'runs' / 'growing')
  run_files.write(tmp_path / 'runs' / 'other', steps=20)
  pytest.importorskip('uvicorn')
  made = art_jax.open_studio(tmp_path / 'runs', port=18865)
  yield made
  made.close()


def _until(page, ready):
  """Wait without code in the page: its policy allows none."""
  end = time.monotonic() + _SECONDS
  while time.monotonic() < end:
    if ready():
      return
    page.wait_for_timeout(200)
  raise AssertionError(page.content()[:2000])


def test_a_run_grows_on_its_page(page, studio, tmp_path):
  run = tmp_path / 'runs' / 'growing'
  page.goto(studio.address.replace('/#', '/?'), wait_until='commit')
  _until(page, lambda: page.locator('.run').count() == 2)
  assert 'token' not in page.url
  page.fill('#search', 'growing crashed')
  _until(page, lambda: page.locator('.run').count() == 1)
  page.click('.run')
  _until(page, lambda: 'total 0.125' in page.inner_text('#curves'))
  assert 'No alarm fired' in page.inner_text('#alarms')
  before = page.locator('#curves canvas').screenshot()
  with open(run / 'metrics.jsonl', 'a') as file:
    file.write(json.dumps({'step': 9, 'loss/total': 0.75}) + '\n')
    file.write('{"step": 10, "loss/to')  # torn
  run_files.alarm(run, 9, 'collapse', True)
  run_files.picture(run, 9)
  _until(page, lambda: 'total 0.75' in page.inner_text('#curves'))
  _until(page, lambda: 'collapse' in page.inner_text('#alarms'))
  _until(page, lambda: 'step 9' in page.inner_text('#latest'))
  assert page.locator('#curves canvas').screenshot() != before
  shutil.rmtree(run)
  _until(page, lambda: page.inner_text('#state') == 'removed')
  assert page.foreign == [] and page.faults == []


def test_every_page_works_on_a_phone_in_the_dark(page, studio):
  page.set_viewport_size({'width': 390, 'height': 800})
  page.goto(studio.address.replace('/#', '/?'), wait_until='commit')
  _until(page, lambda: page.locator('.run').count() == 2)
  names = page.eval_on_selector_all('nav a', 'all => all.map(a => a.href)')
  for address in names:
    page.goto(address, wait_until='load')
    page.keyboard.press('t')
    page.wait_for_timeout(300)
    width = page.evaluate('document.documentElement.scrollWidth')
    assert width <= 390, address
    assert page.is_hidden('#problem'), page.inner_text('#problem')
  assert len(names) == 8
  assert page.foreign == [] and page.faults == []

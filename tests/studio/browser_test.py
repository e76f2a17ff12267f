"""The pages in a real browser: they show what runs do, and load nothing else.

They need Playwright and a Chromium of the system; with
ART_JAX_REQUIRE_BROWSER=1 their absence is a failure, not a skip.
"""

import base64
import contextlib
import functools
import http.server
import io
import json
import os
import shutil
import threading
import time

import numpy as np
import pytest
import run_files
from PIL import Image

import art_jax

pytestmark = [pytest.mark.extra, pytest.mark.slow, pytest.mark.process]

_FLAGS = (
  *('--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'),
  *('--disable-background-networking', '--disable-component-update'),
  '--disable-sync',
)
_SECONDS = 120  # that a page may take on a busy machine
_LOOPBACK = ('http://127.0.0.1:', 'http://localhost:')


def _absent(what: str):
  if os.environ.get('ART_JAX_REQUIRE_BROWSER') == '1':
    pytest.fail(f'{what} is absent')
  pytest.skip(f'{what} is absent')


@pytest.fixture(scope='module')
def browser():
  """A browser with an empty profile."""
  try:
    from playwright.sync_api import sync_playwright
  except ImportError:
    _absent('playwright')
  path = shutil.which('chromium') or shutil.which('chromium-browser')
  if path is None:
    _absent('chromium')
  with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
  """A folder of runs: written by hand, one of them with a checkpoint."""
  folder = tmp_path_factory.mktemp('runs')
  run_files.write(folder / 'growing')
  run_files.write(folder / 'other', steps=20)
  _write_translator(folder / 'painter')
  return folder


def _write_translator(path) -> None:
  """Write a run of a translator with random weights."""
  run_files.write(path, name='fast_style')
  run_files.save_state(path, 'fast_style')


@pytest.fixture(scope='module')
def studio(runs):
  pytest.importorskip('uvicorn')
  made = art_jax.open_studio(runs, port=18865)
  yield made
  made.close()


@pytest.fixture
def page(browser, studio):
  """A page of a browser that knows nothing; other machines are refused."""
  context = browser.new_context()
  foreign, faults = [], []

  def route(way):
    if way.request.url.startswith(_LOOPBACK):
      way.continue_()
    else:
      foreign.append(way.request.url)
      way.abort()

  context.route('**/*', route)
  page = context.new_page()
  page.set_default_timeout(1000 * _SECONDS)
  page.on('pageerror', lambda error: faults.append(str(error)))
  yield page
  context.close()
  assert foreign == [] and faults == []


def _enter(page, studio) -> str:
  """Open the printed address; return the one without the token."""
  page.goto(studio.address.replace('/#', '/?'), wait_until='commit')
  _until(page, lambda: page.locator('.run').count() >= 2)
  assert 'token' not in page.url
  return studio.address.partition('/#')[0]


def _until(page, ready):
  """Wait without code in the page: its policy allows none."""
  end = time.monotonic() + _SECONDS
  while time.monotonic() < end:
    if ready():
      return
    page.wait_for_timeout(100)
  raise AssertionError(page.inner_text('body')[:3000])


def _drop(page, place: str, data: bytes) -> None:
  """Drop a file on an element, as from a folder."""
  transfer = page.evaluate_handle(
    """data => {
      const files = new DataTransfer();
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      files.items.add(new File([bytes], 'photo.png', {type: 'image/png'}));
      return files;
    }""",
    base64.b64encode(data).decode(),
  )
  page.dispatch_event(place, 'drop', {'dataTransfer': transfer})


def _png(width: int, height: int) -> bytes:
  data = io.BytesIO()
  pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3))
  Image.fromarray(pixels.astype(np.uint8)).save(data, 'PNG')
  return data.getvalue()


def test_what_a_run_writes_comes_to_its_page(page, studio, runs):
  run = runs / 'growing'
  _enter(page, studio)
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


def test_a_run_is_started_stopped_continued_and_sampled(page, studio, runs):
  base = _enter(page, studio)
  page.goto(f'{base}/start')
  _until(page, lambda: page.locator('[data-path]').count() > 5)
  page.select_option('#experiment', 'vae_mnist_mlp')
  page.check('#tiny')
  _until(page, lambda: page.input_value('#folder') == 'vae_mnist_mlp_tiny')
  _until(page, lambda: 'vae' in page.inner_text('#purpose').lower())
  page.wait_for_load_state('networkidle')
  changed = {'duration': 10**6, 'log_every': 20, 'render_every': 100}
  for name, value in {**changed, 'on_alarm': 'off'}.items():
    page.fill(f'[data-path="train.{name}"]', str(value))
  page.click('#start')
  _until(page, lambda: '/run?id=' in page.url)
  state = functools.partial(page.inner_text, '#state')
  _until(page, lambda: state() == 'running')
  _until(page, lambda: page.locator('#curves canvas').count() > 0)
  _until(page, lambda: page.locator('#latest figure').count() > 0)
  # Another process trains: its curve and its samples grow here.
  first = page.locator('#latest figcaption').first.inner_text()
  curve = page.inner_text('#curves')
  _until(page, lambda: first not in page.inner_text('#latest'))
  assert page.inner_text('#curves') != curve
  page.click('#stop')
  _until(page, lambda: state() == 'stopped')
  stopped = _step(page)
  saved = runs / 'vae_mnist_mlp_tiny' / 'checkpoints' / str(stopped)
  assert saved.is_dir()
  page.click('#resume')
  _until(page, lambda: state() == 'running' and _step(page) > stopped)
  page.click('#stop')
  _until(page, lambda: state() == 'stopped')

  page.click('#uses a:has-text("Sample")')
  picture = page.locator('#pictures img').first
  _until(page, lambda: page.locator('#pictures img').count() == 8)
  shown = picture.get_attribute('src')
  page.fill('input#seed', '700')  # the slider
  _until(page, lambda: picture.get_attribute('src') != shown)
  assert picture.get_attribute('alt') == 'seed 700'
  page.click('#pictures button')
  page.fill('#truncation', '0')
  sources = lambda: page.eval_on_selector_all(  # noqa: E731
    '#pictures img', 'all => all.map(image => image.src)'
  )
  _until(page, lambda: len(set(sources())) == 1)
  assert page.locator('#favorites img').count() == 1


def _step(page) -> int:
  """Return the step that the page of a run shows."""
  text = page.inner_text('#where').partition('step ')[2]
  return int(text.split(' of ')[0].replace(',', ''))


def test_a_dropped_photo_comes_back_at_its_own_size(page, studio):
  base = _enter(page, studio)
  page.goto(f'{base}/translate')  # the only run that translates is chosen
  _until(page, lambda: 'FastStyle' in page.inner_text('#about'))
  _drop(page, '#photo-drop', b'<html>')
  _until(page, lambda: 'cannot be used' in page.inner_text('#problem'))
  _drop(page, '#photo-drop', _png(53, 34))
  _until(page, lambda: page.is_visible('#result'))
  with page.expect_download() as download:
    page.click('#download')
  with Image.open(download.value.path()) as made:
    assert made.size == (53, 34)
  assert 'photo' in download.value.suggested_filename


def test_two_runs_side_by_side(page, studio):
  base = _enter(page, studio)
  page.goto(f'{base}/compare')
  _until(page, lambda: page.locator('#choices input').count() >= 2)
  for name in ('other', 'painter'):
    page.check(f'#choices label:has-text("{name}") input')
  _until(page, lambda: page.locator('#curves canvas').count() > 0)
  assert 'step 4' in page.inner_text('#pictures')
  assert 'algorithm' in page.inner_text('#differences')
  legend = page.inner_text('#curves')
  assert 'other' in legend and 'painter' in legend


@contextlib.contextmanager
def _notebook(address: str):
  """Serve a page that holds a frame; yield its address, of another name."""
  text = f'<iframe src="{address}" width="900" height="700"></iframe>'

  class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
      self.send_response(200)
      self.send_header('Content-Type', 'text/html')
      self.end_headers()
      self.wfile.write(text.encode())

    def log_message(self, format, *args):
      pass

  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
  threading.Thread(target=server.serve_forever, daemon=True).start()
  yield f'http://localhost:{server.server_port}/'
  server.shutdown()
  server.server_close()


def test_a_frame_in_a_page_of_another_name_and_port(page, studio):
  _enter(page, studio)  # a cookie is there, and does not cross
  asked = []
  page.on('request', lambda one: '/api/' in one.url and asked.append(one))
  with _notebook(studio.address) as address:
    page.goto(address)
    _until(page, lambda: len(page.frames) == 2)
    frame = page.frames[1]
    _until(page, lambda: frame.locator('.run').count() >= 2)
    frame.click('.run:has-text("other")')
    _until(page, lambda: frame.locator('#curves canvas').count() > 0)
    shown = 'image => image.naturalWidth'
    images = frame.locator('#latest img')
    _until(page, lambda: images.first.evaluate(shown) > 0)
    headers = [one.all_headers() for one in asked]
  assert len(headers) >= 3
  for each in headers:
    assert each['authorization'].startswith('Bearer ') and 'cookie' not in each


def test_every_page_works_on_a_phone_in_the_dark(page, studio):
  page.set_viewport_size({'width': 390, 'height': 800})
  _enter(page, studio)
  addresses = page.eval_on_selector_all('nav a', 'all => all.map(a => a.href)')
  assert len(addresses) == 8
  other = page.locator('.run:has-text("other")').get_attribute('href')
  for address in (*addresses, addresses[0].rstrip('/') + other):
    page.goto(address, wait_until='load')
    page.keyboard.press('t')
    page.wait_for_timeout(300)
    width = page.evaluate('document.documentElement.scrollWidth')
    assert width <= 390, address
    assert page.is_hidden('#problem'), page.inner_text('#problem')

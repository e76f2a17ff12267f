"""Who gets an answer of the studio: hosts, origins, tokens, addresses."""

import pathlib
import types

import pytest
import run_files

from art_jax import core

starlette = pytest.importorskip('starlette')
from starlette.testclient import TestClient  # noqa: E402

from art_jax.studio import app, serve, settings  # noqa: E402

pytestmark = pytest.mark.extra

_TOKEN = 'a-token-of-a-test-0123'
_BEARER = {'Authorization': f'Bearer {_TOKEN}'}
_RUNS = '/api/runs'


def _client(folder: pathlib.Path, host='127.0.0.1:8765', **fields):
  chosen = settings.Settings(runs=folder, token=_TOKEN, **fields)
  return TestClient(
    app.make(chosen), base_url=f'http://{host}', raise_server_exceptions=False
  )


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  path = tmp_path_factory.mktemp('runs')
  run_files.write(path / 'one')
  (path / 'secret.txt').write_text('secret')
  return path


@pytest.mark.parametrize(
  'fields, shown, others',
  [
    ({}, '127.0.0.1', ['192.168.1.5']),
    ({'host': '192.168.1.5'}, '192.168.1.5', ['192.168.1.6']),
    ({'host': '0.0.0.0'}, '127.0.0.1', ['0.0.0.0', '192.168.1.5']),
    ({'host': '::'}, '[::1]', ['[::]']),
    ({'host': '0.0.0.0', 'allow_hosts': ('GPU',)}, 'GPU', ['0.0.0.0']),
  ],
)
def test_the_printed_address_opens_the_studio(folder, fields, shown, others):
  token = 'a+b&c=d#e %41/0123'
  chosen = settings.Settings(runs=folder, token=token, port=0, **fields)
  fake = types.SimpleNamespace(getsockname=lambda: ('', 8765))
  printed = serve.address(chosen, fake)
  assert printed.startswith(f'http://{shown}:8765/?token=')
  client = TestClient(app.make(chosen))
  answer = client.get(printed)
  assert answer.status_code == 200 and chosen.cookie in answer.cookies
  for other in others:
    headers = {'Host': f'{other}:8765'}
    assert client.get(printed, headers=headers).status_code == 421


@pytest.mark.parametrize(
  'host, status',
  [
    ('127.0.0.1', 200),
    ('localhost:1', 200),
    ('LOCALHOST:8765', 200),
    ('[::1]:9999', 200),
    ('evil.example', 421),
    ('127.0.0.1.evil.example', 421),
    ('localhost.', 421),
    ('127.0.0.1:8765@evil.example', 421),
    ('evil.example:8765', 421),
    ('127.0.0.1/evil', 421),
    ('127.0.0.1:99999', 421),
    ('0.0.0.0', 421),
    ('', 421),
  ],
)
def test_host_is_a_name_of_this_machine(folder, host, status):
  client = _client(folder)
  for address in ('/', _RUNS, '/static/style.css'):
    answer = client.get(address, headers={**_BEARER, 'Host': host})
    assert answer.status_code == status, (address, host)


def test_another_host_is_allowed_by_name_at_any_port(folder):
  client = _client(folder, allow_hosts=('gpu.example',))
  for host in ('gpu.example', 'gpu.example:7000', '127.0.0.1:1'):
    answer = client.get(_RUNS, headers={**_BEARER, 'Host': host})
    assert answer.status_code == 200
  answer = client.get(_RUNS, headers={**_BEARER, 'Host': 'a.gpu.example'})
  assert answer.status_code == 421


@pytest.mark.parametrize(
  'headers, status',
  [
    ({}, 200),
    ({'Origin': 'http://127.0.0.1:8765'}, 200),
    ({'Origin': 'http://127.0.0.1:8888'}, 403),
    ({'Origin': 'http://localhost:8765'}, 403),
    ({'Origin': 'http://evil.example'}, 403),
    ({'Origin': 'null'}, 403),
    ({'Origin': ''}, 403),
    ({'Origin': 'file://127.0.0.1:8765'}, 403),
    ({'Sec-Fetch-Site': 'cross-site'}, 403),
    ({'Sec-Fetch-Site': 'same-origin'}, 200),
  ],
)
def test_origin_equals_host(folder, headers, status):
  answer = _client(folder).get(_RUNS, headers={**_BEARER, **headers})
  assert answer.status_code == status


def test_what_changes_something_names_its_origin(folder):
  client = _client(folder)
  assert client.post(_RUNS, headers=_BEARER).status_code == 403
  headers = {**_BEARER, 'Origin': 'http://127.0.0.1:8765'}
  assert client.post(_RUNS, headers=headers).status_code == 405


@pytest.mark.parametrize(
  'value',
  [
    None,
    'Bearer',
    'Bearer ',
    f'Bearer {_TOKEN}x',
    f'Bearer {_TOKEN[:-1]}',
    f'Basic {_TOKEN}',
    _TOKEN,
    'Bearer é',
  ],
)
def test_without_the_token_nothing_of_a_run_is_told(folder, value):
  headers = {} if value is None else {'Authorization': value.encode('latin-1')}
  client = _client(folder)
  for address in (_RUNS, '/api/runs/events', '/api/nothing'):
    answer = client.get(address, headers=headers)
    assert answer.status_code == 401
    assert 'one' not in answer.text
  assert 'one' not in client.get('/').text.split()  # pages are empty


def test_the_printed_address_gives_a_strict_cookie(folder):
  client = _client(folder)
  answer = client.get(f'/?token={_TOKEN}')
  cookie = answer.headers['set-cookie'].lower()
  assert 'httponly' in cookie and 'samesite=strict' in cookie
  assert 'path=/' in cookie and 'domain' not in cookie
  assert client.get(_RUNS).status_code == 200
  other = _client(folder)
  refused = other.get('/?token=guess')
  assert refused.status_code == 401 and 'set-cookie' not in refused.headers


def test_tokens_of_two_studios_have_two_cookies(folder):
  one, two = (settings.Settings(runs=folder) for _ in range(2))
  assert one.token != two.token and one.cookie != two.cookie
  assert len(one.token) >= 32


def test_headers_of_every_answer(folder):
  client = _client(folder)
  for address in ('/', '/run', _RUNS, '/nowhere', '/static/style.css'):
    headers = client.get(address).headers
    policy = headers['content-security-policy']
    assert "default-src 'self'" in policy and 'unsafe' not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers['x-frame-options'] == 'DENY'
    assert headers['x-content-type-options'] == 'nosniff'
    assert 'access-control-allow-origin' not in headers
  framed = _client(folder, frame_ancestors=('http://localhost:8888',))
  headers = framed.get('/').headers
  assert (
    'frame-ancestors http://localhost:8888'
    in (headers['content-security-policy'])
  )
  assert 'x-frame-options' not in headers


@pytest.mark.parametrize(
  'address',
  [
    '/api/runs/..%2f..%2fsecret.txt',
    '/api/runs/one',
    '/api/runs/%2e%2e',
    '/api/runs//etc/passwd',
    '/api/runs/ID/picture?name=../..&step=4',
    '/api/runs/ID/picture?name=samples&step=-1',
    '/api/runs/ID/picture?name=samples&step=5',
    '/api/runs/ID/picture?name=samples&step=4&side=99999',
    '/api/runs/ID/picture?name=/etc&step=4',
    '/api/runs/ID/picture?name=samples/../samples&step=4',
    '/static/../app.py',
    '/static/%2e%2e/app.py',
    '/static/..%2fapp.py',
    '/static//etc/passwd',
    '/static/',
    '/run.html.jinja',
  ],
)
def test_no_path_leads_out(folder, address):
  client = _client(folder)
  id = client.get(_RUNS, headers=_BEARER).json()['runs'][0]['id']
  answer = client.get(address.replace('ID', id), headers=_BEARER)
  assert answer.status_code in (400, 404, 405), answer.text
  assert 'secret' not in answer.text and 'root:' not in answer.text


@pytest.mark.parametrize(
  'fields, told',
  [
    ({'host': '0.0.0.0'}, 'pass --token'),
    ({'host': '192.168.1.2'}, 'ssh tunnel'),
    ({'token': 'short'}, '--token'),
    ({'port': 70000}, '0..65535'),
    ({'allow_hosts': ('http://x',)}, '--allow_host'),
    ({'frame_ancestors': ("'self'; script-src *",)}, '--frame_ancestors'),
    ({'frame_ancestors': ('*',)}, '--frame_ancestors'),
    ({'frame_ancestors': ('http://*',)}, '--frame_ancestors'),
    ({'frame_ancestors': ('http://*.org',)}, '--frame_ancestors'),
  ],
)
def test_settings_that_would_open_a_door(folder, fields, told):
  with pytest.raises(core.UserError, match=told):
    settings.Settings(runs=folder, **fields)


def test_a_folder_that_is_none(tmp_path):
  with pytest.raises(core.UserError, match='is no folder'):
    _client(tmp_path / 'nothing')

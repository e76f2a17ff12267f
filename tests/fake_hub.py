"""A Hugging Face Hub on loopback: repositories in memory, for tests.

It answers what huggingface_hub asks to list, download and upload files.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
import urllib.parse

_REPO = r'([\w.-]+/[\w.-]+)'
_API = rf'/api/(models|datasets)/{_REPO}'
_PATTERNS = {
  'info': re.compile(rf'{_API}(?:/revision/(.+))?'),
  'tree': re.compile(rf'{_API}/tree/(.+)'),
  'file': re.compile(rf'/(?:(datasets)/)?{_REPO}/resolve/([^/]+)/(.+)'),
  'upload': re.compile(rf'{_API}/(preupload|commit)/(.+)'),
}


class FakeHub:
  """The repositories, by (kind, name): files by revision.

  Attributes:
    url: of it, for HF_ENDPOINT.
    gated: names that answer 403.
    requests: (method, path) of each.
    fetched: names of the files that were downloaded.
  """

  def __init__(self):
    self.repos: dict[tuple[str, str], dict[str, dict[str, bytes]]] = {}
    self.gated: set[str] = set()
    self.requests: list[tuple[str, str]] = []
    self.fetched: list[str] = []
    self.url = ''

  def add(self, kind: str, name: str, files, revision='main') -> str:
    """Make a commit; return its sha."""
    text = repr(
      sorted(
        (path, hashlib.sha1(data).hexdigest()) for path, data in files.items()
      )
    )
    sha = hashlib.sha1(text.encode()).hexdigest()
    versions = self.repos.setdefault((kind, name), {})
    versions[revision] = versions[sha] = dict(files)
    return sha

  def sha(self, kind: str, name: str, revision: str) -> str:
    versions = self.repos[kind, name]
    files = versions[revision]
    return next(
      key
      for key, value in versions.items()
      if len(key) == 40 and value == files
    )


def use(hub: FakeHub, monkeypatch, cache) -> None:
  """Point huggingface_hub to it, as HF_ENDPOINT and HF_HOME do.

  The library reads those when it is imported, which may be long ago.
  """
  from huggingface_hub import constants

  monkeypatch.setattr(constants, 'ENDPOINT', hub.url)
  template = f'{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}'
  monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE', template)
  monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(cache))
  monkeypatch.setattr(constants, 'HF_HUB_DISABLE_XET', True)


@contextlib.contextmanager
def serve():
  """Yield a FakeHub that listens."""
  hub = FakeHub()
  handler = type('Handler', (_Handler,), {'hub': hub})
  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
  hub.url = f'http://127.0.0.1:{server.server_address[1]}'
  thread = threading.Thread(target=server.serve_forever, daemon=True)
  thread.start()
  try:
    yield hub
  finally:
    server.shutdown()
    server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
  hub: FakeHub
  protocol_version = 'HTTP/1.1'

  def log_message(self, *args):
    del args

  def do_HEAD(self):
    self._get(body=False)

  def do_GET(self):
    self._get(body=True)

  def do_POST(self):
    path = urllib.parse.unquote(self.path.partition('?')[0])
    self.hub.requests.append(('POST', path))
    data = self._body()
    if path == '/api/validate-yaml':  # of the model card
      return self._json({'errors': [], 'warnings': []})
    if path == '/api/repos/create':
      row = json.loads(data)
      name = '/'.join(filter(None, (row.get('organization'), row['name'])))
      kind = f'{row.get("type") or "model"}s'
      self.hub.add(kind, name, {})
      return self._json(
        {'url': f'{self.hub.url}/{name}', 'id': name, 'name': name}
      )
    if match := _PATTERNS['upload'].fullmatch(path):
      kind, name, what, revision = match.groups()
      if what == 'preupload':
        files = [
          {'path': f['path'], 'uploadMode': 'regular', 'shouldIgnore': False}
          for f in json.loads(data)['files']
        ]
        return self._json({'files': files})
      files = dict(self.hub.repos[kind, name][revision])
      for line in data.splitlines():
        row = json.loads(line)
        if row['key'] == 'file':
          files[row['value']['path']] = base64.b64decode(
            row['value']['content']
          )
      sha = self.hub.add(kind, name, files, revision)
      return self._json(
        {
          'commitUrl': f'{self.hub.url}/{name}/commit/{sha}',
          'commitOid': sha,
          'success': True,
        }
      )
    return self._error(404, 'EntryNotFound')

  def _body(self) -> bytes:
    if self.headers.get('Transfer-Encoding') != 'chunked':
      return self.rfile.read(int(self.headers.get('Content-Length', 0)))
    data = b''
    while size := int(self.rfile.readline(), 16):
      data += self.rfile.read(size)
      self.rfile.readline()
    self.rfile.readline()
    return data

  def _get(self, body: bool):
    path = urllib.parse.unquote(self.path.partition('?')[0])
    self.hub.requests.append((self.command, path))
    for what, pattern in _PATTERNS.items():
      if what != 'upload' and (match := pattern.fullmatch(path)):
        return self._answer(what, match.groups(), body)
    return self._error(404, 'EntryNotFound')

  def _answer(self, what: str, groups, body: bool):
    kind, name, revision, *file = groups
    kind = kind or 'models'
    versions = self.hub.repos.get((kind, name))
    if versions is None:
      return self._error(404, 'RepoNotFound')
    if name in self.hub.gated:
      return self._error(403, 'GatedRepo')
    revision = revision or 'main'
    if revision not in versions:
      return self._error(404, 'RevisionNotFound')
    files, sha = versions[revision], self.hub.sha(kind, name, revision)
    if what == 'info':
      siblings = [{'rfilename': path} for path in files]
      return self._json(
        {'id': name, 'sha': sha, 'siblings': siblings, 'private': False}
      )
    if what == 'tree':
      return self._json(
        [
          {
            'type': 'file',
            'path': path,
            'size': len(data),
            'oid': hashlib.sha1(data).hexdigest(),
          }
          for path, data in files.items()
        ]
      )
    if file[0] not in files:
      return self._error(404, 'EntryNotFound')
    data = files[file[0]]
    if body:
      self.hub.fetched.append(file[0])
    etag = f'"{hashlib.sha1(data).hexdigest()}"'
    return self._send(
      200,
      data if body else b'',
      {'ETag': etag, 'X-Repo-Commit': sha},
      len(data),
    )

  def _json(self, value):
    data = json.dumps(value).encode()
    self._send(200, data, {'Content-Type': 'application/json'}, len(data))

  def _error(self, code: int, reason: str):
    self._send(
      code, b'', {'X-Error-Code': reason, 'X-Error-Message': reason}, 0
    )

  def _send(self, code, data, headers, length):
    self.send_response(code)
    for name, value in headers.items():
      self.send_header(name, value)
    self.send_header('Content-Length', str(length))
    self.end_headers()
    self.wfile.write(data)

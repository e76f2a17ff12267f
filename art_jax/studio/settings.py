"""What a studio is started with."""

import dataclasses
import hashlib
import pathlib
import re
import secrets

from art_jax import core

LOOPBACK = ('127.0.0.1', 'localhost', '::1')
# What opens on this machine where all addresses are listened on.
_HERE = {'0.0.0.0': '127.0.0.1', '::': '::1'}
_ORIGIN = re.compile(r'https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:(\d+|\*))?')
_NAME = re.compile(r'[A-Za-z0-9.\-]+', re.ASCII)
_LEAST_TOKEN = 16  # characters


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """What a studio is started with.

  Attributes:
    runs: folder of run folders, or one run folder.
    host: address to listen on.
    port: preferred; a taken one is followed by the next free.
    token: what a browser must know; '' draws one.
    allow_hosts: names that the address of the page may have beside loopback.
    frame_ancestors: origins of pages that may hold the studio in a frame.
    data_root: folder below which runs may be given pictures; None: none.
  """

  runs: pathlib.Path
  host: str = '127.0.0.1'
  port: int = 8765
  token: str = ''
  allow_hosts: tuple[str, ...] = ()
  frame_ancestors: tuple[str, ...] = ()
  data_root: pathlib.Path | None = None

  def __post_init__(self):
    core.require(
      0 <= self.port < 2**16, f'--port={self.port}: it is in 0..65535'
    )
    core.require(
      self.host in LOOPBACK or self.token,
      f'--host={self.host}: others than this machine could connect; pass '
      '--token=SECRET too, or leave --host out and use an ssh tunnel',
    )
    core.require(
      not self.token or len(self.token) >= _LEAST_TOKEN,
      f'--token: it has {len(self.token)} characters; {_LEAST_TOKEN} is the '
      'least, and leaving it out draws one',
    )
    for name in self.allow_hosts:
      core.require(
        _NAME.fullmatch(name),
        f'--allow_host={name}: it is a name such as studio.example.org, '
        'without port',
      )
    for origin in self.frame_ancestors:
      core.require(
        _ORIGIN.fullmatch(origin),
        f'--frame_ancestors={origin}: it is an origin such as '
        'http://localhost:8888',
      )
    if not self.token:
      object.__setattr__(self, 'token', secrets.token_urlsafe(24))

  @property
  def cookie(self) -> str:
    """Name of the cookie; studios on other ports have other ones."""
    return f'studio_{hashlib.sha256(self.token.encode()).hexdigest()[:10]}'

  @property
  def hosts(self) -> tuple[str, ...]:
    """What the host of the address of a page may be, in lower case."""
    own = _HERE.get(self.host, self.host)
    return tuple(map(str.lower, (own, *LOOPBACK, *self.allow_hosts)))

  @property
  def shown_host(self) -> str:
    """The host of the address that is printed."""
    named = self.allow_hosts if self.host in _HERE else ()
    return next(iter(named), self.hosts[0])

  @property
  def folder(self) -> pathlib.Path:
    """The absolute folder of the runs.

    Raises:
      core.UserError: there is no such folder.
    """
    path = self.runs.expanduser().absolute()
    core.require(
      path.is_dir(),
      f'{self.runs} is no folder; pass the folder that holds your run folders '
      '(training writes to runs/)',
    )
    return path

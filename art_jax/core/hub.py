"""Repositories of the Hugging Face Hub: named, pinned to a revision, fetched.

Nothing that is fetched is ever executed: whoever reads the files reads pictures
or safetensors. `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` act as documented
by huggingface_hub.
"""

import pathlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from art_jax.core import errors, extras

_PART = r'[A-Za-z0-9][\w.-]*'
_NAME = re.compile(
  rf'hf:(?P<repo>(?:{_PART}/)?{_PART})(?::(?P<part>{_PART}))?'
  r'(?:@(?P<revision>[\w./-]+))?'
)
_SHA = re.compile('[0-9a-f]{40}')


class Name(NamedTuple):
  """A repository.

  Attributes:
    repo: 'owner/name'.
    part: of it: a split of a data set; '' for all.
    revision: branch, tag or commit; '' for the newest of the main branch.
  """

  repo: str
  part: str = ''
  revision: str = ''

  def __str__(self) -> str:
    part = f':{self.part}' if self.part else ''
    revision = f'@{self.revision}' if self.revision else ''
    return f'hf:{self.repo}{part}{revision}'

  @property
  def pinned(self) -> bool:
    """Tell whether the revision is a commit, which never changes."""
    return bool(_SHA.fullmatch(self.revision))


def is_name(text: Any) -> bool:
  """Tell whether a text names a repository."""
  return str(text).startswith('hf:')


def parse(text: str) -> Name:
  """Read 'hf:owner/name[:part][@revision]'; raises UserError."""
  match = _NAME.fullmatch(text)
  if not match:
    raise errors.UserError(
      f'{text!r}: a repository is named hf:OWNER/NAME, with :SPLIT for a part '
      'of a data set and @REVISION for another than the newest'
    )
  return Name(**{key: value or '' for key, value in match.groupdict().items()})


def pin(name: Name, kind: str) -> Name:
  """Return the name with the commit that its revision is now.

  Args:
    name: of a repository.
    kind: 'model' or 'dataset'.

  Raises:
    UserError: it is unknown, gated or cannot be reached.
  """
  if name.pinned:
    return name
  library = _library()
  try:
    info = library.HfApi().repo_info(
      name.repo, repo_type=kind, revision=name.revision or None
    )
  except Exception as error:
    raise _explained(name, kind, error) from error
  return name._replace(revision=info.sha)


def files(name: Name, kind: str, revision: str = '') -> list[str]:
  """Return the files of a repository, sorted; raises UserError."""
  library = _library()
  revision = revision or name.revision
  try:
    return sorted(
      library.HfApi().list_repo_files(
        name.repo, repo_type=kind, revision=revision or None
      )
    )
  except library.errors.RevisionNotFoundError:
    if revision == name.revision:
      raise errors.UserError(
        f'{name}: there is no such revision; leave it out for the newest'
      ) from None
    return []
  except Exception as error:
    raise _explained(name, kind, error) from error


def fetch(
  name: Name, kind: str, wanted: Sequence[str], revision: str = ''
) -> pathlib.Path:
  """Download some files of a repository; return the folder that has them.

  They are kept in the cache of huggingface_hub (`HF_HOME`), and not downloaded
  again.

  Args:
    name: of the repository.
    kind: 'model' or 'dataset'.
    wanted: files, or patterns such as '*.png'.
    revision: in place of the name's.

  Raises:
    UserError: it is unknown, gated or cannot be reached.
  """
  library = _library()
  try:
    folder = library.snapshot_download(
      name.repo,
      repo_type=kind,
      revision=revision or name.revision or None,
      allow_patterns=list(wanted),
    )
  except Exception as error:
    raise _explained(name, kind, error) from error
  return pathlib.Path(folder)


def require_new(name: Name, overwrite: bool) -> None:
  """Raise a UserError if a model repository holds files to be replaced."""
  library = _library()
  try:
    info = library.HfApi().repo_info(name.repo, repo_type='model')
  except library.errors.RepositoryNotFoundError:
    return
  except Exception as error:
    raise _explained(name, 'model', error) from error
  there = {file.rfilename for file in info.siblings or ()} - {'.gitattributes'}
  if there and not overwrite:
    raise errors.UserError(
      f'{name} holds {len(there)} files already; pass another name, or '
      '--overwrite to add a commit that replaces those of the same names'
    )


def upload(name: Name, folder: pathlib.Path) -> Name:
  """Upload a folder as one commit of a model repository, made if missing.

  Returns:
    The name with the commit.

  Raises:
    UserError: the hub refuses or cannot be reached.
  """
  api = _library().HfApi()
  try:
    api.create_repo(name.repo, repo_type='model', exist_ok=True)
    commit = api.upload_folder(
      folder_path=folder,
      repo_id=name.repo,
      repo_type='model',
      commit_message='Publish a model of art_jax',
    )
  except Exception as error:
    raise _explained(name, 'model', error) from error
  return name._replace(revision=commit.oid)


def _library() -> Any:
  library = extras.load('huggingface_hub', 'hub', 'the Hugging Face Hub')
  extras.load('huggingface_hub.errors', 'hub', 'the Hugging Face Hub')
  return library


def _explained(name: Name, kind: str, error: Exception) -> errors.UserError:
  """Return the error in one line, with what to do."""
  hub = _library().errors

  page = f'https://huggingface.co/{"datasets/" * (kind == "dataset")}'
  if isinstance(error, hub.GatedRepoError):
    what = (
      f'it is gated: accept its terms at {page}{name.repo}, and pass a token '
      'that may read it (`hf auth login`, or HF_TOKEN)'
    )
  elif isinstance(error, hub.RevisionNotFoundError):
    what = f'it has no revision {name.revision!r}; leave it out for the newest'
  elif isinstance(error, hub.RepositoryNotFoundError):
    what = (
      f'there is no such {kind}, or it is private; look at {page}, or log in '
      '(`hf auth login`, or HF_TOKEN)'
    )
  elif getattr(getattr(error, 'response', None), 'status_code', 0) == 401:
    what = 'it takes a token: log in (`hf auth login`, or HF_TOKEN)'
  elif isinstance(error, hub.HfHubHTTPError):
    what = f'the hub refuses ({_first_line(error)}); try again later'
  elif isinstance(error, OSError) and errors.disk_fault(error):
    what = f'{errors.disk_fault(error)}; free some space, or set HF_HOME'
  else:
    what = (
      f'the hub cannot be reached ({_first_line(error)}); look at the network '
      'and HF_ENDPOINT; what was fetched before is found again under its '
      'commit, NAME@COMMIT'
    )
  return errors.UserError(f'{name}: {what}')


def _first_line(error: Exception) -> str:
  return str(error).strip().partition('\n')[0][:150] or type(error).__name__

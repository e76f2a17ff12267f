"""Hooks of the documentation site: pages that stand beside docs/, and links.

README.md is the home page; SECURITY.md, CONTRIBUTING.md and others are
pages too. Links between them and docs/ are right in the repository and are
changed here to what they are on the site.
"""

import pathlib
import re

from mkdocs.structure import files as mkdocs_files

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_PAGES = {
  'README.md': 'index.md',
  'SECURITY.md': 'security.md',
  'CONTRIBUTING.md': 'contributing.md',
  'CHANGELOG.md': 'changelog.md',
  'LICENSES.md': 'licenses.md',
}


def on_files(files, config):
  """Add the pages of the repository's top folder."""
  for source, page in _PAGES.items():
    text = (_ROOT / source).read_text(encoding='utf-8')
    text = re.sub(r'(\]\(|src=")docs/', r'\1', text)
    files.append(mkdocs_files.File.generated(config, page, content=text))
  return files


def on_page_markdown(markdown, page, config, files):
  """Point links to files of the top folder at their pages."""
  for source, target in _PAGES.items():
    up = '../' * page.file.src_uri.count('/')
    markdown = re.sub(
      rf'\]\((\.\./)*{re.escape(source)}', f']({up}{target}', markdown
    )
  return markdown

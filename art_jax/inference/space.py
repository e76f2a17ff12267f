"""The files of a hosted demo of a published model (a Space of the hub).

They are text for the user to upload; art_jax imports no library of a page.
"""

import json

from art_jax import core
from art_jax.core.version import VERSION
from art_jax.inference.run import Run

_FOLDER = """\
# The folder that holds this one. A Space needs a repository: 'hf:OWNER/NAME'.
model = str(pathlib.Path(__file__).resolve().parents[1])
"""
_SAMPLES = """\
def paint(seed, count{label_argument}):
  pictures = run.sample(int(count), seed=int(seed){label_value})
  return [picture.squeeze() for picture in pictures]


demo = gr.Interface(
  paint,
  [
    gr.Number(0, label='Seed', precision=0),
    gr.Slider(1, 16, 8, step=1, label='Pictures'),{label_input}
  ],
  gr.Gallery(),
  title={title!r},
)
"""
_TRANSLATIONS = """\
def paint(photo, direction):
  pixels = photo.reshape(*photo.shape[:2], -1)
  return run.translate(pixels, direction).squeeze()


demo = gr.Interface(
  paint,
  [
    gr.Image(type='numpy', image_mode={mode!r}),
    gr.Dropdown({ways!r}, value={first!r}, label='Direction'),
  ],
  gr.Image(),
  title={title!r},
)
"""
_PAINTINGS = """\
def paint(photo, painting):
  painting.thumbnail(({size}, {size}))
  style = np.float32(painting)[None] / 127.5 - 1
  return run.styled([style]).translate(photo)


demo = gr.Interface(
  paint,
  [
    gr.Image(type='numpy', label='Photo'),
    gr.Image(type='pil', label='Painting'),
  ],
  gr.Image(),
  title={title!r},
)
"""


def files(run: Run, name: str) -> dict[str, str]:
  """Return the files of a demo by name.

  Args:
    run: the model.
    name: 'owner/name' of its repository, or the name of a folder, which holds
      that of the demo.

  Raises:
    core.UserError: there is no demo of such a model.
  """
  told = ', '.join(one.name for one in core.attributes(run.algorithm))
  core.require(
    not told,
    '--space: a demo asks for a seed and a class, and this '
    f'{type(run.algorithm).__name__} takes attributes ({told}); leave it out',
  )
  libraries = 'import gradio as gr\n'
  if isinstance(run.algorithm, core.Generative):
    count = core.num_classes(run.algorithm)
    names = list(run.class_names) or list(map(str, range(count)))
    first = names[0] if names else ''
    choice = f'\n    gr.Dropdown({names!r}, value={first!r}, label="Class"),'
    body = _SAMPLES.format(
      label_argument=', label' if count else '',
      label_value=', labels=label' if count else '',
      label_input=choice if count else '',
      title=name,
    )
  elif isinstance(run.algorithm, core.Stylable):
    libraries += 'import numpy as np\n'
    body = _PAINTINGS.format(size=run.algorithm.style_size, title=name)
  else:
    ways = list(core.directions(run.algorithm))
    gray = run.experiment.data.channels == 1
    body = _TRANSLATIONS.format(
      mode='L' if gray else 'RGB', ways=ways, first=ways[0], title=name
    )
  place = f'model = {f"hf:{name}"!r}\n'
  if '/' not in name:
    libraries, place = f'import pathlib\n\n{libraries}', _FOLDER
  app = (
    '"""A demo of a published model; written by art_jax."""\n\n'
    f'{libraries}\nimport art_jax\n\n'
    f'{place}run = art_jax.load(model)\n\n\n{body}\ndemo.launch()\n'
  )
  requirements = f'art-jax[hub]>={VERSION}\ngradio\n'
  head = f'---\ntitle: {json.dumps(name)}\nsdk: gradio\napp_file: app.py\n---\n'
  return {'app.py': app, 'requirements.txt': requirements, 'README.md': head}

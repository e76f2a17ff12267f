"""The pictures of docs/gallery.md: their commands, inputs and words."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
  """A picture of the gallery.

  Attributes:
    name: of the picture.
    title: of its section.
    more: the page about its family.
    says: what it shows.
    lacks: what the family cannot do yet.
    shows: patterns of the files of its picture; or `builtin:3`, a photo.
    commands: what makes them, as a reader types it.
    inputs: names of INPUTS.
    runs: names of RUNS.
    steps: of the optimization, in words.
    columns: pictures in a row.
    cell: width of each in pixels.
    crop: left, top, right and bottom of the part that is shown; empty: all.
    clip: the file is a clip.
  """

  name: str
  title: str
  more: str
  says: str
  lacks: str
  shows: tuple[str, ...]
  commands: tuple[str, ...] = ()
  inputs: tuple[str, ...] = ()
  runs: tuple[str, ...] = ()
  steps: str = ''
  columns: int = 2
  cell: int = 512
  crop: tuple[int, int, int, int] | tuple[()] = ()
  clip: bool = False


_PAINT = 'art_jax paint runs/projected_paintings64 --size=512'
_PORTRAIT = '--content=astronaut.png --style=starry_night.jpg'
_STYLES = ('starry_night', 'composition_vii', 'great_wave')
ENTRIES = (
  Entry(
    'painted',
    'Composed by a GAN, painted with van Gogh’s strokes',
    'painter',
    'Seeds 0 to 5, with none left out, of a GAN that was trained for an hour '
    'on one CPU core on 761 of 836 paintings by van Gogh (the other 75 are '
    'held out). The GAN composes at 64 px, and the painter paints at 512 px '
    'with the strokes of the painting that suits the composition best.',
    'Only the composition is new: each stroke is taken from a painting of the '
    'folder, enlarged here because these files have 256 px. Faces fall apart. '
    'Three judges saw 16 pictures painted at 256 px among real paintings and '
    'raw samples, and were not told which is which: a majority would hang 6 '
    'of the 16 and took none for the work of a painter (the answers are on '
    'the page of the painter).',
    ('painted/seed_*.png',),
    (f'{_PAINT} --count=6 --upscale --output=painted',),
    ('van_gogh',),
    ('projected_paintings64',),
    columns=3,
    cell=416,
  ),
  Entry(
    'sources',
    'The same GAN, with the strokes of other painters',
    'painter',
    'The compositions of seeds 0 and 1 once more. From five paintings, the '
    'program chose the one by Turner for the first and the one by Kandinsky '
    'for the second.',
    'Colors are those of the source and hide the composition: only its large '
    'areas of light and dark remain. With five sources, whole motifs of the '
    'sources reappear.',
    ('painted/seed_*.png',),
    (f'{_PAINT} --sources=paintings --count=2 --output=painted',),
    ('paintings',),
    ('projected_paintings64',),
    cell=400,
  ),
  Entry(
    'drawing',
    'A drawing, painted',
    'painter',
    'Two of the eight drawings of flat shapes on the page of the painter, '
    'picked by hand; the program chose one of five paintings for the first, '
    'and one of 836 by van Gogh for the second. Nothing is trained.',
    'A source is chosen by colors and layout, not by objects: mast and sail '
    'become a column of foam, the crown of the tree a hedge.',
    (
      'drawings/boat.png',
      'one/boat.png',
      'drawings/field.png',
      'two/field.png',
    ),
    (
      'python -m tools.studies.drawings drawings',
      'art_jax paint --content=drawings/boat.png --sources=paintings '
      '--size=512 --output=one',
      'art_jax paint --content=drawings/field.png --sources=van_gogh '
      '--size=512 --upscale --output=two',
    ),
    ('paintings', 'van_gogh'),
    cell=400,
  ),
  Entry(
    'gatys',
    'Style transfer: Gatys',
    'style_transfer',
    'A photo, The Starry Night, and the result: the pixels of the photo, '
    'optimized to match the feature statistics of the painting.',
    'Waves of blue and yellow cover everything, whether they fit an object or '
    'not: the rocket and the right tower lose parts, and the stars of the '
    'painting do not appear. A fine crinkle remains. A portrait becomes a '
    'photo with mottled skin.',
    ('rocket.jpg', 'starry_night.jpg', 'gatys.png'),
    (
      'art_jax stylize style_transfer --content=rocket.jpg '
      '--style=starry_night.jpg --output=gatys.png',
    ),
    ('rocket.jpg', 'starry_night.jpg'),
    steps='100 at each of 181, 256, 362 and 512 px',
    columns=3,
    cell=416,
  ),
  Entry(
    'nnst',
    'Style transfer: nearest neighbors (NNST)',
    'style_transfer',
    'A portrait, with The Starry Night once more. Strokes of the painting '
    'follow the shapes of the photo.',
    'Colors are those of the painting, not of the object: the face is pale '
    'yellow with blue shadows, and its mouth is smeared.',
    ('nnst.png',),
    (
      f'art_jax stylize style_transfer_nnst {_PORTRAIT} --size=512 --steps=30 '
      '--output=nnst.png',
    ),
    ('astronaut.png', 'starry_night.jpg'),
    steps='30 at each of 64, 128, 256 and 512 px',
    columns=1,
    cell=480,
  ),
  Entry(
    'mrf',
    'Style transfer: patches (MRF)',
    'style_transfer',
    'The same photo and painting. Every patch is pulled toward the most '
    'similar patch of the painting.',
    'Softer than NNST, and a face is lost where the painting has only swirls, '
    'as one eye is here.',
    ('mrf.png',),
    (
      f'art_jax stylize style_transfer_mrf {_PORTRAIT} --steps=25 '
      '--output=mrf.png',
    ),
    ('astronaut.png', 'starry_night.jpg'),
    steps='25 at each of 272 and 384 px',
    columns=1,
    cell=384,
  ),
  Entry(
    'johnson',
    'Fast style transfer: one pass of a network',
    'fast_style',
    'The same photo through the published networks `candy` and `mosaic` of '
    'the PyTorch examples, converted. They learned two paintings in two epochs '
    'of COCO and were not trained here.',
    'Round blobs, as on the suit, are a known artifact of instance norm. No '
    'network has been fully trained here; those trained for half an hour on a '
    'CPU change colors and texture, not shapes.',
    ('candy/*.png', 'mosaic/*.png'),
    tuple(
      f'art_jax translate --weights={name}.safetensors --input=astronaut.png '
      f'--output={name}'
      for name in ('candy', 'mosaic')
    ),
    ('astronaut.png', 'candy.safetensors', 'mosaic.safetensors'),
    cell=384,
  ),
  Entry(
    'adain',
    'Fast style transfer to any painting: AdaIN',
    'adain',
    'Three paintings that the network has never seen, and the portrait in the '
    'style of each. It was trained for 41 minutes on one CPU core, on 335 '
    'photos (facades, and crops of six others) and 877 paintings, most of them '
    'by van Gogh.',
    'The results differ in color more than in strokes, and shapes stay those '
    'of the photo: no swirls, no figures. Edges get a pale halo, and brown '
    'hair turns green. `adain`, the recipe of the paper, is for a GPU and has '
    'not been fully trained here.',
    tuple(f'{name}.jpg' for name in _STYLES)
    + tuple(f'{name}_adain.png' for name in _STYLES),
    tuple(
      'art_jax stylize --run=runs/adain_demo --content=astronaut.png '
      f'--style={name}.jpg --output={name}_adain.png'
      for name in _STYLES
    ),
    ('astronaut.png', *(f'{name}.jpg' for name in _STYLES)),
    ('adain_demo',),
    columns=3,
    cell=400,
  ),
  Entry(
    'unpaired',
    'Translation without pairs: CycleGAN',
    'cyclegan',
    'Two built-in scenes, drawn by a program in the pale colors of photos, '
    'each beside its translation into the colors of the built-in paintings. '
    'Training sees no pairs.',
    'Three minutes of training at 64 px teach colors and light, not strokes '
    '(docs/cyclegan.md tells what was tried). `cyclegan` at 256 px is the '
    'recipe for a GPU, and has not been trained here.',
    ('builtin:3', 'houses.png', 'builtin:6', 'portrait.png'),
    tuple(
      f'art_jax stylize --run=runs/cyclegan_demo --content=builtin:{number} '
      f'--direction=ab --size=384 --output={name}.png'
      for number, name in ((3, 'houses'), (6, 'portrait'))
    ),
    runs=('cyclegan_demo',),
    cell=300,
  ),
  Entry(
    'pix2pix',
    'Translation from pairs: pix2pix',
    'pix2pix',
    'The first six held-out built-in scenes, at 128 px. In each group from '
    'left: the label map, its translation by the network, and the built-in '
    'painting of the same scene, which the network has not seen.',
    'After 22 minutes on one CPU core, things are in their places, but faces '
    'lose their features, small marks are garbled, outlines are dark or glow, '
    'pictures have a frame, and there are no strokes. Colors do not follow '
    'from the labels, so they differ from those of the paintings. The facades '
    'of the paper are for research only and are not shown.',
    ('runs/pix2pix_scenes/images/ab/*9000.png',),
    runs=('pix2pix_scenes',),
    columns=1,
    cell=774,
    crop=(0, 0, 774, 392),
  ),
  Entry(
    'samples',
    'Samples of a GAN, and a walk through its latents',
    'projected',
    'The GAN that composes the paintings above, by itself: 16 samples of seed '
    '0, none left out (the first is the composition of the first painting), '
    'and a walk between four samples and back, enlarged from 64 px.',
    'Skies, fields, a house and flowers can be recognized; up close everything '
    'is smudged. This is what an hour on one CPU core gives at 64 px. The '
    'recipe at 256 px is for a GPU, and has not been trained here.',
    ('samples/grid.png', 'walk/interpolate.png'),
    (
      'art_jax sample runs/projected_paintings64 --study=grid --num=16 '
      '--output=samples',
      'art_jax sample runs/projected_paintings64 --study=interpolate --num=4 '
      '--frames=16 --output=walk',
    ),
    runs=('projected_paintings64',),
    columns=1,
    cell=480,
  ),
  Entry(
    'diffusion',
    'Diffusion',
    'diffusion',
    'Sixteen samples of a rectified flow at 64 px, none left out, enlarged.',
    'An hour on one core gives palettes and rough layouts, but hardly a motif; '
    'by eye, the GAN above is better after the same time.',
    ('samples/grid.png',),
    (
      'art_jax sample runs/flow_paintings --study=grid --num=16 '
      '--output=samples',
    ),
    runs=('flow_paintings',),
    columns=1,
    cell=400,
  ),
  Entry(
    'video',
    'Video',
    'video',
    'A clip that pans over a photo, in the style of The Starry Night, frame by '
    'frame so that textures move with it: ten frames, shown forward and back.',
    'Colors and texture change, not shapes, and a weave covers the fur; the '
    'first frame is paler than those that follow. A frame takes seven CPU '
    'seconds.',
    ('painted.mp4',),
    (
      'python -m tools.studies.pan_clip --picture=chelsea.png '
      '--output=clip.mp4 --size=384x288 --frames=10 --step=5,1',
      'art_jax stylize style_transfer_squeezenet --content=clip.mp4 '
      '--style=starry_night.jpg --output=painted.mp4 --size=384 --steps=100 '
      '--set algorithm.optimizer.learning_rate=0.05 --set algorithm.margin=0 '
      '--set algorithm.temporal_weight=1e5',
    ),
    ('chelsea.png', 'starry_night.jpg'),
    steps='100 of the first frame, 50 of each of 9 more',
    clip=True,
  ),
)

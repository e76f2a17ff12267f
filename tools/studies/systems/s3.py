"""The rows of the fourth project: style transfer."""

from tools.studies.systems.row import Do, Row, at_least, at_most, not_above

_PAINT = (
  'art_jax stylize {0} --content={{{1}}} --style={{{2}}} '
  '--output={{work}}/{3} --overwrite'
)
_NUMBER = r'([\d.e+-]+)'


def _distances(style: str, **names: str) -> Do:
  """Return the style distances of files, by the name of the figure."""
  files = ' '.join(f'{{work}}/{file}' for file in names.values())
  return Do(
    f'tools.studies.style_distance {files} --style={{{style}}}',
    tuple(
      (name, rf'{file}: style distance {_NUMBER}')
      for name, file in names.items()
    ),
  )


def _of_gram(start: str, way: str) -> str:
  """Return the pattern of a share of what Gram matrices change a face."""
  nearest = r'(?: at its nearest, [\d.]+)?'
  return rf'{_NUMBER} of Gram from {start}{nearest} \({way}\)'


def _video(name: str, clip: str, more: str) -> Do:
  return Do(
    f'art_jax stylize style_transfer_squeezenet --content={{work}}/{clip}.mp4 '
    f'--style={{scream}} --output={{work}}/{name}.mp4 --overwrite --size=192 '
    '--steps=60 --set algorithm.optimizer.learning_rate=0.05 '
    f'--set algorithm.margin=0 --set algorithm.temporal_weight={more}',
    (('flicker', rf'flicker: {_NUMBER} of 255'),),
    prefix=f'{name} ',
  )


ROWS = (
  Row(
    'S3.1',
    'Style transfer of Gatys with VGG-16',
    'Gradient descent on the pixels, from noise, with squared errors of '
    'activations for the content and of Gram matrices for the style; a second '
    'picture with a lower content weight.',
    'Portraits suffer: Gram matrices capture only texture.',
    (
      Do(
        _PAINT.format('style_transfer', 'content', 'style', 'result.png')
        + ' --size=256 --steps=100 --set algorithm.start=noise '
        '--versus algorithm.content_weight=1',
        minutes=15,
      ),
      Do(
        _PAINT.format('style_transfer', 'content', 'style', 'ways.png')
        + ' --size=192 --steps=60 --set algorithm.coarse_size=0 '
        '--versus "algorithm.optimizer=LBFGS()" '
        '--versus "algorithm.optimizer=SGD(learning_rate=2e-5, momentum=0.9)"',
        minutes=8,
      ),
      _distances(
        'style',
        higher='result_1.png',
        lower='result_2.png',
        adam='ways_1.png',
        lbfgs='ways_2.png',
        sgd='ways_3.png',
      ),
    ),
    (
      not_above(
        'style distance with the lower content weight: not above the other',
        'lower',
        'higher',
      ),
      *(
        at_most(f'{way}: style distance', name, 3)
        for way, name in (
          ('Adam, 60 steps from the photo', 'adam'),
          ('L-BFGS, the same', 'lbfgs'),
          ('gradient descent, the same', 'sgd'),
        )
      ),
    ),
    budget=40,
    takes=15,
    figure=('S3.1/result.png', 'S3.1/ways.png'),
    caption='From noise: content weight 5, 1. From the photo: Adam, L-BFGS, '
    'gradient descent.',
    needs=('content', 'style'),
    note='256 px, twice 100 steps, and 192 px, 60 steps; any size works.',
  ),
  Row(
    'S3.2',
    'Patches in place of Gram matrices',
    'Suggested as the remedy for portraits: each patch of the features is '
    'matched with the most similar patch of the painting.',
    'Not tried.',
    (
      Do(
        'tools.studies.face_kept --content={content} --style={hat} '
        '--box=0.12,0.33,0.37,0.55 --size=256 --steps=50 --weights=5,50,500 '
        '--mrf_weights=1 --nnst_weights=0.5 --workdir={work}/kept '
        '--output={work}/faces.png',
        tuple(
          (f'{name} from {start}', _of_gram(start, way))
          for name, way in (
            ('mrf', 'style_transfer_mrf'),
            ('nnst', 'style_transfer_nnst'),
          )
          for start in ('noise', 'content')
        ),
        minutes=15,
      ),
      *(
        Do(
          _PAINT.format(name, 'content', 'style', file) + ' --size=256',
          minutes=8,
        )
        for name, file in (
          ('style_transfer_mrf', 'mrf.png'),
          ('style_transfer_nnst --steps=34', 'nnst.png'),
        )
      ),
    ),
    (
      at_most(
        'change of the face by patches at a Gram distance that is not larger, '
        'over that by Gram matrices from noise',
        'mrf from noise',
        0.7,
      ),
      at_most(
        'the same over Gram matrices from the photo', 'mrf from content', 1
      ),
    ),
    budget=90,
    takes=6,
    figure=('S3.2/mrf.png', 'S3.2/nnst.png'),
    caption='astronaut as Starry Night: patches (MRF), nearest neighbors '
    '(NNST).',
    needs=('content', 'style', 'hat'),
    note='Measured on astronaut and Woman with a Hat at 256 px. In an earlier '
    'run two face detectors of OpenCV 4 found the face in the picture made '
    'with patches, and none in the one made with Gram matrices from noise.',
    unreached='Optimizing Gram matrices from the photo minimizes the very '
    'distance by which both are compared.',
  ),
  Row(
    'S3.3',
    'Fast style transfer',
    'A network trained once for a painting, as in the paper, on COCO.',
    'The pictures had a white blotch; the network was trained too briefly.',
    (
      Do(
        'art_jax train fast_style_squeezenet --data={paintings} '
        '--workdir={work}/run --set "algorithm.styles=(\'{style}\',)" '
        '--set train.duration=20000 --set train.rescale=false '
        '--set "algorithm.optimizer.schedule='
        'LinearDecay(start=10000,end=20000)" --set train.log_every=100 '
        '--set train.render_every=2000 --set train.checkpoint_every=1000'
      ),
      Do(
        'tools.studies.fast_against_gatys --run={work}/run --pictures={photos} '
        '--size=256 --iterations=100',
        (
          ('iterations (least)', r'after (\d+) iterations'),
          ('passes (least)', r'are ([\d,]+) passes'),
        ),
      ),
      Do(
        'tools.studies.blotch --run={work}/run --pictures={photos} '
        '--output={work}/painted.png',
        (
          ('white', r'^largest: white ([\d.]+) %'),
          ('black', r'^largest: .* black ([\d.]+) %'),
        ),
      ),
    ),
    (
      at_least(
        'loss as low as so many iterations of L-BFGS, least of the photos',
        'iterations (least)',
        50,
      ),
      at_most('largest white blotch', 'white', 0.5, ' % of the pixels'),
      at_least(
        'passes in the time of 500 iterations at 256 px', 'passes (least)', 500
      ),
    ),
    budget=240,
    takes=140,
    figure=('S3.3/painted.png',),
    caption='Photos, and the same by one pass of the network.',
    needs=('paintings', 'style', 'photos'),
    note='Half the channels and the losses of SqueezeNet, 96 px, 20,000 steps '
    'of batch 4 on van Gogh paintings instead of photos. VGG-16 at 256 px on '
    'COCO needs a GPU: `art_jax train fast_style --data=COCO`.',
    unreached='A network this small, trained at 96 px, is not as good as many '
    'iterations of optimization; the full network is for a GPU.',
  ),
  Row(
    'S3.4',
    'Video',
    'Named as the purpose of fast style transfer.',
    'Not tried.',
    (
      Do(
        'tools.studies.pan_clip --picture={tubingen} --output={work}/pan.mp4 '
        '--size=480x360 --frames=8 --step=9,3',
        minutes=1,
      ),
      Do(
        'tools.studies.pan_clip --picture={tubingen} --output={work}/still.mp4 '
        '--size=480x360 --frames=4 --step=0,0',
        minutes=1,
      ),
      _video('alone', 'pan', '0'),
      _video('steady', 'pan', '1e5'),
      _video('unmoved', 'still', '1e5'),
      _distances('scream', alone='alone.mp4', steady='steady.mp4'),
    ),
    (
      not_above(
        'flicker at most 0.7 of that of frames painted alone (0..255)',
        'steady flicker',
        'alone flicker',
        0.7,
      ),
      not_above(
        'style distance not above theirs (within 5 %)', 'steady', 'alone', 1.05
      ),
      at_most('flicker of a still clip', 'unmoved flicker', 0.1),
    ),
    budget=30,
    takes=1,
    needs=('tubingen', 'scream'),
    note='Eight frames of 192 px panned over a photo, 60 steps each, '
    'SqueezeNet and The Scream.',
    unreached='Identical frames are not painted again, but compression makes '
    'the frames of a still clip differ a little, and 30 more steps that start '
    'from the frame before still change the picture.',
  ),
)

"""The semantic classes of the label maps and their flat colors.

Label maps are drawn without antialiasing: every pixel has exactly one of these
colors, and no two classes share one.
"""

import numpy as np

# Class name -> color (red, green, blue), each 0..255.
LABEL_COLORS: dict[str, tuple[int, int, int]] = {
  'background': (58, 60, 68),
  'sky': (130, 190, 240),
  'cloud': (225, 235, 245),
  'sun': (255, 225, 80),
  'mountain': (120, 115, 145),
  'ground': (150, 135, 75),
  'path': (205, 180, 140),
  'snow': (245, 250, 255),
  'water': (40, 100, 180),
  'foliage': (50, 130, 60),
  'trunk': (95, 65, 40),
  'building': (165, 100, 85),
  'roof': (125, 45, 45),
  'window': (255, 200, 120),
  'road': (90, 90, 100),
  'vehicle': (200, 60, 140),
  'skin': (240, 190, 160),
  'hair': (80, 50, 25),
  'cloth': (100, 70, 170),
  'hat': (150, 30, 90),
  'eye': (20, 200, 220),
  'lip': (215, 60, 75),
  'petal': (240, 110, 180),
  'pistil': (250, 170, 20),
  'vase': (70, 160, 170),
  'table': (145, 95, 55),
  'fruit': (235, 120, 40),
  'warm shape': (230, 80, 50),
  'cool shape': (45, 85, 215),
  'pale shape': (215, 210, 190),
  'dark shape': (35, 25, 45),
  'line': (0, 0, 0),
}
# Class name -> number, and number -> color u8[classes, 3].
CLASSES = {name: number for number, name in enumerate(LABEL_COLORS)}
TABLE = np.array(list(LABEL_COLORS.values()), np.uint8)

"""The 24 systems of five earlier projects: what is run for each of them."""

from tools.studies.systems import s0, s0_more, s1, s2, s3, s4

ROWS = (*s0.ROWS, *s0_more.ROWS, *s1.ROWS, *s2.ROWS, *s3.ROWS, *s4.ROWS)
"""In the order of the page."""

# Cheapest first; a row whose runs another one reads goes before it.
ORDER = (
  *('S2.4', 'S0.6', 'S3.4', 'S0.4', 'S2.1', 'S3.1', 'S0.7', 'S2.3'),
  *('S2.2', 'S2.6', 'S4.4', 'S0.3', 'S1.1', 'S3.2', 'S1.2', 'GANGogh'),
  *('S0.1', 'S0.2', 'S2.5', 'S0.5', 'S3.3', 'S4.2', 'S4.1', 'S4.3'),
)
"""In which they are run."""

"""Reports: one self-contained HTML page of a run, or of several side by side.

A page is made of the files of the run folder alone. So it works while a run
goes on, after it was killed, and for runs that another version wrote.
"""

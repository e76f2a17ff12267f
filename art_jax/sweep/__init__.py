"""Many runs that differ in some fields: what `--mode=sweep` is made of."""

"""Many runs that differ in some fields: what `art_jax sweep` is made of."""

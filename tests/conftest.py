"""Settings for every test."""

from hypothesis import settings

# Machines are noisy: a slow example is no failure.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")

"""Tests of your own code in a simulated world: the pytest plugin behind `@pytest.mark.simkit`.

`plugin` is what pytest loads: it hands every marked test to a worker interpreter. There `session` is pytest again, with
all fixtures, running the test once for every seed; `trial` makes the world of one seed, `world` is what the test sees
of it. Nothing is imported here, because pytest loads the plugin wherever simkit is installed.

It deliberately runs no test in the caller's interpreter, whose hash seed, clock and threads are its own.
"""

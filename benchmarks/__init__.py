"""Speed as a ratio to named peers, measured in the same rounds: `python -m benchmarks WORK --rounds N --json`.

One folder for each work, one small file in it for each family of contenders; `README.md` has the method and says why
every contender is written as it is.

They are deliberately no tests: nothing anywhere asserts a time.
"""

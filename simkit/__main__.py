"""`python -m simkit` is the `simkit` command."""

from simkit.cli import main

main()

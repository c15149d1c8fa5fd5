"""The faults that come with simkit: one small file per family, one class per word of a scenario file.

Each class says in its docstring where its fault was seen in the real world, and each field has a line of its own. They
are found by the entry points of the group `simkit.faults`, which map the word to the class.

They deliberately decide neither when a fault happens nor to whom: both belong to the scenario's language.
"""

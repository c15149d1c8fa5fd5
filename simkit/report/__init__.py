"""What people read after a run: the terminal's text, tables of many runs, figures, the one-file page, JUnit files.

Everything here is a function of the run document; nothing looks into a world.
"""

"""Running scenarios: one run, many runs, the same run twice, and the claims of a system over many seeds.

A run happens in a worker interpreter; what comes back is the run document.

Nothing here prints or draws: that is for the command and the report.
"""

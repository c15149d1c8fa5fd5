"""Change feeds: every write that has taken place, in the order of its key's versions."""

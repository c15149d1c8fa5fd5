"""What `simkit new` copies: systems that run as they stand here, written to be read and changed."""

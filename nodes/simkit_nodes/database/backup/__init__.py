"""Backups: the keys of clients as of one timestamp, in a file that is whole or refused, and their restoration."""

"""Escapes that get through today; docs/limits.md tells of each."""

import ctypes
import gc
import os
import resource
import sqlite3
import threading
from typing import Any

from corpus import known_open

EARLY_CLOCK = ctypes.CDLL(None).time
EARLY_ENTROPY = os.urandom(8)


@known_open("a C function that was looked up before")
async def a_foreign_function_looked_up_early() -> Any:
    return EARLY_CLOCK(None)


@known_open("What a module draws while it is imported")
async def entropy_drawn_by_an_import() -> Any:
    return EARLY_ENTROPY.hex()


@known_open("`os.stat`")
async def whether_a_file_exists() -> Any:
    return os.path.exists("/etc/passwd"), os.stat("/etc").st_mtime


@known_open("environment variables")
async def an_environment_variable_to_read() -> Any:
    return os.environ.get("PATH")


@known_open("the user, the working directory")
async def the_user_and_the_folder() -> Any:
    return os.getuid(), os.getcwd()


@known_open("`id()`")
async def the_address_of_an_object() -> Any:
    return id(object()), hash(object()), threading.get_ident()


@known_open("SQL functions")
async def the_clock_of_a_database_in_memory() -> Any:
    return sqlite3.connect(":memory:").execute("select datetime('now'), random()").fetchall()


@known_open("`resource.getrusage`")
async def what_the_process_has_used() -> Any:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, gc.get_count()


@known_open("`os.write`")
async def a_file_descriptor() -> Any:
    return os.write(1, b"")

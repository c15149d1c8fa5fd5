"""Escapes that reach nothing real: the host answers."""

import asyncio
import datetime as datetime_module
import email.utils
import locale
import logging
import logging.handlers
import mmap
import os
import pathlib
import platform
import queue
import random
import secrets
import shelve
import socket
import sqlite3
import ssl
import threading
import time
import uuid
import zoneinfo
from datetime import date, datetime
from os import getpid, urandom
from random import Random, choice, gauss
from random import random as draw
from time import monotonic, strftime
from time import time as now
from typing import Any
from uuid import getnode, uuid1, uuid4

import numpy as np
from corpus import virtual

MADE_EARLY = random.Random()

# -- clocks; it is 2026-01-01T00:00:05Z on a host whose program began five seconds ago


@virtual(1767225605.0, compiled=True)
async def time_imported_early() -> Any:
    return now()


@virtual(1767225605 * 10**9)
async def time_ns() -> Any:
    return time.time_ns()


@virtual(5.0, compiled=True)
async def monotonic_imported_early() -> Any:
    return monotonic()


@virtual((5.0, 5 * 10**9, 5 * 10**9))
async def other_counters() -> Any:
    return time.perf_counter(), time.process_time_ns(), time.thread_time_ns()


@virtual((1767225605.0, 5.0))
async def clock_gettime() -> Any:
    return time.clock_gettime(time.CLOCK_REALTIME), time.clock_gettime(time.CLOCK_BOOTTIME)


@virtual("2026-01-01T00:00:05", compiled=True)
async def datetime_now_imported_early() -> Any:
    return datetime.now().isoformat()


@virtual("2026-01-01T00:00:05+00:00", compiled=True)
async def datetime_now_with_a_time_zone() -> Any:
    return datetime_module.datetime.now(datetime_module.UTC).isoformat()


@virtual(("2026-01-01T00:00:05", "2026-01-01"))
async def today() -> Any:
    return datetime.today().isoformat(), date.today().isoformat()


class Moment(datetime):
    """A subclass, as libraries make them."""


@virtual("Moment", compiled=True)
async def datetime_now_of_a_subclass() -> Any:
    return type(Moment.now()).__name__


@virtual("2026-01-01 00:00:05", compiled=True)
async def strftime_without_a_tuple_imported_early() -> Any:
    return strftime("%Y-%m-%d %H:%M:%S")


@virtual((5, 5, "Thu Jan  1 00:00:05 2026", "Thu Jan  1 00:00:05 2026"))
async def calendar_without_an_argument() -> Any:
    return time.localtime().tm_sec, time.gmtime().tm_sec, time.ctime(), time.asctime()


@virtual("Thu, 01 Jan 2026 00:00:05 -0000")
async def the_date_of_a_mail() -> Any:
    return email.utils.formatdate()


@virtual((1767225605.0, 2001))
async def a_log_record() -> Any:
    record = logging.getLogger("escape").makeRecord("escape", 20, "file", 1, "text", (), None)
    return record.created, record.process


@virtual(("UTC", 0))
async def the_time_zone() -> Any:
    return time.tzname[0], datetime.fromtimestamp(0).hour


@virtual(1767225605.0)
async def a_clock_in_an_executor() -> Any:
    return await asyncio.to_thread(time.time)


class Dying:
    """Is found by the collector, between two turns."""

    told: list[float]

    def __init__(self, told: list[float]) -> None:
        self.told, self.me = told, self

    def __del__(self) -> None:
        self.told.append(time.time())


@virtual([1767225605.0])
async def a_clock_in_a_finalizer() -> Any:
    told: list[float] = []
    Dying(told)
    for _ in range(60_000):
        await asyncio.sleep(0)
    await asyncio.sleep(1)
    return told


# -- entropy


@virtual(compiled=True)
async def urandom_imported_early() -> Any:
    return urandom(9).hex()


@virtual()
async def getrandom() -> Any:
    return os.getrandom(9).hex()


@virtual(compiled=True)
async def random_imported_early() -> Any:
    return draw()


@virtual()
async def choice_imported_early() -> Any:
    return [choice("abcdefgh") for _ in range(9)]


@virtual()
async def half_a_pair_of_normal_draws() -> Any:
    return gauss(0, 1)


@virtual(0.32383276483316237)
async def the_shared_generator_with_a_seed() -> Any:
    random.seed(7)
    return random.random()


@virtual()
async def the_state_of_the_shared_generator() -> Any:
    return random.getstate()[1][:3]


@virtual()
async def an_unseeded_generator() -> Any:
    return Random().random(), random.Random().getrandbits(64)


@virtual()
async def an_unseeded_generator_made_when_imported() -> Any:
    return MADE_EARLY.gauss(0, 1), MADE_EARLY.getrandbits(64), MADE_EARLY.getstate()[1][:3], MADE_EARLY.gauss(0, 1)


@virtual()
async def an_unseeded_generator_made_when_imported_and_seeded_again() -> Any:
    MADE_EARLY.seed()
    first = MADE_EARLY.random()
    MADE_EARLY.seed(7)
    assert MADE_EARLY.random() == random.Random(7).random()
    return first


@virtual()
async def the_systems_generator() -> Any:
    return random.SystemRandom().random(), secrets.token_hex(8)


@virtual(compiled=True)
async def uuid4_imported_early() -> Any:
    return str(uuid4())


@virtual()
async def uuid1_imported_early() -> Any:
    return str(uuid1())


@virtual(compiled=True)
async def numpys_unseeded_generator() -> Any:
    return np.random.default_rng().random()


@virtual()
async def numpys_global_generator() -> Any:
    return np.random.random()


@virtual()
async def openssl_asked_directly() -> Any:
    return ssl.RAND_bytes(9).hex()


@virtual(compiled=True)
async def openssl_in_a_handshake() -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    sent = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="b").do_handshake()
    except ssl.SSLWantReadError:
        return sent.read().hex()


# -- who and where


@virtual((2001, 2001, 1), compiled=True)
async def process_numbers() -> Any:
    return getpid(), threading.get_native_id(), os.getppid()


@virtual(("a", "a", "a"))
async def the_name_of_the_machine() -> Any:
    return socket.gethostname(), platform.node(), os.uname().nodename


@virtual(("127.0.0.1", 80))
async def a_port() -> Any:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 80))
        return listening.getsockname()


@virtual(1)
async def a_datagram() -> Any:
    return socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))


@virtual(True)
async def a_name() -> Any:
    return socket.gethostbyname("a") == socket.getaddrinfo("a", 80)[0][4][0] != "127.0.0.1"


@virtual((0x020000000001, 0x020000000001))
async def the_hardware_address() -> Any:
    return getnode(), uuid.UUID(str(uuid1())).node


@virtual((3, 3))
async def the_number_of_cores() -> Any:
    return os.cpu_count(), len(os.sched_getaffinity(0))


@virtual()
async def the_hash_of_a_text() -> Any:
    return hash("simkit")


@virtual(("C", "UTF-8"))
async def the_locale() -> Any:
    return locale.getlocale(locale.LC_NUMERIC)[0] or "C", locale.getencoding()


@virtual("FileNotFoundError")
async def the_kernels_files() -> Any:
    try:
        return open("/proc/uptime").read()
    except OSError as error:
        return type(error).__name__


@virtual("'(' was never closed")
async def the_file_of_a_text_that_came_from_none() -> Any:
    try:
        return compile("(", "<unknown>", "exec")  # Python looks for a file of that name, to show the line
    except SyntaxError as error:
        return error.msg


# -- what belongs to the installed code, and what is only memory


@virtual(True)
async def a_librarys_own_data() -> Any:
    return "def open" in pathlib.Path(shelve.__file__).read_text()


@virtual("1:00:00")
async def the_time_zones() -> Any:
    zoneinfo.ZoneInfo.clear_cache()
    return str(datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset())


@virtual("module")
async def an_import_in_the_middle_of_a_run() -> Any:
    import wsgiref.simple_server

    return type(wsgiref).__name__


@virtual([(1,)])
async def a_database_in_memory() -> Any:
    return sqlite3.connect(":memory:").execute("select 1").fetchall()


@virtual(b"abc")
async def anonymous_memory() -> Any:
    with mmap.mmap(-1, 3) as memory:
        memory.write(b"abc")
        return memory[:]


@virtual(True)
async def a_lock_that_is_free() -> Any:
    lock, waiting = threading.Lock(), queue.Queue[int]()
    waiting.put(1)
    with lock:
        return not lock.acquire(timeout=0) and waiting.get() == 1


@virtual([0, 1, 2, 3, 4, 5, 6, 7])
async def as_completed_takes_the_order_given() -> Any:
    started: list[int] = []

    async def work(number: int) -> None:
        started.append(number)

    for each in asyncio.as_completed([work(number) for number in range(8)]):
        await each
    return started

"""Escapes that are refused, with the line that tried."""

import _socket
import _thread
import asyncio
import concurrent.futures
import ctypes
import glob
import http.client
import io
import locale
import logging
import logging.handlers
import multiprocessing
import multiprocessing.shared_memory
import os
import pathlib
import queue
import select
import selectors
import shelve
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import urllib.request
from time import sleep

from corpus import refused

LIBC = ctypes.CDLL(None)

# -- waiting


@refused("time.sleep", compiled=True)
async def sleep_imported_early() -> None:
    sleep(0.001)  # here


@refused("a threading lock that is held", compiled=True)
async def a_lock_taken_twice() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=1)  # here


@refused("a threading lock that is held", compiled=True)
async def waiting_for_an_event() -> None:
    threading.Event().wait()  # here


@refused("a threading lock that is held", compiled=True)
async def an_empty_queue() -> None:
    queue.Queue[int]().get()  # here


@refused("an empty queue.SimpleQueue", compiled=True)
async def an_empty_simple_queue() -> None:
    queue.SimpleQueue[int]().get()  # here


@refused("a threading lock that is held", compiled=True)
async def the_result_of_a_concurrent_future() -> None:
    concurrent.futures.Future[int]().result()  # here


@refused("select.select")
async def select_without_anything() -> None:
    select.select([], [], [], 0.001)  # here


@refused("select.epoll", compiled=True)
async def a_selector() -> None:
    with selectors.DefaultSelector() as selector:
        selector.select(0.001)  # here


@refused("builtins.input")
async def asking_the_user() -> None:
    input("? ")  # here


# -- threads and processes


@refused("starting thread")
async def a_thread() -> None:
    threading.Thread(target=print).start()  # here


@refused("starting thread")
async def a_timer() -> None:
    threading.Timer(0.001, print).start()  # here


@refused("starting a thread")
async def a_bare_thread() -> None:
    _thread.start_new_thread(print, ())  # here


@refused("starting thread")
async def a_pool_of_threads() -> None:
    concurrent.futures.ThreadPoolExecutor(1).submit(print)  # here


@refused("")
async def a_pool_of_processes() -> None:
    concurrent.futures.ProcessPoolExecutor(1).submit(print)  # here


@refused("")
async def a_process_of_multiprocessing() -> None:
    multiprocessing.get_context("fork").Process(target=print).start()  # here


@refused("")
async def a_spawned_process_of_multiprocessing() -> None:
    multiprocessing.get_context("spawn").Process(target=print).start()  # here


@refused("shm_open", compiled=True)
async def shared_memory() -> None:
    multiprocessing.shared_memory.SharedMemory(create=True, size=8)  # here


@refused("subprocess.Popen('true'")
async def a_subprocess() -> None:
    subprocess.run("true")  # here


@refused("os.system")
async def a_shell() -> None:
    os.system("true")  # here


@refused("os.fork")
async def a_fork() -> None:
    if os.fork() == 0:  # here
        os.kill(os.getpid(), signal.SIGKILL)


@refused("os.posix_spawn")
async def a_spawn() -> None:
    os.posix_spawn("/bin/true", ["true"], {})  # here


@refused("os.exec")
async def another_program() -> None:
    os.execv("/bin/true", ["true"])  # here


@refused("os.kill")
async def a_signal_to_somebody() -> None:
    os.kill(2**22 + 1, signal.SIGTERM)  # here


@refused("alarm")
async def an_alarm() -> None:
    signal.alarm(1000)  # here


@refused("setitimer")
async def an_interval_timer() -> None:
    signal.setitimer(signal.ITIMER_REAL, 1000)  # here


@refused("_exit")
async def the_end_of_the_process() -> None:
    os._exit(0)  # here


# -- files


@refused("open('written'")
async def a_file_to_write() -> None:
    open("written", "w")  # here


@refused("open('/etc/hostname'")
async def a_file_to_read() -> None:
    pathlib.Path("/etc/hostname").read_text()  # here


@refused("open('lib/../../../../../../../../etc/hostname'")
async def a_file_by_a_detour() -> None:
    io.FileIO("lib/../../../../../../../../etc/hostname")  # here


@refused("open('/dev/urandom'")
async def the_device_of_entropy() -> None:
    os.open("/dev/urandom", os.O_RDONLY)  # here


@refused("open('")
async def a_log_file() -> None:
    logging.FileHandler("node.log")  # here


@refused("open('")
async def a_rotating_log_file() -> None:
    logging.handlers.RotatingFileHandler("node.log").close()  # here


@refused("")
async def a_temporary_file() -> None:
    tempfile.NamedTemporaryFile()  # here


@refused("")
async def a_temporary_name() -> None:
    tempfile.mktemp()  # here


@refused("os.mkdir")
async def a_folder() -> None:
    os.makedirs("made/by/a/node")  # here


@refused("")
async def a_copy() -> None:
    shutil.copy(__file__, "copied")  # here


@refused("os.listdir('/etc')")
async def a_listing() -> None:
    os.listdir("/etc")  # here


@refused("os.scandir('/etc')")
async def a_pattern() -> None:
    glob.glob("/etc/*.conf")  # here


@refused("sqlite3.connect('orders.db')")
async def a_database_file() -> None:
    sqlite3.connect("orders.db")  # here


@refused("")
async def a_shelf() -> None:
    shelve.open("shelf")  # here


@refused("os.putenv")
async def an_environment_variable_to_write() -> None:
    os.environ["SIMKIT_ESCAPE"] = "1"  # here


@refused("os.chdir")
async def another_working_directory() -> None:
    os.chdir("/")  # here


@refused("setlocale", compiled=True)
async def another_locale() -> None:
    locale.setlocale(locale.LC_ALL, "C")  # here


# -- sockets


@refused("a socket that blocks would stop every host")
async def a_connection() -> None:
    socket.socket().connect(("127.0.0.1", 9))  # here


@refused("a socket that blocks would stop every host")
async def a_connection_by_name() -> None:
    socket.create_connection(("a", 9))  # here


@refused("socket.connect")
async def a_connection_beneath_the_module() -> None:
    _socket.socket().connect(("127.0.0.1", 9))  # here


@refused("socket.bind")
async def a_port_beneath_the_module() -> None:
    _socket.socket().bind(("127.0.0.1", 0))  # here


@refused("socket.sendto")
async def a_datagram_beneath_the_module() -> None:
    _socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))  # here


@refused("socket.getaddrinfo")
async def an_address_beneath_the_module() -> None:
    _socket.getaddrinfo("localhost", 9)  # here


@refused("a pair of sockets would be real")
async def a_pair_of_sockets() -> None:
    socket.socketpair()  # here


@refused("socket.send", compiled=True)
async def a_pair_of_sockets_beneath_the_module() -> None:
    _socket.socketpair()[0].send(b"x")  # here


@refused("")
async def a_page() -> None:
    urllib.request.urlopen("http://127.0.0.1:9/")  # here


@refused("")
async def a_request() -> None:
    http.client.HTTPConnection("127.0.0.1", 9).request("GET", "/")  # here


# -- foreign code, and hiding


@refused("ctypes.dlopen")
async def a_clock_through_ctypes() -> None:
    ctypes.CDLL(None).time(None)  # here


@refused("ctypes.dlsym")
async def a_function_of_a_library_loaded_early() -> None:
    LIBC.time(None)  # here


@refused("open('swallowed'")
async def an_error_that_is_swallowed() -> None:
    try:
        open("swallowed", "w")  # here
    except Exception:
        await asyncio.sleep(1)


@refused("open('inline'")
async def a_file_in_an_executor() -> None:
    def work() -> None:
        open("inline", "w")  # here

    await asyncio.to_thread(work)

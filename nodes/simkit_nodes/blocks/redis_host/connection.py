"""One client's conversation with an engine: transactions, blocking commands, scripts, subscriptions.

It turns a request into a reply or into a wait. It is not a socket: `server.py` feeds it from the network, and the
owner of a host may hold one directly (the sweeper of a broker does) and call `execute` without any network.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fakeredis import _msgs as messages
from fakeredis._command_args_parsing import Timeout
from fakeredis._commands import Signature
from fakeredis._core import CommandItem
from fakeredis._helpers import QUEUED, NoResponse, SimpleError, SimpleString
from fakeredis._socket import FakeSocket
from fakeredis._socket._resp import convert_to_resp2, extract_command
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE

from simkit_nodes.blocks.redis_host.commands import ShortCut, plan_of
from simkit_nodes.blocks.redis_host.engine import Engine, ObservedDatabase
from simkit_nodes.blocks.redis_host.propagation import ALWAYS, CONTAINERS, propagate, refusal

LOG = logging.getLogger("redis_host")

_AS_THEY_ARE = frozenset((bytes, int, type(None), SimpleString, SimpleError, NoResponse))  # the same in RESP2 and RESP3


class Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass
class Wait:
    """A blocking command that found nothing yet: it is run again, with its keys as they are then."""

    words: list[bytes]
    command: tuple[Callable[..., Any] | None, Signature, list[Any]]
    shape: Callable[[Any], Any] | None
    timer: Timer | None

    def empty(self) -> Any:
        """The reply for having found nothing in the end."""
        return None if self.shape is None else self.shape(None)


_NOTHING = NoResponse()  # what a blocking command that is run again gives when it must go on waiting


class Connection(FakeSocket):
    """A client of an engine.

    `deliver(value, push)` takes what the client did not ask for in this very call: the reply of a blocking command
    that had to wait (`push` False) and pub/sub messages (`push` True). `call_later(seconds, callback)` arms the
    time-out of a blocking command; without it such a command answers at once, as inside MULTI. `on_kill` is told of
    CLIENT KILL.
    """

    _db: ObservedDatabase

    def __init__(
        self,
        engine: Engine,
        deliver: Callable[[Any, bool], None] | None = None,
        call_later: Callable[[float, Callable[[], None]], Timer] | None = None,
        on_kill: Callable[[], None] | None = None,
    ) -> None:
        with engine.as_running():
            super().__init__(engine, 0, client_class=Connection, client_info={})
        self.engine = engine
        self.wait: Wait | None = None
        self._deliver = deliver
        self._call_later = call_later
        self._on_kill = on_kill
        self._words: list[bytes] = []
        self._command: tuple[Callable[..., Any] | None, Signature, list[Any]] | None = None
        self._again = False

    @property
    def protocol(self) -> int:
        """2 or 3, as negotiated by HELLO."""
        return self._client_info.protocol_version

    # One command

    def execute(self, words: list[bytes]) -> Any:
        """Run one request. Returns the engine's reply, or NoResponse when there is none (now)."""
        engine = self.engine
        with engine.running():
            self._words = words
            try:
                reply = self._dispatch(words)
            except SimpleError as error:
                reply = error
            except Exception as error:
                LOG.exception("command %r failed inside the engine", words[0][:64])
                reply = SimpleError(f"ERR internal error: {type(error).__name__}")
            if self._reply_off or self._reply_skip:
                reply = NoResponse()
            self._reply_skip, self._reply_skip_next = self._reply_skip_next, False
        return reply

    def _dispatch(self, words: list[bytes]) -> Any:
        name, arguments = extract_command(words)
        try:
            function, signature = self._name_to_func(name)
            reason = refusal(name)
            if reason is not None:
                raise SimpleError(f"ERR command '{name}' is not offered here: {reason}")
            self.engine.acl.validate_command(self._client_info.user, self._client_info, words)
            signature.check_arity(arguments, self.version)
        except SimpleError:
            if self._queueing:
                self._transaction_failed = True
            raise
        if self._queueing and messages.FLAG_TRANSACTION not in signature.flags:
            assert self._transaction is not None
            self._transaction.append((function, signature, arguments))
            return QUEUED
        self._command = (function, signature, arguments)
        return self._run_command(function, signature, arguments, False)

    def _run_command(
        self, function: Callable[..., Any] | None, signature: Signature, arguments: list[Any], from_script: bool
    ) -> Any:
        engine = self.engine
        before = engine.changes
        plan = plan_of(signature)
        items: list[CommandItem] = []
        self._subkey_events = []
        try:
            if from_script and not plan.in_scripts:
                raise SimpleError(messages.COMMAND_IN_SCRIPT_MSG)
            if self._pubsub and self.protocol == 2 and signature.name not in self.ACCEPTED_COMMANDS_WHILE_PUBSUB:
                raise SimpleError(messages.BAD_COMMAND_IN_PUBSUB_MSG)
            words, items = plan.apply(arguments, self._db)
            assert function is not None
            result = function(*words)
            if type(result) not in _AS_THEY_ARE and self._resp_version == 2 and plan.converts:
                result = convert_to_resp2(result)
        except ShortCut as known:
            if signature.name != "blmove":
                return known.result
            # fakeredis answers a BLMOVE from a list that does not exist at once, where Redis waits for the list.
            return self._blocking(Timeout.decode(arguments[-1]), lambda first: None)
        except SimpleError as error:
            result = error
        for item in items:
            if item.is_modified:
                item.writeback(remove_empty_val=not plan.leaves_empty)
        if engine.subscribers or engine.psubscribers:
            self._keyspace_notifications(items, signature.name.encode())
        name = signature.name
        if (engine.changes != before and name not in CONTAINERS) or name in ALWAYS:
            self._record(name, arguments, result)
        return result

    def _record(self, name: str, arguments: list[bytes], result: Any) -> None:
        if not self.engine.loading:
            for words in propagate(name, arguments, result, self._db):
                self.engine.record(self._db_num, words)

    # Blocking commands

    def _blocking(
        self, timeout: float | None, func: Callable[[bool], Any], shape: Callable[[Any], Any] | None = None
    ) -> Any:
        if self._again:
            result = func(False)
            if result is None:
                return _NOTHING
            return result if shape is None else shape(result)
        result = func(True)
        if result is not None or self._in_transaction or self._call_later is None or self.engine.loading:
            return result if shape is None else shape(result)
        timer = self._call_later(timeout, self._time_out) if timeout else None
        assert self._command is not None
        self.wait = Wait(self._words, self._command, shape, timer)
        self._blocked = True
        self.engine.block(self, self._words)
        return NoResponse()

    def retry_blocked(self) -> None:
        """A key this client waits for has changed, or CLIENT UNBLOCK named it."""
        wait = self.wait
        if wait is None:
            return
        with self.engine.running():
            self._again = True
            try:
                if self._unblock_reason is not None:
                    self._take_unblock_reason()
                    result = wait.empty()
                else:
                    result = self._run_command(*wait.command, False)
            except SimpleError as error:
                result = error
            finally:
                self._again = False
        if result is not _NOTHING:
            self._end_wait(result)

    def _time_out(self) -> None:
        if self.wait is not None:
            with self.engine.running():
                result = self.wait.empty()
            self._end_wait(result)

    def _end_wait(self, result: Any) -> None:
        wait, self.wait = self.wait, None
        assert wait is not None
        assert self._deliver is not None
        self._blocked = False
        self._unblock_reason = None
        self.engine.unblock(self, wait.words)
        if wait.timer is not None:
            wait.timer.cancel()
        self._deliver(result, False)

    # Pub/sub: every response that does not go through `execute` is a message

    def put_response(self, msg: Any) -> None:
        if self._deliver is not None:
            self._deliver(msg, True)

    def leave(self) -> None:
        """The client is gone: forget its waits, watches and subscriptions now rather than at the next command."""
        if self.wait is not None:
            if self.wait.timer is not None:
                self.wait.timer.cancel()
            self.engine.unblock(self, self.wait.words)
            self.wait = None
        self._deliver = self._on_kill = None
        if not self._killed:
            self.kill()

    def kill(self) -> None:
        super().kill()
        if self._on_kill is not None:
            self._on_kill()

    # Scripts

    def eval(self, script: bytes, numkeys: int, *keys_and_args: bytes) -> Any:
        digest = hashlib.sha1(script).hexdigest().encode()
        self.engine.script_cache[digest] = script
        return self._run_script(digest, script, numkeys, keys_and_args)

    def evalsha(self, sha1: bytes, numkeys: int, *keys_and_args: bytes) -> Any:
        digest = sha1.lower()
        script = self.engine.script_cache.get(digest)
        if script is None:
            raise SimpleError(messages.NO_MATCHING_SCRIPT_MSG)
        return self._run_script(digest, script, numkeys, keys_and_args)

    def _run_script(self, digest: bytes, script: bytes, numkeys: int, words: tuple[bytes, ...]) -> Any:
        if numkeys > len(words):
            raise SimpleError(messages.TOO_MANY_KEYS_MSG)
        if numkeys < 0:
            raise SimpleError(messages.NEGATIVE_KEYS_MSG)
        self._script_resp = 2
        try:
            result = self.engine.scripts.run(self, digest, script, words[:numkeys], words[numkeys:])
        finally:
            self._script_resp = None
        return self._reply_of(result) if type(result) is not bytes else result

    def _reply_of(self, result: Any) -> Any:
        """A script's result as a reply. Plain arrays of strings and numbers, the usual case, are read in one go."""
        if LUA_MODULE.lua_type(result) == "table":
            items = list(result.values())
            if items and len(items) == len(result):
                return [item if type(item) is bytes or type(item) is int else self._element(item) for item in items]
        return self._convert_lua_result(result, nested=False)

    def _element(self, item: Any) -> Any:
        if LUA_MODULE.lua_type(item) == "table":
            items = list(item.values())
            if items and len(items) == len(item):
                return [part if type(part) is bytes or type(part) is int else self._element(part) for part in items]
        return self._convert_lua_result(item)

    def run_from_script(self, signature: Signature, words: list[bytes]) -> Any:
        """One `redis.call`; the reply as the engine has it, errors as SimpleError values."""
        signature.check_arity(words, self.version)
        return self._run_command(getattr(self, signature.func_name), signature, words, True)

    def time(self) -> list[bytes]:
        """TIME, from the host's clock in exact integers."""
        seconds, rest_ns = divmod(self.engine.wall_ns(), 1_000_000_000)
        return [b"%d" % seconds, b"%d" % (rest_ns // 1000)]


def plain(reply: Any) -> Any:
    """A reply without engine types, for callers inside the host: status lines as bytes; raises SimpleError."""
    if isinstance(reply, SimpleError):
        raise reply
    if isinstance(reply, SimpleString):
        return reply.value
    if isinstance(reply, list):
        return [plain(item) for item in reply]
    return reply

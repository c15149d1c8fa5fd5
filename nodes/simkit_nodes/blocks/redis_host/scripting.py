"""Lua scripts on an engine: a sandbox without clock, chance or files, a cache of compiled scripts, and limits.

fakeredis offers EVAL too; what is replaced here is how a script is run (compiled once instead of at every call, no
full collection after each) and what it can reach. Replies are converted by fakeredis. Source of the rules: "Scripting
with Lua", https://redis.io/docs/latest/develop/programmability/eval-intro/ (globals protected, `math.random` the same
in every run).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fakeredis._commands import COMMANDS_WITH_SUB, SUPPORTED_COMMANDS, Signature
from fakeredis._helpers import SimpleError, decode_command_bytes
from fakeredis.commands_mixins.scripting_mixin import (
    LUA_MODULE,
    _cjson_lua_to_python,
    _cjson_python_to_lua,
    _lua_cjson_null,
)

from simkit_nodes.blocks.redis_host.propagation import refusal

if TYPE_CHECKING:
    from simkit_nodes.blocks.redis_host.connection import Connection

INSTRUCTIONS_MAX = 20_000_000  # a script that runs longer is stopped: virtual time cannot pass inside it
MEMORY_BYTES_MAX = 512 * 1024 * 1024
COMPILED_MAX = 500

# lupa itself looks up the global `debug` outside any protected call: that name reads as nil instead of raising.
_SANDBOX = b"""
local call, encode, decode, null, limit = ...
local sethook, error, pcall, type, rawset, tostring = debug.sethook, error, pcall, type, rawset, tostring
local G, seed = _G, 1

redis = {
  call = function(...) return call(true, ...) end,
  pcall = function(...) return call(false, ...) end,
  error_reply = function(text) return {err = text} end,
  status_reply = function(text) return {ok = text} end,
  log = function() end, LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
}
cjson = {
  encode = function(value) return encode(value) end,
  decode = function(text) return decode(text) end,
  null = null,
}
math.random = function(low, high)
  seed = (seed * 16807) % 2147483647
  local fraction = (seed - 1) / 2147483646
  if low == nil then return fraction end
  if high == nil then low, high = 1, low end
  return low + math.floor(fraction * (high - low + 1))
end
math.randomseed = function(value) seed = math.floor(value) % 2147483646 + 1 end
G.tostring = function(value)
  local kind = type(value)
  if kind == 'number' or kind == 'string' or kind == 'boolean' or kind == 'nil' then return tostring(value) end
  return kind
end
for _, name in ipairs({'python', 'io', 'os', 'package', 'require', 'module', 'dofile', 'loadfile', 'load', 'loadstring',
    'debug', 'getfenv', 'setfenv', 'newproxy', 'collectgarbage', 'gcinfo', 'print', 'coroutine', 'rawset', 'xpcall'}) do
  G[name] = nil
end
G.KEYS, G.ARGV = {}, {}
setmetatable(G, {
  __newindex = function(_, name) error('Attempt to modify a readonly table script: ' .. G.tostring(name), 2) end,
  __index = function(_, name)
    if name == 'debug' then return nil end
    error("Script attempted to access nonexistent global variable '" .. G.tostring(name) .. "'", 2)
  end,
  __metatable = false,
})
local overrun = false
local function too_long()
  overrun = true
  error('script ran for more than ' .. limit .. ' instructions', 2)
end
local function passed_on(ok, ...)
  if overrun then error((...), 0) end
  return ok, ...
end
G.pcall = function(body, ...) return passed_on(pcall(body, ...)) end
return function(script, keys, arguments)
  rawset(G, 'KEYS', keys)
  rawset(G, 'ARGV', arguments)
  seed, overrun = 1, false
  sethook(too_long, '', limit)
  local ok, result = pcall(script)
  sethook()
  if not ok then error(result, 0) end
  return result
end
"""


def _no_attributes(thing: object, name: object, setting: bool) -> str:
    raise AttributeError("scripts see no Python attributes")


class Scripts:
    """The Lua runtime of one engine and the scripts compiled in it."""

    def __init__(self) -> None:
        self.lua = LUA_MODULE.LuaRuntime(
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_filter=_no_attributes,
            max_memory=MEMORY_BYTES_MAX,
        )
        self.table = self.lua.table_from
        self.caller: Connection | None = None
        self._compiled: dict[bytes, Any] = {}
        install = self.lua.compile(_SANDBOX)
        self._run = install(self._call, self._encode, self._decode, _lua_cjson_null, INSTRUCTIONS_MAX)

    def run(
        self, caller: Connection, digest: bytes, source: bytes, keys: Sequence[bytes], arguments: Sequence[bytes]
    ) -> Any:
        """Run a script for a connection and return its Lua result. Raises SimpleError."""
        script = self._compiled.get(digest)
        if script is None:
            script = self._compile(digest, source)
        self.caller = caller
        try:
            return self._run(script, self.table(keys), self.table(arguments))
        except LUA_MODULE.LuaError as error:
            raise SimpleError(f"ERR Error running script (call to f_{digest.decode()}): {_first_line(error)}") from None
        except LUA_MODULE.LuaMemoryError:
            raise SimpleError("OOM script used more memory than it may") from None
        finally:
            self.caller = None

    def _compile(self, digest: bytes, source: bytes) -> Any:
        try:
            script = self.lua.compile(source)
        except LUA_MODULE.LuaError as error:
            raise SimpleError(f"ERR Error compiling script (new function): {_first_line(error)}") from None
        if len(self._compiled) >= COMPILED_MAX:
            del self._compiled[next(iter(self._compiled))]
        self._compiled[digest] = script
        return script

    def _call(self, raising: bool, operation: Any = b"", *arguments: Any) -> Any:
        caller = self.caller
        assert caller is not None
        try:
            words = [word if type(word) is bytes else _word(word) for word in arguments]
            signature = _signature(operation, words)
            result = caller.run_from_script(signature, words)
            if type(result) is bytes or type(result) is int:
                return result
            if isinstance(result, SimpleError):
                raise result
            return caller._convert_redis_result(self.lua, result)
        except SimpleError as error:
            if raising:
                raise
            return self.table({b"err": error.value.encode()})

    def _encode(self, value: Any) -> bytes:
        try:
            return json.dumps(_cjson_lua_to_python(value), separators=(",", ":")).encode()
        except (ValueError, TypeError, RecursionError):
            raise SimpleError("ERR cjson cannot encode this value") from None

    def _decode(self, text: Any) -> Any:
        try:
            value = _cjson_python_to_lua(json.loads(text))
        except (ValueError, TypeError, RecursionError):
            raise SimpleError("ERR cjson cannot decode this text") from None
        return self.lua.table_from(value, recursive=True) if isinstance(value, (dict, list)) else value


def _signature(operation: Any, words: list[bytes]) -> Signature:
    if type(operation) is not bytes:
        raise SimpleError("ERR Please specify at least one argument for this redis.call() call")
    signature = _by_word.get(operation)
    if signature is not None:
        return signature
    name = decode_command_bytes(operation)
    container = name in COMMANDS_WITH_SUB and bool(words)
    if container:
        name = f"{name} {decode_command_bytes(words.pop(0))}"
    signature = SUPPORTED_COMMANDS.get(name)
    if signature is None or refusal(name) is not None:
        raise SimpleError("ERR Unknown Redis command called from script")
    if not container and operation.isupper():
        _by_word[operation] = signature
    return signature


_by_word: dict[bytes, Signature] = {}  # as scripts spell them, in capitals: no more than there are commands


def _word(value: Any) -> bytes:
    """A Lua number as Redis writes it; anything but strings and numbers is refused."""
    if type(value) is int:
        return b"%d" % value
    if type(value) is float:
        return f"{value:.17g}".encode()
    raise SimpleError("ERR Lua redis lib command arguments must be strings or integers")


def _first_line(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return str(text).split("\n", 1)[0]

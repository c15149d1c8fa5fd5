"""The protocol of the queue, as Lua scripts that run inside the broker: each is one atomic step.

Keys, all under `tq:`. `task:ID` is a hash (body, state, attempt, token, worker, ...); `ready:P` a list per priority P (0 is the
most urgent, 9 the least, as in Celery on Redis) and `classes` the sorted set of priorities that may have something ready;
`processing` a sorted set of leased tasks by lease deadline; `delayed` one of tasks by due time; `dead` one of dead letters by
time of death; `token` the counter behind fencing tokens; `bell` holds one member while there is something to lease, so that
idle workers can block on it instead of polling; `totals` counts outcomes.

All times are the broker's, in microseconds since the Unix epoch: a lease is a promise of the broker's clock, never of a
worker's. The scripts are not safe on a Redis Cluster: keys are built from task ids.

Sources: the lease is SQS's visibility timeout with Sidekiq's reliable fetch; fencing tokens after Kleppmann, "How to do
distributed locking" (2016); the bell is BullMQ's marker.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

TERMINAL = ("success", "failure", "dead")

_PRELUDE = """
local function now_us()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
local terminal = {success = true, failure = true, dead = true}
local function whole(number) return string.format('%.0f', number) end
local function put_ready(id, priority)
  if redis.call('RPUSH', 'tq:ready:' .. priority, id) == 1 then
    redis.call('ZADD', 'tq:classes', priority, priority)
  end
end
local function ring() redis.call('ZADD', 'tq:bell', 0, 'work') end
local function bury(id, key, now, reason, history)
  redis.call('HSET', key, 'state', 'dead', 'reason', reason, 'token', '', 'finished', now, 'history', history)
  redis.call('ZADD', 'tq:dead', now, id)
  redis.call('HINCRBY', 'tq:totals', 'dead', 1)
end
local function chapter(history, attempt, worker, now, text)
  return (history or '') .. whole(attempt) .. ' ' .. (worker or '-') .. ' ' .. whole(now) .. ' ' .. text .. '\\n'
end
"""

_ENQUEUE = """
-- ARGV: id, priority, countdown_us, attempts_max, body for each task. Per task: queued | delayed | duplicate | refused: WHY
local now = now_us()
local replies, accepted, rang = {}, 0, false
for i = 1, #ARGV, 5 do
  local id, body = ARGV[i], ARGV[i + 4]
  local priority, countdown, attempts = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local why
  if #id == 0 or #id > 128 then why = 'a task id has 1 to 128 bytes'
  elseif not priority or priority < 0 or priority > 9 or priority % 1 ~= 0 then why = 'priority is a whole number from 0 to 9'
  elseif not countdown or not (countdown >= 0 and countdown <= 3.2e15) then why = 'countdown is a number from 0 to 100 years'
  elseif not attempts or not (attempts >= 1 and attempts <= 1000) then why = 'max attempts is a number from 1 to 1000'
  elseif string.sub(body, 1, 1) ~= '{' then why = 'the body is not a JSON object'
  end
  local key = 'tq:task:' .. id
  if why then
    replies[#replies + 1] = 'refused: ' .. why
  elseif redis.call('EXISTS', key) == 1 then
    replies[#replies + 1] = 'duplicate'
  else
    accepted = accepted + 1
    local waits = countdown > 0
    redis.call('HSET', key, 'body', body, 'priority', priority, 'max', attempts, 'enqueued', now, 'since', now,
      'state', waits and 'delayed' or 'ready')
    if waits then
      redis.call('ZADD', 'tq:delayed', now + countdown, id)
      replies[#replies + 1] = 'delayed'
    else
      put_ready(id, priority)
      rang = true
      replies[#replies + 1] = 'queued'
    end
  end
end
if rang then ring() end
if accepted > 0 then redis.call('HINCRBY', 'tq:totals', 'submitted', accepted) end
return {now, replies}
"""

_LEASE = """
-- ARGV: worker, count, lease_us, late|early. Returns now, deadline, then {id, token, attempt, priority, since, last
-- retry delay in us, body} each
local worker, count, mode = ARGV[1], tonumber(ARGV[2]), ARGV[4]
local now = now_us()
local deadline = now + tonumber(ARGV[3])
local left, ids = count, {}
for _, class in ipairs(redis.call('ZRANGE', 'tq:classes', 0, -1)) do
  local popped = redis.call('LPOP', 'tq:ready:' .. class, left)
  local found = popped and #popped or 0
  for i = 1, found do ids[#ids + 1] = popped[i] end
  if found < left then redis.call('ZREM', 'tq:classes', class) end
  left = left - found
  if left == 0 then break end
end
if left == 0 then ring() end
if #ids == 0 then return {now, deadline} end
local state = mode == 'early' and 'taken' or 'leased'
local token = redis.call('INCRBY', 'tq:token', #ids) - #ids
local reply, leases = {now, deadline}, {}
for _, id in ipairs(ids) do
  local key = 'tq:task:' .. id
  local task = redis.call('HMGET', key, 'body', 'attempt', 'priority', 'since', 'state', 'delay')
  if task[1] and not terminal[task[5]] then
    token = token + 1
    local attempt = (tonumber(task[2]) or 0) + 1
    redis.call('HSET', key, 'state', state, 'attempt', attempt, 'token', token, 'worker', worker)
    leases[#leases + 1] = deadline
    leases[#leases + 1] = id
    reply[#reply + 1] = {id, token, attempt, task[3], task[4], task[6] or '0', task[1]}
  end
end
if #leases > 0 then
  if state == 'leased' then redis.call('ZADD', 'tq:processing', unpack(leases))
  else redis.call('HINCRBY', 'tq:totals', 'taken', #leases / 2)
  end
end
return reply
"""

_EXTEND = """
-- ARGV: worker, lease_us, then id, token each. Returns now, deadline, then 1 (extended) or 0 (no longer held) each
local worker = ARGV[1]
local now = now_us()
local deadline = now + tonumber(ARGV[2])
local reply, leases = {now, deadline}, {}
for i = 3, #ARGV, 2 do
  local task = redis.call('HMGET', 'tq:task:' .. ARGV[i], 'state', 'token', 'worker')
  local held = task[1] == 'leased' and task[3] == worker and (ARGV[i + 1] == '' or task[2] == ARGV[i + 1])
  if held then
    leases[#leases + 1] = deadline
    leases[#leases + 1] = ARGV[i]
  end
  reply[#reply + 1] = held and 1 or 0
end
if #leases > 0 then redis.call('ZADD', 'tq:processing', 'XX', unpack(leases)) end
return reply
"""

_SETTLE = """
-- ARGV: worker, result_ttl_ms, then id, token, success|failure|retry|dead|release, delay_us, text each. An empty token is not
-- checked. Returns now, then {verdict, attempt, latency_us, due_us} each, where the verdict is what became of it: success,
-- failure, retry, dead, release | stale (the lease is another's now) | already (a terminal state stands) | unknown
local worker, ttl = ARGV[1], tonumber(ARGV[2])
local now = now_us()
local reply, gone, totals, rang = {now}, {}, {success = 0, failure = 0, retry = 0, taken = 0}, false
for i = 3, #ARGV, 5 do
  local id, token, kind, text = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 4]
  local key = 'tq:task:' .. id
  local task = redis.call('HMGET', key, 'state', 'token', 'worker', 'attempt', 'max', 'priority', 'history', 'enqueued')
  local attempt, verdict, due = tonumber(task[4]) or 0, kind, 0
  if not task[1] then verdict = 'unknown'
  elseif terminal[task[1]] then verdict = 'already'
  elseif token ~= '' and (task[2] ~= token or task[3] ~= worker) then verdict = 'stale'
  else
    gone[#gone + 1] = id
    if task[1] == 'taken' then totals.taken = totals.taken - 1 end
    if kind == 'success' or kind == 'failure' then
      redis.call('HSET', key, 'state', kind, 'result', text, 'finished', now)
      if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
      totals[kind] = totals[kind] + 1
    elseif kind == 'release' then
      redis.call('HSET', key, 'state', 'ready', 'token', '', 'attempt', attempt - 1, 'since', now)
      put_ready(id, task[6])
      rang = true
    else
      local history = chapter(task[7], attempt, worker, now, kind .. ': ' .. text)
      if kind == 'retry' and attempt < tonumber(task[5]) then
        due = now + tonumber(ARGV[i + 3])
        redis.call('HSET', key, 'state', 'delayed', 'token', '', 'since', due, 'delay', ARGV[i + 3], 'history', history)
        redis.call('ZADD', 'tq:delayed', due, id)
        totals.retry = totals.retry + 1
      else
        verdict = 'dead'
        bury(id, key, now, text, history)
      end
    end
  end
  reply[#reply + 1] = {verdict, attempt, now - (tonumber(task[8]) or now), due}
end
if #gone > 0 then redis.call('ZREM', 'tq:processing', unpack(gone)) end
for kind, count in pairs(totals) do
  if count ~= 0 then redis.call('HINCRBY', 'tq:totals', kind, count) end
end
if rang then ring() end
return reply
"""

_PROMOTE = """
-- ARGV: limit. Moves delayed tasks that are due to the ready lists. Returns now, when the next of the rest is due (0 if
-- there is none), then {id, due, attempt} each
local now = now_us()
local function next_due()
  local first = redis.call('ZRANGE', 'tq:delayed', 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2]) or 0
end
local reply = {now, 0}
local due = redis.call('ZRANGEBYSCORE', 'tq:delayed', '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
if #due == 0 then
  reply[2] = next_due()
  return reply
end
local ids = {}
for i = 1, #due, 2 do
  local id, key = due[i], 'tq:task:' .. due[i]
  local task = redis.call('HMGET', key, 'priority', 'state', 'attempt')
  ids[#ids + 1] = id
  if task[2] == 'delayed' then
    redis.call('HSET', key, 'state', 'ready', 'since', now)
    put_ready(id, task[1])
    reply[#reply + 1] = {id, due[i + 1], tonumber(task[3]) or 0}
  end
end
redis.call('ZREM', 'tq:delayed', unpack(ids))
reply[2] = next_due()
ring()
return reply
"""

_SWEEP = """
-- ARGV: limit. Takes back expired leases. Returns now, then {id, requeued|dead, attempt, worker, token, deadline} each
local now = now_us()
local reply = {now}
local expired = redis.call('ZRANGEBYSCORE', 'tq:processing', '-inf', '(' .. whole(now), 'WITHSCORES',
  'LIMIT', 0, ARGV[1])
if #expired == 0 then return reply end
local ids = {}
for i = 1, #expired, 2 do
  local id, key = expired[i], 'tq:task:' .. expired[i]
  local task = redis.call('HMGET', key, 'state', 'attempt', 'max', 'priority', 'worker', 'token', 'history')
  ids[#ids + 1] = id
  if task[1] == 'leased' then
    local attempt = tonumber(task[2])
    local history = chapter(task[7], attempt, task[5], now, 'lease expired')
    local verdict = 'requeued'
    if attempt >= tonumber(task[3]) then
      verdict = 'dead'
      bury(id, key, now, 'lease expired on the last attempt', history)
    else
      redis.call('HSET', key, 'state', 'ready', 'token', '', 'since', now, 'history', history)
      put_ready(id, task[4])
    end
    reply[#reply + 1] = {id, verdict, attempt, task[5], task[6], expired[i + 1]}
  end
end
redis.call('ZREM', 'tq:processing', unpack(ids))
ring()
return reply
"""

_REDRIVE = """
-- ARGV: limit. Gives dead letters, oldest first, a new life with all attempts. Returns now, then the ids
local now = now_us()
local reply = {now}
local dead = redis.call('ZPOPMIN', 'tq:dead', ARGV[1])
for i = 1, #dead, 2 do
  local id, key = dead[i], 'tq:task:' .. dead[i]
  local task = redis.call('HMGET', key, 'priority', 'history', 'attempt')
  local history = chapter(task[2], tonumber(task[3]) or 0, '-', now, 'redriven')
  redis.call('HSET', key, 'state', 'ready', 'attempt', 0, 'token', '', 'since', now, 'history', history)
  put_ready(id, task[1])
  reply[#reply + 1] = id
end
if #dead > 0 then
  redis.call('HINCRBY', 'tq:totals', 'dead', -#dead / 2)
  ring()
end
return reply
"""

_RESULT = """
-- ARGV: id. Returns {state, result, reason, history, attempt}, or nothing when the task is not known (any more)
local task = redis.call('HMGET', 'tq:task:' .. ARGV[1], 'state', 'result', 'reason', 'history', 'attempt')
if not task[1] then return false end
for i = 2, 5 do task[i] = task[i] or '' end
return task
"""

_DEPTHS = """
-- Returns now, ready per priority 0..9, delayed, processing, dead letters, then the totals submitted, success, failure,
-- dead, taken
local reply = {now_us()}
for priority = 0, 9 do reply[#reply + 1] = redis.call('LLEN', 'tq:ready:' .. priority) end
reply[#reply + 1] = redis.call('ZCARD', 'tq:delayed')
reply[#reply + 1] = redis.call('ZCARD', 'tq:processing')
reply[#reply + 1] = redis.call('ZCARD', 'tq:dead')
local totals = redis.call('HMGET', 'tq:totals', 'submitted', 'success', 'failure', 'dead', 'taken')
for i = 1, 5 do reply[#reply + 1] = tonumber(totals[i]) or 0 end
return reply
"""


@dataclass(frozen=True)
class Script:
    """One script: its name, its Lua source and the SHA-1 under which EVALSHA finds it."""

    name: str
    source: str

    @property
    def digest(self) -> str:
        return hashlib.sha1(self.source.encode()).hexdigest()


SCRIPTS: dict[str, Script] = {
    name: Script(name, _PRELUDE + body)
    for name, body in (
        ("enqueue", _ENQUEUE),
        ("lease", _LEASE),
        ("extend", _EXTEND),
        ("settle", _SETTLE),
        ("promote", _PROMOTE),
        ("sweep", _SWEEP),
        ("redrive", _REDRIVE),
        ("result", _RESULT),
        ("depths", _DEPTHS),
    )
}
DIGESTS: dict[str, str] = {name: script.digest for name, script in SCRIPTS.items()}
NAMES: dict[bytes, str] = {digest.encode(): name for name, digest in DIGESTS.items()}

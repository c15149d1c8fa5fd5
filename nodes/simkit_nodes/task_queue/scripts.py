"""The protocol of the queue, as Lua scripts that run inside the broker: each is one atomic step.

Every script takes a batch, and what it keeps stands in a few large hashes rather than in a key per task: a batch then
costs a handful of commands however many tasks are in it. All keys begin with `tq:`:

- `body`, `result`, `history`: hashes by task id: the task as it came; its result or reason; one line per failed attempt
- `state`: hash by task id of the record `state attempt max priority token worker since enqueued delay`
- `ready:P`: list per priority P, 0 the most urgent and 9 the least (as in Celery on Redis); `classes`: hash of the
  priorities that may have something ready
- `processing`, `delayed`, `dead`, `expiry`: sorted sets of task ids by lease deadline, due time, time of death, and the
  time at which a result may be forgotten
- `token`: the counter behind fencing tokens; `totals`: what was submitted and what ended how
- `bell`: holds one member while there is something to lease, so that idle workers block on it instead of polling

States are ready, delayed, leased, taken (handed out with `ack: early`), and the terminal success, failure and dead.

All times are the broker's, in microseconds since the Unix epoch: a lease is a promise of the broker's clock, never of a
worker's. The scripts are not made for a Redis Cluster: the hashes live on one server.

Sources: the lease is SQS's visibility timeout with Sidekiq's reliable fetch; fencing tokens after Kleppmann, "How to do
distributed locking" (2016); the bell is BullMQ's marker.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

TERMINAL = ("success", "failure", "dead")

_PRELUDE = """
local call, concat, match, format = redis.call, table.concat, string.match, string.format
local t = call('TIME')
local now = t[1] * 1000000 + t[2]
local terminal = {success = true, failure = true, dead = true}
local function whole(number) return format('%.0f', number) end
local function read(record)
  local state, attempt, max, priority, token, worker, since, enqueued, delay =
    match(record, '^(%a+) (%d+) (%d+) (%d) (%d+) (%S+) (%d+) (%d+) (%d+)$')
  return {state = state, attempt = tonumber(attempt), max = tonumber(max), priority = priority, token = token,
    worker = worker, since = since, enqueued = enqueued, delay = delay}
end
local function written(s)
  return concat({s.state, s.attempt, s.max, s.priority, s.token, s.worker, s.since, s.enqueued, s.delay}, ' ')
end
local ready, urgencies = {}, {}
local function put_ready(id, priority)
  local list = ready[priority]
  if not list then
    list = {}
    ready[priority] = list
    urgencies[#urgencies + 1] = priority
  end
  list[#list + 1] = id
end
local function publish_ready()
  if #urgencies == 0 then return end
  for _, priority in ipairs(urgencies) do
    if call('RPUSH', 'tq:ready:' .. priority, unpack(ready[priority])) == #ready[priority] then
      call('HSET', 'tq:classes', priority, 1)
    end
  end
  call('ZADD', 'tq:bell', 0, 'work')
end
local function chapter(id, s, text)
  local line = s.attempt .. ' ' .. s.worker .. ' ' .. whole(now) .. ' ' .. text .. '\\n'
  call('HSET', 'tq:history', id, (call('HGET', 'tq:history', id) or '') .. line)
end
local function count(totals)
  for _, kind in ipairs({'submitted', 'success', 'failure', 'dead', 'taken'}) do
    if totals[kind] then call('HINCRBY', 'tq:totals', kind, totals[kind]) end
  end
end
"""

_ENQUEUE = """
-- ARGV: id, priority, countdown_us, attempts_max, body for each task.
-- Returns now, then per task queued | delayed | duplicate | refused: WHY
local function fault(id, priority, countdown, attempts, body)
  if #id == 0 or #id > 128 then return 'a task id has 1 to 128 bytes' end
  if not priority or not (priority >= 0 and priority <= 9 and priority % 1 == 0) then
    return 'priority is a whole number from 0 to 9'
  end
  if not countdown or not (countdown >= 0 and countdown <= 3.2e15) then
    return 'countdown is a number from 0 to 100 years'
  end
  if not attempts or not (attempts >= 1 and attempts <= 1000 and attempts % 1 == 0) then
    return 'max attempts is a whole number from 1 to 1000'
  end
  if string.sub(body, 1, 1) ~= '{' then return 'the body is not a JSON object' end
end
local reply, ids = {now}, {}
for i = 1, #ARGV, 5 do ids[#ids + 1] = ARGV[i] end
local known = call('HMGET', 'tq:state', unpack(ids))
local bodies, states, delayed, seen, stamp = {}, {}, {}, {}, whole(now)
for n, id in ipairs(ids) do
  local i = 5 * n - 4
  local priority, countdown, attempts = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local why = fault(id, priority, countdown, attempts, ARGV[i + 4])
  if why then
    reply[#reply + 1] = 'refused: ' .. why
  elseif known[n] or seen[id] then
    reply[#reply + 1] = 'duplicate'
  else
    seen[id] = true
    local waits = countdown > 0
    bodies[#bodies + 1] = id
    bodies[#bodies + 1] = ARGV[i + 4]
    states[#states + 1] = id
    states[#states + 1] = concat({waits and 'delayed' or 'ready', 0, attempts, priority, 0, '-', stamp, stamp, 0}, ' ')
    if waits then
      delayed[#delayed + 1] = now + math.floor(countdown)
      delayed[#delayed + 1] = id
    else
      put_ready(id, priority)
    end
    reply[#reply + 1] = waits and 'delayed' or 'queued'
  end
end
if #bodies > 0 then
  call('HSET', 'tq:body', unpack(bodies))
  call('HSET', 'tq:state', unpack(states))
  if #delayed > 0 then call('ZADD', 'tq:delayed', unpack(delayed)) end
  publish_ready()
  count({submitted = #bodies / 2})
end
return reply
"""

_LEASE = """
-- ARGV: worker, count, lease_us, late|early.
-- Returns now, deadline, then per task {id, token, attempt, priority, since, last retry delay in us, body}
local worker, left, mode = ARGV[1], tonumber(ARGV[2]), ARGV[4]
local deadline = now + tonumber(ARGV[3])
local ids = {}
local classes = call('HKEYS', 'tq:classes')
table.sort(classes)
for _, class in ipairs(classes) do
  local popped = call('LPOP', 'tq:ready:' .. class, left) or {}
  for _, id in ipairs(popped) do ids[#ids + 1] = id end
  if #popped < left then call('HDEL', 'tq:classes', class) end
  left = left - #popped
  if left == 0 then break end
end
if left == 0 then call('ZADD', 'tq:bell', 0, 'work') end
local reply = {now, deadline}
if #ids == 0 then return reply end
local records = call('HMGET', 'tq:state', unpack(ids))
local bodies = call('HMGET', 'tq:body', unpack(ids))
local token = call('INCRBY', 'tq:token', #ids) - #ids
local states, leases = {}, {}
for n, id in ipairs(ids) do
  local s = records[n] and read(records[n])
  if s and s.state == 'ready' then
    token = token + 1
    s.state, s.attempt, s.token, s.worker = mode == 'early' and 'taken' or 'leased', s.attempt + 1, token, worker
    states[#states + 1] = id
    states[#states + 1] = written(s)
    leases[#leases + 1] = deadline
    leases[#leases + 1] = id
    reply[#reply + 1] = {id, token, s.attempt, s.priority, s.since, s.delay, bodies[n]}
  end
end
if #states > 0 then
  call('HSET', 'tq:state', unpack(states))
  if mode == 'early' then count({taken = #states / 2}) else call('ZADD', 'tq:processing', unpack(leases)) end
end
return reply
"""

_EXTEND = """
-- ARGV: worker, lease_us, then id, token each; an empty token is not checked.
-- Returns now, deadline, then per task 1 (extended) or 0 (no longer held)
local worker, deadline = ARGV[1], now + tonumber(ARGV[2])
local reply, leases, ids = {now, deadline}, {}, {}
for i = 3, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local records = call('HMGET', 'tq:state', unpack(ids))
for n, id in ipairs(ids) do
  local s, token = records[n] and read(records[n]), ARGV[2 * n + 2]
  local held = s and s.state == 'leased' and s.worker == worker and (token == '' or s.token == token)
  if held then
    leases[#leases + 1] = deadline
    leases[#leases + 1] = id
  end
  reply[#reply + 1] = held and 1 or 0
end
if #leases > 0 then call('ZADD', 'tq:processing', unpack(leases)) end
return reply
"""

_SETTLE = """
-- ARGV: worker, result_ttl_us, then id, token, success|failure|retry|dead|release, delay_us, text each; an empty token
-- is not checked.
-- Returns now, then per task {verdict, attempt, latency_us, due_us}, where the verdict is what became of it:
-- success, failure, retry, dead, release; stale (the lease is another's), already (a terminal state stands), unknown
local worker, ttl = ARGV[1], tonumber(ARGV[2])
local reply, ids, totals = {now}, {}, {}
for i = 3, #ARGV, 5 do ids[#ids + 1] = ARGV[i] end
local records = call('HMGET', 'tq:state', unpack(ids))
local gone, states, results, delayed, dead, expiry = {}, {}, {}, {}, {}, {}
local function push(list, first, second)
  list[#list + 1] = first
  list[#list + 1] = second
end
local function tally(kind, amount) totals[kind] = (totals[kind] or 0) + amount end
local latest = {}
for n, id in ipairs(ids) do
  local i = 5 * n - 2
  local token, kind, text, due = ARGV[i + 1], ARGV[i + 2], ARGV[i + 4], 0
  local s = latest[id] or (records[n] and read(records[n]))
  local verdict = kind
  if not s then verdict = 'unknown'
  elseif terminal[s.state] then verdict = 'already'
  elseif token ~= '' and (s.token ~= token or s.worker ~= worker) then verdict = 'stale'
  else
    latest[id] = s
    gone[#gone + 1] = id
    if s.state == 'taken' then tally('taken', -1)
    elseif s.state == 'ready' then call('LREM', 'tq:ready:' .. s.priority, 1, id) -- only without a token
    elseif s.state == 'delayed' then call('ZREM', 'tq:delayed', id)
    end
    if kind == 'retry' or kind == 'dead' then chapter(id, s, kind .. ': ' .. text) end
    if kind == 'retry' and s.attempt >= s.max then verdict = 'dead' end
    if verdict == 'retry' then
      due = now + tonumber(ARGV[i + 3])
      s.state, s.since, s.delay = 'delayed', whole(due), whole(due - now)
      push(delayed, due, id)
    elseif verdict == 'release' then
      s.state, s.attempt, s.since = 'ready', s.attempt - 1, whole(now)
      put_ready(id, s.priority)
    else
      s.state = verdict
      push(results, id, text)
      tally(verdict, 1)
      if verdict == 'dead' then push(dead, now, id) elseif ttl > 0 then push(expiry, now + ttl, id) end
    end
    s.token = 0
    push(states, id, written(s))
  end
  reply[#reply + 1] = {verdict, s and s.attempt or 0, s and now - tonumber(s.enqueued) or 0, due}
end
if #gone > 0 then
  call('ZREM', 'tq:processing', unpack(gone))
  call('HSET', 'tq:state', unpack(states))
  if #results > 0 then call('HSET', 'tq:result', unpack(results)) end
  if #delayed > 0 then call('ZADD', 'tq:delayed', unpack(delayed)) end
  if #dead > 0 then call('ZADD', 'tq:dead', unpack(dead)) end
  if #expiry > 0 then call('ZADD', 'tq:expiry', unpack(expiry)) end
  publish_ready()
  count(totals)
end
return reply
"""

_PROMOTE = """
-- ARGV: limit. Moves delayed tasks that are due to the ready lists.
-- Returns now, when the next of the rest is due (0 if there is none), then per moved task {id, due, attempt}
local reply, ids, states = {now, 0}, {}, {}
local due = call('ZRANGEBYSCORE', 'tq:delayed', '-inf', whole(now), 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for i = 1, #due, 2 do ids[#ids + 1] = due[i] end
if #ids > 0 then
  local records = call('HMGET', 'tq:state', unpack(ids))
  for n, id in ipairs(ids) do
    local s = records[n] and read(records[n])
    if s and s.state == 'delayed' then
      s.state, s.since = 'ready', whole(now)
      states[#states + 1] = id
      states[#states + 1] = written(s)
      put_ready(id, s.priority)
      reply[#reply + 1] = {id, due[2 * n], s.attempt}
    end
  end
  call('ZREM', 'tq:delayed', unpack(ids))
  if #states > 0 then call('HSET', 'tq:state', unpack(states)) end
  publish_ready()
end
local first = call('ZRANGE', 'tq:delayed', 0, 0, 'WITHSCORES')
if first[2] then reply[2] = tonumber(first[2]) end
return reply
"""

_SWEEP = """
-- ARGV: limit. Takes back expired leases and forgets old results.
-- Returns now, then per lease {id, requeued|dead, attempt, worker, token, deadline}
local reply, ids, states, results, dead = {now}, {}, {}, {}, {}
local old = call('ZRANGEBYSCORE', 'tq:expiry', '-inf', whole(now), 'LIMIT', 0, ARGV[1])
if #old > 0 then
  for _, hash in ipairs({'tq:body', 'tq:state', 'tq:result', 'tq:history'}) do call('HDEL', hash, unpack(old)) end
  call('ZREM', 'tq:expiry', unpack(old))
end
local expired = call('ZRANGEBYSCORE', 'tq:processing', '-inf', '(' .. whole(now), 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for i = 1, #expired, 2 do ids[#ids + 1] = expired[i] end
if #ids == 0 then return reply end
local records = call('HMGET', 'tq:state', unpack(ids))
for n, id in ipairs(ids) do
  local s = records[n] and read(records[n])
  if s and s.state == 'leased' then
    chapter(id, s, 'lease expired')
    local verdict = s.attempt >= s.max and 'dead' or 'requeued'
    reply[#reply + 1] = {id, verdict, s.attempt, s.worker, s.token, expired[2 * n]}
    if verdict == 'dead' then
      s.state = 'dead'
      results[#results + 1] = id
      results[#results + 1] = 'lease expired on the last attempt'
      dead[#dead + 1] = now
      dead[#dead + 1] = id
    else
      s.state, s.since = 'ready', whole(now)
      put_ready(id, s.priority)
    end
    s.token = 0
    states[#states + 1] = id
    states[#states + 1] = written(s)
  end
end
call('ZREM', 'tq:processing', unpack(ids))
if #states > 0 then call('HSET', 'tq:state', unpack(states)) end
if #dead > 0 then
  call('HSET', 'tq:result', unpack(results))
  call('ZADD', 'tq:dead', unpack(dead))
  count({dead = #dead / 2})
end
publish_ready()
return reply
"""

_REDRIVE = """
-- ARGV: limit. Gives dead letters, oldest first, a new life with all attempts. Returns now, then the ids
local reply, states = {now}, {}
local dead = call('ZPOPMIN', 'tq:dead', ARGV[1])
for i = 1, #dead, 2 do
  local id = dead[i]
  local s = read(call('HGET', 'tq:state', id))
  chapter(id, s, 'redriven')
  s.state, s.attempt, s.worker, s.since, s.delay = 'ready', 0, '-', whole(now), 0
  states[#states + 1] = id
  states[#states + 1] = written(s)
  put_ready(id, s.priority)
  reply[#reply + 1] = id
end
if #states > 0 then
  call('HSET', 'tq:state', unpack(states))
  count({dead = -#states / 2})
  publish_ready()
end
return reply
"""

_RESULT = """
-- ARGV: id. Returns {state, attempt, result or reason, history}, or nothing when the task is not known (any more)
local record = call('HGET', 'tq:state', ARGV[1])
if not record then return false end
local s = read(record)
return {s.state, s.attempt, call('HGET', 'tq:result', ARGV[1]) or '', call('HGET', 'tq:history', ARGV[1]) or ''}
"""

_DEPTHS = """
-- Returns now, ready per priority 0..9, delayed, processing, dead letters,
-- then the totals submitted, success, failure, dead, taken
local reply = {now, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
for _, priority in ipairs(call('HKEYS', 'tq:classes')) do
  reply[priority + 2] = call('LLEN', 'tq:ready:' .. priority)
end
for _, set in ipairs({'tq:delayed', 'tq:processing', 'tq:dead'}) do reply[#reply + 1] = call('ZCARD', set) end
local totals = call('HMGET', 'tq:totals', 'submitted', 'success', 'failure', 'dead', 'taken')
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

-- with holds.lua
-- One step that changes a customer: all of it, or nothing.
-- KEYS  1 customer  2 outbox  3 timers  4 guard  5 scorecard  6 dead letters  7 actions  8 transit
--       and, where there is something new or something to erase:
--       9 index of the customer  10 erasing  11… keys that must be new: decision records and their response codes
-- ARGV  nonce of the guarded batch ('' for the API, which reads no log), expected version ('' for any),
--       suffix that makes the next version unique (a failover may take versions back, and none must return as
--       another one), profile, ledger and identity ('' leaves them, '{}' removes an identity; where all three are left,
--       and nothing is linked, the version only has to be the expected one), ttl of the customer in ms ('' for ever), how long an action is
--       kept in ms, what is erased (JSON: subject; names of its timers; erasures with receipt, requested_ms, at, the
--       stream id of the request, and told, receipts of others, or names, somebody erased whom the log names; passed_over, stream ids of records of the log
--       that go; log, the name of that stream; '' for nothing),
--       what is linked ahead of the log (JSON: owner, where there is a new one; sources, which are added; settled, names
--       that are taken out; '' for nothing),
--       what moves in the stock of the shard (JSON: act, code, supply, amount, until in ms of each; '' for nothing),
--       then four counted lists:
--       new keys (value, ttl in ms, '1' if a worker may replace it),
--       records (number of the key of their stream, topic, id, subject, body, or '' for one that is the value of the first
--       new key: a decision is stored and logged alike, and is the largest thing here), timers (member, due in ms or '' to cancel),
--       counts (name, amount)
-- For the API the first new key is its decision: where it exists, this is its own retry. What a worker decides follows
-- from the log: its own retry is noticed by the version, and only a code that stands for something else is in use.
-- Returns {'OK', version} | {'FENCED'} | {'CONFLICT'} | {'DONE'} (my own retry) | {'TAKEN'} (a code is in use)
--       | {'SHORT'} (there is not enough left of what is to be held)
local nonce, expected, profile, ledger, identity, ttl = ARGV[1], ARGV[2], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if nonce ~= '' and redis.call('HGET', KEYS[4], 'nonce') ~= nonce then return {'FENCED'} end

local FIXED, FRESH, LISTS = 8, 11, 12
local index, erasing = KEYS[9], KEYS[10]
if nonce == '' then
  for i = FRESH, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 1 then return {i == FRESH and 'DONE' or 'TAKEN'} end
  end
end

local version = redis.call('HGET', KEYS[1], 'version') or '0'
if expected ~= '' and version ~= expected then return {'CONFLICT'} end

if nonce ~= '' then
  for i = FRESH, #KEYS do
    local value = LISTS + 1 + (i - FRESH) * 3
    local found = redis.call('GET', KEYS[i])
    if found and ARGV[value + 2] ~= '1' and found ~= ARGV[value] then return {'TAKEN'} end
  end
end

if nonce ~= '' then redis.call('HDEL', KEYS[4], '') end  -- also where Redis is full (profiles/scripts.py)

if ARGV[11] ~= '' then
  local tag, moves = string.match(KEYS[1], '^{[^}]*}'), cjson.decode(ARGV[11])
  local shelf = stock_of(tag .. 'stock', tag .. 'held')
  shelf.expire()
  if not shelf.has(moves) then return {'SHORT'} end
  shelf.move(moves)
end

if ARGV[9] ~= '' then
  local asked = cjson.decode(ARGV[9])
  local subject, tag = asked.subject, string.match(KEYS[1], '^{[^}]*}')

  local function forget()
    local linking = redis.call('HGET', KEYS[1], 'linking')
    local removed = {customers = redis.call('DEL', KEYS[1]), timers = 0, decisions = 0, codes = 0}
    local owner = linking and cjson.decode(linking).owner
    if owner then  -- its claim still stands in the log: it is of the new life, or settled below
      redis.call('HSET', KEYS[1], 'linking', cjson.encode({owner = owner}))
    end
    for _, name in ipairs(asked.timers) do
      removed.timers = removed.timers + redis.call('ZREM', KEYS[3], subject .. '|' .. name)
    end
    for _, name in ipairs(redis.call('ZRANGE', index, 0, -1)) do
      local kind = string.sub(name, 1, 2) == 'd:' and 'decisions' or 'codes'
      removed[kind] = removed[kind] + redis.call('DEL', tag .. name)
    end
    redis.call('DEL', index)
    return removed
  end
  local function ends()
    local found = {}
    local function note(stream)
      local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
      found[string.sub(stream, #tag + 1)] = last and last[1] or '0-0'
    end
    note(tag .. asked.log)
    for i = 6, FIXED do note(KEYS[i]) end
    return found
  end

  for _, each in ipairs(asked.erasures) do
    local entry = {subject = subject, requested_ms = each.requested_ms, at = each.at, told = each.told,
                   erased_ms = whole(now_ms()), names = each.names}
    if each.names then entry.ends, entry.removed = {[asked.log] = each.at}, {}
    else entry.ends, entry.removed = ends(), forget() end
    local found = redis.call('HGET', erasing, each.receipt)
    local earlier = found and cjson.decode(found) or {}
    for kind, amount in pairs(earlier.removed or {}) do
      entry.removed[kind] = (entry.removed[kind] or 0) + amount
    end
    for _, receipt in pairs(earlier.told or {}) do table.insert(entry.told, receipt) end
    redis.call('HSET', erasing, each.receipt, cjson.encode(entry))
    redis.call('HINCRBY', KEYS[4], 'erasures', 1)
  end
  for _, id in ipairs(asked.passed_over) do redis.call('XDEL', tag .. asked.log, id) end
end

if ARGV[10] ~= '' then
  local said, found = cjson.decode(ARGV[10]), redis.call('HGET', KEYS[1], 'linking')
  local linking = found and cjson.decode(found) or {}
  local sources = linking.sources or {}
  for _, name in ipairs(said.settled) do
    sources[name] = nil
    if linking.owner == name then linking.owner = nil end
  end
  for _, name in ipairs(said.sources) do sources[name] = 1 end
  linking.sources = next(sources) and sources or nil
  linking.owner = said.owner or linking.owner
  if next(linking) then redis.call('HSET', KEYS[1], 'linking', cjson.encode(linking))
  elseif found then redis.call('HDEL', KEYS[1], 'linking') end
end

if expected ~= '' and (profile ~= '' or ledger ~= '' or identity ~= '' or ARGV[10] ~= '') then
  version = string.format('%d-%s', tonumber(string.match(version, '^%d+')) + 1, ARGV[3])
  local fields = {'version', version}
  local function set(name, value)
    if value ~= '' then fields[#fields + 1], fields[#fields + 2] = name, value end
  end
  set('profile', profile)
  set('ledger', ledger)
  if identity == '{}' then redis.call('HDEL', KEYS[1], 'identity') else set('identity', identity) end
  redis.call('HSET', KEYS[1], unpack(fields))
  if ttl ~= '' then redis.call('PEXPIRE', KEYS[1], ttl) else redis.call('PERSIST', KEYS[1]) end
end

local at = LISTS
local function each(width, act)
  local first, n = at + 1, tonumber(ARGV[at])
  at = first + n * width
  for i = first, at - 1, width do act(i) end
end

local fresh, now, longest = FRESH, nil, 0
each(3, function(i)
  now = now or now_ms()
  redis.call('SET', KEYS[fresh], ARGV[i], 'PX', ARGV[i + 1])
  redis.call('ZADD', index, now + ARGV[i + 1], string.match(KEYS[fresh], '^{[^}]*}(.*)'))
  longest = math.max(longest, tonumber(ARGV[i + 1]))
  fresh = fresh + 1
end)
if now then
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  redis.call('PEXPIRE', index, math.max(longest, redis.call('PTTL', index)))
end
each(5, function(i)
  local stream, body = tonumber(ARGV[i]), ARGV[i + 4]
  if body == '' then body = ARGV[LISTS + 1] end
  redis.call('XADD', KEYS[stream], '*', 'topic', ARGV[i + 1], 'id', ARGV[i + 2],
             'subject', ARGV[i + 3], 'schema', '1', 'body', body)
  if stream == 7 then
    local oldest = tonumber(redis.call('TIME')[1]) * 1000 - tonumber(ARGV[8])
    redis.call('XTRIM', KEYS[7], 'MINID', '~', string.format('%d', oldest))
  end
end)
each(2, function(i)
  if ARGV[i + 1] == '' then redis.call('ZREM', KEYS[3], ARGV[i])
  else redis.call('ZADD', KEYS[3], ARGV[i + 1], ARGV[i]) end
end)
each(2, function(i) redis.call('HINCRBY', KEYS[5], ARGV[i], ARGV[i + 1]) end)

if nonce ~= '' then redis.call('HINCRBY', KEYS[4], 'n', 1) end
return {'OK', version}

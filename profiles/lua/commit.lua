-- One step that changes a customer: all of it, or nothing.
-- KEYS  1 customer  2 outbox  3 timers  4 guard  5 scorecard  6 dead letters  7 actions  8 transit
--       9… keys that must be new: decision records and their response codes
-- ARGV  nonce of the guarded batch ('' for the API, which reads no log), expected version ('' where the
--       customer does not change), suffix that makes the next version unique (a failover
--       may take versions back, and none must return as another one), profile, ledger and identity ('' leaves them),
--       ttl of the customer in ms ('' for ever), how long an action is kept in ms, then four counted lists:
--       new keys (value, ttl in ms, '1' if a worker may replace it),
--       records (number of the key of their stream, topic, id, subject, body), timers (member, due in ms or '' to cancel),
--       counts (name, amount)
-- For the API the first new key is its decision: where it exists, this is its own retry. What a worker decides follows
-- from the log: its own retry is noticed by the version, and only a code that stands for something else is in use.
-- Returns {'OK', version} | {'FENCED'} | {'CONFLICT'} | {'DONE'} (my own retry) | {'TAKEN'} (a code is in use)
local nonce, expected, profile, ledger, identity, ttl = ARGV[1], ARGV[2], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if nonce ~= '' and redis.call('HGET', KEYS[4], 'nonce') ~= nonce then return {'FENCED'} end

local FRESH, LISTS = 9, 9
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

if expected ~= '' then
  version = string.format('%d-%s', tonumber(string.match(version, '^%d+')) + 1, ARGV[3])
  local fields = {'version', version}
  local function set(name, value)
    if value ~= '' then fields[#fields + 1], fields[#fields + 2] = name, value end
  end
  set('profile', profile)
  set('ledger', ledger)
  set('identity', identity)
  redis.call('HSET', KEYS[1], unpack(fields))
  if ttl ~= '' then redis.call('PEXPIRE', KEYS[1], ttl) else redis.call('PERSIST', KEYS[1]) end
end

local at = LISTS
local function each(width, act)
  local first, n = at + 1, tonumber(ARGV[at])
  at = first + n * width
  for i = first, at - 1, width do act(i) end
end

local fresh = FRESH
each(3, function(i)
  redis.call('SET', KEYS[fresh], ARGV[i], 'PX', ARGV[i + 1])
  fresh = fresh + 1
end)
each(5, function(i)
  local stream = tonumber(ARGV[i])
  redis.call('XADD', KEYS[stream], '*', 'topic', ARGV[i + 1], 'id', ARGV[i + 2],
             'subject', ARGV[i + 3], 'schema', '1', 'body', ARGV[i + 4])
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

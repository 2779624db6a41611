-- Changes a document of the registry and says so in its log, unless somebody else has changed it meanwhile.
-- KEYS 1 document (hash), 2 log (stream)
-- ARGV 1 version that was seen, 2 token of this change, 3 fields and values to write, counted together, then these,
--      then fields and values of the log's entry
-- Returns OK, also if this very change was made before, or CONFLICT
redis.call('HDEL', KEYS[1], '')  -- also where Redis is full (profiles/scripts.py): then policies go back too
if redis.call('HGET', KEYS[1], 'token') == ARGV[2] then return 'OK' end
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 'CONFLICT' end
local last = 3 + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'version', tonumber(ARGV[1]) + 1, 'token', ARGV[2], unpack(ARGV, 4, last))
redis.call('XADD', KEYS[2], '*', unpack(ARGV, last + 1))
return 'OK'

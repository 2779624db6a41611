-- Moves records from a stream of one shard into one of another, exactly once and in order: how far it has come stands
-- beside what was delivered, and must be what the courier believes. So must be the mark of the delivery, which the
-- courier has put there after it had read the records: whatever a failover leaves, it leaves no mark without them.
-- KEYS 1 stream (the transit, for what the target asks of the source: consumers/recall.py)  2 guard, both of the target
-- ARGV name of the position, expected position, new position, mark of the delivery ('' where nothing was read),
--      (number of the words that follow, fields and values)…
-- Returns {'OK'} | {'MISMATCH', position}
local found, announced = redis.call('HGET', KEYS[2], ARGV[1]) or '0-0', ARGV[1] .. ':next'
if found ~= ARGV[2] then return {'MISMATCH', found} end
if ARGV[4] ~= '' and redis.call('HGET', KEYS[2], announced) ~= ARGV[4] then return {'MISMATCH', found} end
local at = 5
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  redis.call('XADD', KEYS[1], '*', unpack(ARGV, at + 1, at + words))
  at = at + 1 + words
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], announced)
return {'OK'}

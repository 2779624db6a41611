-- Moves records from a stream of one shard into one of another, exactly once and in order: how far it has come stands
-- beside what was delivered, and must be what the courier believes.
-- KEYS 1 stream (the transit, for what the target asks of the source: consumers/recall.py)  2 guard, both of the target
-- ARGV name of the position, expected position, new position, (number of the words that follow, fields and values)…
-- Returns {'OK'} | {'MISMATCH', position}
local found = redis.call('HGET', KEYS[2], ARGV[1]) or '0-0'
if found ~= ARGV[2] then return {'MISMATCH', found} end
local at = 4
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  redis.call('XADD', KEYS[1], '*', unpack(ARGV, at + 1, at + words))
  at = at + 1 + words
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return {'OK'}

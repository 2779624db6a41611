-- Notes that Kafka has a stretch of a stream: cuts it, or moves the position up to which Kafka has the stream.
-- It requires the last record that was read: what a failover has lost may have given its stream ids to other records,
-- and what Kafka does not have must not go. Where the last one is still there, so is all before it, as it was read.
-- KEYS 1 stream  2 guard
-- ARGV stream id of the last record, its id, the stream id that follows,
--      name of the position ('' cuts), expected position
-- The guard notes that something was dropped: from then on the log in Redis is no longer whole.
-- Returns {'OK', records cut} | {'MISMATCH', position}
local position = ARGV[4] ~= '' and (redis.call('HGET', KEYS[2], ARGV[4]) or '0-0') or ''
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
local id
for i = 1, found and #found[2] or 0, 2 do
  if found[2][i] == 'id' then id = found[2][i + 1] end
end
if id ~= ARGV[2] or position ~= ARGV[5] then return {'MISMATCH', position} end
if ARGV[4] ~= '' then
  redis.call('HDEL', KEYS[2], '')  -- also where Redis is full (profiles/scripts.py)
  redis.call('HSET', KEYS[2], ARGV[4], ARGV[1])
  return {'OK', 0}
end
local cut = redis.call('XTRIM', KEYS[1], 'MINID', ARGV[3])
redis.call('HSET', KEYS[2], 'trimmed', ARGV[3])
return {'OK', cut}

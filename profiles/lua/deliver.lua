-- Moves records from the transit of one shard into the outbox of another, exactly once and in order: how far it has
-- come stands beside what was delivered, and must be what the courier believes.
-- KEYS 1 outbox (the transit, for what the target asks of the source: consumers/recall.py)  2 guard, both of the target
-- ARGV name of the position, expected position, new position, (topic, id, subject, body, first_ms or '')…
-- Returns {'OK'} | {'MISMATCH', position}
local found = redis.call('HGET', KEYS[2], ARGV[1]) or '0-0'
if found ~= ARGV[2] then return {'MISMATCH', found} end
for i = 4, #ARGV, 5 do
  local put_back = ARGV[i + 4] ~= '' and {'first_ms', ARGV[i + 4]} or {}
  redis.call('XADD', KEYS[1], '*', 'topic', ARGV[i], 'id', ARGV[i + 1], 'subject', ARGV[i + 2],
             'schema', '1', 'body', ARGV[i + 3], unpack(put_back))
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return {'OK'}

-- Puts the record of a dead letter back into the log and takes the letter away: both, or neither.
-- KEYS 1 dead letters  2 outbox, or the transit if the record is for another shard  3 erasing
-- ARGV stream id of the letter, topic, id, subject, body, when a log took the record first (ms)
-- Returns {'OK'} | {'GONE'} (there is no such letter any more) | {'ERASED'} (the subject is being erased, and with it
-- the letter)
for _, text in ipairs(redis.call('HVALS', KEYS[3])) do
  if cjson.decode(text).subject == ARGV[4] then return {'ERASED'} end
end
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return {'GONE'} end
redis.call('XADD', KEYS[2], '*', 'topic', ARGV[2], 'id', ARGV[3], 'subject', ARGV[4], 'schema', '1', 'body', ARGV[5],
           'first_ms', ARGV[6])
return {'OK'}

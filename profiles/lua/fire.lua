-- Fires a timer: removes it and appends what it says, unless it was moved or cancelled meanwhile.
-- KEYS 1 timers  2 outbox  ARGV member, due in ms, topic, id, subject, body
-- Returns {'OK'} | {'GONE'}
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return {'GONE'} end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[2], '*', 'topic', ARGV[3], 'id', ARGV[4], 'subject', ARGV[5],
           'schema', '1', 'body', ARGV[6])
return {'OK'}

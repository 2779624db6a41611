-- Appends records to the outbox of a shard.
-- KEYS 1 outbox  ARGV (topic, id, subject, body)…  Returns how many.
for i = 1, #ARGV, 4 do
  redis.call('XADD', KEYS[1], '*', 'topic', ARGV[i], 'id', ARGV[i + 1], 'subject', ARGV[i + 2],
             'schema', '1', 'body', ARGV[i + 3])
end
return #ARGV / 4

-- Fires timers: removes each and appends what it says, unless it was moved or cancelled meanwhile.
-- KEYS 1 timers  2 outbox  ARGV for each timer: member, due in ms, topic, id, subject, body
-- Returns due in ms of each that has fired, after 'OK'
local fired = {'OK'}
for at = 1, #ARGV, 6 do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    redis.call('ZREM', KEYS[1], ARGV[at])
    redis.call('XADD', KEYS[2], '*', 'topic', ARGV[at + 2], 'id', ARGV[at + 3], 'subject', ARGV[at + 4],
               'schema', '1', 'body', ARGV[at + 5])
    fired[#fired + 1] = ARGV[at + 1]
  end
end
return fired

-- Puts rebuilt timers and counts in the place of the live ones.
-- KEYS 1 guard  2 timers  3 scorecard
-- ARGV nonce, then two counted lists: timers (member, due in ms as it was compared or '', as it should be or ''),
--      counts (name, value, '0' to remove)
-- Returns {'OK'} | {'FENCED'}
if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[1] then return {'FENCED'} end
local at, n = 3, tonumber(ARGV[2])
for i = at, at + 3 * n - 1, 3 do
  if (redis.call('ZSCORE', KEYS[2], ARGV[i]) or '') == ARGV[i + 1] then  -- else it has fired meanwhile
    if ARGV[i + 2] == '' then redis.call('ZREM', KEYS[2], ARGV[i])
    else redis.call('ZADD', KEYS[2], ARGV[i + 2], ARGV[i]) end
  end
end
at = at + 3 * n
for i = at + 1, at + 2 * tonumber(ARGV[at]), 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', KEYS[3], ARGV[i])
  else redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
end
return {'OK'}

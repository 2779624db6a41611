-- Keeps a shard under a lease for longer, or gives it back.
-- KEYS 1 guard  ARGV nonce, lease, how long from now in ms (0 gives it back)  Returns {'OK'} | {'FENCED'}
if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'lease') ~= ARGV[2] then
  return {'FENCED'}
end
if ARGV[3] == '0' then redis.call('HDEL', KEYS[1], 'lease', 'lease_until') return {'OK'} end
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3]
redis.call('HSET', KEYS[1], 'lease_until', string.format('%.0f', until_ms))
return {'OK'}

-- Makes the caller the owner of a shard; whoever owned it before is fenced from now on.
-- A rebuild may lease the shard for some seconds: meanwhile nobody without the lease takes it over.
-- KEYS 1 guard  ARGV new nonce, name of the position, lease ('' for none), how long it is to hold in ms
-- Returns {'OK', position} | {'LEASED'}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.call('HMGET', KEYS[1], 'lease', 'lease_until')
if lease[1] and lease[1] ~= ARGV[3] and tonumber(lease[2]) > now then return {'LEASED'} end
redis.call('HDEL', KEYS[1], '')  -- also where Redis is full (profiles/scripts.py)
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'lease', ARGV[3], 'lease_until', string.format('%.0f', now + ARGV[4]))
elseif lease[1] then redis.call('HDEL', KEYS[1], 'lease', 'lease_until') end
redis.call('HSET', KEYS[1], 'nonce', ARGV[1], 'n', 0)
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
return {'OK', redis.call('HGET', KEYS[1], ARGV[2]) or '0'}

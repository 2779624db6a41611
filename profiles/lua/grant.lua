-- The pool's half of a transfer. What it has granted to a shard and got back from it is counted up for ever, so that
-- either half can be done again, or first, and the greater count is the true one: also where a failover has lost the
-- latest writes of one side. A grant that the shard has not taken yet is told again, and none is added to it.
-- KEYS 1 pool  ARGV shard, granted and returned as the shard has them, how much it needs at the least (0: nothing) and
--      at the most, into how many parts the rest is cut, the total of a pool that is new
-- Returns {granted, returned, what is left in the pool}
local pool, shard = KEYS[1], ARGV[1]
local function whole(number) return string.format('%.0f', number) end
redis.call('HSETNX', pool, 'total', ARGV[7])
local found = redis.call('HMGET', pool, 'total', 'out', 'granted:' .. shard, 'returned:' .. shard)
local total, out = tonumber(found[1]), tonumber(found[2] or '0')
local granted, returned = tonumber(found[3] or '0'), tonumber(found[4] or '0')
local there, back = tonumber(ARGV[2]), tonumber(ARGV[3])
if there > granted then granted, out = there, out + there - granted end
if back > returned then returned, out = back, out - back + returned end
local least, most, free = tonumber(ARGV[4]), tonumber(ARGV[5]), total - out
if least > 0 and free >= least and granted == there then
  local amount = math.min(free, math.max(most, math.floor(free / tonumber(ARGV[6]))))
  granted, out = granted + amount, out + amount
end
redis.call('HSET', pool, 'out', whole(out), 'granted:' .. shard, whole(granted), 'returned:' .. shard, whole(returned))
return {whole(granted), whole(returned), whole(total - out)}

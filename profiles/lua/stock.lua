-- with holds.lua
-- Reads the stock of a shard, without what is held no longer.
-- KEYS 1 stock  2 held  ARGV fields of the stock…  Returns their values, where there are any.
stock_of(KEYS[1], KEYS[2]).expire()
local found = {}
for at = 1, #ARGV, 1000 do
  for _, value in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, at, math.min(#ARGV, at + 999)))) do
    found[#found + 1] = value
  end
end
return found

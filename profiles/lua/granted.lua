-- with holds.lua
-- The shard's half of a transfer: it has what the pool has granted, and has given back what the pool has got back. What
-- it owes is paid first.
-- KEYS 1 stock  2 held  ARGV supply, granted, returned, 1 if the pool has granted more than it has, else 0
-- Returns {'OK'}
local shelf, supply = stock_of(KEYS[1], KEYS[2]), ARGV[1]
shelf.expire()
local before = shelf.counted(supply)
local granted, returned = math.max(before.granted, ARGV[2]), math.max(before.returned, ARGV[3])
redis.call('HSET', KEYS[1], supply .. '|granted', whole(granted), supply .. '|returned', whole(returned),
           supply .. '|closed', ARGV[4])
local paid = math.min(before.owed, math.max(0, granted - returned - before.held - before.used))
if paid > 0 then
  shelf.add(supply, 'used', paid)
  shelf.add(supply, 'owed', -paid)
end
return {'OK'}

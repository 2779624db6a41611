-- with holds.lua
-- A shard gives back what it has left.
-- KEYS 1 stock  2 held  ARGV supply  Returns {granted, returned}
local shelf, supply = stock_of(KEYS[1], KEYS[2]), ARGV[1]
shelf.expire()
local found = shelf.counted(supply)
local back = math.max(0, found.surplus)
if back > 0 then shelf.add(supply, 'returned', back) end
return {whole(found.granted), whole(found.returned + back)}

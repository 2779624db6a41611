-- Takes records of Kafka into a shard, each once: those at or behind the shard's position in their partition, which
-- moves with them. Whoever takes must not begin behind that position: then something would be missing.
-- KEYS 1 guard  2 log  3 rekeyed  4 dead letters
-- ARGV name of the position in the log, number of partitions, for each of them: name of its position, which the shard
--      must have reached, new position; then for each record: number of the key of its stream, number of its
--      partition, its offset, number of the words that follow, fields and values
-- Returns {'OK', taken, left out, for how many ms the oldest record of the log waits to be folded}
--       | {'MISMATCH', position…}
local sources, names = tonumber(ARGV[2]), {}
for i = 1, sources do names[i] = ARGV[3 * i] end
local reached = redis.call('HMGET', KEYS[1], ARGV[1], unpack(names))
local folded = tonumber(table.remove(reached, 1) or '0')
for i = 1, sources do
  reached[i] = tonumber(reached[i] or '0')
  if reached[i] < tonumber(ARGV[3 * i + 1]) then
    for j = 1, sources do reached[j] = string.format('%.0f', tonumber(reached[j] or '0')) end
    return {'MISMATCH', unpack(reached)}
  end
end

local at, taken, left = 3 + 3 * sources, 0, 0
while at <= #ARGV do
  local words = tonumber(ARGV[at + 3])
  if tonumber(ARGV[at + 2]) >= reached[tonumber(ARGV[at + 1])] then
    redis.call('XADD', KEYS[tonumber(ARGV[at])], '*', unpack(ARGV, at + 4, at + 3 + words))
    taken = taken + 1
  else left = left + 1 end
  at = at + 4 + words
end

local moved = {}
for i = 1, sources do
  if tonumber(ARGV[3 * i + 2]) > reached[i] then
    moved[#moved + 1], moved[#moved + 2] = names[i], ARGV[3 * i + 2]
  end
end
if #moved > 0 then redis.call('HSET', KEYS[1], unpack(moved)) end

-- a position is milliseconds times 2^20 plus a number: what is newer than its millisecond is not folded
local first = redis.call('XRANGE', KEYS[2], string.format('%.0f', math.floor(folded / 1048576) + 1), '+', 'COUNT', 1)[1]
if not first then return {'OK', taken, left, 0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {'OK', taken, left, math.max(0, now - tonumber(string.match(first[1], '%d+')))}

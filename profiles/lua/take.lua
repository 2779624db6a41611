-- Takes records of Kafka into a shard, each once: those at or behind the shard's position in their partition, which
-- moves with them. Whoever takes must not begin behind that position: then something would be missing.
-- KEYS 1 guard  2 log  3 rekeyed  4 dead letters
-- ARGV name of the position in the log, number of partitions, for each of them: name of its position, which the shard
--      must have reached, new position, topic, number; then for each record: number of the key of its stream, of its
--      partition, offset, id, subject, version of the body, body, when Kafka took it, when a log took it first or ''
-- Returns {'OK', taken, left out, for how many ms the oldest record of the log waits to be folded}
--       | {'MISMATCH', position…}
local PART, RECORD, DEAD = 5, 9, '4'
local sources, names = tonumber(ARGV[2]), {}
for i = 1, sources do names[i] = ARGV[PART * i - 2] end
local reached = redis.call('HMGET', KEYS[1], ARGV[1], unpack(names))
local folded = tonumber(table.remove(reached, 1) or '0')
for i = 1, sources do
  reached[i] = tonumber(reached[i] or '0')
  if reached[i] < tonumber(ARGV[PART * i - 1]) then
    for j = 1, sources do reached[j] = string.format('%.0f', tonumber(reached[j] or '0')) end
    return {'MISMATCH', unpack(reached)}
  end
end

local taken, left = 0, 0
for at = PART * sources + 3, #ARGV, RECORD do
  local source = tonumber(ARGV[at + 1])
  if tonumber(ARGV[at + 2]) < reached[source] then left = left + 1
  else
    local stream, topic, number = KEYS[tonumber(ARGV[at])], ARGV[PART * source + 1], ARGV[PART * source + 2]
    local id, subject, schema, body = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
    if ARGV[at] == DEAD then
      redis.call('XADD', stream, '*', 'topic', 'dead-letters', 'id', id, 'subject', subject, 'schema', schema,
                 'body', body)
    elseif ARGV[at + 8] == '' then
      redis.call('XADD', stream, '*', 'topic', topic, 'id', id, 'subject', subject, 'schema', schema, 'body', body,
                 'at', ARGV[at + 7], 'from', number .. ':' .. ARGV[at + 2])
    else
      redis.call('XADD', stream, '*', 'topic', topic, 'id', id, 'subject', subject, 'schema', schema, 'body', body,
                 'at', ARGV[at + 7], 'from', number .. ':' .. ARGV[at + 2], 'first_ms', ARGV[at + 8])
    end
    taken = taken + 1
  end
end

local moved = {}
for i = 1, sources do
  if tonumber(ARGV[PART * i]) > reached[i] then moved[#moved + 1], moved[#moved + 2] = names[i], ARGV[PART * i] end
end
if #moved > 0 then redis.call('HSET', KEYS[1], unpack(moved)) end

-- a position is milliseconds times 2^20 plus a number: what is newer than its millisecond is not folded
local first = redis.call('XRANGE', KEYS[2], string.format('%.0f', math.floor(folded / 1048576) + 1), '+', 'COUNT', 1)[1]
if not first then return {'OK', taken, left, 0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {'OK', taken, left, math.max(0, now - tonumber(string.match(first[1], '%d+')))}

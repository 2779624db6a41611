-- Removes what one stretch of a stream says of customers who were erased, and counts it with their erasures, in one
-- step: sweeping it again finds nothing and counts nothing. How far it has come stands in each erasure, so that a
-- failover that brings records back is noticed.
-- KEYS 1 stream  2 erasing  3 guard
-- ARGV name of the stream, kind to count as ('records': it is the log), where to begin ('-', or '(' and the last id), last id, most records,
--      name of the position, the position that is needed (nothing is removed that was not folded), receipts…
-- Returns where to go on, 'end', or 'again' if something is not as it was left
local function before(a, b)
  local a_ms, a_seq, b_ms, b_seq = string.match(a .. ' ' .. b, '(%d+)-(%d+) (%d+)-(%d+)')
  a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
  return a_ms < b_ms or (a_ms == b_ms and tonumber(a_seq) <= tonumber(b_seq))
end

local position = redis.call('HGET', KEYS[3], ARGV[6]) or '0'
if #position < #ARGV[7] or (#position == #ARGV[7] and position < ARGV[7]) then return 'again' end
local erasures = {}
for i = 8, #ARGV do
  local found = redis.call('HGET', KEYS[2], ARGV[i])
  local entry = found and cjson.decode(found)
  if entry and entry.subject then
    entry.reached = entry.reached or {}
    if ARGV[3] ~= '-' and entry.reached[ARGV[1]] ~= ARGV[3] then return 'again' end
    erasures[entry.subject] = erasures[entry.subject] or {}
    table.insert(erasures[entry.subject], {receipt = ARGV[i], entry = entry})
  end
end

-- after the request, the old life goes on until the commit: what was decided and answered meanwhile goes too
local function is_old(id, record, entry)
  if ARGV[2] ~= 'records' then return before(id, entry.ends[ARGV[1]] or '0-0') end
  local is_new = record.topic == 'interactions' or record.topic == 'identities'
  return before(id, entry.at) or (not is_new and before(id, entry.ends[ARGV[1]] or '0-0'))
end

local page = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
for _, found in ipairs(page) do
  local id, record = found[1], {}
  for i = 1, #found[2], 2 do record[found[2][i]] = found[2][i + 1] end
  for _, each in ipairs(erasures[record.subject] or {}) do
    if is_old(id, record, each.entry) and redis.call('XDEL', KEYS[1], id) == 1 then
      each.entry.removed[ARGV[2]] = (each.entry.removed[ARGV[2]] or 0) + 1
    end
  end
end
local reached = #page == tonumber(ARGV[5]) and '(' .. page[#page][1] or 'end'
for _, list in pairs(erasures) do
  for _, each in ipairs(list) do
    each.entry.reached[ARGV[1]] = reached
    redis.call('HSET', KEYS[2], each.receipt, cjson.encode(each.entry))
  end
end
return reached

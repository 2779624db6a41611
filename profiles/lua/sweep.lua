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

-- what others said of somebody erased to one who is not: it is folded, and goes
local function names(record, name)
  local sound, said = pcall(cjson.decode, record.topic == 'identities' and record.body or '{}')
  return sound and (said.claimant == name or said.name == name or said.source == name)
end

-- what a fold has said and folded at once: by the commit of the erasure it is of the old life (consumers/said.py)
local function is_said(record)
  local ok, said = pcall(cjson.decode, record.body)
  return ok and type(said) == 'table' and said.folded == true and
         (said.type == 'session_ended' or said.type == 'stage_changed')
end

-- after the request, the old life goes on until the commit: what was decided, answered and said meanwhile goes too
local function is_old(id, record, entry)
  if entry.names then return ARGV[2] == 'records' and before(id, entry.at) and names(record, entry.names) end
  if ARGV[2] ~= 'records' then return before(id, entry.ends[ARGV[1]] or '0-0') end
  local is_new = record.topic == 'identities' or (record.topic == 'interactions' and not is_said(record))
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

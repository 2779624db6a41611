-- For scripts that name it in their first line: the stock of a shard (docs/redis-layout.md).
-- Of each supply the shard was granted so much by the pool and has returned so much, both counted up for ever; of what
-- is between, so much is held (by decisions, until an outcome or a time), used (for good), and owed (used beyond it).
-- While it is closed nothing is given out: the pool has less than it has granted, since a new revision has less.
local function whole(number) return string.format('%.0f', number) end
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function stock_of(stock, held)
  local shelf = {}
  function shelf.counted(supply)
    local found = redis.call('HMGET', stock, supply .. '|granted', supply .. '|returned', supply .. '|held',
                             supply .. '|used', supply .. '|owed', supply .. '|closed')
    for i = 1, 6 do found[i] = tonumber(found[i] or '0') end
    local granted, returned, holds, used, owed, closed = unpack(found)
    local surplus = granted - returned - holds - used - owed
    return {granted = granted, returned = returned, held = holds, used = used, owed = owed,
            surplus = surplus, left = closed == 1 and math.min(0, surplus) or surplus}
  end
  function shelf.add(supply, field, amount)
    redis.call('HINCRBY', stock, supply .. '|' .. field, whole(amount))
  end
  -- What was held until now is free. The most that one script does; the rest is freed by the next.
  function shelf.expire()
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', held, '-inf', whole(now_ms()), 'LIMIT', 0, 1000)) do
      local supply, amount = string.match(member, '^[^|]*|([^|]*)|(%d+)$')
      shelf.add(supply, 'held', -amount)
      redis.call('ZREM', held, member)
    end
  end
  -- Of moves {act, code, supply, amount, until in ms}: whether there is enough for all that is to be held.
  function shelf.has(moves)
    local asked = {}
    for _, move in ipairs(moves) do
      if move[1] == 'hold' then asked[move[3]] = (asked[move[3]] or 0) + move[4] end
    end
    for supply, amount in pairs(asked) do
      if shelf.counted(supply).left < amount then return false end
    end
    return true
  end
  function shelf.move(moves)
    for _, move in ipairs(moves) do
      local act, code, supply, amount, till = unpack(move)
      local member = code .. '|' .. supply .. '|' .. whole(amount)
      local function fits() return shelf.counted(supply).left >= amount end
      if act == 'hold' or (act == 'keep' and till > now_ms() and (redis.call('ZSCORE', held, member) or fits())) then
        if redis.call('ZADD', held, 'GT', whole(till), member) == 1 then shelf.add(supply, 'held', amount) end
      elseif act ~= 'keep' then
        local was_held = redis.call('ZREM', held, member) == 1
        if was_held then shelf.add(supply, 'held', -amount) end
        if act == 'use' then shelf.add(supply, (was_held or fits()) and 'used' or 'owed', amount) end
      end
    end
  end
  return shelf
end

-- The end of an erasure: what the customer's key still says is a mark; it moves under a salted digest of the name, and
-- the name goes. Who has come back meanwhile keeps the key, and with it the mark.
-- KEYS 1 customer  2 erasing  3 erased
-- ARGV receipt, subject, version of the customer's key ('' where the customer has come back), marks (JSON), a salt for
--      a shard that has none
-- Returns {'OK', what stays of the erasure} | {'CHANGED'} (read again) | {'AGAIN'} (not swept to the end, or finished)
local found = redis.call('HGET', KEYS[2], ARGV[1])
if not found then return {'AGAIN'} end
local entry = cjson.decode(found)
for name in pairs(entry.ends or {}) do
  if not entry.reached or entry.reached[name] ~= 'end' then return {'AGAIN'} end
end
if ARGV[3] ~= '' then
  if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[3] then return {'CHANGED'} end
  redis.call('HSETNX', KEYS[3], 'salt', ARGV[5])
  if ARGV[4] ~= '' then
    redis.call('HSET', KEYS[3], redis.sha1hex(redis.call('HGET', KEYS[3], 'salt') .. ARGV[2]), ARGV[4])
  end
  redis.call('DEL', KEYS[1])
end
local left = cjson.encode({requested_ms = entry.requested_ms, erased_ms = entry.erased_ms, removed = entry.removed,
                           told = entry.told})
redis.call('HSET', KEYS[2], ARGV[1], left)
return {'OK', left}

-- For scripts that name it in their first line: reading a customer of a guarded batch.
-- Who was erased and has no profile since still has a mark, under a salted digest of the name: what the log said
-- before the erasure must not come back when it is read again.
local salt
local function mark_of(erased, key)
  salt = salt or redis.call('HGET', erased, 'salt') or ''
  return salt ~= '' and redis.call('HGET', erased, redis.sha1hex(salt .. string.match(key, 'p:(.*)$')))
end
local function customer(erased, key)
  local found = redis.call('HMGET', key, 'version', 'profile', 'ledger', 'identity')
  local marks = not found[2] and mark_of(erased, key)
  if marks then found[2] = '{"marks":' .. marks .. '}' end
  return found
end

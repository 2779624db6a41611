-- Puts a rebuilt customer in the place of the live one: all fields, or nothing. What a request has linked ahead of the
-- log stays: no log has it.
-- KEYS 1 guard  2 live customer  3 rebuilt customer
-- ARGV nonce, version of the live one that was compared, suffix of its next version,
--      ledger and profile ('' for the rebuilt one's)
-- Returns {'OK'} | {'FENCED'} | {'CONFLICT'}
if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[1] then return {'FENCED'} end
local version = redis.call('HGET', KEYS[2], 'version') or '0'
if version ~= ARGV[2] then return {'CONFLICT'} end
local fields, ttl = redis.call('HGETALL', KEYS[3]), redis.call('PTTL', KEYS[3])
local linking = redis.call('HGET', KEYS[2], 'linking')
redis.call('DEL', KEYS[2])
if #fields == 0 and ARGV[4] == '' and not linking then return {'OK'} end
if #fields > 0 then redis.call('HSET', KEYS[2], unpack(fields)) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'ledger', ARGV[4]) end
if linking then redis.call('HSET', KEYS[2], 'linking', linking) end
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], 'profile', ARGV[5]) end
local number = tonumber(string.match(version, '^%d+')) + 1
redis.call('HSET', KEYS[2], 'version', string.format('%d-%s', number, ARGV[3]))
if ttl > 0 then redis.call('PEXPIRE', KEYS[2], ttl) end
return {'OK'}

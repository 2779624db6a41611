-- Opens a guarded batch: only the worker that closed the last one, with nothing lost since, may go on.
-- KEYS 1 guard  ARGV expected nonce, expected n, name of the position, expected position, new nonce
-- Returns {'OK'} | {'MISMATCH'}
local found = redis.call('HMGET', KEYS[1], 'nonce', 'n', ARGV[3])
if found[1] ~= ARGV[1] or found[2] ~= ARGV[2] or (found[3] or '0') ~= ARGV[4] then return {'MISMATCH'} end
redis.call('HSET', KEYS[1], 'nonce', ARGV[5], 'n', 0)
return {'OK'}

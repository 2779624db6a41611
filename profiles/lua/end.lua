-- Closes a guarded batch: moves the position if every commit of the batch is there.
-- KEYS 1 guard  2 log  ARGV nonce, commits of the batch, name of the position, new position,
--      stream id before which consumed records are dropped ('' for none)
-- The guard notes that something was dropped: from then on the log is no longer whole.
-- Returns {'OK'} | {'MISMATCH'}
local found = redis.call('HMGET', KEYS[1], 'nonce', 'n')
if found[1] ~= ARGV[1] or found[2] ~= ARGV[2] then return {'MISMATCH'} end
redis.call('HDEL', KEYS[1], '')  -- also where Redis is full (profiles/scripts.py)
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
if ARGV[5] ~= '' and redis.call('XTRIM', KEYS[2], 'MINID', '~', ARGV[5]) > 0 then
  redis.call('HSET', KEYS[1], 'trimmed', ARGV[5])
end
return {'OK'}

-- Takes a lock, or keeps it for longer.
-- KEYS 1 lock  ARGV whose, how long from now in ms  Returns {'OK'} | {'TAKEN'}
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return {'TAKEN'} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'OK'}

-- with customer.lua
-- Opens a guarded batch: only the worker that closed the last one, with nothing lost since, may go on.
-- It also reads the customers: what is read here was written under a guard that no failover can bring back without
-- it. And it requires the last record of the batch: what was read of a log that a failover has cut is dropped.
-- KEYS 1 guard  2 log  3 erased  4… customers
-- ARGV expected nonce, expected n, name of the position, expected position, new nonce,
--      stream id of the batch's last record ('' where the log is kept elsewhere)
-- Returns {'OK', {version, profile, ledger, identity}…} | {'MISMATCH'}
local found = redis.call('HMGET', KEYS[1], 'nonce', 'n', ARGV[3])
if found[1] ~= ARGV[1] or found[2] ~= ARGV[2] or (found[3] or '0') ~= ARGV[4] then return {'MISMATCH'} end
if ARGV[6] ~= '' and #redis.call('XRANGE', KEYS[2], ARGV[6], ARGV[6]) == 0 then return {'MISMATCH'} end
redis.call('HDEL', KEYS[1], '')  -- also where Redis is full (profiles/scripts.py)
redis.call('HSET', KEYS[1], 'nonce', ARGV[5], 'n', 0)
local answer = {'OK'}
for i = 4, #KEYS do answer[i - 2] = customer(KEYS[3], KEYS[i]) end
return answer

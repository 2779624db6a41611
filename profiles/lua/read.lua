-- Reads customers again within a guarded batch, after a conflict.
-- KEYS 1 guard  2… customers  ARGV nonce  Returns {'OK', {version, profile, ledger, identity}…} | {'FENCED'}
if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[1] then return {'FENCED'} end
local answer = {'OK'}
for i = 2, #KEYS do answer[i] = redis.call('HMGET', KEYS[i], 'version', 'profile', 'ledger', 'identity') end
return answer

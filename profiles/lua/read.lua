-- with customer.lua
-- Reads customers again within a guarded batch, after a conflict.
-- KEYS 1 guard  2 erased  3… customers  ARGV nonce  Returns {'OK', {version, profile, ledger, identity}…} | {'FENCED'}
if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[1] then return {'FENCED'} end
local answer = {'OK'}
for i = 3, #KEYS do answer[i - 1] = customer(KEYS[2], KEYS[i]) end
return answer

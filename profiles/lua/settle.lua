-- Takes an erasure out of its shard, if nothing of the customer is left in it.
-- KEYS 1 erasing  ARGV receipt  Returns {'OK'}
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found and not cjson.decode(found).subject then redis.call('HDEL', KEYS[1], ARGV[1]) end
return {'OK'}

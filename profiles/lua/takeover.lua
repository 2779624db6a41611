-- Makes the caller the owner of a shard; whoever owned it before is fenced from now on.
-- KEYS 1 guard  ARGV new nonce, name of the position  Returns {'OK', position}
redis.call('HSET', KEYS[1], 'nonce', ARGV[1], 'n', 0)
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
return {'OK', redis.call('HGET', KEYS[1], ARGV[2]) or '0'}

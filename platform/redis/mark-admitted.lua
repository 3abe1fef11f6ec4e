-- Tells all processes that envelopes of these sources were admitted.
--
-- KEYS[i] marks
-- ARGV[1] how long they last, milliseconds

-- Not worth a write to the disk: every process tells it again, and knows itself what it admitted.
redis.set_repl(redis.REPL_NONE)

for _, key in ipairs(KEYS) do
  redis.call('SET', key, '1', 'PX', ARGV[1])
end
return #KEYS

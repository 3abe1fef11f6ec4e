#!lua flags=allow-oom
-- Tells which history of the alerts this is and where it ends, and begins another one when it has lost what the caller has
-- seen of it.
--
-- KEYS[1] stream of transitions
-- KEYS[2] the name of its history
-- ARGV[1] epoch as the caller knows it, "" for none
-- ARGV[2] milliseconds and ARGV[3] sequence number of the last cursor that the caller has seen of it
-- ARGV[4] name of another history, should there have to be one
-- ARGV[5] "1" when the caller has found that entries are missing between what it has seen and what there is
--
-- Returns {<epoch>, <cursor of the last entry that there ever was>, <how many there ever were>, <how many are there>}.

local last, added, length = '0-0', 0, 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local reply = redis.call('XINFO', 'STREAM', KEYS[1])
  local info = {}
  for i = 1, #reply, 2 do
    info[reply[i]] = reply[i + 1]
  end
  last = info['last-generated-id']
  length = info['length']
  added = info['entries-added'] or 0
end

local epoch = redis.call('GET', KEYS[2])
local ms, sequence = string.match(last, '^(%d+)%-(%d+)$')
ms, sequence = tonumber(ms), tonumber(sequence)
local seen_ms, seen_sequence = tonumber(ARGV[2]), tonumber(ARGV[3])
local is_lost = ms < seen_ms or (ms == seen_ms and sequence < seen_sequence)
if not epoch or (epoch == ARGV[1] and (is_lost or ARGV[5] == '1')) then
  epoch = ARGV[4]
  redis.call('SET', KEYS[2], epoch)
end
return { epoch, last, added, length }

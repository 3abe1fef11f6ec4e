-- How much of a stream a group has not dealt with, and how old the oldest of it is.
--
-- KEYS[1]  stream
-- ARGV[1]  group
--
-- Returns the entries that are unread or not acknowledged, and the age of the oldest of them in milliseconds; nothing when
-- there is no such stream or group.

if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local info = {}
  for i = 1, #flat, 2 do
    info[flat[i]] = flat[i + 1]
  end
  if info['name'] == ARGV[1] then
    local waiting = info['pending'] + (info['lag'] or 0)
    local oldest
    if info['pending'] > 0 then
      oldest = redis.call('XPENDING', KEYS[1], ARGV[1])[2]
    else
      local unread = redis.call('XRANGE', KEYS[1], '(' .. info['last-delivered-id'], '+', 'COUNT', 1)[1]
      oldest = unread and unread[1]
    end
    if not oldest then
      return { waiting, 0 }
    end
    local time = redis.call('TIME')
    local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
    return { waiting, math.max(0, now_ms - tonumber(string.match(oldest, '^%d+'))) }
  end
end
return false

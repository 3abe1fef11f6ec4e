#!lua flags=allow-oom
-- Corrects how many entries Redis believes a group to have read. After a restart of Redis 7.0 it can believe in too few for
-- good; the lag, by which ingest bounds what may wait to be stored, is too large by as many.
--
-- KEYS[1]  stream
-- ARGV[1]  group
-- ARGV[2]  entries that are counted at most: where more are unread, the lag is not corrected now
--
-- Returns by how much the lag was wrong.

local function parse(flat)
  local info = {}
  for i = 1, #flat, 2 do
    info[flat[i]] = flat[i + 1]
  end
  return info
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local group
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local info = parse(flat)
  if info['name'] == ARGV[1] then
    group = info
  end
end
if not group then
  return 0
end
local stream = parse(redis.call('XINFO', 'STREAM', KEYS[1]))
local unread = 0
if group['last-delivered-id'] ~= stream['last-generated-id'] then
  local most = tonumber(ARGV[2])
  -- A small one may be wrong by little; counting it at every look would cost more than it is worth.
  if group['lag'] and group['lag'] < most then
    return 0
  end
  unread = #redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', most)
  if unread == most then
    return 0
  end
end
if group['lag'] == unread then
  return 0
end
redis.call(
  'XGROUP',
  'SETID',
  KEYS[1],
  ARGV[1],
  group['last-delivered-id'],
  'ENTRIESREAD',
  string.format('%.0f', stream['entries-added'] - unread)
)
return group['lag'] and group['lag'] - unread or 0

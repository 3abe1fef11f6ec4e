#!lua flags=allow-oom
-- Takes, renews or gives back a lease: the right of one worker to work on what lies under a hash tag.
-- Also while Redis is full: without leases nothing is stored and deleted, and Redis stays full.
--
-- KEYS[1]  hash of the lease: owner, token, until (Unix milliseconds by the clock of this server)
-- ARGV[1]  worker
-- ARGV[2]  milliseconds that the lease is to last; 0 gives it back
-- ARGV[3]  milliseconds for which it has to be free before this worker may take it; "" when it may only keep it; for one that
--          is given back, the token with which it was held: a request that comes late must not end the lease that followed
--
-- Returns the fencing token when the worker has the lease now, else 0. Tokens of one lease only grow, also when its hash was
-- lost with everything else under the tag: they are not below the time at which they were given. A lease that ran out is
-- taken anew, with a new token, also by who had it last.

-- Of the setting TELLTALE_WORKER_LEASE_MS.
local LONGEST_MS = 60000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owner, token, ends = unpack(redis.call('HMGET', KEYS[1], 'owner', 'token', 'until'))
token, ends = tonumber(token or '0'), tonumber(ends or '0')
local lasts = tonumber(ARGV[2])
-- A lease that lasts longer than any is from before the clock was set back.
if ends - now > LONGEST_MS then
  ends = 0
end

if ends > now then
  if owner ~= ARGV[1] or (lasts == 0 and tonumber(ARGV[3]) ~= token) then
    return 0
  end
  if lasts == 0 or ARGV[3] == '' then
    redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + lasts))
    return lasts > 0 and token or 0
  end
  -- Its owner has forgotten it and takes it anew.
elseif lasts == 0 or ARGV[3] == '' or now - ends < tonumber(ARGV[3]) then
  return 0
end
token = math.max(token + 1, now)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', string.format('%.0f', token))
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + lasts))
return token

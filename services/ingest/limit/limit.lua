-- Counts what processes have let through, for rate limits by GCRA (core/limits/gcra.ts), so that all processes together know
-- of it.
--
-- KEYS[i]  state of whom it counts for
-- ARGV     for each key the number of its policies, and for each policy how many microseconds of the allowance were used
--
-- Returns for each key and policy: theoretical arrival time afterwards, in microseconds from now.
--
-- State: theoretical arrival times, Unix microseconds, one for each policy, separated by spaces.

-- The state of limits is not worth a write to the disk: who restarts Redis gives everybody a new allowance.
redis.set_repl(redis.REPL_NONE)

-- An expiry is written to the append-only file, so that the state of whoever keeps sending must not expire in between.
local KEEP_AT_LEAST_MS = 60000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local out = {}
local at = 1
for i, key in ipairs(KEYS) do
  local policies = tonumber(ARGV[at])
  local state = string.gmatch(redis.call('GET', key) or '', '%S+')
  local arrivals, latest = {}, now
  for p = 1, policies do
    local arrival = math.max(tonumber(state() or '0'), now) + tonumber(ARGV[at + p])
    latest = math.max(latest, arrival)
    arrivals[p] = string.format('%.0f', arrival)
    out[#out + 1] = arrival - now
  end
  local keep_ms = math.max(KEEP_AT_LEAST_MS, math.ceil((latest - now) / 1000))
  redis.call('SET', key, table.concat(arrivals, ' '), 'PX', keep_ms)
  at = at + 1 + policies
end
return out

import { EARLY_SKEW_MS } from '../../contracts/shard-epoch.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

/** What NTP holds by far. */
const NOTICEABLE_MS = 1000;

export interface ClockReading {
  /** Unix milliseconds, of the server. */
  readonly serverMs: number;
  /** Unix milliseconds, of this machine, before and after it was asked. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

/**
 * Epochs and leases are by the clock of Redis, admission by that of ingest: once they differ by more than a device's clock may be
 * early, envelopes that are all right are refused.
 */
export function judgeClock(check: 'redis-clock' | 'database-clock', server: string, reading: ClockReading): Finding {
  const { serverMs, askedMs, answeredMs } = reading;
  // As small as the way there and back allows.
  const offMs = serverMs < askedMs ? serverMs - askedMs : Math.max(0, serverMs - answeredMs);
  const seconds = `${(Math.abs(offMs) / 1000).toFixed(1)} s`;
  const found = `the clock of ${server} is ${seconds} ${offMs < 0 ? 'behind' : 'ahead of'} ours`;
  const fix = `set the clocks of this machine and of ${server} by NTP, such as with "timedatectl set-ntp true"`;
  if (Math.abs(offMs) > EARLY_SKEW_MS) return problem(check, found, fix);
  if (Math.abs(offMs) > NOTICEABLE_MS) return warning(check, found, fix);
  return ok(check, `the clock of ${server} is right to ${NOTICEABLE_MS / 1000} s`);
}

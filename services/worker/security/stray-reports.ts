import type { SecurityEvent } from '../../../contracts/security-event.ts';
import { nameBasedId } from '../../../platform/crypto/name-based-id.ts';
import { appendSecurityEvents } from '../../../platform/redis/append-security-events.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { StrayPosition } from '../persist/positions-store.ts';

const HOUR_US = 3_600_000_000;
/** About 100 bytes each. */
const MAX_KNOWN = 100_000;

/**
 * Reports fixed devices that say they are somewhere else: each once for every hour in which such a position arrives. The id
 * of the event is made of the two, so that a pack that is delivered again, and another worker, report the same event.
 */
export class StrayReports {
  readonly #redis: Redis;
  readonly #log: Logger;
  /** The hour that a device was reported for. Spares the stream; what keeps events apart is their id. */
  readonly #reported = new Map<string, number>();

  constructor(redis: Redis, log: Logger) {
    this.#redis = redis;
    this.#log = log;
  }

  /**
   * Never rejects: what is stored must be acknowledged, also while Redis is full and takes nothing new. A device that could
   * not be reported is when it says so again.
   */
  async report(strays: readonly StrayPosition[]): Promise<void> {
    const fresh = strays.filter((stray) => this.#reported.get(stray.device) !== hourOf(stray));
    try {
      await appendSecurityEvents(this.#redis, fresh.map(eventOf));
    } catch (error) {
      this.#log.warn({ err: error, devices: fresh.length }, 'devices that were moved could not be reported');
      return;
    }
    if (this.#reported.size > MAX_KNOWN) this.#reported.clear();
    for (const stray of fresh) this.#reported.set(stray.device, hourOf(stray));
  }
}

/** By our clock: a device must not make hours. */
function hourOf({ receivedUs }: StrayPosition): number {
  return Math.floor(receivedUs / HOUR_US);
}

function eventOf(stray: StrayPosition): SecurityEvent {
  return {
    id: nameBasedId(`position-moved\n${stray.device}\n${hourOf(stray)}`),
    at_ms: Math.max(0, Math.floor(stray.timeUs / 1000)),
    kind: 'position-moved',
    device: stray.device,
    address: null,
    code: null,
    actor: 'worker',
    detail: { distance_m: Math.round(stray.distanceM) },
  };
}

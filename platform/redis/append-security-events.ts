import { redisKeys } from '../../contracts/redis-keys.ts';
import {
  encodeSecurityEvent,
  MAX_SECURITY_EVENTS,
  SECURITY_EVENT_FIELD,
  type SecurityEvent,
} from '../../contracts/security-event.ts';
import type { Redis } from './open-redis.ts';

/** Reports security events, all in one round trip. Rejects when any of them cannot be reported. */
export async function appendSecurityEvents(redis: Redis, events: readonly SecurityEvent[]): Promise<void> {
  if (events.length === 0) return;
  const pipeline = redis.pipeline();
  for (const event of events) {
    pipeline.xadd(
      redisKeys.securityEvents,
      'MAXLEN',
      '~',
      MAX_SECURITY_EVENTS,
      '*',
      SECURITY_EVENT_FIELD,
      encodeSecurityEvent(event),
    );
  }
  const failed = (await pipeline.exec())?.find(([error]) => error !== null)?.[0];
  if (failed) throw failed;
}

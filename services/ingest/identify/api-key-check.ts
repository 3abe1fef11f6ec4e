import { hash, timingSafeEqual } from 'node:crypto';
import { parseApiKey } from '../../../core/identity/api-key.ts';
import type { Identity } from './identity.ts';
import type { ProjectionCache } from '../../../platform/redis/projection-cache.ts';

/** The identity that a presented API key proves, or undefined: unknown, wrong, expired and revoked look the same outside. */
export function identify(
  presented: string,
  identities: ProjectionCache<Identity>,
  nowMs: number,
): Identity | undefined | Promise<Identity | undefined> {
  const apiKey = parseApiKey(presented);
  if (apiKey === undefined) return undefined;
  const found = identities.find(apiKey.id);
  if (found instanceof Promise) return found.then((identity) => confirm(identity, presented, nowMs));
  return confirm(found, presented, nowMs);
}

function confirm(identity: Identity | undefined, presented: string, nowMs: number): Identity | undefined {
  if (identity === undefined) return undefined;
  if (!timingSafeEqual(hash('sha256', presented, 'buffer'), identity.apiKeyHash)) return undefined;
  const { not_before_ms: notBeforeMs, not_after_ms: notAfterMs, revoked_at_ms: revokedAtMs } = identity.apiKey;
  if (revokedAtMs !== null && nowMs >= revokedAtMs) return undefined;
  if (notBeforeMs !== null && nowMs < notBeforeMs) return undefined;
  if (notAfterMs !== null && nowMs > notAfterMs) return undefined;
  return identity;
}

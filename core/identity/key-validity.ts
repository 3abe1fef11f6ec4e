/** When a key may be used. Unix milliseconds; null for no limit. */
export interface KeyValidity {
  readonly not_before_ms: number | null;
  readonly not_after_ms: number | null;
  readonly revoked_at_ms: number | null;
}

/** One to sign with and one to change to. */
export const MAX_ACTIVE_KEYS = 2;

/** Whether the key can be used now or later. */
export function hasFuture(
  { not_after_ms: notAfterMs, revoked_at_ms: revokedAtMs }: KeyValidity,
  nowMs: number,
): boolean {
  return (notAfterMs === null || nowMs <= notAfterMs) && (revokedAtMs === null || nowMs < revokedAtMs);
}

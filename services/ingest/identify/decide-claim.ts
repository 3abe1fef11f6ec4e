import type { StatedOrigin } from '../../../contracts/envelope-claim.ts';
import type { DeviceKeyRecord, DeviceRecord } from '../../../contracts/registry.ts';
import { rejected, type Rejected } from '../outcome.ts';

export interface Freshness {
  readonly lateMs: number;
  readonly earlyMs: number;
  /** In place of `lateMs` for an envelope that a gateway may have held. */
  readonly holdMs: number;
}

export interface Arrival {
  readonly receivedMs: number;
  readonly mayBeHeld: boolean;
}

/** The key that the claim names, when it is one of this device; undefined otherwise, which only the signature check reports. */
export function claimedKey(device: DeviceRecord, { keyName }: StatedOrigin): DeviceKeyRecord | undefined {
  return keyName?.deviceId === device.id ? device.keys.get(keyName.keyId) : undefined;
}

/** Judges what needs no curve arithmetic: the state of the key, and the time that the claim states. */
export function decideClaim(
  device: DeviceRecord,
  origin: StatedOrigin,
  arrival: Arrival,
  freshness: Freshness,
): Rejected | undefined {
  const key = claimedKey(device, origin);
  return (key === undefined ? undefined : decideKey(key, arrival.receivedMs)) ?? decideTime(origin, arrival, freshness);
}

function decideKey(key: DeviceKeyRecord, nowMs: number): Rejected | undefined {
  if (key.revoked_at_ms !== null && nowMs >= key.revoked_at_ms) return rejected('key-revoked');
  if (key.not_before_ms !== null && nowMs < key.not_before_ms) return rejected('key-not-yet-valid');
  if (key.not_after_ms !== null && nowMs > key.not_after_ms) return rejected('key-expired');
  return undefined;
}

/** Undefined when the time that is stated lies in the window. */
export function decideTime(
  { createdS, expiresS }: Pick<StatedOrigin, 'createdS' | 'expiresS'>,
  arrival: Arrival,
  freshness: Freshness,
): Rejected | undefined {
  if (createdS === undefined) return undefined;
  const nowMs = arrival.receivedMs;
  const lateMs = nowMs - createdS * 1000;
  const mostLateMs = arrival.mayBeHeld ? freshness.holdMs : freshness.lateMs;
  const expired = expiresS !== undefined && nowMs > expiresS * 1000;
  if (lateMs <= mostLateMs && -lateMs <= freshness.earlyMs && !expired) return undefined;
  return rejected('timestamp-skew', {
    detail: expired
      ? 'the signature has expired'
      : 'created lies outside the accepted window; set the clock by server_time',
    server_time: nowMs / 1000,
    max_skew_seconds: (lateMs > 0 ? mostLateMs : freshness.earlyMs) / 1000,
  });
}

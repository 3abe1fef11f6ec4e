import type { Pack } from '../pack.ts';
import type { Delivery } from '../transport/transport.ts';

export type AcknowledgedAs = 'accepted' | 'already-delivered';

/** Learns everything that happens to the packs of a fleet. */
export interface OutboxObserver {
  /** For the first time. */
  sending(pack: Pack): void;
  answered(delivery: Delivery): void;
  sentAgain(reason: string): void;
  /** The latency runs from the moment when the device had the pack ready. */
  acknowledged(pack: Pack, nonce: number, as: AcknowledgedAs, latencyMs: number): void;
  rejected(pack: Pack, code: string): void;
  /** The outbox was full: the pack was never sent. */
  overflowed(pack: Pack): void;
}

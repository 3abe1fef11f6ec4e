import type { EnvelopeClaim, EnvelopeRefusal, StatedOrigin } from '../../contracts/envelope-claim.ts';
import type { DeviceId } from '../../core/identity/ids.ts';
import type { Result } from '../../core/result.ts';

/** Who says that it sends: the holder of an API key, or whoever the broker let publish on a device's topic. */
export type Sender =
  { readonly kind: 'api-key'; readonly text: string } | { readonly kind: 'topic'; readonly deviceId: DeviceId };

/** Something signed as it came in, by whatever way: framed and complete, nothing about it believed. */
export interface Message<Claim extends StatedOrigin = EnvelopeClaim> {
  readonly sender: Sender;
  /** What rate limits count by; undefined when the way in hides it. */
  readonly source: string | undefined;
  /** Whether a gateway may have held it: a self-contained envelope outlives its transport. */
  readonly mayBeHeld: boolean;
  /** Unix milliseconds. */
  readonly receivedMs: number;
  /** Read late, because most of what is refused is refused without it. */
  readonly readClaim: () => Result<Claim, EnvelopeRefusal>;
}

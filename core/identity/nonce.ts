/** An integer below 2^53 that a device key uses once. */
export type Nonce = number & { readonly __brand: 'Nonce' };

const NONCE = /^(?:0|[1-9][0-9]{0,15})$/;
/** Seconds are shifted by this factor, so that a device that lost its counter still moves forward: one million envelopes a second. */
const NONCES_PER_SECOND = 2 ** 20;

export function parseNonce(text: string): Nonce | undefined {
  if (!NONCE.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? (value as Nonce) : undefined;
}

/** The first nonce after a boot: `created * 2^20`, never at or below the last one that was used. */
export function firstNonceAfterBoot(createdS: number, lastUsed = -1): number {
  return Math.max(Math.floor(createdS) * NONCES_PER_SECOND, lastUsed + 1);
}

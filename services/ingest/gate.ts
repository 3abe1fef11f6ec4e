import type { StatedOrigin } from '../../contracts/envelope-claim.ts';
import type { DeviceRecord } from '../../contracts/registry.ts';
import type { Logger } from '../../platform/log/logger.ts';
import { decideClaim, type Freshness } from './identify/decide-claim.ts';
import type { Identities } from './identify/identities.ts';
import { allowanceOf, quotaExceeded } from './limit/limit-outcome.ts';
import type { RateLimiter } from './limit/rate-limiter.ts';
import type { Message } from './message.ts';
import { reducedCapacity, rejected, type HttpOutcome, type Rejected } from './outcome.ts';

/** The registry may change again while a message is judged again; a device that is told to come back loses nothing. */
const MAX_JUDGEMENTS = 3;

export interface GateParts {
  readonly registry: { readonly version: number | undefined; advance(version: number): void; check(): Promise<void> };
  readonly identities: Identities;
  readonly limiter: RateLimiter;
}

/** The registry has changed meanwhile in what devices may do. */
export interface Stale {
  readonly staleBefore: number;
}

/** What is left to do once a message is worth curve arithmetic. */
export type Prove<Claim, Reply> = (
  claim: Claim,
  device: DeviceRecord,
  registryVersion: number,
) => Promise<Reply | Rejected | Stale>;

/**
 * What a device passes before anything of its message is proved: who it is, the state of device and key, freshness, limits.
 * The order of the steps is the precedence of the problem codes, cheap ones first.
 */
export class Gate {
  readonly #parts: GateParts;
  readonly #freshness: Freshness;
  readonly #log: Logger;

  constructor(parts: GateParts, options: { readonly freshness: Freshness; readonly log: Logger }) {
    this.#parts = parts;
    this.#freshness = options.freshness;
    this.#log = options.log;
  }

  async pass<Claim extends StatedOrigin, Reply extends HttpOutcome>(
    message: Message<Claim>,
    prove: Prove<Claim, Reply>,
  ): Promise<Reply | Rejected> {
    const { registry } = this.#parts;
    for (let judgement = 0; judgement < MAX_JUDGEMENTS; judgement += 1) {
      if (registry.version === undefined) await registry.check();
      if (registry.version === undefined) return reducedCapacity('the registry is not projected yet');
      const outcome = await this.#judge(message, registry.version, prove);
      if (!('staleBefore' in outcome)) return outcome;
      registry.advance(outcome.staleBefore);
    }
    return reducedCapacity('the registry keeps changing');
  }

  async #judge<Claim extends StatedOrigin, Reply extends HttpOutcome>(
    message: Message<Claim>,
    registryVersion: number,
    prove: Prove<Claim, Reply>,
  ): Promise<Reply | Rejected | Stale> {
    let device: DeviceRecord | undefined;
    try {
      const found = this.#parts.identities.find(message.sender, message.receivedMs);
      device = found instanceof Promise ? await found : found;
    } catch (error) {
      this.#log.debug({ err: error }, 'the registry cannot be read');
      return reducedCapacity('the registry cannot be read');
    }
    if (device === undefined) return rejected('unauthorized');

    // Blocks of addresses and of (address, device) pairs are decided here, before the claim is read.
    if (device.disabled) return rejected('device-disabled');
    const claim = message.readClaim();
    const origin = claim.ok ? claim.value : claim.error.origin;
    const refusal = origin === undefined ? undefined : decideClaim(device, origin, message, this.#freshness);
    if (refusal !== undefined) return refusal;
    return await this.#limit(message, device, async () => {
      if (!claim.ok) return rejected(claim.error.code, { detail: claim.error.detail });
      return await prove(claim.value, device, registryVersion);
    });
  }

  /** The last step before curve arithmetic. */
  async #limit<Reply extends HttpOutcome>(
    message: Pick<Message, 'source' | 'receivedMs'>,
    device: DeviceRecord,
    proceed: () => Promise<Reply | Rejected | Stale>,
  ): Promise<Reply | Rejected | Stale> {
    const requester = { deviceId: device.id, deviceClass: device.class, address: message.source };
    const verdict = this.#parts.limiter.decide(requester, message.receivedMs * 1000);
    if (!verdict.allowed) return quotaExceeded(verdict);
    // A spread would make a hidden class of its own for every request.
    return Object.assign(await proceed(), { rateLimit: allowanceOf(verdict) });
  }
}

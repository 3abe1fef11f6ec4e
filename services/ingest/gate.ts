import type { StatedOrigin } from '../../contracts/envelope-claim.ts';
import type { DeviceRecord } from '../../contracts/registry.ts';
import type { Logger } from '../../platform/log/logger.ts';
import { parseApiKey } from '../../core/identity/api-key.ts';
import { failureOfClaim, failureOfProof, type FailureKind } from './hostile/failure.ts';
import type { HostileSources } from './hostile/hostile-sources.ts';
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
  readonly hostile: HostileSources;
}

export interface GateOptions {
  readonly freshness: Freshness;
  /** How far what a known device states lies behind our clock, seconds. */
  readonly observeSkew: (seconds: number) => void;
  readonly log: Logger;
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
 * What a device passes before anything of its message is proved: who it is, blocks, the state of device and key, freshness,
 * limits. The order of the steps is the precedence of the problem codes, cheap ones first; only from an address that is
 * blocked nothing is looked up, so that strangers hear what devices hear there.
 */
export class Gate {
  readonly #parts: GateParts;
  readonly #freshness: Freshness;
  readonly #observeSkew: (seconds: number) => void;
  readonly #log: Logger;

  constructor(parts: GateParts, options: GateOptions) {
    this.#parts = parts;
    this.#freshness = options.freshness;
    this.#observeSkew = options.observeSkew;
    this.#log = options.log;
  }

  async pass<Claim extends StatedOrigin, Reply extends HttpOutcome>(
    message: Message<Claim>,
    prove: Prove<Claim, Reply>,
  ): Promise<Reply | Rejected> {
    const { registry } = this.#parts;
    for (let judgement = 0; judgement < MAX_JUDGEMENTS; judgement += 1) {
      if (registry.version === undefined) await registry.check();
      if (registry.version === undefined) return reducedCapacity('registry-unprojected');
      const outcome = await this.#judge(message, registry.version, prove);
      if (!('staleBefore' in outcome)) return outcome;
      registry.advance(outcome.staleBefore);
    }
    return reducedCapacity('registry-changing');
  }

  async #judge<Claim extends StatedOrigin, Reply extends HttpOutcome>(
    message: Message<Claim>,
    registryVersion: number,
    prove: Prove<Claim, Reply>,
  ): Promise<Reply | Rejected | Stale> {
    const { hostile } = this.#parts;
    const { source, receivedMs } = message;
    const unwelcome = hostile.refuseAddress(source, receivedMs);
    if (unwelcome !== undefined) return unwelcome;
    let device: DeviceRecord | undefined;
    try {
      const found = this.#parts.identities.find(message.sender, message.receivedMs);
      device = found instanceof Promise ? await found : found;
    } catch (error) {
      this.#log.debug({ err: error }, 'the registry cannot be read');
      return reducedCapacity('registry-unreadable');
    }
    if (device === undefined) return this.#refuseStranger(message);
    const refused = hostile.refusePair(source, device.id, receivedMs);
    if (refused !== undefined) return refused;
    if (device.disabled) return rejected('device-disabled');
    const claim = message.readClaim();
    const origin = claim.ok ? claim.value : claim.error.origin;
    // What a gateway or a broker may have held says nothing of a clock.
    if (origin?.createdS !== undefined && !message.mayBeHeld) {
      this.#observeSkew(receivedMs / 1000 - origin.createdS);
    }
    const refusal = origin === undefined ? undefined : decideClaim(device, origin, message, this.#freshness);
    if (refusal !== undefined) {
      if (refusal.code === 'key-revoked') this.#fail(message, device, refusal, 'key-revoked');
      return refusal;
    }
    const requester = { deviceId: device.id, deviceClass: device.class, address: source };
    const verdict = this.#parts.limiter.decide(requester, receivedMs * 1000);
    if (!verdict.allowed) return quotaExceeded(verdict);
    const outcome = claim.ok
      ? await prove(claim.value, device, registryVersion)
      : rejected(claim.error.code, { detail: claim.error.detail });
    if ('staleBefore' in outcome) return outcome;
    if (outcome.kind !== 'rejected') hostile.admitted(source, device.id, receivedMs);
    else this.#fail(message, device, outcome, claim.ok ? failureOfProof(outcome.code) : failureOfClaim(outcome.code));
    // A spread would make a hidden class of its own for every request.
    return Object.assign(outcome, { rateLimit: allowanceOf(verdict) });
  }

  /** Asked after the look-up: who guesses at somebody's API key must not keep the one who has it from being heard. */
  #refuseStranger({ sender, source, receivedMs }: Pick<Message, 'sender' | 'source' | 'receivedMs'>): Rejected {
    const apiKeyId = sender.kind === 'api-key' ? parseApiKey(sender.text)?.id : undefined;
    const claimant = apiKeyId === undefined ? undefined : `@${apiKeyId}`;
    const { hostile } = this.#parts;
    const refused = claimant === undefined ? undefined : hostile.refusePair(source, claimant, receivedMs);
    if (refused !== undefined) return refused;
    hostile.failed({ kind: 'api-key-unknown', code: 'unauthorized', source, claimant }, receivedMs);
    return rejected('unauthorized');
  }

  #fail(
    { source, receivedMs }: Pick<Message, 'source' | 'receivedMs'>,
    device: DeviceRecord,
    { code }: Rejected,
    kind: FailureKind | undefined,
  ): void {
    if (kind !== undefined) this.#parts.hostile.failed({ kind, code, source, claimant: device.id }, receivedMs);
  }
}

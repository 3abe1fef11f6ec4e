import type { Envelope, PackSigner } from '../envelope/envelope.ts';
import type { NonceCounter } from '../fleet/nonce-counter.ts';
import type { Pack } from '../pack.ts';
import { pause } from '../pause.ts';
import type { Random } from '../random.ts';
import type { Transport } from '../transport/transport.ts';
import { decideStep, type PackHistory, type Step } from './decide-step.ts';
import type { DeviceClock } from './device-clock.ts';
import type { OutboxObserver } from './outbox-observer.ts';

/** The server refuses envelopes older than 300 s; this leaves time for the last attempt. */
const SIGN_AGAIN_AFTER_MS = 240_000;
const DEFAULT_CAPACITY_PACKS = 10_000;

export interface OutboxParts {
  readonly signer: PackSigner;
  readonly nonces: NonceCounter;
  readonly clock: DeviceClock;
  readonly transport: Transport;
  readonly observer: OutboxObserver;
  readonly random: Random;
  readonly capacityPacks?: number;
}

interface Entry {
  readonly pack: Pack;
  readonly postedMs: number;
}

/** The packs of one device, first in, first out, one in flight. A pack stays until its outcome is final. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #signal: AbortSignal;
  readonly #entries: Entry[] = [];
  #pumping: Promise<void> = Promise.resolve();
  #isPumping = false;

  /** An abort of the signal ends all sending; what is left stays unacknowledged. */
  constructor(parts: OutboxParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  get unacknowledgedReadings(): number {
    return this.#entries.reduce((sum, { pack }) => sum + pack.readings.length, 0);
  }

  post(pack: Pack): void {
    const { capacityPacks = DEFAULT_CAPACITY_PACKS, observer } = this.#parts;
    if (this.#entries.length >= capacityPacks) {
      observer.overflowed(pack);
      return;
    }
    this.#entries.push({ pack, postedMs: performance.now() });
    if (!this.#isPumping) this.#pumping = this.#pump();
  }

  /** Resolves when the outbox is empty or the signal aborted. */
  async idle(): Promise<void> {
    await this.#pumping;
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    for (let entry = this.#entries[0]; entry !== undefined; entry = this.#entries[0]) {
      if (!(await this.#settle(entry))) break;
      this.#entries.shift();
    }
    this.#isPumping = false;
  }

  /** Whether the pack has its final outcome. */
  async #settle({ pack, postedMs }: Entry): Promise<boolean> {
    const { transport, observer, random } = this.#parts;
    const history: PackHistory = {
      readings: pack.readings.length,
      repeats: transport.repeats,
      ...{ sends: 0, failures: 0, tooOld: 0, clockWasSet: false },
    };
    let envelope = this.#sign(pack);
    observer.sending(pack);
    while (!this.#isAbandoned()) {
      if (this.#isStale(envelope)) {
        observer.sentAgain('stale');
        envelope = this.#sign(pack);
        history.sends = 0;
      }
      history.sends += 1;
      const delivery = await transport.deliver(envelope, this.#signal);
      if (delivery.kind === 'unanswered' && this.#isAbandoned()) return false;
      observer.answered(delivery);
      const step = decideStep(delivery, history, random);
      switch (step.kind) {
        case 'acknowledged':
          observer.acknowledged(pack, envelope.nonce, step.outcome, performance.now() - postedMs);
          return true;
        case 'dropped':
          observer.rejected(pack, step.code);
          return true;
        case 'send-again':
        case 'sign-again':
          observer.sentAgain(step.reason);
          await pause(step.waitMs, this.#signal);
          history.failures += 1;
          if (step.kind === 'sign-again') envelope = this.#signAgain(pack, history, step);
      }
    }
    return false;
  }

  #signAgain(pack: Pack, history: PackHistory, step: Extract<Step, { kind: 'sign-again' }>): Envelope {
    const { clock, nonces } = this.#parts;
    if (step.trueTimeMs !== undefined) {
      clock.set(step.trueTimeMs);
      history.clockWasSet = true;
    } else {
      if (history.tooOld > 0) nonces.skipAhead(clock.nowS());
      history.tooOld += 1;
    }
    history.sends = 0;
    return this.#sign(pack);
  }

  #sign(pack: Pack): Envelope {
    const { signer, nonces, clock } = this.#parts;
    return signer.sign(pack, clock.nowS(), nonces.take());
  }

  #isAbandoned(): boolean {
    return this.#signal.aborted;
  }

  #isStale({ createdS }: Envelope): boolean {
    return this.#parts.clock.nowMs() - createdS * 1000 > SIGN_AGAIN_AFTER_MS;
  }
}

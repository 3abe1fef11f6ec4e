import type { Envelope } from '../envelope/envelope.ts';
import type { Delivery, Transport } from '../transport/transport.ts';

const KEPT = 32;
/** Well inside the freshness window, so that only the replay is wrong with them. */
const USABLE_S = 60;

/** A listener on a victim's line: keeps what was acknowledged lately. */
export class CapturedEnvelopes implements Transport {
  readonly #line: Transport;
  readonly #captured: Envelope[] = [];
  #turn = 0;

  constructor(line: Transport) {
    this.#line = line;
  }

  get repeats(): boolean {
    return this.#line.repeats;
  }

  async deliver(envelope: Envelope, signal: AbortSignal): Promise<Delivery> {
    const delivery = await this.#line.deliver(envelope, signal);
    if (delivery.kind === 'accepted') {
      this.#captured.push(envelope);
      if (this.#captured.length > KEPT) this.#captured.shift();
    }
    return delivery;
  }

  /** Another one each time, as long as there are several. */
  next(): Envelope | undefined {
    const since = Date.now() / 1000 - USABLE_S;
    const usable = this.#captured.filter(({ createdS }) => createdS > since);
    this.#turn += 1;
    return usable[this.#turn % usable.length];
  }

  [Symbol.dispose](): void {
    this.#line[Symbol.dispose]();
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { AlertClient } from '../../../clients/js/src/index.ts';

export interface StormResult {
  /** Clients that were live again within the time. */
  readonly back: number;
  /** From the loss of the connections to the last client that was live again, seconds. */
  readonly lastBackS: number;
  /** Gaps that clients were told of. */
  readonly gaps: number;
}

const POLL_MS = 50;

/** Very many clients that lose their connections at once. */
export class ReconnectStorm implements Disposable {
  readonly #clients: AlertClient[] = [];
  #gaps = 0;

  /** Returns when all are live; they come as fast as they are let in. */
  async connect(url: string, clients: number, deadlineMs: number): Promise<void> {
    for (let index = 0; index < clients; index += 1) {
      const client = new AlertClient({ url, WebSocket });
      client.on('gap', () => (this.#gaps += 1));
      this.#clients.push(client);
      if (index % 50 === 49) await delay(10);
    }
    const { back } = await this.#untilLive(deadlineMs);
    if (back < clients) throw new Error(`${back} of ${clients} clients could connect`);
  }

  /** @param lose what ends all connections and makes others possible again */
  async run(lose: () => Promise<void>, deadlineMs: number): Promise<StormResult> {
    const lost = lose();
    while (this.#live() === this.#clients.length) await delay(POLL_MS);
    const result = await this.#untilLive(deadlineMs);
    await lost;
    return result;
  }

  #live(): number {
    return this.#clients.filter(({ state }) => state === 'live').length;
  }

  async #untilLive(deadlineMs: number): Promise<StormResult> {
    const startedMs = performance.now();
    while (this.#live() < this.#clients.length && performance.now() - startedMs < deadlineMs) await delay(POLL_MS);
    return { back: this.#live(), lastBackS: (performance.now() - startedMs) / 1000, gaps: this.#gaps };
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }
}

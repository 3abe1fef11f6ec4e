import { WebSocket } from 'ws';
import { AlertClient } from '../../clients/js/src/index.ts';
import { alertMessageSchema, type AlertMessage } from '../../contracts/alert-stream.ts';
import { capStatusSchema } from '../../core/alerts/alert.ts';

const LIVE_WITHIN_MS = 20_000;

/** A subscriber like any other, of alerts of every status. What it is told has to be as the contract says. */
export class AlertListener {
  readonly #url: string;
  readonly #onAlert: (alert: AlertMessage) => void;
  #client: AlertClient | undefined;
  #delivered = 0;

  constructor(url: string, onAlert: (alert: AlertMessage) => void = () => undefined) {
    this.#url = url;
    this.#onAlert = onAlert;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Live when it returns; goes on where it was when the connection is lost later. */
  async open(): Promise<void> {
    const client = new AlertClient({ url: this.#url, WebSocket, filters: [{ status: capStatusSchema.options }] });
    this.#client = client;
    client.on('alert', (alert) => {
      this.#delivered += 1;
      this.#onAlert(alertMessageSchema.parse(alert));
    });
    await new Promise<void>((resolve, reject) => {
      let problem = '';
      client.on('problem', ({ code, detail }) => (problem = `${code}: ${detail}`));
      const timer = setTimeout(() => {
        client.close();
        reject(new Error(`${this.#url} cannot be listened to (${problem})`));
      }, LIVE_WITHIN_MS);
      client.on('state', (state) => {
        if (state !== 'live') return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    return Promise.resolve();
  }
}

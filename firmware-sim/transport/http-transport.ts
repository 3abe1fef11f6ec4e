import type { Envelope } from '../envelope/envelope.ts';
import { HttpConnection, type HttpConnectionOptions } from './http-connection.ts';
import { parseReply } from './parse-reply.ts';
import type { Delivery, Transport } from './transport.ts';

/** One kept-alive connection, from an address of the device's own when one is given. */
export class HttpTransport implements Transport {
  readonly repeats = false;
  readonly #connection: HttpConnection;

  constructor(baseUrl: URL, options: Omit<HttpConnectionOptions, 'maxSockets'>) {
    this.#connection = new HttpConnection(baseUrl, options);
  }

  async deliver(envelope: Envelope, signal: AbortSignal): Promise<Delivery> {
    const exchange = await this.#connection.post(envelope, signal);
    return exchange.kind === 'answered' ? parseReply(exchange.reply) : exchange;
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}

import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { TELEMETRY_METHOD, TELEMETRY_PATH } from '../../contracts/http-signature.ts';
import type { Envelope } from '../envelope/envelope.ts';
import { parseReply } from './parse-reply.ts';
import type { Delivery, Silence, Transport } from './transport.ts';

const REPLY_TIMEOUT_MS = 5000;
const MAX_REPLY_CHARACTERS = 65_536;

class ReplyTimeout extends Error {}

/** One kept-alive connection, from an address of the device's own when one is given. */
export class HttpTransport implements Transport {
  readonly #url: URL;
  readonly #client: typeof http | typeof https;
  readonly #agent: http.Agent;
  readonly #binding: Pick<RequestOptions, 'localAddress' | 'family'>;

  constructor(baseUrl: URL, localAddress: string | undefined) {
    this.#url = new URL(TELEMETRY_PATH, baseUrl);
    this.#client = baseUrl.protocol === 'https:' ? https : http;
    this.#agent = new this.#client.Agent({ keepAlive: true, maxSockets: 1 });
    this.#binding = localAddress === undefined ? {} : { localAddress, family: 4 };
  }

  async deliver(envelope: Envelope, signal: AbortSignal): Promise<Delivery> {
    const { headers, content } = envelope;
    const options = { method: TELEMETRY_METHOD, headers, agent: this.#agent, signal, ...this.#binding };
    const request = this.#client.request(this.#url, options);
    const timer = setTimeout(
      () => request.destroy(new ReplyTimeout(`no reply within ${REPLY_TIMEOUT_MS / 1000} s`)),
      REPLY_TIMEOUT_MS,
    );
    try {
      return await exchange(request, content);
    } catch (error) {
      return { kind: 'unanswered', reason: silenceOf(error), detail: describe(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function exchange(request: ClientRequest, content: Uint8Array): Promise<Delivery> {
  return new Promise((resolve, reject) => {
    request.once('response', (response) => {
      readBody(response).then(
        (body) =>
          resolve(parseReply({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body })),
        reject,
      );
    });
    // A request that is destroyed while its reply is being read reports both ends.
    request.on('error', reject);
    request.end(content);
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) {
    if (body.length < MAX_REPLY_CHARACTERS) body += String(chunk);
  }
  return body;
}

function silenceOf(error: unknown): Silence {
  if (error instanceof ReplyTimeout) return 'timeout';
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
    ? 'connection-refused'
    : 'connection-lost';
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${String(error.code)}: ${error.message}` : error.message;
}

import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { TELEMETRY_METHOD, TELEMETRY_PATH } from '../../contracts/http-signature.ts';
import type { Reply } from './parse-reply.ts';
import { REPLY_TIMEOUT_MS, type Silence } from './transport.ts';

const MAX_REPLY_CHARACTERS = 65_536;

class ReplyTimeout extends Error {}

export interface TelemetryPost {
  readonly headers: http.OutgoingHttpHeaders;
  /**
   * `withheld`: only the header fields are sent. A server that refuses by them closes the connection, and a connection
   * that is closed over unread content loses the reply.
   */
  readonly content: Uint8Array | 'withheld';
}

export interface HttpConnectionOptions {
  /** Where the connections come from; any when it is undefined. */
  readonly localAddress?: string | undefined;
  readonly maxSockets?: number;
  readonly replyTimeoutMs?: number | undefined;
}

export type Exchange =
  | { readonly kind: 'answered'; readonly reply: Reply }
  | { readonly kind: 'unanswered'; readonly reason: Silence; readonly detail: string };

/** Kept-alive connections from one sender, which has an address of its own when one is given. */
export class HttpConnection implements Disposable {
  readonly #url: URL;
  readonly #client: typeof http | typeof https;
  readonly #agent: http.Agent;
  readonly #binding: Pick<RequestOptions, 'localAddress' | 'family'>;
  readonly #replyTimeoutMs: number;

  constructor(
    baseUrl: URL,
    { localAddress, maxSockets = 1, replyTimeoutMs = REPLY_TIMEOUT_MS }: HttpConnectionOptions,
  ) {
    this.#url = new URL(TELEMETRY_PATH, baseUrl);
    this.#client = baseUrl.protocol === 'https:' ? https : http;
    this.#agent = new this.#client.Agent({ keepAlive: true, maxSockets });
    this.#binding = localAddress === undefined ? {} : { localAddress, family: 4 };
    this.#replyTimeoutMs = replyTimeoutMs;
  }

  /** Never rejects. An abort of the signal counts as no answer. */
  async post({ headers, content }: TelemetryPost, signal: AbortSignal): Promise<Exchange> {
    const options = { method: TELEMETRY_METHOD, headers, agent: this.#agent, signal, ...this.#binding };
    const request = this.#client.request(this.#url, options);
    const timer = setTimeout(
      () => request.destroy(new ReplyTimeout(`no reply within ${this.#replyTimeoutMs / 1000} s`)),
      this.#replyTimeoutMs,
    );
    try {
      return { kind: 'answered', reply: await exchange(request, content) };
    } catch (error) {
      return { kind: 'unanswered', reason: silenceOf(error), detail: describe(error) };
    } finally {
      clearTimeout(timer);
      if (content === 'withheld') request.destroy();
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function exchange(request: ClientRequest, content: TelemetryPost['content']): Promise<Reply> {
  return new Promise((resolve, reject) => {
    request.once('response', (response) => {
      readBody(response).then((body) => resolve(replyOf(response, body)), reject);
    });
    // A request that is destroyed while its reply is being read reports both ends.
    request.on('error', reject);
    if (content === 'withheld') request.flushHeaders();
    else request.end(content);
  });
}

function replyOf({ statusCode, headers }: IncomingMessage, body: string): Reply {
  const policy = headers['ratelimit-policy'];
  return {
    status: statusCode ?? 0,
    retryAfter: headers['retry-after'],
    rateLimitPolicy: typeof policy === 'string' ? policy : undefined,
    body,
  };
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

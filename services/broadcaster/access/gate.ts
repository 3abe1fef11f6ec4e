import { remoteAddressOf, type HttpRequest, type HttpResponse } from '../../../platform/http/uws.ts';
import type { ClientAddress } from '../../../platform/http/client-address.ts';
import type { BroadcasterMetrics } from '../metrics.ts';
import type { ConnectQueue } from './connect-queue.ts';
import type { ConnectionLimits, ConnectionRefusal } from './connection-limits.ts';
import type { TokenVerdict, TokenVerifier } from './token-verifier.ts';

export interface GateOptions {
  /** Undefined where everybody may listen. */
  readonly tokens: TokenVerifier | undefined;
  readonly limits: ConnectionLimits;
  readonly queue: ConnectQueue;
  readonly clientAddress: ClientAddress;
  /** Of pages that may listen in a browser, besides those of our own host; `*` for all. */
  readonly origins: readonly string[];
  /** Within which those who are refused come back, seconds. */
  readonly spreadS: number;
  readonly metrics: BroadcasterMetrics;
}

type GateRefusal = ConnectionRefusal | 'too-fast' | 'origin';

const STATUS: Readonly<Record<GateRefusal, string>> = {
  origin: '403 Forbidden',
  'too-many': '503 Service Unavailable',
  'too-many-of-address': '429 Too Many Requests',
  'too-fast': '503 Service Unavailable',
};

const DETAIL: Readonly<Record<GateRefusal, string>> = {
  origin: 'pages of this origin may not listen here',
  'too-many': 'this server has as many connections as it can have',
  'too-many-of-address': 'there are too many connections from this address',
  'too-fast': 'too many connect at once',
};

/** What is decided before a connection is one: where its page is from, and whether there is room. */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get tokens(): TokenVerifier | undefined {
    return this.#options.tokens;
  }

  get limits(): ConnectionLimits {
    return this.#options.limits;
  }

  /** The header field that lets a page of the request's origin read the reply; undefined when it may not. */
  allowedOrigin(request: HttpRequest): string | undefined {
    const origin = request.getHeader('origin');
    return origin !== '' && this.#mayListen(origin, request.getHeader('host')) ? origin : undefined;
  }

  /**
   * Refuses the connection, with the reply sent; or lets it in, now or when it is its turn.
   *
   * @param client `EventSource` never comes back after a refusal: it is let in and told when to
   * @param onGone registers what happens when the client does not wait
   * @param proceed with the address under which the connection counts until it is released
   */
  admit(
    response: HttpResponse,
    request: HttpRequest,
    client: 'websocket' | 'event-source',
    onGone: (callback: () => void) => void,
    proceed: (address: string) => void,
  ): void {
    const { clientAddress, limits, queue } = this.#options;
    const address = clientAddress.sourceOf(remoteAddressOf(response), request.getHeader('x-forwarded-for')) ?? '';
    const origin = request.getHeader('origin');
    const refusal =
      origin !== '' && !this.#mayListen(origin, request.getHeader('host')) ? 'origin' : limits.admit(address);
    if (refusal !== undefined) {
      this.#refuse(response, refusal, client);
      return;
    }
    const leave = queue.enter({
      address,
      proceed: () => proceed(address),
      refuse: () => {
        limits.release(address);
        this.#refuse(response, 'too-fast', client);
      },
    });
    // Of a response that has been sent nothing may be asked any more.
    if (leave === undefined) return;
    onGone(() => {
      if (leave()) limits.release(address);
    });
  }

  /** @param verdict undefined where no token came */
  observeToken(verdict: TokenVerdict | undefined): void {
    const { authentications } = this.#options.metrics;
    authentications.inc({ outcome: verdict?.ok === true ? 'accepted' : (verdict?.code ?? 'unauthorized') });
  }

  #mayListen(origin: string, host: string): boolean {
    const { origins } = this.#options;
    if (origins.includes('*') || origins.includes(origin)) return true;
    try {
      return new URL(origin).host === host;
    } catch {
      return false;
    }
  }

  #refuse(response: HttpResponse, refusal: GateRefusal, client: 'websocket' | 'event-source'): void {
    const { metrics, spreadS } = this.#options;
    metrics.refused.inc({ reason: refusal });
    const afterS = 1 + Math.floor(Math.random() * spreadS);
    if (client === 'event-source' && refusal !== 'origin') {
      response.cork(() => {
        response
          .writeHeader('content-type', 'text/event-stream')
          .end(`retry: ${afterS * 1000}\n: ${DETAIL[refusal]}\n\n`);
      });
      return;
    }
    response.cork(() => {
      response.writeStatus(STATUS[refusal]).writeHeader('content-type', 'text/plain; charset=utf-8');
      if (refusal !== 'origin') response.writeHeader('retry-after', String(afterS));
      response.end(`${DETAIL[refusal]}\n`);
    });
  }
}

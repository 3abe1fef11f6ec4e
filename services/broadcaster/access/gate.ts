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

type RefusalReason = ConnectionRefusal | 'too-many-of-account' | 'too-fast' | 'origin';

export interface Refusal {
  readonly status: string;
  readonly detail: string;
  /** When to come back; undefined for never. */
  readonly afterS: number | undefined;
}

/** Who wants a connection. */
export interface Applicant {
  /** Registers what happens when it does not wait. */
  onGone(callback: () => void): void;
  refuse(refusal: Refusal): void;
  /** @param address under which the connection counts until it is released */
  proceed(address: string): void;
}

const REFUSALS: Readonly<Record<RefusalReason, Omit<Refusal, 'afterS'>>> = {
  origin: { status: '403 Forbidden', detail: 'pages of this origin may not listen here' },
  'too-many': {
    status: '503 Service Unavailable',
    detail: 'this server has as many connections as it can have',
  },
  'too-many-of-address': {
    status: '429 Too Many Requests',
    detail: 'there are too many connections from this address',
  },
  'too-many-of-account': { status: '429 Too Many Requests', detail: 'this account has too many connections' },
  'too-fast': { status: '503 Service Unavailable', detail: 'too many connect at once' },
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

  /** Refuses the applicant, or lets it in, now or when it is its turn. */
  admit(response: HttpResponse, request: HttpRequest, applicant: Applicant): void {
    const { clientAddress, limits, queue } = this.#options;
    const address = clientAddress.sourceOf(remoteAddressOf(response), request.getHeader('x-forwarded-for')) ?? '';
    const origin = request.getHeader('origin');
    const reason =
      origin !== '' && !this.#mayListen(origin, request.getHeader('host')) ? 'origin' : limits.admit(address);
    if (reason !== undefined) {
      applicant.refuse(this.refusal(reason));
      return;
    }
    const leave = queue.enter({
      address,
      proceed: () => applicant.proceed(address),
      refuse: () => {
        limits.release(address);
        applicant.refuse(this.refusal('too-fast'));
      },
    });
    // Of a response that has been sent nothing may be asked any more.
    if (leave === undefined) return;
    applicant.onGone(() => {
      if (leave()) limits.release(address);
    });
  }

  /** Counts it. Those who are refused together do not come back together. */
  refusal(reason: RefusalReason): Refusal {
    const { metrics, spreadS } = this.#options;
    metrics.refused.inc({ reason });
    const afterS = 1 + Math.floor(Math.random() * spreadS);
    return { ...REFUSALS[reason], afterS: reason === 'origin' ? undefined : afterS };
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
}

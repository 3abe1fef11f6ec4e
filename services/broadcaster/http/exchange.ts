import { pathParameterOf, queryOf, type HttpRequest, type HttpResponse } from '../../../platform/http/uws.ts';
import type { Gate } from '../access/gate.ts';
import type { Account } from '../access/token-verifier.ts';

const TEXT = 'text/plain; charset=utf-8';

/** A request and its reply; what is of the request is read at once, for it is gone after the first wait. */
export class Exchange {
  readonly response: HttpResponse;
  readonly query: string | undefined;
  readonly lastEventId: string;
  /** Of the path. */
  readonly parameter: string;
  readonly #gate: Gate;
  readonly #allowedOrigin: string | undefined;
  readonly #authorization: string;
  readonly #onGone = new Set<() => void>();
  #isGone = false;

  constructor(response: HttpResponse, request: HttpRequest, gate: Gate) {
    this.response = response;
    this.query = queryOf(request);
    this.lastEventId = request.getHeader('last-event-id');
    this.parameter = pathParameterOf(request);
    this.#gate = gate;
    this.#allowedOrigin = gate.allowedOrigin(request);
    this.#authorization = request.getHeader('authorization');
    response.onAborted(() => {
      this.#isGone = true;
      for (const callback of this.#onGone) callback();
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  onGone(callback: () => void): void {
    this.#onGone.add(callback);
  }

  /** The account of the request, `public` where none is needed; undefined when it has been refused. */
  async authorize(): Promise<Account | 'public' | undefined> {
    const { tokens } = this.#gate;
    if (tokens === undefined) return 'public';
    const token = /^Bearer +([^ ]+)$/i.exec(this.#authorization)?.[1];
    const verdict = token === undefined ? undefined : await tokens.verify(token);
    this.#gate.observeToken(verdict);
    if (verdict?.ok === true) return verdict.account;
    const detail = verdict?.detail ?? 'a token is needed: Authorization: Bearer <token>';
    const challenge = verdict === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
    this.end('401 Unauthorized', TEXT, `${detail}\n`, { 'www-authenticate': challenge });
    return undefined;
  }

  refuse(status: string, detail: string): void {
    this.end(status, TEXT, `${detail}\n`);
  }

  end(status: string, type: string, body: string | Buffer, fields: Readonly<Record<string, string>> = {}): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.response.cork(() => {
      this.#writeHead(status, type, fields);
      this.response.end(body);
    });
  }

  /** Of a reply that goes on. */
  begin(type: string, fields: Readonly<Record<string, string>> = {}): void {
    this.#writeHead('200 OK', type, fields);
  }

  #writeHead(status: string, type: string, fields: Readonly<Record<string, string>>): void {
    this.response.writeStatus(status).writeHeader('content-type', type).writeHeader('cache-control', 'no-cache');
    if (this.#allowedOrigin !== undefined) {
      this.response.writeHeader('access-control-allow-origin', this.#allowedOrigin).writeHeader('vary', 'Origin');
    }
    for (const [name, value] of Object.entries(fields)) this.response.writeHeader(name, value);
  }
}

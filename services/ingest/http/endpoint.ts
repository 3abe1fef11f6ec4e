import type { ProblemCode } from '../../../contracts/problem.ts';
import { queryOf, remoteAddressOf, type HttpRequest, type HttpResponse } from '../../../platform/http/uws.ts';
import { accept, reject, type Result } from '../../../core/result.ts';
import type { OutcomeObserver } from '../outcome-observer.ts';
import { reducedCapacity, rejected, type HttpOutcome, type Rejected } from '../outcome.ts';
import { BodyCollector } from './body-collector.ts';
import type { ClientAddress } from '../../../platform/http/client-address.ts';
import { readHeaders, type RequestHeaders } from './read-headers.ts';
import { reply } from './reply.ts';
import type { Arrival, Decide, FindResource, Resource } from './resource.ts';

/**
 * A body that takes longer is a slow sender or an attack. uWebSockets closes, without a reply, a connection that brings
 * less than 16 kB/s for 8 to 12 s: the reply has to come before.
 */
const BODY_TIMEOUT_MS = 7000;
/** While the service stops: well within the time that a drain may take. */
const DRAINING_BODY_TIMEOUT_MS = 1500;
const SWEEP_EVERY_MS = 250;

interface Exchange {
  readonly response: HttpResponse;
  /** Address of the peer: gone once the client is. */
  readonly peer: string;
  readonly startedMs: number;
  /** The client is gone: the response must not be touched any more. */
  aborted: boolean;
}

/** The HTTP edge: framing and size; everything after that is the resource's. */
export class Endpoint {
  readonly #findResource: FindResource;
  readonly #clientAddress: ClientAddress;
  readonly #observer: OutcomeObserver;
  /** Exchanges whose body is not complete. */
  readonly #receiving = new Set<Exchange>();
  readonly #sweeper: NodeJS.Timeout;
  #inFlight = 0;
  #draining = false;
  #whenIdle: (() => void) | undefined;

  constructor(findResource: FindResource, clientAddress: ClientAddress, observer: OutcomeObserver) {
    this.#findResource = findResource;
    this.#clientAddress = clientAddress;
    this.#observer = observer;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** uWebSockets lets `request` live until this returns. */
  handle(response: HttpResponse, request: HttpRequest): void {
    const peer = remoteAddressOf(response);
    const exchange: Exchange = { response, peer, startedMs: Date.now(), aborted: false };
    this.#inFlight += 1;
    response.onAborted(() => this.#abort(exchange));
    const framed = this.#decideFraming(request);
    const decide = framed.ok ? openResource(framed.value) : framed;
    if (framed.ok && decide.ok) this.#receive(exchange, framed.value, decide.value);
    else if (!decide.ok) this.#refuse(exchange, decide.error);
  }

  /** From now on every reply closes its connection. Resolves when no more is to come and nothing is in flight. */
  async drain(noMoreToCome: Promise<void>): Promise<void> {
    this.#draining = true;
    await noMoreToCome;
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    clearInterval(this.#sweeper);
  }

  /**
   * Closes the connection, because the body that is still to come would have to be read to the end. Not in this turn:
   * after such a reply uWebSockets serves what follows in the same segment, such as a request that is hidden behind a
   * second Content-Length; while a reply is pending it closes the connection instead.
   */
  #refuse(exchange: Exchange, outcome: Rejected): void {
    setImmediate(() => this.#answer(exchange, outcome, true));
  }

  #receive(exchange: Exchange, { headers, resource }: Framed, decide: Decide): void {
    const body = new BodyCollector(resource.maxContentBytes);
    this.#receiving.add(exchange);
    exchange.response.onData((chunk, isLast) => {
      if (!this.#receiving.has(exchange)) return;
      const fits = body.add(chunk);
      if (fits && !isLast) return;
      this.#receiving.delete(exchange);
      if (fits) void this.#decide(exchange, decide(this.#arrivalOf(exchange, headers), body.bytes()));
      else this.#refuse(exchange, tooLarge(resource));
    });
  }

  #arrivalOf(exchange: Exchange, headers: RequestHeaders): Arrival {
    return { source: this.#clientAddress.sourceOf(exchange.peer, headers.forwardedFor), receivedMs: Date.now() };
  }

  async #decide(exchange: Exchange, decision: Promise<HttpOutcome>): Promise<void> {
    let outcome: HttpOutcome;
    try {
      outcome = await decision;
    } catch (error) {
      this.#observer.undecided(error);
      outcome = reducedCapacity('fault');
    }
    this.#answer(exchange, outcome, false);
  }

  #answer(exchange: Exchange, outcome: HttpOutcome, closeConnection: boolean): void {
    this.#observer.decided(outcome, exchange.startedMs);
    if (!exchange.aborted) reply(exchange.response, outcome, closeConnection || this.#draining);
    this.#end();
  }

  /** What is being decided goes on: the envelope may be in the log already. */
  #abort(exchange: Exchange): void {
    exchange.aborted = true;
    if (this.#receiving.delete(exchange)) this.#end();
  }

  #end(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#whenIdle?.();
  }

  #sweep(): void {
    const startedBeforeMs = Date.now() - (this.#draining ? DRAINING_BODY_TIMEOUT_MS : BODY_TIMEOUT_MS);
    for (const exchange of this.#receiving) {
      if (exchange.startedMs > startedBeforeMs) continue;
      this.#receiving.delete(exchange);
      this.#answer(exchange, rejected('request-timeout'), true);
    }
  }

  /** In the order of the problem codes. */
  #decideFraming(request: HttpRequest): Result<Framed, Rejected> {
    const refuse = (code: ProblemCode, detail?: string) =>
      reject(rejected(code, detail === undefined ? undefined : { detail }));
    if (queryOf(request) !== undefined) return refuse('malformed-request', 'no query string is accepted');
    const headers = readHeaders(request);
    if (!headers.ok && headers.error.code === 'malformed-request')
      return refuse('malformed-request', headers.error.detail);
    const resource = this.#findResource(request.getUrl());
    if (resource === undefined) return refuse('not-found');
    if (request.getCaseSensitiveMethod() !== resource.method) {
      return reject({ ...rejected('method-not-allowed'), allow: resource.method });
    }
    return headers.ok ? accept({ headers: headers.value, resource }) : refuse(headers.error.code, headers.error.detail);
  }
}

interface Framed {
  readonly headers: RequestHeaders;
  readonly resource: Resource;
}

function openResource({ headers, resource }: Framed): Result<Decide, Rejected> {
  if (headers.contentLength !== undefined && headers.contentLength > resource.maxContentBytes) {
    return reject(tooLarge(resource));
  }
  return resource.open(headers);
}

function tooLarge({ maxContentBytes }: Resource): Rejected {
  return rejected('payload-too-large', { detail: `at most ${maxContentBytes} bytes of content` });
}

import { MAX_CONTENT_BYTES, TELEMETRY_METHOD, TELEMETRY_PATH } from '../../../contracts/http-signature.ts';
import type { ProblemCode } from '../../../contracts/problem.ts';
import { queryOf, remoteAddressOf, type HttpRequest, type HttpResponse } from '../../../platform/http/uws.ts';
import { accept, reject, type Result } from '../../../core/result.ts';
import type { FrontDoor } from '../front-door.ts';
import type { Message } from '../message.ts';
import type { OutcomeObserver } from '../outcome-observer.ts';
import { reducedCapacity, rejected, type Outcome } from '../outcome.ts';
import { BodyCollector } from './body-collector.ts';
import type { ClientAddress } from './client-address.ts';
import { ACCEPTED_MEDIA_TYPES, envelopeFormOf, readEnvelope, type EnvelopeForm } from './read-envelope.ts';
import { readHeaders, type TelemetryHeaders } from './read-headers.ts';
import { reply } from './reply.ts';

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

/** The HTTP edge: framing, size and media type; everything after that is the front door's. */
export class TelemetryEndpoint {
  readonly #frontDoor: FrontDoor;
  readonly #clientAddress: ClientAddress;
  readonly #observer: OutcomeObserver;
  /** Exchanges whose body is not complete. */
  readonly #receiving = new Set<Exchange>();
  readonly #sweeper: NodeJS.Timeout;
  #inFlight = 0;
  #draining = false;
  #whenIdle: (() => void) | undefined;

  constructor(frontDoor: FrontDoor, clientAddress: ClientAddress, observer: OutcomeObserver) {
    this.#frontDoor = frontDoor;
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
    const headers = decideFraming(request);
    const form = headers.ok ? decideContent(headers.value) : headers;
    if (headers.ok && form.ok) this.#receive(exchange, headers.value, form.value);
    else if (!form.ok) this.#refuse(exchange, form.error);
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
  #refuse(exchange: Exchange, outcome: Outcome): void {
    setImmediate(() => this.#answer(exchange, outcome, true));
  }

  #receive(exchange: Exchange, headers: TelemetryHeaders, form: EnvelopeForm): void {
    const body = new BodyCollector(MAX_CONTENT_BYTES);
    this.#receiving.add(exchange);
    exchange.response.onData((chunk, isLast) => {
      if (!this.#receiving.has(exchange)) return;
      const fits = body.add(chunk);
      if (fits && !isLast) return;
      this.#receiving.delete(exchange);
      if (fits) void this.#decide(exchange, this.#messageOf(exchange, headers, form, body.bytes()));
      else this.#refuse(exchange, tooLarge());
    });
  }

  #messageOf(exchange: Exchange, headers: TelemetryHeaders, form: EnvelopeForm, content: Uint8Array): Message {
    return {
      sender: { kind: 'api-key', text: headers.apiKey },
      source: this.#clientAddress.sourceOf(exchange.peer, headers.forwardedFor),
      mayBeHeld: form.kind !== 'http-signature',
      receivedMs: Date.now(),
      readClaim: () => readEnvelope(form, headers, content),
    };
  }

  async #decide(exchange: Exchange, message: Message): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await this.#frontDoor.handle(message);
    } catch (error) {
      this.#observer.undecided(error);
      outcome = reducedCapacity('the message could not be decided');
    }
    this.#answer(exchange, outcome, false);
  }

  #answer(exchange: Exchange, outcome: Outcome, closeConnection: boolean): void {
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
}

/** In the order of the problem codes. */
function decideFraming(request: HttpRequest): Result<TelemetryHeaders, Outcome> {
  const refuse = (code: ProblemCode, detail?: string) =>
    reject(rejected(code, detail === undefined ? undefined : { detail }));
  if (queryOf(request) !== undefined) return refuse('malformed-request', 'no query string is accepted');
  const headers = readHeaders(request);
  if (!headers.ok && headers.error.code === 'malformed-request')
    return refuse('malformed-request', headers.error.detail);
  if (request.getUrl() !== TELEMETRY_PATH) return refuse('not-found');
  if (request.getCaseSensitiveMethod() !== TELEMETRY_METHOD) return refuse('method-not-allowed');
  return headers.ok ? headers : refuse(headers.error.code, headers.error.detail);
}

function decideContent(headers: TelemetryHeaders): Result<EnvelopeForm, Outcome> {
  if (headers.contentLength !== undefined && headers.contentLength > MAX_CONTENT_BYTES) return reject(tooLarge());
  const form = envelopeFormOf(headers.contentType);
  if (form !== undefined) return accept(form);
  return reject(rejected('unsupported-media-type', { detail: `the content type must be ${ACCEPTED_MEDIA_TYPES}` }));
}

function tooLarge(): Outcome {
  return rejected('payload-too-large', { detail: `at most ${MAX_CONTENT_BYTES} bytes of content` });
}

import { MAX_CONTENT_BYTES, SENML_JSON, TELEMETRY_METHOD, TELEMETRY_PATH } from '../../../contracts/http-signature.ts';
import { queryOf, type HttpRequest, type HttpResponse } from '../../../platform/http/uws.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { FrontDoor } from '../front-door.ts';
import type { IngestMetrics } from '../metrics.ts';
import { reducedCapacity, rejected, type Outcome } from '../outcome.ts';
import { BodyCollector } from './body-collector.ts';
import { readHeaders, type HeadersResult, type TelemetryHeaders } from './read-headers.ts';
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
  readonly startedMs: number;
  /** The client is gone: the response must not be touched any more. */
  aborted: boolean;
}

/** The HTTP edge: framing, size and media type; everything after that is the front door's. */
export class TelemetryEndpoint {
  readonly #frontDoor: FrontDoor;
  readonly #metrics: IngestMetrics;
  readonly #log: Logger;
  /** Exchanges whose body is not complete. */
  readonly #receiving = new Set<Exchange>();
  readonly #sweeper: NodeJS.Timeout;
  #inFlight = 0;
  #draining = false;
  #whenIdle: (() => void) | undefined;

  constructor(frontDoor: FrontDoor, metrics: IngestMetrics, log: Logger) {
    this.#frontDoor = frontDoor;
    this.#metrics = metrics;
    this.#log = log;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** uWebSockets lets `request` live until this returns. */
  handle(response: HttpResponse, request: HttpRequest): void {
    const exchange: Exchange = { response, startedMs: Date.now(), aborted: false };
    this.#inFlight += 1;
    response.onAborted(() => this.#abort(exchange));
    const headers = readHeaders(request);
    const unfit = decideFraming(request, headers) ?? (headers.ok ? decideContent(headers.value) : undefined);
    if (unfit !== undefined) this.#refuse(exchange, unfit);
    else if (headers.ok) this.#receive(exchange, headers.value);
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

  #receive(exchange: Exchange, headers: TelemetryHeaders): void {
    const body = new BodyCollector(MAX_CONTENT_BYTES);
    this.#receiving.add(exchange);
    exchange.response.onData((chunk, isLast) => {
      if (!this.#receiving.has(exchange)) return;
      const fits = body.add(chunk);
      if (fits && !isLast) return;
      this.#receiving.delete(exchange);
      if (fits) void this.#decide(exchange, headers, body.bytes());
      else this.#refuse(exchange, tooLarge());
    });
  }

  async #decide(exchange: Exchange, headers: TelemetryHeaders, content: Uint8Array): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await this.#frontDoor.handle({ ...headers, content, receivedMs: Date.now() });
    } catch (error) {
      this.#log.error({ err: error }, 'a message could not be decided');
      outcome = reducedCapacity('the message could not be decided');
    }
    this.#answer(exchange, outcome, false);
  }

  #answer(exchange: Exchange, outcome: Outcome, closeConnection: boolean): void {
    const code = outcome.kind === 'accepted' ? 'accepted' : outcome.code;
    this.#metrics.requests.inc({ code });
    this.#metrics.requestSeconds.observe((Date.now() - exchange.startedMs) / 1000);
    if (outcome.kind === 'accepted') this.#metrics.readings.inc(outcome.readings);
    else this.#log.debug({ code }, 'rejected');
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
function decideFraming(request: HttpRequest, headers: HeadersResult): Outcome | undefined {
  if (queryOf(request) !== undefined) return rejected('malformed-request', { detail: 'no query string is accepted' });
  const refusal = headers.ok ? undefined : rejected(headers.error.code, { detail: headers.error.detail });
  if (refusal?.code === 'malformed-request') return refusal;
  if (request.getUrl() !== TELEMETRY_PATH) return rejected('not-found');
  if (request.getCaseSensitiveMethod() !== TELEMETRY_METHOD) return rejected('method-not-allowed');
  return refusal;
}

function decideContent(headers: TelemetryHeaders): Outcome | undefined {
  if (headers.contentLength !== undefined && headers.contentLength > MAX_CONTENT_BYTES) return tooLarge();
  if (headers.contentType.toLowerCase() === SENML_JSON) return undefined;
  return rejected('unsupported-media-type', { detail: `the content type must be ${SENML_JSON}` });
}

function tooLarge(): Outcome {
  return rejected('payload-too-large', { detail: `at most ${MAX_CONTENT_BYTES} bytes of content` });
}

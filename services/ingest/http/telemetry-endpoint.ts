import { MAX_CONTENT_BYTES, SENML_JSON, TELEMETRY_METHOD, TELEMETRY_PATH } from '../../../contracts/http-signature.ts';
import { queryOf, type HttpRequest, type HttpResponse } from '../../../platform/http/uws.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { FrontDoor } from '../front-door.ts';
import type { IngestMetrics } from '../metrics.ts';
import { reducedCapacity, rejected, type Outcome } from '../outcome.ts';
import { BodyCollector } from './body-collector.ts';
import { readHeaders, type TelemetryHeaders } from './read-headers.ts';
import { reply } from './reply.ts';

/** A body that takes longer is a slow sender or an attack; a device on a bad link needs a few seconds for 256 kB. */
const BODY_TIMEOUT_MS = 15_000;

interface Exchange {
  readonly response: HttpResponse;
  readonly startedMs: number;
  /** The client is gone, or has its reply: the response must not be touched any more. */
  done: boolean;
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
    this.#sweeper = setInterval(() => this.#sweep(), 1000);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** uWebSockets lets `request` live until this returns. */
  handle(response: HttpResponse, request: HttpRequest): void {
    const exchange: Exchange = { response, startedMs: Date.now(), done: false };
    this.#inFlight += 1;
    response.onAborted(() => this.#end(exchange));
    const framing = decideFraming(request);
    if (framing !== undefined) {
      this.#answer(exchange, framing, true);
      return;
    }
    const headers = readHeaders(request);
    if (!headers.ok) {
      this.#answer(exchange, rejected(headers.error.code, { detail: headers.error.detail }), true);
      return;
    }
    const unfit = decideContent(headers.value);
    if (unfit !== undefined) {
      // The connection is closed: the body that is still to come would have to be read to the end.
      this.#answer(exchange, unfit, true);
      return;
    }
    this.#receive(exchange, headers.value);
  }

  /** From now on every reply closes its connection. Resolves when nothing is in flight. */
  async drain(): Promise<void> {
    this.#draining = true;
    clearInterval(this.#sweeper);
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  #receive(exchange: Exchange, headers: TelemetryHeaders): void {
    const body = new BodyCollector(MAX_CONTENT_BYTES);
    this.#receiving.add(exchange);
    exchange.response.onData((chunk, isLast) => {
      if (exchange.done) return;
      if (!body.add(chunk)) {
        this.#answer(exchange, tooLarge(), true);
        return;
      }
      if (!isLast) return;
      this.#receiving.delete(exchange);
      void this.#decide(exchange, headers, body.bytes());
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
    if (exchange.done) return;
    reply(exchange.response, outcome, closeConnection || this.#draining);
    this.#end(exchange);
  }

  #end(exchange: Exchange): void {
    if (exchange.done) return;
    exchange.done = true;
    this.#receiving.delete(exchange);
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#whenIdle?.();
  }

  #sweep(): void {
    const nowMs = Date.now();
    for (const exchange of this.#receiving) {
      if (nowMs - exchange.startedMs > BODY_TIMEOUT_MS) this.#answer(exchange, rejected('request-timeout'), true);
    }
  }
}

function decideFraming(request: HttpRequest): Outcome | undefined {
  if (request.getUrl() !== TELEMETRY_PATH) return rejected('not-found');
  if (request.getCaseSensitiveMethod() !== TELEMETRY_METHOD) return rejected('method-not-allowed');
  if (queryOf(request) !== undefined) return rejected('malformed-request', { detail: 'no query string is accepted' });
  return undefined;
}

function decideContent(headers: TelemetryHeaders): Outcome | undefined {
  if (headers.contentLength !== undefined && headers.contentLength > MAX_CONTENT_BYTES) return tooLarge();
  if (headers.contentType.toLowerCase() === SENML_JSON) return undefined;
  return rejected('unsupported-media-type', { detail: `the content type must be ${SENML_JSON}` });
}

function tooLarge(): Outcome {
  return rejected('payload-too-large', { detail: `at most ${MAX_CONTENT_BYTES} bytes of content` });
}

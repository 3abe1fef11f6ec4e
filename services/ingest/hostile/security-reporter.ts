import { randomUUID } from 'node:crypto';
import type { SecurityEvent } from '../../../contracts/security-event.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { HostileMetrics } from './hostile-metrics.ts';

/** What is alike is reported at once and then as one event for each of these times. */
const REPORT_EVERY_MS = 10_000;
/** Different ones at a time, about 200 bytes each. What is beyond them is reported without its device and address. */
const MAX_SUBJECTS = 500;
const MAX_PENDING = 500;

type Incident = Pick<SecurityEvent, 'kind' | 'code' | 'device' | 'address'>;

interface Series {
  readonly incident: Incident;
  count: number;
  lastMs: number;
  /** From when what has happened since is reported. */
  dueMs: number;
}

export interface SecurityReporterOptions {
  readonly append: (events: readonly SecurityEvent[]) => Promise<void>;
  readonly metrics: HostileMetrics;
  readonly log: Logger;
}

/** Tells operators what happens, off the way of the messages: a flood of failures makes few events. */
export class SecurityReporter {
  readonly #options: SecurityReporterOptions;
  readonly #series = new Map<string, Series>();
  #pending: SecurityEvent[] = [];
  #sending: Promise<void> | undefined;

  constructor(options: SecurityReporterOptions) {
    this.#options = options;
  }

  /** One of many of its kind. */
  count(incident: Incident, nowMs: number): void {
    const { kind, code, device, address } = incident;
    const key = `${kind} ${address ?? ''} ${device ?? ''}`;
    const known = this.#series.get(key);
    if (known !== undefined) this.#add(known, nowMs);
    else if (this.#series.size < MAX_SUBJECTS) this.#begin(key, incident, nowMs);
    else if (device !== null || address !== null) this.#countRest({ kind, code, device: null, address: null }, nowMs);
  }

  /** One that stands for itself. */
  report(event: Omit<SecurityEvent, 'id'> & { readonly id?: string }): void {
    if (this.#pending.length < MAX_PENDING) this.#pending.push({ id: randomUUID(), ...event });
    else this.#options.metrics.eventsDropped.inc();
  }

  /** Sends what is due; all of it when the service stops. What Redis does not take is dropped and counted. */
  async flush(nowMs: number, isLast = false): Promise<void> {
    if (this.#sending !== undefined && !isLast) return;
    await this.#sending;
    const events = [...this.#pending, ...this.#takeDue(nowMs, isLast)];
    this.#pending = [];
    if (events.length === 0) return;
    this.#sending = this.#send(events);
    await this.#sending;
    this.#sending = undefined;
  }

  #countRest(incident: Incident, nowMs: number): void {
    const key = `${incident.kind}  `;
    const known = this.#series.get(key);
    if (known === undefined) this.#begin(key, incident, nowMs);
    else this.#add(known, nowMs);
  }

  #begin(key: string, incident: Incident, nowMs: number): void {
    this.#series.set(key, { incident, count: 1, lastMs: nowMs, dueMs: nowMs });
  }

  #add(series: Series, nowMs: number): void {
    series.count += 1;
    series.lastMs = nowMs;
  }

  #takeDue(nowMs: number, all: boolean): SecurityEvent[] {
    const events: SecurityEvent[] = [];
    for (const [key, series] of this.#series) {
      if (!all && nowMs < series.dueMs) continue;
      if (series.count === 0) {
        this.#series.delete(key);
        continue;
      }
      const { incident, count, lastMs } = series;
      events.push({ id: randomUUID(), ...incident, at_ms: lastMs, actor: 'ingest', detail: { count } });
      series.count = 0;
      series.dueMs = nowMs + REPORT_EVERY_MS;
    }
    return events;
  }

  async #send(events: readonly SecurityEvent[]): Promise<void> {
    const { append, metrics, log } = this.#options;
    try {
      await append(events);
      for (const { kind } of events) metrics.events.inc({ kind });
    } catch (error) {
      metrics.eventsDropped.inc(events.length);
      log.debug({ err: error, events: events.length }, 'security events could not be reported');
    }
  }
}

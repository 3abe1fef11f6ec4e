import type { AlertListener } from './alert-listener.ts';
import { readMetrics, sumMetric } from './read-metrics.ts';
import type { StackSettings } from './settings.ts';

const TERMINAL_INTERVAL_MS = 1000;
const LOG_INTERVAL_MS = 10_000;

/** One live line in a terminal, a line every 10 s elsewhere. */
export class StatusLine {
  readonly #settings: StackSettings;
  readonly #alerts: AlertListener;
  readonly #output: NodeJS.WriteStream;
  #timer: NodeJS.Timeout | undefined;
  #accepted = { count: 0, atMs: 0 };

  constructor(settings: StackSettings, alerts: AlertListener, output: NodeJS.WriteStream) {
    this.#settings = settings;
    this.#alerts = alerts;
    this.#output = output;
  }

  /** Counts from zero: the services have just started. */
  start(): void {
    this.#accepted = { count: 0, atMs: performance.now() };
    const interval = this.#output.isTTY ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS;
    this.#timer = setInterval(() => void this.#show().catch(() => undefined), interval);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#output.isTTY) this.#output.write('\n');
    return Promise.resolve();
  }

  async #show(): Promise<void> {
    const [ingest, worker] = await Promise.all([
      readMetrics(this.#settings.TELLTALE_INGEST_ADMIN_PORT),
      readMetrics(this.#settings.TELLTALE_WORKER_ADMIN_PORT),
    ]);
    if (this.#timer === undefined) return;
    const accepted = sumMetric(ingest, 'ingest_readings_total');
    const stored = sumMetric(worker, 'persist_rows_total');
    const line = [
      `accepted ${this.#rateOf(accepted).toFixed(0)}/s`,
      `stored ${stored.toLocaleString('en')}`,
      `alerts delivered ${this.#alerts.delivered.toLocaleString('en')}`,
    ].join(' · ');
    this.#output.write(this.#output.isTTY ? `\r\u001b[2K${line}` : `${line}\n`);
  }

  #rateOf(count: number): number {
    const before = this.#accepted;
    const atMs = performance.now();
    this.#accepted = { count, atMs };
    return ((count - before.count) * 1000) / (atMs - before.atMs);
  }
}

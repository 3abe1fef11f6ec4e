import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAcknowledged, NOTHING_ACKNOWLEDGED } from '../audit/ledger.ts';
import { countRaised, readAlertCursor } from '../audit/raised-alerts.ts';
import type { RunSummary } from '../audit/run-summary.ts';
import { countStored } from '../audit/stored-readings.ts';
import { AlertListener } from './alert-listener.ts';
import { registerDemoFleet, startDemoFleet, type DemoFleet } from './demo-fleet.ts';
import type { Stores } from './environment.ts';
import { writeRunFile } from '../../platform/config/run-file.ts';
import type { Stack } from './stack.ts';
import { listenUrl } from './urls.ts';

const DRAIN_DEADLINE_MS = 30_000;
const STORED_DEADLINE_MS = 60_000;

export interface PlatformRunOptions {
  readonly withFleet: boolean;
  /** Note what is acknowledged, so that `finish` can count it; the notes of a long run are large. */
  readonly counted: boolean;
}

/** The stack with its demo: a fleet that sends, and a subscriber that listens. */
export class PlatformRun {
  readonly #stack: Stack;
  readonly #options: PlatformRunOptions;
  readonly #ledgerPath: string;

  constructor(stack: Stack, options: PlatformRunOptions) {
    this.#stack = stack;
    this.#options = options;
    this.#ledgerPath = join(stack.settings.TELLTALE_DEV_DIR, 'ledger.ndjson');
  }

  async start(): Promise<StartedRun> {
    const { settings } = this.#stack;
    const stores = await this.#stack.start();
    const ingestUrl = listenUrl('http', settings.TELLTALE_INGEST_HOST, settings.TELLTALE_INGEST_PORT);
    const alertsUrl = `${listenUrl('ws', settings.TELLTALE_BROADCASTER_HOST, settings.TELLTALE_BROADCASTER_PORT)}/ws/alerts`;
    await this.#stack.run('rules', ['scripts/admin.js', 'rules', 'deploy/demo/rules.json'], stores);
    const fleetFolder = this.#options.withFleet ? await registerDemoFleet(this.#stack, stores) : undefined;
    await rm(this.#ledgerPath, { force: true });
    const alertCursor = await readAlertCursor(stores.redisUrl);
    const alerts = new AlertListener(alertsUrl);
    this.#stack.onClose(alerts);
    await alerts.open();
    const urls = { ingest_url: ingestUrl, alerts_url: alertsUrl };
    this.#stack.onClose(
      await writeRunFile(settings.TELLTALE_DEV_DIR, {
        ...urls,
        pid: process.pid,
        database_url: stores.databaseUrl,
        redis_url: stores.redisUrl,
        mqtt_url: this.#stack.mqttUrl,
      }),
    );
    const ledgerPath = this.#options.counted ? this.#ledgerPath : undefined;
    const fleet =
      fleetFolder === undefined ? undefined : await startDemoFleet(this.#stack, { fleetFolder, ingestUrl, ledgerPath });
    return { stores, ingestUrl, alertsUrl, alerts, alertCursor, fleet, readyAtMs: performance.now() };
  }

  /** Stops the fleet, waits for the database and counts. */
  async finish(run: StartedRun): Promise<RunSummary> {
    const sent = await run.fleet?.drain(DRAIN_DEADLINE_MS);
    const acknowledged = run.fleet === undefined ? NOTHING_ACKNOWLEDGED : await loadAcknowledged(this.#ledgerPath);
    const stored = await countStored(run.stores.databaseUrl, acknowledged, STORED_DEADLINE_MS);
    return {
      accepted: acknowledged.count,
      stored,
      duplicates: acknowledged.count - acknowledged.distinct,
      rejected: sent?.rejected ?? 0,
      alerts: await countRaised(run.stores.redisUrl, run.alertCursor),
      delivered: run.alerts.delivered,
      lost: acknowledged.distinct - stored,
    };
  }
}

export interface StartedRun {
  readonly stores: Stores;
  readonly ingestUrl: string;
  readonly alertsUrl: string;
  readonly alerts: AlertListener;
  readonly alertCursor: string;
  readonly fleet: DemoFleet | undefined;
  readonly readyAtMs: number;
}

import { setTimeout as delay } from 'node:timers/promises';
import { apiKeyRegistration, keyRegistration } from '../../cli/keys/registrations.ts';
import { untilProjected } from '../../cli/stores/with-stores.ts';
import type { BenchContext } from '../../scripts/bench/bench.ts';
import { parseDeviceId } from '../../core/identity/ids.ts';
import type { FleetDevice } from '../../firmware-sim/fleet/fleet-device.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { RegistryStore, type DeviceRegistration } from '../../platform/postgres/registry-store.ts';
import { countDeadLetters, describeUnfinished } from './audit/backlog.ts';
import { compareAlerts, compareStream, readCursor } from './audit/compare-alerts.ts';
import { compareReadings } from './audit/compare-readings.ts';
import type { FaultReport } from './chaos-report.ts';
import type { Durations, Fault, FaultContext } from './faults/fault.ts';
import { ChaosLoad } from './load/chaos-load.ts';
import { PROBE_RULE } from './load/probe-rule.ts';
import { ChaosStack, type StackOptions } from './stack/chaos-stack.ts';

export const DURATIONS: Durations = {
  deadMs: 3000,
  frozenMs: 10_000,
  postgresAwayMs: 60_000,
  redisAwayMs: 30_000,
  diskFullMs: 15_000,
  disturbedMs: 12_000,
};

export const QUICK_DURATIONS: Durations = {
  deadMs: 1000,
  frozenMs: 5000,
  postgresAwayMs: 12_000,
  redisAwayMs: 5000,
  diskFullMs: 5000,
  disturbedMs: 5000,
};

/** The default of the services. */
const SHARD_COUNT = 16;
const BEFORE_MS = 1500;
/** Longer than every wait that the platform and its devices allow themselves. */
const DRAIN_DEADLINE_MS = 60_000;
const POLL_MS = 100;
/** The second of two faults begins while the first one lasts. */
const PAIR_SPREAD_MS = 3000;

export interface MatrixOptions extends StackOptions {
  readonly durations?: Durations;
  /** Whether what was acknowledged is kept, to be compared with the database; it is unless told otherwise. */
  readonly audited?: boolean;
  readonly random: () => number;
}

/** A platform under load, and one fault after the other. */
export class Matrix implements AsyncDisposable {
  readonly stack: ChaosStack;
  readonly load: ChaosLoad;
  readonly #context: FaultContext;

  private constructor(stack: ChaosStack, load: ChaosLoad, { durations = DURATIONS, random }: MatrixOptions) {
    this.stack = stack;
    this.load = load;
    this.#context = { stack, load, durations, random, shardCount: SHARD_COUNT };
  }

  static async open(options: MatrixOptions, { folder, guard, say }: BenchContext): Promise<Matrix> {
    say(
      `starting a platform with two workers, ${options.embedded === true ? 'PGlite' : 'PostgreSQL'}, ${options.cluster === undefined ? 'Redis' : 'a Redis Cluster'} and Mosquitto of its own`,
    );
    const stack = await ChaosStack.open(folder, guard, options);
    const load = new ChaosLoad(options.audited ?? true);
    try {
      await register(stack, load.fleet);
      await load.connect(stack.ingestUrl, stack.mqttUrl);
      return new Matrix(stack, load, options);
    } catch (error) {
      load[Symbol.dispose]();
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Why the fault cannot be staged here. */
  impossible(fault: Fault): string | undefined {
    return fault.impossible?.(this.#context);
  }

  /** Several faults begin within a few seconds of each other. */
  async run(faults: readonly Fault[]): Promise<FaultReport> {
    const { stack, load } = this;
    const { random } = this.#context;
    const lettersBefore = await stack.withRedis((redis) => countDeadLetters(redis, SHARD_COUNT));
    const cursor = await stack.withRedis(readCursor);
    load.start();
    await delay(BEFORE_MS);
    const outcomes = await Promise.all(
      faults.map(async (fault, index) => {
        if (index > 0) await delay(random() * PAIR_SPREAD_MS);
        return fault.inject(this.#context);
      }),
    );
    const overMs = performance.now();
    const unavailableS = load.ledger.longestSilenceS;
    await load.stop();
    const problems = [...(await this.drain())];
    const recoveredS = (performance.now() - overMs) / 1000;

    const { readings, contradictions } = load.ledger;
    const [{ acknowledged, stored, lost, duplicated, altered }, alerts] = [
      await compareReadings(stack.databaseUrl, readings),
      await compareAlerts(stack.databaseUrl, readings),
    ];
    const letters = (await stack.withRedis((redis) => countDeadLetters(redis, SHARD_COUNT))) - lettersBefore;
    const expectedLetters = outcomes.reduce((sum, outcome) => sum + (outcome?.deadLetters ?? 0), 0);
    if (letters !== expectedLetters) problems.push(`${letters} dead letters, ${expectedLetters} expected`);
    const stream = await stack.withRedis((redis) => compareStream(redis, cursor, readings));
    if (stream.unexplained > 0) problems.push(`${stream.unexplained} transitions for no reading that was acknowledged`);
    const allowed = outcomes.flatMap((outcome) => outcome?.rejections ?? []);
    for (const [code, packs] of load.ledger.rejected) {
      if (!allowed.includes(code)) problems.push(`${packs} packs were refused for good: ${code}`);
    }
    if (contradictions.length > 0) problems.push(`the load contradicted itself at ${contradictions[0]}`);
    return {
      fault: faults.map(({ name }) => name).join(' + '),
      ...{ acknowledged, stored, lost, duplicated, altered },
      unavailable_s: round(unavailableS),
      recovered_s: round(recoveredS),
      alerts: alerts.expected,
      alerts_missed: alerts.missed,
      alerts_doubled: stream.doubled,
      slowest_alert_s: round(alerts.slowestS),
      problems: [...problems, ...outcomes.flatMap((outcome) => outcome?.problems ?? []), ...stack.takeProblems()],
    };
  }

  /** Everything that was acknowledged since the start, compared once more. Answers what is not there any more or not right. */
  async finish(): Promise<readonly string[]> {
    const { stack, load } = this;
    const { lost, altered, duplicated } = await compareReadings(stack.databaseUrl, load.ledger.all);
    const { missed } = await compareAlerts(stack.databaseUrl, load.ledger.all);
    const found = { lost, altered, duplicated, 'alerts missed': missed };
    return Object.entries(found).flatMap(([what, count]) => (count > 0 ? [`${count} ${what} in the end`] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.load[Symbol.dispose]();
    await this.stack[Symbol.asyncDispose]();
  }

  /** Until everything measured is acknowledged and everything acknowledged is stored. Answers what did not come to an end. */
  async drain(): Promise<readonly string[]> {
    const { load } = this;
    const deadlineMs = performance.now() + DRAIN_DEADLINE_MS;
    if (!(await load.drain(DRAIN_DEADLINE_MS))) {
      return [`${load.unacknowledged} readings have no outcome ${DRAIN_DEADLINE_MS / 1000} s after the fault`];
    }
    return await this.stack.withRedis(async (redis) => {
      for (;;) {
        const unfinished = await describeUnfinished(redis, SHARD_COUNT);
        if (unfinished === undefined) return [];
        if (performance.now() > deadlineMs) return [unfinished];
        await delay(POLL_MS);
      }
    });
  }
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

async function register(stack: ChaosStack, fleet: readonly FleetDevice[]): Promise<void> {
  const options = { url: stack.databaseUrl, name: 'chaos', maxConnections: 1 };
  const database = openPostgres(options, createLogger('chaos', 'silent'));
  try {
    const registry = new RegistryStore(database);
    await registry.applyRules([PROBE_RULE]);
    await untilProjected(stack.redis.url, await registry.registerDevices(fleet.map(registrationOf)));
  } finally {
    await database.end();
  }
}

function registrationOf({ id: text, site, owner, lat, lon, api_key: apiKey, key }: FleetDevice): DeviceRegistration {
  const id = parseDeviceId(text);
  if (id === undefined) throw new Error(`${text} is not a device id`);
  const { x, y } = key.private_key;
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return {
    ...{ id, class: 'fixed', site, owner },
    position: { lat, lon },
    keys: [keyRegistration(id, key.id, point)],
    apiKeys: [apiKeyRegistration(apiKey)],
  };
}

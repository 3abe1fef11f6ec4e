import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { localAddressOf } from '../../../firmware-sim/transport/local-address.ts';
import { readMetrics, sumMetric } from '../../dev-stack/read-metrics.ts';
import type { PrivateIngest } from '../load/private-ingest.ts';
import { PacedLoad } from '../load/paced-load.ts';
import { signRequests } from '../load/sign-requests.ts';
import type { PrivateService } from '../private-service.ts';
import { readResidentBytes } from '../process-cost.ts';
import { mapParts, readPartTimes, type PartPids, type PartTimes } from './part-times.ts';

const CONNECTIONS = 100;
const IDLE_MS = 10_000;
const STORED_WITHIN_MS = 120_000;
/** The trimming of the log comes after storage and detection. */
const SETTLE_MS = 3000;
const IDLE_SOCKETS = 2000;

export interface RoundPlan {
  readonly devices: readonly FleetDevice[];
  /** Of each device. */
  readonly packs: number;
  readonly readings: number;
  readonly perS: number;
}

export interface RoundCost {
  readonly accepted: number;
  readonly readings: number;
  /** Processor time of one pack, microseconds, without what the parts do when there is none. */
  readonly usPerPack: PartTimes;
}

interface Parts {
  readonly ingest: PrivateIngest;
  readonly worker: PrivateService;
  readonly pids: PartPids;
  readonly shards: number;
  readonly stop: AbortSignal;
}

/** Loads a platform in rounds and reads what its parts have spent. */
export class FleetRounds {
  readonly problems: string[] = [];
  readonly #parts: Parts;
  #idle: PartTimes = mapParts(() => 0);
  /** Readings that were acknowledged so far. */
  #acknowledged = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Processor time in a second without packs, milliseconds; it is taken off the rounds that follow. */
  async measureIdle(): Promise<PartTimes> {
    const { pids, stop } = this.#parts;
    const [before, beganMs] = [readPartTimes(pids), performance.now()];
    await delay(IDLE_MS, undefined, { signal: stop });
    const [after, tookS] = [readPartTimes(pids), (performance.now() - beganMs) / 1000];
    this.#idle = mapParts((part) => (after[part] - before[part]) / tookS);
    return this.#idle;
  }

  /** Until all of it is stored and evaluated. */
  async measureThrough(plan: RoundPlan): Promise<RoundCost> {
    return await this.#measure(plan, async (requests) => {
      const accepted = await this.#send(requests, plan);
      await this.#untilStored();
      return accepted;
    });
  }

  /** Ingest and Redis alone; what was accepted stays in the log. */
  async measureAdmission(plan: RoundPlan): Promise<RoundCost> {
    return await this.#measure(plan, (requests) => this.#send(requests, plan));
  }

  /** What the worker has to catch up with: the packs of these rounds. */
  async measureStorage(rounds: readonly RoundCost[]): Promise<PartTimes> {
    const accepted = rounds.reduce((sum, round) => sum + round.accepted, 0);
    const [before, beganMs] = [readPartTimes(this.#parts.pids), performance.now()];
    this.resumeWorker();
    await this.#untilStored();
    return this.#perPack(before, accepted, beganMs);
  }

  /** Stands still, as in a debugger: it need not be compiled again. */
  pauseWorker(): void {
    process.kill(this.#parts.pids.worker, 'SIGSTOP');
  }

  resumeWorker(): void {
    process.kill(this.#parts.pids.worker, 'SIGCONT');
  }

  /** Memory of ingest for a connection that sends nothing, bytes. */
  async measureSocket(): Promise<number> {
    const { pid, port } = this.#parts.ingest;
    const before = readResidentBytes(pid);
    const sockets: Socket[] = [];
    try {
      for (let index = 0; index < IDLE_SOCKETS; index += 1) {
        const socket = connect({ host: '127.0.0.1', port, localAddress: localAddressOf(index) });
        sockets.push(socket);
        await once(socket, 'connect');
      }
      return Math.max(0, readResidentBytes(pid) - before) / IDLE_SOCKETS;
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  }

  async #measure(plan: RoundPlan, run: (requests: Buffer[][]) => Promise<number>): Promise<RoundCost> {
    const requests = await signRequests(plan.devices, {
      connections: CONNECTIONS,
      requests: (plan.devices.length * plan.packs) / CONNECTIONS,
      host: `127.0.0.1:${this.#parts.ingest.port}`,
      stop: this.#parts.stop,
      readings: plan.readings,
    });
    const [before, beganMs] = [readPartTimes(this.#parts.pids), performance.now()];
    const accepted = await run(requests);
    return { accepted, readings: plan.readings, usPerPack: this.#perPack(before, accepted, beganMs) };
  }

  async #send(requests: Buffer[][], { perS, readings }: RoundPlan): Promise<number> {
    const { ingest, stop } = this.#parts;
    const { accepted, refused } = await new PacedLoad({ port: ingest.port, requests, perS, warmUpMs: 0, stop }).run();
    // What a busy machine could not send in time costs nothing and is not counted.
    for (const [status, count] of refused)
      if (status !== 0) this.problems.push(`${count} packs were answered ${status}`);
    this.#acknowledged += accepted * readings;
    return accepted;
  }

  #perPack(before: PartTimes, accepted: number, beganMs: number): PartTimes {
    const [after, tookS] = [readPartTimes(this.#parts.pids), (performance.now() - beganMs) / 1000];
    return mapParts((part) => ((after[part] - before[part] - this.#idle[part] * tookS) * 1000) / accepted);
  }

  async #untilStored(): Promise<void> {
    const { worker, stop } = this.#parts;
    const deadlineMs = performance.now() + STORED_WITHIN_MS;
    for (;;) {
      const metrics = await readMetrics(worker.adminPort).catch(() => '');
      const stored = sumMetric(metrics, 'persist_rows_total');
      // Of all shards together; one that has caught up has less than a second.
      if (stored >= this.#acknowledged && sumMetric(metrics, 'detect_lag_seconds') < this.#parts.shards) break;
      if (performance.now() > deadlineMs) throw new Error(`${stored} of ${this.#acknowledged} readings are stored`);
      await delay(100);
      stop.throwIfAborted();
    }
    await delay(SETTLE_MS);
  }
}

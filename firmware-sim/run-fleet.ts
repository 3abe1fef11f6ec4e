import { setMaxListeners } from 'node:events';
import type { AttackTally } from './attack/attack-tally.ts';
import { Campaign } from './attack/campaign.ts';
import type { PlannedAttacker } from './attack/plan-attackers.ts';
import { DeviceClock } from './device/device-clock.ts';
import { Outbox } from './device/outbox.ts';
import { SimulatedDevice } from './device/simulated-device.ts';
import { createSigner } from './envelope/create-signer.ts';
import type { Encoding } from './envelope/encoding.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { FleetDevice } from './fleet/fleet-device.ts';
import type { NonceCounter } from './fleet/nonce-counter.ts';
import { reserveNonces } from './fleet/reserve-nonces.ts';
import type { PackSource } from './pack-source.ts';
import { pause } from './pause.ts';
import { showProgress } from './report/progress.ts';
import { summarise, type RunSummary } from './report/summary.ts';
import type { Tally } from './report/tally.ts';
import { createOpenTransport, type OpenTransport, type Route } from './transport/open-transports.ts';
import type { Transport } from './transport/transport.ts';

export interface FleetRun {
  readonly fleet: Fleet;
  readonly devices: readonly FleetDevice[];
  readonly attackers: readonly PlannedAttacker[];
  /** The device of each attacker, in the same order. */
  readonly reserved: readonly FleetDevice[];
  readonly source: PackSource;
  /** So many readings of a report go into its pack; all when undefined. */
  readonly packReadings?: number | undefined;
  readonly tally: Tally;
  readonly attackTally: AttackTally;
  readonly route: Route;
  readonly encoding: Encoding;
  readonly drainS: number;
  readonly output: NodeJS.WriteStream;
  /** Make nothing new. */
  readonly stop: AbortSignal;
  /** Send nothing more. Aborted by the run itself when the time to drain is over. */
  readonly abandon: AbortController;
}

/** Lets the devices measure and send until the source ends or is stopped, attackers beside them, then drains the outboxes. */
export async function runFleet(run: FleetRun): Promise<RunSummary> {
  const { source, tally, attackTally, abandon } = run;
  const startedMs = performance.now();
  const openTransport = await createOpenTransport(run.route);
  const transports = run.devices.map((device, index) => openTransport(device, index, 'device'));
  const counters = reserveNonces(run.fleet, [...run.devices, ...run.reserved], Math.floor(Date.now() / 1000));
  const devices = createDevices(run, counters, transports);
  using campaign = createCampaign(run, counters.slice(run.devices.length), openTransport);
  const everybody = [...devices, ...campaign.victims];
  const waiting = () => everybody.reduce((sum, device) => sum + device.unacknowledgedReadings, 0);
  let packs = 0;
  const progress = showProgress({
    ...{ name: source.name, expectedPacks: source.expectedPacks, output: run.output, tally, waiting },
    packs: () => packs,
  });
  const ended = new AbortController();
  // Each attacker listens to it.
  setMaxListeners(0, ended.signal);
  try {
    const attacking = campaign.run(ended.signal, abandon.signal);
    await source.run((index, samples) => {
      packs += 1;
      devices[index]?.report(samples);
    }, run.stop);
    ended.abort();
    await Promise.all([drain(everybody, run.drainS, abandon), attacking]);
    return summarise({
      ...{ source, tally, attackTally, devices: devices.length, unacknowledged: waiting(), nowMs: Date.now() },
      durationS: (performance.now() - startedMs) / 1000,
    });
  } finally {
    progress[Symbol.dispose]();
    ended.abort();
    abandon.abort();
    for (const transport of transports) transport[Symbol.dispose]();
  }
}

function createDevices(
  run: FleetRun,
  counters: readonly NonceCounter[],
  transports: readonly Transport[],
): readonly SimulatedDevice[] {
  return run.devices.flatMap((device, index) => {
    const [transport, nonces] = [transports[index], counters[index]];
    return transport === undefined || nonces === undefined ? [] : [createSimulated(run, device, nonces, transport)];
  });
}

function createSimulated(run: FleetRun, device: FleetDevice, nonces: NonceCounter, transport: Transport) {
  const clock = new DeviceClock();
  const signer = createSigner(run.encoding, device);
  const parts = { signer, nonces, clock, transport, observer: run.tally, random: Math.random };
  return new SimulatedDevice(device.id, clock, new Outbox(parts, run.abandon.signal), run.packReadings);
}

function createCampaign(run: FleetRun, counters: readonly NonceCounter[], openTransport: OpenTransport): Campaign {
  return new Campaign({
    attackers: run.attackers,
    reserved: run.reserved.flatMap((device, index) => {
      const nonces = counters[index];
      return nonces === undefined ? [] : [{ device, nonces }];
    }),
    encoding: run.encoding,
    url: run.route.url,
    tally: run.attackTally,
    openVictimLine: (device, index) => openTransport(device, index, 'victim'),
    createVictim: (device, nonces, line) => createSimulated(run, device, nonces, line),
  });
}

async function drain(devices: readonly SimulatedDevice[], drainS: number, abandon: AbortController): Promise<void> {
  const drained = new AbortController();
  void pause(drainS * 1000, drained.signal).then(() => {
    if (!drained.signal.aborted) abandon.abort();
  });
  await Promise.all(devices.map((device) => device.idle()));
  drained.abort();
}

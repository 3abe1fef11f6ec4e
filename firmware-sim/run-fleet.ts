import { DeviceClock } from './device/device-clock.ts';
import { Outbox } from './device/outbox.ts';
import { SimulatedDevice } from './device/simulated-device.ts';
import { HttpSignatureSigner } from './envelope/http-signature-signer.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { FleetDevice } from './fleet/fleet-device.ts';
import { reserveNonces } from './fleet/reserve-nonces.ts';
import type { PackSource } from './pack-source.ts';
import { pause } from './pause.ts';
import { showProgress } from './report/progress.ts';
import { summarise, type RunSummary } from './report/summary.ts';
import type { Tally } from './report/tally.ts';
import { HttpTransport } from './transport/http-transport.ts';
import { canBindLocalAddress, localAddressOf } from './transport/local-address.ts';

export interface FleetRun {
  readonly fleet: Fleet;
  readonly devices: readonly FleetDevice[];
  readonly source: PackSource;
  readonly tally: Tally;
  /** Of the ingest. */
  readonly url: URL;
  readonly drainS: number;
  readonly output: NodeJS.WriteStream;
  /** Make nothing new. */
  readonly stop: AbortSignal;
  /** Send nothing more. Aborted by the run itself when the time to drain is over. */
  readonly abandon: AbortController;
}

/** Lets the devices measure and send until the source ends or is stopped, then drains their outboxes. */
export async function runFleet(run: FleetRun): Promise<RunSummary> {
  const { source, tally, abandon } = run;
  const startedMs = performance.now();
  const transports = openTransports(run);
  const devices = createDevices(run, transports);
  const waiting = () => devices.reduce((sum, device) => sum + device.unacknowledgedReadings, 0);
  let packs = 0;
  const progress = showProgress({
    ...{ name: source.name, expectedPacks: source.expectedPacks, output: run.output, tally, waiting },
    packs: () => packs,
  });
  try {
    await source.run((index, samples) => {
      packs += 1;
      devices[index]?.report(samples);
    }, run.stop);
    await drain(devices, run.drainS, abandon);
    return summarise({
      ...{ source, tally, devices: devices.length, unacknowledged: waiting(), nowMs: Date.now() },
      durationS: (performance.now() - startedMs) / 1000,
    });
  } finally {
    progress[Symbol.dispose]();
    abandon.abort();
    for (const transport of transports) transport[Symbol.dispose]();
  }
}

function openTransports({ devices, url }: FleetRun): readonly HttpTransport[] {
  const bound = canBindLocalAddress(url, process.platform);
  return devices.map((_, index) => new HttpTransport(url, bound ? localAddressOf(index) : undefined));
}

function createDevices(run: FleetRun, transports: readonly HttpTransport[]): readonly SimulatedDevice[] {
  const { fleet, tally, abandon } = run;
  const counters = reserveNonces(fleet, run.devices, Math.floor(Date.now() / 1000));
  return run.devices.flatMap((device, index) => {
    const [transport, nonces] = [transports[index], counters[index]];
    if (transport === undefined || nonces === undefined) return [];
    const clock = new DeviceClock();
    const signer = new HttpSignatureSigner(device);
    const parts = { signer, nonces, clock, transport, observer: tally, random: Math.random };
    return [new SimulatedDevice(device.id, clock, new Outbox(parts, abandon.signal))];
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

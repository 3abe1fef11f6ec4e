import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { DeviceClock } from '../../../firmware-sim/device/device-clock.ts';
import { Outbox } from '../../../firmware-sim/device/outbox.ts';
import { createSigner } from '../../../firmware-sim/envelope/create-signer.ts';
import { createDevice } from '../../../firmware-sim/fleet/create-device.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { NonceCounter } from '../../../firmware-sim/fleet/nonce-counter.ts';
import { ACCELERATION_METRICS, ACCELERATION_UNIT, type Pack } from '../../../firmware-sim/pack.ts';
import { createOpenTransport } from '../../../firmware-sim/transport/open-transports.ts';
import type { Transport } from '../../../firmware-sim/transport/transport.ts';
import { PROBE_LIMIT, PROBE_METRIC } from './probe-rule.ts';
import { PhaseLedger } from './phase-ledger.ts';

/** Half of them over MQTT. */
const DEVICES = 24;
/** Their readings raise and clear alerts; half of them over MQTT. */
const PROBES = 8;
const PACKS_PER_S = 160;
const PROBES_PER_S = 8;
const SAMPLES = 2;
/** A clock that was set by a server's answer is off by the way of the answer. */
const RIGHT_WITHIN_US = 30e6;
const PROBE_METRICS = [PROBE_METRIC];
/** Nobody gives anything up. */
const FOREVER = new AbortController().signal;
setMaxListeners(0, FOREVER);

interface LoadDevice {
  readonly id: string;
  readonly clock: DeviceClock;
  readonly outboxes: readonly Outbox[];
  readonly transports: readonly Transport[];
}

/** A device that measures for real and never gives up. */
export class ChaosLoad implements Disposable {
  readonly ledger: PhaseLedger;
  /** To be registered. */
  readonly fleet: readonly FleetDevice[];
  readonly #devices: LoadDevice[] = [];
  readonly #probes: LoadDevice[] = [];
  readonly #clockOffsets = new Map<DeviceClock, { ms: number }>();
  #running: Promise<void> | undefined;
  #stopping = false;
  #impatient = false;
  #lastUs = 0;
  #turn = 0;
  #high = false;

  /** @param audited whether the ledger keeps every reading, or counts packs alone */
  constructor(audited: boolean) {
    this.ledger = new PhaseLedger(audited);
    this.fleet = [
      ...Array.from({ length: DEVICES }, (_, index) => place(`chaos-${index}`, index)),
      ...Array.from({ length: PROBES }, (_, index) => place(`probe-${index}`, DEVICES + index)),
    ];
  }

  async connect(url: URL, mqttUrl: URL): Promise<void> {
    const open = await createOpenTransport({ transport: 'both', url, mqttUrl });
    for (const [index, device] of this.fleet.entries()) {
      const transport = index % 2 === 1 ? 'mqtt' : 'http';
      const offset = { ms: 0 };
      const clock = new DeviceClock(() => Date.now() + offset.ms);
      this.#clockOffsets.set(clock, offset);
      const nonces = new NonceCounter(Math.floor(Date.now() / 1000), -1, () => undefined);
      const signer = createSigner(transport === 'mqtt' ? 'jws' : 'http-signature', device);
      // The second way is that of a client that does not wait for its reply.
      const transports =
        transport === 'mqtt' ? [open(device, 1, 'device')] : [open(device, 0, 'device'), open(device, 0, 'device')];
      const observer = this.ledger.observerFor(transport);
      const outboxes = transports.map(
        (way) => new Outbox({ signer, nonces, clock, transport: way, observer, random: Math.random }, FOREVER),
      );
      (index < DEVICES ? this.#devices : this.#probes).push({ id: device.id, clock, outboxes, transports });
    }
  }

  /** Devices begin to measure. */
  start(): void {
    this.#begin(() => [this.#run()]);
  }

  /** Each device measures again as soon as it was acknowledged what it measured before. */
  startEager(): void {
    this.#begin(() => this.#devices.map((device) => this.#runEager(device)));
  }

  /** @param rates packs a second of each device, by its id */
  startPaced(rates: ReadonlyMap<string, number>): void {
    this.#begin(() => [
      ...this.#devices.map((device) =>
        this.#repeat(rates.get(device.id) ?? 0, () => this.#post(device, this.#measure(device))),
      ),
      this.#repeat(PROBES_PER_S, () => this.#probe()),
    ]);
  }

  /** They measure nothing new. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** Resolves when every reading has its outcome, or the time is over. */
  async drain(deadlineMs: number): Promise<boolean> {
    const idle = Promise.all(this.#all().flatMap(({ outboxes }) => outboxes.map((outbox) => outbox.idle()))).then(
      () => true,
    );
    const timeout = new AbortController();
    const late = delay(deadlineMs, false, { signal: timeout.signal }).catch(() => false);
    const drained = await Promise.race([idle, late]);
    timeout.abort();
    return drained;
  }

  get unacknowledged(): number {
    return this.#all()
      .flatMap(({ outboxes }) => outboxes)
      .reduce((sum, outbox) => sum + outbox.unacknowledgedReadings, 0);
  }

  /** From now on every pack over HTTP is sent a second time, with a nonce of its own, before the first has its reply. */
  set impatient(impatient: boolean) {
    this.#impatient = impatient;
  }

  /** The clocks of so many devices jump, as after a wrong time server; 0 sets them right. */
  jumpClocks(devices: number, ms: number): void {
    for (const { clock } of this.#devices.slice(0, devices)) {
      const offset = this.#clockOffsets.get(clock);
      if (offset !== undefined) offset.ms = ms;
    }
  }

  [Symbol.dispose](): void {
    this.#stopping = true;
    for (const { transports } of this.#all()) for (const transport of transports) transport[Symbol.dispose]();
  }

  #all(): readonly LoadDevice[] {
    return [...this.#devices, ...this.#probes];
  }

  #begin(run: () => readonly Promise<void>[]): void {
    this.ledger.begin();
    this.#stopping = false;
    this.#running = Promise.all(run()).then(() => undefined);
  }

  async #runEager(device: LoadDevice): Promise<void> {
    while (!this.#stopping) {
      this.#post(device, this.#measure(device));
      await device.outboxes[0]?.idle();
    }
  }

  async #run(): Promise<void> {
    let packs = 0;
    await this.#repeat(PACKS_PER_S, () => {
      const device = this.#devices[packs % this.#devices.length];
      if (device !== undefined) this.#post(device, this.#measure(device));
      if (packs % (PACKS_PER_S / PROBES_PER_S) === 0) this.#probe();
      packs += 1;
    });
  }

  async #repeat(perS: number, act: () => void): Promise<void> {
    if (perS === 0) return;
    const startedMs = performance.now();
    for (let count = 1; !this.#stopping; count += 1) {
      act();
      // A timer is late by a millisecond: several at once then.
      const waitMs = startedMs + (count * 1000) / perS - performance.now();
      if (waitMs > 0 || count % 64 === 0) await delay(Math.max(0, waitMs));
    }
  }

  #post({ outboxes }: LoadDevice, pack: Pack): void {
    outboxes[0]?.post(pack);
    // Not a probe's: what comes later on one way and is older than what came on the other changes nothing live.
    if (this.#impatient && pack.metrics !== PROBE_METRICS) outboxes[1]?.post(pack);
  }

  #measure({ id, clock }: LoadDevice): Pack {
    const timesUs = Array.from({ length: SAMPLES }, () => this.#timeUs(clock));
    return {
      deviceId: id,
      unit: ACCELERATION_UNIT,
      metrics: ACCELERATION_METRICS,
      readings: timesUs.flatMap((timeUs) =>
        ACCELERATION_METRICS.map((_, metric) => [metric, timeUs, Math.round(Math.random() * 1e6) / 1e6] as const),
      ),
    };
  }

  /** Each probe in turn goes above the limit of its rule, then each in turn goes back. */
  #probe(): void {
    if (this.#turn % this.#probes.length === 0) this.#high = !this.#high;
    const probe = this.#probes[this.#turn % this.#probes.length];
    this.#turn += 1;
    if (probe === undefined) return;
    const value = this.#high ? PROBE_LIMIT + 1 : 0;
    const readings = [[0, this.#timeUs(probe.clock), value]] as const;
    this.#post(probe, { deviceId: probe.id, unit: ACCELERATION_UNIT, metrics: PROBE_METRICS, readings });
  }

  /** No two readings of a device have one time: it is even by a clock that is right, and odd by one that is not. */
  #timeUs(clock: DeviceClock): number {
    this.#lastUs = Math.max(this.#lastUs + 2, Date.now() * 1000);
    const offsetUs = Math.round(clock.nowMs() - Date.now()) * 1000;
    return Math.abs(offsetUs) < RIGHT_WITHIN_US ? this.#lastUs : this.#lastUs + offsetUs + 1;
  }
}

function place(id: string, index: number): FleetDevice {
  return createDevice({ id, site: `site-${index}`, owner: 'chaos', lat: 47 + index / 100, lon: 19 });
}

import { setTimeout as delay } from 'node:timers/promises';
import { firstNonceAfterBoot } from '../../../core/identity/nonce.ts';
import { HttpSignatureSigner } from '../../../firmware-sim/envelope/http-signature-signer.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { localAddressOf } from '../../../firmware-sim/transport/local-address.ts';
import { BENCH_METRIC, BENCH_UNIT } from '../load/bench-fleet.ts';
import { LoadConnection } from '../load/load-connection.ts';
import { encodeRequest } from '../load/sign-requests.ts';

export const READINGS_PER_PACK = 10;
/** Every so many packs of a device are about something. */
const ALERT_EVERY = 5;
/** Beyond the limit of the rule, and back. */
export const LIMIT = 10;
const QUIET = 1;
const LOUD = 99;
const TICK_MS = 1;

export interface AlertLoadOptions {
  readonly port: number;
  readonly devices: readonly FleetDevice[];
  readonly seconds: number;
  readonly stop: AbortSignal;
}

/** A pack that changes an alert, and when it was sent. */
export interface Cause {
  readonly kind: 'raised' | 'cleared';
  readonly sentAtMs: number;
}

interface Sender {
  readonly device: FleetDevice;
  readonly signer: HttpSignatureSigner;
  readonly connection: LoadConnection;
  readonly firstNonce: number;
  /** When its first pack is due, `performance.now()`. */
  readonly startMs: number;
  packs: number;
  isLoud: boolean;
}

/** Devices that send a pack a second; each fifth of a device raises its alert or clears it. */
export class AlertLoad {
  /** By device, in the order of sending. */
  readonly causes = new Map<string, Cause[]>();
  readonly #options: AlertLoadOptions;
  readonly #senders: readonly Sender[];
  #accepted = 0;
  readonly #refused = new Map<number, number>();

  constructor(options: AlertLoadOptions) {
    this.#options = options;
    const startMs = performance.now() + 500;
    this.#senders = options.devices.map((device, index) => this.#sender(device, index, startMs));
  }

  get accepted(): number {
    return this.#accepted;
  }

  /** Statuses other than 202; 0 for a connection that broke. */
  get refused(): ReadonlyMap<number, number> {
    return this.#refused;
  }

  async run(): Promise<void> {
    const { seconds, stop } = this.#options;
    await Promise.all(this.#senders.map(({ connection }) => connection.open()));
    const endMs = performance.now() + seconds * 1000 + 500;
    while (performance.now() < endMs) {
      for (const { connection } of this.#senders) connection.resume();
      await delay(TICK_MS);
      stop.throwIfAborted();
    }
    while (this.#senders.some(({ connection }) => !connection.isIdle) && performance.now() < endMs + 2000) {
      await delay(TICK_MS);
    }
    for (const { connection } of this.#senders) connection.abort('the time is over');
  }

  #sender(device: FleetDevice, index: number, startMs: number): Sender {
    const offsetMs = (index * 1000) / this.#options.devices.length;
    const target = { port: this.#options.port, localAddress: localAddressOf(index) };
    const connection = new LoadConnection(target, {
      next: () => this.#next(sender),
      replied: ({ status }) => {
        if (status === 202) this.#accepted += READINGS_PER_PACK;
        else this.#refused.set(status, (this.#refused.get(status) ?? 0) + 1);
      },
      broken: () => this.#refused.set(0, (this.#refused.get(0) ?? 0) + 1),
      ended: () => undefined,
    });
    const sender: Sender = {
      device,
      signer: new HttpSignatureSigner(device),
      connection,
      firstNonce: firstNonceAfterBoot(Math.floor(Date.now() / 1000)),
      startMs: startMs + offsetMs,
      packs: 0,
      isLoud: false,
    };
    return sender;
  }

  #next(sender: Sender): Buffer | 'later' {
    const { device, signer, startMs, firstNonce, packs } = sender;
    const nowMs = performance.now();
    if (packs >= this.#options.seconds || nowMs < startMs + packs * 1000) return 'later';
    sender.packs += 1;
    const isCause = packs % ALERT_EVERY === ALERT_EVERY - 1;
    const before = sender.isLoud ? LOUD : QUIET;
    if (isCause) sender.isLoud = !sender.isLoud;
    const after = sender.isLoud ? LOUD : QUIET;
    const endUs = Date.now() * 1000;
    const readings = Array.from({ length: READINGS_PER_PACK }, (_, index): readonly [number, number, number] => {
      const isLast = index === READINGS_PER_PACK - 1;
      return [0, endUs - (READINGS_PER_PACK - 1 - index) * 90_000, isLast ? after : before];
    });
    const pack = { deviceId: device.id, unit: BENCH_UNIT, metrics: [BENCH_METRIC], readings };
    const signed = signer.sign(pack, Math.floor(Date.now() / 1000), firstNonce + packs);
    if (isCause) {
      const cause: Cause = { kind: sender.isLoud ? 'raised' : 'cleared', sentAtMs: performance.now() };
      const causes = this.causes.get(device.id);
      if (causes === undefined) this.causes.set(device.id, [cause]);
      else causes.push(cause);
    }
    return encodeRequest(signed, `127.0.0.1:${this.#options.port}`);
  }
}

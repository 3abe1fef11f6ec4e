import type { SimulatedDevice } from '../device/simulated-device.ts';
import type { Encoding } from '../envelope/encoding.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import type { NonceCounter } from '../fleet/nonce-counter.ts';
import { pause } from '../pause.ts';
import { HttpConnection } from '../transport/http-connection.ts';
import { localAddressOf } from '../transport/local-address.ts';
import type { Transport } from '../transport/transport.ts';
import type { AttackTally } from './attack-tally.ts';
import { runAttacker, type AttackerParts } from './attacker.ts';
import { CapturedEnvelopes } from './captured-envelopes.ts';
import { FLOOD_CONNECTIONS, runFlooder } from './flooder.ts';
import { createForge } from './forge.ts';
import { sampleNow } from './pack-now.ts';
import type { PlannedAttacker } from './plan-attackers.ts';

const VICTIM_PERIOD_MS = 1000;

export interface CampaignParts {
  readonly attackers: readonly PlannedAttacker[];
  /** The device that is reserved for each attacker, and its nonces. */
  readonly reserved: readonly { readonly device: FleetDevice; readonly nonces: NonceCounter }[];
  readonly encoding: Encoding;
  /** Of the ingest: attackers post to it whatever way honest devices send, because a broker would hide their addresses. */
  readonly url: URL;
  readonly tally: AttackTally;
  readonly openVictimLine: (device: FleetDevice, index: number) => Transport;
  readonly createVictim: (device: FleetDevice, nonces: NonceCounter, line: Transport) => SimulatedDevice;
}

/** All attackers of a run, each at an address of its own, and the devices whose envelopes they capture. */
export class Campaign implements Disposable {
  readonly #attackers: AttackerParts[] = [];
  readonly #victims: SimulatedDevice[] = [];
  readonly #lines: Disposable[] = [];

  constructor(parts: CampaignParts) {
    for (const [index, { kind }] of parts.attackers.entries()) {
      const reserved = parts.reserved[index];
      if (reserved === undefined) continue;
      const { device, nonces } = reserved;
      const connections = kind === 'flood' ? FLOOD_CONNECTIONS : 1;
      const connection = new HttpConnection(parts.url, {
        localAddress: localAddressOf(index, 'attacker'),
        maxSockets: connections,
      });
      this.#lines.push(connection);
      const captured = kind === 'replay' ? this.#openVictim(parts, index, device, nonces) : undefined;
      const forge = createForge(kind, {
        ...{ device, nonces, encoding: parts.encoding },
        captured: () => captured?.next(),
      });
      this.#attackers.push({ kind, forge, connection, tally: parts.tally });
    }
  }

  /** Honest devices: what they sent has to be acknowledged like everybody's. */
  get victims(): readonly SimulatedDevice[] {
    return this.#victims;
  }

  /** Resolves when the last attacker has its answer after the stop, or the run is abandoned. */
  async run(stop: AbortSignal, abandon: AbortSignal): Promise<void> {
    await Promise.all([
      ...this.#attackers.map((parts) =>
        parts.kind === 'flood' ? runFlooder(parts, stop, abandon) : runAttacker(parts, stop, abandon),
      ),
      ...this.#victims.map((victim) => runVictim(victim, stop)),
    ]);
  }

  [Symbol.dispose](): void {
    for (const line of this.#lines) line[Symbol.dispose]();
  }

  #openVictim(parts: CampaignParts, index: number, device: FleetDevice, nonces: NonceCounter): CapturedEnvelopes {
    const captured = new CapturedEnvelopes(parts.openVictimLine(device, index));
    this.#lines.push(captured);
    this.#victims.push(parts.createVictim(device, nonces, captured));
    return captured;
  }
}

async function runVictim(victim: SimulatedDevice, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    victim.report([sampleNow()]);
    await pause(VICTIM_PERIOD_MS, stop);
  }
}

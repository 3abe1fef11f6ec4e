import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { firstNonceAfterBoot } from '../../../core/identity/nonce.ts';
import { JwsSigner } from '../../../firmware-sim/envelope/jws-signer.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import { startMosquitto } from '../../dev-stack/start-mosquitto.ts';
import { findFreePort } from '../../process/free-port.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { BENCH_METRIC, BENCH_UNIT, createBenchFleet } from '../load/bench-fleet.ts';
import { ClosedLoop, type LoadResult } from '../load/closed-loop.ts';
import { beginLogs, countEntries, projectFleet } from '../load/prepare-log.ts';
import { loadBenchedConfig, startPrivateIngest } from '../load/private-ingest.ts';
import { signRequests } from '../load/sign-requests.ts';
import { WARM_UP_MS } from '../load/warm-up.ts';
import { openPrivateRedis } from '../private-redis.ts';
import { ReceiptLoad, type MqttEnvelope } from './receipt-load.ts';

const DEVICES = 1000;
const HTTP_CONNECTIONS = 64;
const CLIENTS = 16;
/** As many in all as the HTTP load has. */
const UNDER_WAY = 4;
const WINDOW_MS = 8000;
/** As many are signed as can be sent. */
const MOST_PER_S = { http: 15_000, mqtt: 7000 } as const;
const BARS = { perS: 3000, ratio: 0.3 } as const;
const STOP_DEADLINE_MS = 5000;

/** For each client the packs of its devices, which ascend in their nonces. */
async function signForMqtt(devices: readonly FleetDevice[], perClient: number): Promise<MqttEnvelope[][]> {
  const createdS = Math.floor(Date.now() / 1000);
  const signing = devices.map((device) => ({ id: device.id, signer: new JwsSigner(device) }));
  const byClient: MqttEnvelope[][] = [];
  for (let client = 0; client < CLIENTS; client += 1) {
    const own = signing.filter((_, index) => index % CLIENTS === client);
    const envelopes: MqttEnvelope[] = [];
    for (let round = 0; envelopes.length < perClient; round += 1) {
      for (const { id, signer } of own) {
        const timeUs = createdS * 1e6 - round * 1000;
        const pack = { deviceId: id, unit: BENCH_UNIT, metrics: [BENCH_METRIC], readings: [[0, timeUs, 9.8]] } as const;
        // After the nonces of the HTTP load, which uses the same keys.
        const nonce = firstNonceAfterBoot(createdS) + 2 ** 19 + round;
        envelopes.push({ deviceId: id, payload: Buffer.from(signer.sign(pack, createdS, nonce).content) });
      }
    }
    byClient.push(envelopes);
    await nextTurn();
  }
  return byClient;
}

/** On its own, so that its requests are garbage before the packs of MQTT are signed. */
async function loadHttp(
  devices: readonly FleetDevice[],
  port: number,
  { say, stop }: Pick<BenchContext, 'say' | 'stop'>,
): Promise<LoadResult> {
  say('signing requests for HTTP');
  const requests = await signRequests(devices, {
    connections: HTTP_CONNECTIONS,
    requests: Math.ceil((MOST_PER_S.http * (WARM_UP_MS + WINDOW_MS)) / 1000 / HTTP_CONNECTIONS),
    host: `127.0.0.1:${port}`,
    stop,
  });
  say(`HTTP: ${WARM_UP_MS / 1000} s of warm-up, then ${WINDOW_MS / 1000} s`);
  return new ClosedLoop({ port, requests, warmUpMs: WARM_UP_MS, windowMs: WINDOW_MS, stop }).run();
}

async function runMqttBench({ guard, folder, stop, say }: BenchContext): Promise<BenchReport> {
  const config = loadBenchedConfig();
  const devices = createBenchFleet(DEVICES);
  const own = join(folder, 'mqtt');
  await mkdir(own);
  await using redis = await openPrivateRedis(join(own, 'redis'), 'always', guard);
  await beginLogs(redis.client, config.TELLTALE_SHARDS);
  await projectFleet(redis.client, devices);
  const broker = await startMosquitto({ port: await findFreePort(), folder: join(own, 'mosquitto') }, guard);
  await using _broker = {
    [Symbol.asyncDispose]: async () => {
      await broker.process.stop(STOP_DEADLINE_MS);
    },
  };
  await using ingest = await startPrivateIngest(redis.url, own, guard, broker.url);
  const seconds = (WARM_UP_MS + WINDOW_MS) / 1000;

  const http = await loadHttp(devices, ingest.port, { say, stop });
  const entriesOfHttp = await countEntries(redis.client, config.TELLTALE_SHARDS);

  say('signing packs for MQTT');
  const envelopes = await signForMqtt(devices, Math.ceil((MOST_PER_S.mqtt * seconds) / CLIENTS));
  say(`MQTT: ${WARM_UP_MS / 1000} s of warm-up, then ${WINDOW_MS / 1000} s`);
  const mqtt = await new ReceiptLoad({
    ...{ url: broker.url, envelopes, underWay: UNDER_WAY, warmUpMs: WARM_UP_MS, windowMs: WINDOW_MS, stop },
  }).run();
  const entries = (await countEntries(redis.client, config.TELLTALE_SHARDS)) - entriesOfHttp;

  const ratio = mqtt.acceptedPerS / http.acceptedPerS;
  return {
    fields: {
      messages_per_s: Math.round(mqtt.acceptedPerS),
      http_per_s: Math.round(http.acceptedPerS),
      ratio: Number(ratio.toFixed(3)),
    },
    lines: [
      `MQTT   ${Math.round(mqtt.acceptedPerS)} packs/s from publish to receipt (bar ${BARS.perS})`,
      `HTTP   ${Math.round(http.acceptedPerS)} packs/s; MQTT reaches ${ratio.toFixed(2)} of it (bar ${BARS.ratio})`,
    ],
    problems: [
      ...(mqtt.acceptedPerS >= BARS.perS ? [] : [`${Math.round(mqtt.acceptedPerS)} a second are below ${BARS.perS}`]),
      ...(ratio >= BARS.ratio ? [] : [`ratio ${ratio.toFixed(3)} is below ${BARS.ratio}`]),
      ...(mqtt.ranOut ? ['the signed packs ran out'] : []),
      ...[...mqtt.refused, ...http.failures].map(([code, count]) => `${count} were not accepted: ${code}`),
      ...(entries === mqtt.accepted ? [] : [`${mqtt.accepted} receipts of acceptance, ${entries} entries in the log`]),
    ],
  };
}

export const mqttBench: Bench = {
  name: 'mqtt',
  description: 'signed packs from publish to receipt, against HTTP',
  run: runMqttBench,
};

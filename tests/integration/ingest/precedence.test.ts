import { after, before, test } from 'node:test';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertProblem } from '../../support/problem-assertions.ts';
import { send, withExtraField, withField, type RawRequest } from '../../support/raw-http.ts';
import { digestOf, SignedDevice, type RequestParts } from '../../support/signed-device.ts';
import { SHARD_COUNT } from '../../support/worker-stores.ts';

const HOUR_MS = 3_600_000;
const USED_NONCE = 10_000;

let platform: IngestPlatform;
let devices: Readonly<Record<DeviceState, SignedDevice>>;

type DeviceState = 'good' | 'disabled' | 'revoked' | 'unbegun';

/** What is wrong with a request, in a place of its own, so that two of them fit into one request. */
interface Fault {
  readonly name: string;
  readonly place:
    'target' | 'method' | 'fields' | 'length' | 'type' | 'api-key' | 'device' | 'created' | 'proof' | 'body' | 'nonce';
  readonly status: number;
  readonly code: string;
  readonly device?: DeviceState;
  readonly parts?: (device: SignedDevice) => Partial<RequestParts>;
  readonly change?: (request: RawRequest) => RawRequest;
}

const invalid = { place: 'proof', status: 401, code: 'signature-invalid' } as const;

/** In the order of the table of outcomes. */
const FAULTS: readonly Fault[] = [
  {
    name: 'a query',
    place: 'target',
    status: 400,
    code: 'malformed-request',
    change: (request) => ({ ...request, target: `${request.target}?` }),
  },
  {
    name: 'a repeated field',
    place: 'fields',
    status: 400,
    code: 'malformed-request',
    change: (request) => withExtraField(request, 'Signature', 'a=:AAAA:'),
  },
  {
    name: 'another path',
    place: 'target',
    status: 404,
    code: 'not-found',
    change: (request) => ({ ...request, target: '/v1/other' }),
  },
  {
    name: 'another method',
    place: 'method',
    status: 405,
    code: 'method-not-allowed',
    change: (request) => ({ ...request, method: 'PUT' }),
  },
  {
    name: 'too many header bytes',
    place: 'fields',
    status: 431,
    code: 'headers-too-large',
    change: (request) => withField(request, 'X-Pad', 'p'.repeat(4096)),
  },
  {
    name: 'too much content',
    place: 'length',
    status: 413,
    code: 'payload-too-large',
    change: (request) => withField(request, 'Content-Length', '262145'),
  },
  {
    name: 'another media type',
    place: 'type',
    status: 415,
    code: 'unsupported-media-type',
    parts: () => ({ contentType: 'text/plain' }),
  },
  {
    name: 'a wrong API key',
    place: 'api-key',
    status: 401,
    code: 'unauthorized',
    parts: () => ({ apiKey: 'tt_wrong' }),
  },
  { name: 'a disabled device', place: 'device', status: 403, code: 'device-disabled', device: 'disabled' },
  { name: 'a revoked key', place: 'device', status: 403, code: 'key-revoked', device: 'revoked' },
  {
    name: 'an old created',
    place: 'created',
    status: 403,
    code: 'timestamp-skew',
    parts: () => ({ createdS: Math.floor(Date.now() / 1000) - 600 }),
  },
  { ...invalid, name: 'a digest of other content', parts: () => ({ contentDigest: digestOf('other') }) },
  { ...invalid, name: 'no digest', parts: () => ({ contentDigest: '' }) },
  { ...invalid, name: 'a component too few', parts: () => ({ components: '("@method" "@path" "content-digest")' }) },
  { ...invalid, name: 'another algorithm', parts: () => ({ alg: 'ed25519' }) },
  { ...invalid, name: 'a signature cut short', parts: () => ({ signature: 'sig1=:AAAA:' }) },
  {
    ...invalid,
    name: 'the signature of another text',
    parts: (device) => ({ signature: `sig1=:${device.key().sign('other')}:` }),
  },
  { ...invalid, name: 'a nonce that is none', place: 'nonce', parts: () => ({ nonce: '-1' }) },
  {
    name: 'content that is not JSON',
    place: 'body',
    status: 400,
    code: 'malformed-body',
    parts: () => ({ body: '[' }),
  },
  {
    name: 'content that is no pack',
    place: 'body',
    status: 422,
    code: 'schema-invalid',
    parts: () => ({ body: '{}' }),
  },
  {
    name: 'a nonce that was used',
    place: 'nonce',
    status: 409,
    code: 'replay-detected',
    parts: () => ({ nonce: USED_NONCE }),
  },
  {
    name: 'a log that has not begun',
    place: 'nonce',
    status: 503,
    code: 'temporary-reduced-capacity',
    device: 'unbegun',
  },
];

before(async () => {
  platform = await openIngestPlatform();
  const { registry, stores } = platform;
  const good = new SignedDevice('good');
  const shard = shardOf(good.id, SHARD_COUNT);
  const elsewhere = Array.from({ length: 100 }, (_, index) => `elsewhere-${index}`).find(
    (id) => shardOf(id, SHARD_COUNT) !== shard,
  )!;
  devices = {
    good,
    disabled: new SignedDevice('disabled'),
    revoked: new SignedDevice('revoked'),
    unbegun: new SignedDevice(elsewhere),
  };
  await registry.register(...Object.values(devices));
  await registry.disable(devices.disabled);
  await registry.setKeyTime(devices.revoked, 'device_keys', 'revoked_at', new Date(Date.now() - HOUR_MS));
  await send(platform.port, good.request({ nonce: USED_NONCE }));
  await stores.redis.del(redisKeys.epoch(shardOf(devices.unbegun.id, SHARD_COUNT)));
});
after(() => platform[Symbol.asyncDispose]());

function fitTogether(one: Fault, other: Fault): boolean {
  return one.place !== other.place && (one.device === undefined || other.device === undefined);
}

function requestWith(faults: readonly Fault[]): RawRequest {
  const device = devices[faults.find((fault) => fault.device !== undefined)?.device ?? 'good'];
  const parts = faults.reduce<Partial<RequestParts>>((all, fault) => ({ ...all, ...fault.parts?.(device) }), {});
  return faults.reduce((request, { change }) => change?.(request) ?? request, device.request(parts));
}

for (const [rank, fault] of FAULTS.entries()) {
  test(`${fault.name} alone is ${fault.code}`, async () => {
    assertProblem(await send(platform.port, requestWith([fault])), fault.status, fault.code);
  });

  test(`${fault.name} is told before whatever comes later in the table`, async () => {
    for (const later of FAULTS.slice(rank + 1)) {
      if (!fitTogether(fault, later)) continue;
      const response = await send(platform.port, requestWith([fault, later]));
      try {
        assertProblem(response, fault.status, fault.code);
      } catch (cause) {
        throw new Error(`with ${later.name}: ${response.body}`, { cause });
      }
    }
  });
}

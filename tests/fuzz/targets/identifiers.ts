import assert from 'node:assert/strict';
import fc from 'fast-check';
import { mqttTopics, parseTelemetryTopic } from '../../../contracts/mqtt-topics.ts';
import { parseApiKey } from '../../../core/identity/api-key.ts';
import { parseEnrolmentToken } from '../../../core/identity/enrolment-token.ts';
import { parseSigningKeyName } from '../../../core/identity/ids.ts';
import { parseNonce } from '../../../core/identity/nonce.ts';
import { parseNewKey } from '../../../services/ingest/registry-requests/new-key.ts';
import { ClientAddress, parseNetwork, sourceOf } from '../../../platform/http/client-address.ts';
import { possessionVector } from '../../support/vectors.ts';
import { mutatedText } from '../arbitraries/mutated.ts';
import { createTarget } from '../fuzz-target.ts';

const ID = 'urn:dev:mac:0024befffe804ff1';
const API_KEY = 'tt_YuJhitwU0gsw_TXmpx3JsQZvTPC7eyrKpl4QAmGOdb81EIUiY';
const PIECES = [
  '/',
  '//',
  '+',
  '#',
  '$share/x/',
  '\0',
  '\n',
  ' ',
  '\u00e9',
  '.',
  '..',
  '-',
  '%2f',
  '0',
  '9007199254740992',
  '_',
  'é',
];
const garbage = fc.string({ unit: 'binary', maxLength: 140 });
const near = (...corpus: readonly string[]) => fc.oneof({ weight: 4, arbitrary: mutatedText(corpus, PIECES) }, garbage);

export const mqttTopic = createTarget(
  'mqtt-topics',
  near(mqttTopics.telemetry(ID), mqttTopics.telemetry('dev-1')),
  (topic) => {
    const deviceId = parseTelemetryTopic(topic);
    if (deviceId === undefined) return;
    assert.equal(mqttTopics.telemetry(deviceId), topic, 'another topic than that of the device');
    // eslint-disable-next-line no-control-regex -- none of these may be in a topic that we publish to.
    assert.doesNotMatch(deviceId, /[+#/$\u0000-\u0020\u007f-\uffff]/);
  },
);

export const identifiers = createTarget(
  'identifiers',
  near(`${ID}/1`, '1818826260873217', API_KEY, possessionVector.enrolment.token),
  (text) => {
    const name = parseSigningKeyName(text);
    if (name !== undefined) assert.equal(`${name.deviceId}/${name.keyId}`, text);
    const nonce = parseNonce(text);
    if (nonce !== undefined) assert.ok(String(nonce) === text && Number.isSafeInteger(nonce));
    const apiKey = parseApiKey(text);
    if (apiKey !== undefined) assert.ok(text.startsWith(`tt_${apiKey.id}_`) && apiKey.text === text);
    const token = parseEnrolmentToken(text);
    if (token !== undefined) assert.equal(Buffer.from(token.slice(3), 'base64url').length, 32);
  },
);

const PUBLIC_KEY = 'BGBoB8_MDZBoe_V6shw0SgwCtYC8l8FelA678cWU8YYXQkVcufYZyavSMx4oqdhlRjOAI42THdBerX8uhrjtY38';

export const publicKeys = createTarget(
  'public-keys',
  near(PUBLIC_KEY, 'B'.padEnd(87, 'A'), 'B'.padEnd(87, '_')),
  (text) => {
    const key = parseNewKey(text);
    if (!key.ok) {
      assert.equal(key.error.code, 'key-invalid');
      return;
    }
    assert.equal(key.value.publicKey, text);
    assert.deepEqual(parseNewKey(Buffer.from(text, 'base64url').toString('base64url')), key);
  },
);

const ADDRESSES = [
  '192.0.2.1',
  '10.0.0.1',
  '2001:db8::1',
  '::ffff:192.0.2.1',
  '10.0.0.0/8',
  'fe80::1%eth0',
  '0x7f.1',
  '127.1',
];
const chains = fc.tuple(
  near(...ADDRESSES),
  fc.array(near(...ADDRESSES), { maxLength: 3 }).map((hops) => hops.join(',')),
);

export const addresses = createTarget('addresses', chains, ([peer, forwardedFor]) => {
  const network = parseNetwork(peer);
  const ours = parseNetwork('10.0.0.0/8');
  assert.ok(ours);
  for (const who of [new ClientAddress(network === undefined ? [] : [network]), new ClientAddress([ours])]) {
    const address = who.find(peer, forwardedFor);
    const source = who.sourceOf(peer, forwardedFor);
    assert.equal(source, address === undefined ? undefined : sourceOf(address));
    if (source !== undefined) assert.ok(parseNetwork(source), source);
  }
});

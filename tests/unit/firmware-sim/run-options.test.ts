import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions, runOptionsSchema } from '../../../firmware-sim/commands/option-values.ts';
import { UsageError } from '../../../firmware-sim/usage-error.ts';

const parse = (options: Readonly<Record<string, string>>) => parseOptions(runOptionsSchema, options);

test('a run is honest, by HTTP and with HTTP signatures, unless it is told otherwise', () => {
  const { transport, encoding, attack, pack } = parse({});
  assert.deepEqual([transport, encoding, attack, pack], ['http', 'http-signature', 'none', undefined]);
});

for (const transport of ['mqtt', 'both']) {
  test(`--transport ${transport} needs an envelope that carries its own proof`, () => {
    assert.throws(() => parse({ transport }), /--encoding must be jws or cose with --transport mqtt/);
    assert.throws(() => parse({ transport, encoding: 'http-signature' }), UsageError);
    for (const encoding of ['jws', 'cose']) assert.equal(parse({ transport, encoding }).encoding, encoding);
  });
}

test('the broker is the one that is named, else the one of MQTT_URL, else the one of this machine', (context) => {
  const before = process.env.MQTT_URL;
  context.after(() => {
    if (before === undefined) delete process.env.MQTT_URL;
    else process.env.MQTT_URL = before;
  });
  delete process.env.MQTT_URL;
  assert.equal(parse({}).mqttUrl.href, 'mqtt://127.0.0.1:1883');
  process.env.MQTT_URL = 'mqtt://broker.example:1884';
  assert.equal(parse({}).mqttUrl.href, 'mqtt://broker.example:1884');
  assert.equal(parse({ mqttUrl: 'mqtts://other.example' }).mqttUrl.href, 'mqtts://other.example');
  assert.throws(() => parse({ mqttUrl: 'http://127.0.0.1' }), /--mqtt-url must be/);
});

test('attackers need a platform on this machine, where they can have addresses of their own', () => {
  assert.throws(
    () => parse({ attack: 'mix', url: 'http://ingest.example' }),
    /--attack needs an ingest at 127\.0\.0\.1/,
  );
  assert.throws(() => parse({ attack: 'storm' }), /--attack must be one of none, mix, replay/);
});

test('a pack has from one to a thousand readings', () => {
  assert.equal(parse({ pack: '1' }).pack, 1);
  assert.equal(parse({ pack: '1000' }).pack, 1000);
  for (const pack of ['0', '1001', '1.5', 'x']) assert.throws(() => parse({ pack }), /--pack must be a number/);
});

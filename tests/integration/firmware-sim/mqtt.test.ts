import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMosquitto } from '../../support/mosquitto.ts';
import { runSimulator } from '../../support/simulator-run.ts';

for (const [transport, encoding] of [
  ['mqtt', 'cose'],
  ['both', 'jws'],
] as const) {
  test(`devices by ${transport} with ${encoding} envelopes deliver everything, and replays of theirs are refused`, async () => {
    await using broker = await startMosquitto();
    const route = ['--transport', transport, '--encoding', encoding, '--mqtt-url', broker.url];
    const args = ['--devices', '4', '--duration', '5', '--pack', '10', '--attack', 'replay', ...route];
    const { exitCode, summary, admitted, lines } = await runSimulator(args, {
      MQTT_URL: broker.url,
      TELLTALE_INGEST_MQTT_CONNECTIONS: '4',
    });
    assert.equal(exitCode, 0, lines.join('\n'));
    // The victim of the replay sends beside the four devices.
    assert.ok(summary.packs_accepted >= 4 * 5);
    assert.equal(admitted, summary.honest_sent);
    assert.ok((summary.by_code['replay-detected'] ?? 0) > 0);
  });
}

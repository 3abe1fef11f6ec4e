import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSimulator } from '../../support/simulator-run.ts';

test('a fleet delivers everything while attackers of every kind are refused, each as its kind requires', async () => {
  // Long enough for attackers to be blocked: five requests a second, twenty failures.
  const args = ['--devices', '6', '--rate', '2', '--duration', '8', '--attack', 'mix'];
  const { exitCode, summary, admitted, lines } = await runSimulator(args);
  assert.equal(exitCode, 0, lines.join('\n'));
  assert.equal(summary.attacks_accepted, 0);
  assert.equal(summary.unexpected, 0);
  assert.equal(summary.honest_accepted, summary.honest_sent);
  assert.equal(admitted, summary.honest_accepted, 'the log holds exactly what was honest');
  assert.ok(summary.attacks_sent > 0);
  const codes = Object.keys(summary.by_code).sort();
  assert.deepEqual(codes, [
    'blocked',
    'malformed-body',
    'malformed-request',
    'payload-too-large',
    'quota-exceeded',
    'replay-detected',
    'schema-invalid',
    'signature-invalid',
    'timestamp-skew',
    'unauthorized',
    'unsupported-media-type',
  ]);
});

for (const encoding of ['jws', 'cose']) {
  test(`envelopes by ${encoding} are accepted over HTTP, and attackers with such envelopes are not`, async () => {
    const args = ['--devices', '3', '--duration', '4', '--attack', 'mix', '--encoding', encoding, '--pack', '7'];
    const { exitCode, summary, lines } = await runSimulator(args);
    assert.equal(exitCode, 0, lines.join('\n'));
    assert.ok(summary.attacks_sent > 0);
    assert.equal(summary.honest_accepted, summary.honest_sent);
  });
}

test('an answer to an attack that is not the required one fails the run, and the message says which', async () => {
  const args = ['--devices', '2', '--duration', '3', '--attack', 'stale'];
  const settings = { TELLTALE_INGEST_LIMIT_ADDRESS_PER_S: '1', TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '1' };
  const { exitCode, summary } = await runSimulator(args, settings);
  assert.equal(exitCode, 0, 'stale envelopes are refused before any limit');
  assert.equal(summary.by_code['timestamp-skew'], summary.attacks_sent);
  const limited = await runSimulator(['--devices', '2', '--duration', '3', '--attack', 'bad-signature'], settings);
  assert.equal(limited.exitCode, 1);
  assert.ok(limited.summary.unexpected > 0);
  assert.match(limited.lines.join('\n'), /bad-signature: 429 quota-exceeded/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandFailure } from '../../../scripts/process/failure.ts';
import { isProven, type StressReport } from '../../load/ingest/stress-report.ts';
import { parseStressOptions, type IngestStressOptions } from '../../load/stress-options.ts';

function parse(...args: readonly string[]): IngestStressOptions {
  const options = parseStressOptions(['node', 'stress', 'ingest', ...args]);
  assert.ok(options.part === 'ingest');
  return options;
}
const proven: StressReport = {
  ...{ sensors: 2, honest_sent: 10, honest_accepted: 10, attacks_sent: 5, attacks_accepted: 0, unexpected: 0 },
  by_code: { 'replay-detected': 5 },
};

test('two hundred sensors stress a private platform for twenty seconds unless told otherwise', () => {
  const { sensors, seconds, url, json } = parse();
  assert.deepEqual([sensors, seconds, url, json], [200, 20, undefined, false]);
  const told = parse('--sensors', '5', '--seconds', '3', '--url', 'http://127.0.0.1:8080', '--json');
  assert.deepEqual([told.sensors, told.seconds, told.url?.port, told.json], [5, 3, '8080', true]);
});

test('a number that makes no sense is refused with the name of its option', () => {
  assert.throws(() => parse('--sensors', '0'), { name: CommandFailure.name, message: /--sensors must be/ });
  assert.throws(() => parse('--seconds', '1.5'), { message: /--seconds must be a whole number/ });
});

test('a run proves something only when everybody honest and no attacker was accepted', () => {
  assert.equal(isProven(proven), true);
  assert.equal(isProven({ ...proven, honest_accepted: 9 }), false);
  assert.equal(isProven({ ...proven, attacks_accepted: 1 }), false);
  assert.equal(isProven({ ...proven, unexpected: 1 }), false);
});

test('a run without attacks, or without honest packs, proves nothing', () => {
  assert.equal(isProven({ ...proven, attacks_sent: 0 }), false);
  assert.equal(isProven({ ...proven, honest_sent: 0, honest_accepted: 0 }), false);
});

test('the broadcast stress has 100 clients and 50 alerts unless told, and takes broadcasters that run', () => {
  const parseBroadcast = (...args: readonly string[]) => parseStressOptions(['node', 'stress', 'broadcast', ...args]);
  assert.deepEqual(parseBroadcast(), { part: 'broadcast', clients: 100, alerts: 50, url: [], json: false });
  const urls = ['ws://a.example/ws/alerts', 'wss://b.example/ws/alerts'];
  const given = parseBroadcast('--clients', '7', '--alerts', '3', '--url', urls.join(','), '--json');
  assert.deepEqual(given, { part: 'broadcast', clients: 7, alerts: 3, url: urls, json: true });
  for (const args of [
    ['--url', 'http://a.example'],
    ['--clients', '0'],
  ]) {
    assert.throws(() => parseBroadcast(...args), CommandFailure);
  }
});

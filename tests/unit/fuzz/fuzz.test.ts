import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandFailure } from '../../../scripts/process/failure.ts';
import { parseFuzzOptions } from '../../fuzz/fuzz-options.ts';
import { fuzzParsers } from '../../fuzz/fuzz-parsers.ts';
import { formatFinding, MAX_RSS_MB, reportFuzz } from '../../fuzz/fuzz-report.ts';
import { createTarget } from '../../fuzz/fuzz-target.ts';
import { FUZZ_TARGETS } from '../../fuzz/targets.ts';

const NAMES = ['cbor', 'jws'];
const parse = (...args: readonly string[]) => parseFuzzOptions(['node', 'fuzz', ...args], NAMES);
const stop = new AbortController().signal;

test('a hundred thousand cases of every parser, with another seed each time, unless told otherwise', () => {
  assert.deepEqual(parse(), { cases: 100_000, json: false });
  const told = parse('--cases', '5', '--seed', '0', '--only', 'jws', '--json');
  assert.deepEqual(told, { cases: 5, seed: 0, only: 'jws', json: true });
});

for (const [args, message] of [
  [['--cases', '0'], /--cases must be a whole number/],
  [['--cases', '1e5'], /--cases must be a whole number/],
  [['--cases', ''], /--cases must be a whole number/],
  [['--seed', '-1'], /--seed must be a whole number/],
  [['--seed', '2147483648'], /--seed must be a whole number/],
  [['--only', 'xml'], /--only must be one of cbor, jws/],
] as const) {
  test(`${args.join(' ')} is refused with the name of its option`, () => {
    assert.throws(() => parse(...args), { name: CommandFailure.name, message });
  });
}

const brittle = createTarget('brittle', fc.uint8Array({ maxLength: 50 }), (bytes) => {
  if (bytes.includes(0xff)) throw new Error('it has 0xff');
});

test('a parser that fails is found, with its smallest input and the seed that repeats it', async () => {
  const { parsers, findings } = await fuzzParsers([brittle], { cases: 50_000, seed: 7, stop });
  const [finding] = findings;
  assert.ok(finding);
  assert.equal(finding.counterexample, 'hex ff');
  assert.match(finding.problem, /it has 0xff/);
  assert.ok((parsers.brittle ?? 0) < 50_000);
  assert.equal(brittle.fuzz(finding.seed, finding.cases)?.counterexample, finding.counterexample);
  assert.match(formatFinding(finding), /npm run fuzz -- --only brittle --seed \d+ --cases 1000/);
});

test('one parser that fails does not keep the others from their cases', async () => {
  const sound = createTarget('sound', fc.nat(), () => undefined);
  const { parsers, findings } = await fuzzParsers([brittle, sound], { cases: 2500, seed: 1, stop });
  assert.equal(parsers.sound, 2500);
  assert.deepEqual(
    findings.map(({ parser }) => parser),
    ['brittle'],
  );
});

test('a parser that takes seconds for one input fails', () => {
  const slow = createTarget('slow', fc.constant('x'), () => {
    const { user, system } = process.cpuUsage();
    const usedUs = () => process.cpuUsage().user + process.cpuUsage().system - user - system;
    while (usedUs() < 2_100_000);
  });
  assert.match(slow.fuzz(1, 1)?.problem ?? '', /takes \d+ ms/);
});

test('memory that grows beyond its bound is a failure', () => {
  const result = { parsers: { cbor: 10, jws: 5 }, findings: [] };
  assert.deepEqual(reportFuzz(result, 1, MAX_RSS_MB), {
    cases: 15,
    parsers: result.parsers,
    failures: 0,
    seed: 1,
    peak_rss_mb: MAX_RSS_MB,
  });
  assert.equal(reportFuzz(result, 1, MAX_RSS_MB + 1).failures, 1);
});

function runFuzz(...args: readonly string[]) {
  return spawnSync(process.execPath, ['dist/tests/fuzz/fuzz.js', ...args], { encoding: 'utf8' });
}

test('the command ends with one JSON object, and with 0 when nothing has failed', () => {
  const { status, stdout, stderr } = runFuzz('--cases', '20', '--seed', '3', '--json');
  assert.equal(status, 0, stderr);
  const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual([report.cases, report.failures, report.seed], [20 * FUZZ_TARGETS.length, 0, 3]);
  assert.deepEqual(report.parsers, Object.fromEntries(FUZZ_TARGETS.map(({ name }) => [name, 20])));
  assert.ok(Number(report.peak_rss_mb) > 10);
});

test('an option that nobody knows is one message and no zero', () => {
  for (const args of [['--nonsense'], ['cbor'], ['--only', 'xml']]) {
    const { status, stdout, stderr } = runFuzz(...args);
    assert.equal(status, 1, stderr);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
});
